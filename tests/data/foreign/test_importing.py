"""Files become data sets: every line is kept, a duplicate, or named as bad; interruptions leave no trace."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pathlib
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from data_gen.dataset import generate
from data_gen.runners import GenerationError
from symjax import cli, tasks
from symjax.data import batches
from symjax.data.foreign import lines as line_files
from symjax.data.foreign import passes
from symjax.data.foreign.exporting import export_file
from symjax.data.foreign.importing import Imported, ImportRefused, import_files
from symjax.data.manifest import SPLITS, Manifest
from symjax.data.records import RecordError, Signature
from tests.data.foreign.files import Prim, lines, write

GOOD = "3|sub Y' exp x\texp x"


def bring(paths, folder: pathlib.Path, **options) -> Imported:
    paths = [paths] if isinstance(paths, pathlib.Path) else paths
    return import_files(paths, task=Prim(), output_dir=folder, log=options.pop("log", io.StringIO()), **options)


def rows(folder: pathlib.Path, split: str = "train") -> list:
    return [example for block in Manifest.read(folder).blocks(split) for example in block.examples()]


def texts(folder: pathlib.Path, split: str = "train") -> list[str]:
    tokens, found = Prim.problem_vocabulary.tokens, []
    for row in rows(folder, split):
        sides = "\t".join(" ".join(tokens[number] for number in side) for side in (row.problem, row.answer))
        found.append(f"{row.metadata['count']}|{sides}" if "count" in row.metadata else sides)
    return found


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def fitting(count: int, **options) -> list[str]:
    from symjax.data.foreign.layouts import form_of
    from symjax.data.foreign.reading import LineReader
    from symjax.data.foreign.words import Fault, Limits

    limits = Limits(problem_tokens=40, answer_tokens=30, problem_levels=6, number_digits=12)
    reader = LineReader(Prim.problem_vocabulary, limits, form_of(Prim()))
    return [line for line in lines(count, **options) if not isinstance(reader.read_line(line.encode()), Fault)]


def test_text_is_kept_in_order(tmp_path: pathlib.Path) -> None:
    found = fitting(900)
    done = bring(write(tmp_path / "prim_fwd.train", found), tmp_path / "data", examples_per_file=300)
    assert texts(tmp_path / "data") == found
    assert done.line == f"read {len(found)}, kept {len(found)}, duplicate 0, bad 0"
    assert [row.index for row in rows(tmp_path / "data")] == list(range(len(found)))
    manifest = Manifest.read(tmp_path / "data")
    assert sum(file.count for file in manifest.shards("train")) == len(found)
    assert {file.count for file in manifest.shards("train")[:-1]} == {300}
    assert manifest.signature == Signature.of(Prim())
    assert sorted(contents(tmp_path / "data")) == sorted(
        ["dataset.json", *(file.name for split in SPLITS for file in manifest.shards(split))]
    )


def test_manifest_says_what_it_holds(tmp_path: pathlib.Path) -> None:
    found = fitting(400)
    bring(write(tmp_path / "prim_fwd.valid", [*found, "broken", found[0]]), tmp_path / "data")
    content = Manifest.read(tmp_path / "data").content
    lengths = np.array([len(line.partition("|")[2].partition("\t")[0].split(" ")) for line in found])
    assert content["lengths"]["problem"]["mean"] == round(lengths.mean(), 3)
    assert content["lengths"]["problem"]["max"] == lengths.max()
    for share in (50, 90, 99):
        assert content["lengths"]["problem"][f"p{share}"] == np.percentile(lengths, share, method="nearest")
    assert content["lines"] == {
        "read": len(found) + 2, "kept": len(found), "duplicate": 1, "bad": 1, "reasons": {"no_tab": 1}
    }  # fmt: skip
    (source,) = content["sources"]
    assert (source["name"], source["split"], source["layout"]) == ("prim_fwd.valid", "validation", "prefix")
    assert source["lines"] == len(found) + 2


def test_every_bad_line_is_named(tmp_path: pathlib.Path) -> None:
    log, path = (
        io.StringIO(),
        write(tmp_path / "a.train", [GOOD, "no tab", "sub Y' x\tx\tx", "", "sub Y' add x\tx", GOOD]),
    )
    done = bring(path, tmp_path / "data", log=log)
    assert done.line == "read 6, kept 1, duplicate 1, bad 4"
    listed = [json.loads(line) for line in (tmp_path / "data" / "bad_lines.jsonl").read_text().splitlines()]
    assert [(bad["file"], bad["line"], bad["reason"]) for bad in listed] == [
        ("a.train", 2, "no_tab"), ("a.train", 3, "several_tabs"), ("a.train", 4, "empty_line"),
        ("a.train", 5, "malformed_input"),
    ]  # fmt: skip
    for bad in listed:
        assert f"a.train line {bad['line']}: {bad['reason']}: {bad['detail']}" in log.getvalue()


def test_log_stops_naming_what_the_file_goes_on_to(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "SHOWN", 3)
    log = io.StringIO()
    bring(write(tmp_path / "a.train", [GOOD, *["bad"] * 10]), tmp_path / "data", log=log)
    assert len(log.getvalue().splitlines()) == 4
    assert len((tmp_path / "data" / "bad_lines.jsonl").read_text().splitlines()) == 10


def test_first_of_equal_lines_stays_within_its_split(tmp_path: pathlib.Path) -> None:
    one, other = fitting(40)[:2]
    again = "7|" + one.partition("|")[2]
    paths = [write(tmp_path / "a.train", [one, other, again]), write(tmp_path / "b.train", [other]),
             write(tmp_path / "a.test", [one, one])]  # fmt: skip
    done = bring(paths, tmp_path / "data")
    assert (done.kept, done.duplicate) == (3, 3)
    assert texts(tmp_path / "data") == [one, other]
    assert texts(tmp_path / "data", "test") == [one]


def test_splits_come_from_names_or_are_told(tmp_path: pathlib.Path) -> None:
    found = fitting(60)
    paths = [
        write(tmp_path / name, found[place * 5 : place * 5 + 5])
        for place, name in enumerate(("ode.train", "prim.valid", "x.test.1", "data.prefix"))
    ]
    bring(paths, tmp_path / "named")
    assert [Manifest.read(tmp_path / "named").count(split) for split in SPLITS] == [10, 5, 5]
    bring(paths, tmp_path / "told", split="test")
    assert texts(tmp_path / "told", "test") == found[:20]
    with pytest.raises(ValueError, match="no split 'dev'"):
        bring(paths, tmp_path / "wrong", split="dev")


def test_shares_keep_equal_problems_together(tmp_path: pathlib.Path) -> None:
    found = [f"{problem}\t{answer}" for line in fitting(600, counted=False)
             for problem, answer in [line.split("\t")] for answer in (answer, "x", "exp x")]  # fmt: skip
    done = bring(write(tmp_path / "data.prefix", found), tmp_path / "data", validation_fraction=0.2, test_fraction=0.3)
    counts = [Manifest.read(tmp_path / "data").count(split) for split in SPLITS]
    assert sum(counts) == done.kept
    assert 0.15 < counts[1] / sum(counts) < 0.25
    assert 0.25 < counts[2] / sum(counts) < 0.35
    assert all(shared["problems"] == 0 for shared in done.leaks["text"].values())


def test_leaks_are_reported_with_their_places(tmp_path: pathlib.Path) -> None:
    problem, found = "sub Y' tan x", fitting(200)
    found[3] = f"{problem}\ta0"
    paths = [
        write(tmp_path / "a.train", found),
        write(tmp_path / "a.test", ["junk", f"{problem}\tx", *fitting(5, seed=9)]),
    ]
    leaks = bring(paths, tmp_path / "data").leaks["text"]
    assert leaks["train-test"]["problems"] >= 1
    assert ["a.train line 4", "a.test line 2"] in leaks["train-test"]["places"]
    assert leaks["train-validation"] == {"problems": 0, "places": []}
    assert Manifest.read(tmp_path / "data").content["leaks"]["text"] == leaks


def test_answers_that_training_lacks_are_marked(tmp_path: pathlib.Path) -> None:
    paths = [write(tmp_path / "a.train", ["sub Y' x\texp x", "sub Y' exp x\tsin x", "sub Y' ln x\tsin x"]),
             write(tmp_path / "a.valid", ["sub Y' sin x\tsin x", "sub Y' cos x\ttan x"])]  # fmt: skip
    bring(paths, tmp_path / "data")
    assert [row.metadata["label_unseen"] for row in rows(tmp_path / "data", "validation")] == [False, True]
    splits = Manifest.read(tmp_path / "data").content["splits"]
    assert splits["train"]["labels"] == 2
    assert splits["validation"]["label_unseen"] == 1


@pytest.mark.parametrize("size", [7, 64, 1 << 12])
def test_result_does_not_depend_on_pieces(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    found = fitting(120)
    found[10:10], found[50:50] = ["bad"], [found[3]]
    path = write(tmp_path / "a.train", found)
    bring(path, tmp_path / "whole")
    monkeypatch.setattr(line_files, "PIECE_BYTES", size)
    bring(path, tmp_path / "pieces")
    assert contents(tmp_path / "whole") == contents(tmp_path / "pieces")


def test_line_ends_alone_are_taken_in_small_parts(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_files, "PIECE_LINES", 10)
    (tmp_path / "a.train").write_bytes(b"\n" * 25 + f"{GOOD}\n".encode() + b"\n" * 14)
    pieces = list(line_files.TextFile(tmp_path / "a.train").pieces())
    assert [(piece.first, piece.data.count(b"\n")) for piece in pieces] == [(0, 10), (10, 10), (20, 10), (30, 10)]
    done = bring(tmp_path / "a.train", tmp_path / "data")
    assert (done.kept, done.reasons) == (1, {"empty_line": 39})
    assert rows(tmp_path / "data")[0].index == 25


def test_files_of_one_name_are_told_apart(tmp_path: pathlib.Path) -> None:
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(write(tmp_path / folder / "a.train", [GOOD, "bad"]))
    log = io.StringIO()
    assert bring(paths, tmp_path / "data", log=log).line == "read 4, kept 1, duplicate 1, bad 2"
    assert "one/a.train line 2: no_tab" in log.getvalue()
    assert "two/a.train line 2: no_tab" in log.getvalue()


def test_compressed_files_are_read(tmp_path: pathlib.Path) -> None:
    found = fitting(300)
    text = "".join(f"{line}\n" for line in found).encode()
    half = len(text) // 2
    (tmp_path / "a.train.gz").write_bytes(gzip.compress(text[:half]) + gzip.compress(text[half:]))
    bring(tmp_path / "a.train.gz", tmp_path / "data")
    assert texts(tmp_path / "data") == found


def test_compressed_file_cut_in_the_middle_is_named(tmp_path: pathlib.Path) -> None:
    rng, found = random.Random(0), fitting(2000)
    rng.shuffle(found)
    data = gzip.compress("".join(f"{line}\n" for line in found).encode())
    (tmp_path / "a.train.gz").write_bytes(data[: len(data) // 2])
    log = io.StringIO()
    done = bring(tmp_path / "a.train.gz", tmp_path / "data", log=log)
    assert texts(tmp_path / "data") == found[: done.kept]
    assert done.kept > 500
    assert done.reasons == {"cut": 1}
    assert f"a.train.gz line {done.read}: cut: " in log.getvalue()
    assert "the gzip data end early" in log.getvalue()


def test_damaged_compressed_file_is_named(tmp_path: pathlib.Path) -> None:
    data = bytearray(gzip.compress("".join(f"{line}\n" for line in fitting(500)).encode()))
    data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
    (tmp_path / "a.train.gz").write_bytes(data)
    log = io.StringIO()
    with contextlib.suppress(ImportRefused):
        bring(tmp_path / "a.train.gz", tmp_path / "data", log=log)
    assert ": cut: " in log.getvalue()


def test_file_cut_in_the_middle_is_named(tmp_path: pathlib.Path) -> None:
    path, log = tmp_path / "a.train", io.StringIO()
    path.write_text(f"{GOOD}\nsub Y' add x")
    assert bring(path, tmp_path / "cut", log=log).reasons == {"no_tab": 1}
    assert "a.train: line 2 is the last and has no newline" in log.getvalue()
    path.write_text(f"{GOOD}\nsub Y' x\tx")
    assert bring(path, tmp_path / "whole", log=log).kept == 2
    assert Manifest.read(tmp_path / "whole").content["sources"][0]["cut"].startswith("line 2 is the last")


def test_empty_and_binary_files_are_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty.train").touch()
    (tmp_path / "binary.train").write_bytes(bytes(range(256)) * 300 + b"\n" + os.urandom(5000))
    good, log = write(tmp_path / "good.train", [GOOD]), io.StringIO()
    done = bring([tmp_path / "empty.train", tmp_path / "binary.train", good], tmp_path / "data", log=log)
    assert done.kept == 1
    assert set(done.reasons) <= {"not_text", "empty_line", "no_tab"}
    assert "empty.train: the file is empty" in log.getvalue()
    with pytest.raises(ImportRefused, match=r"no line of empty\.train can be kept: read 0, kept 0"):
        bring(tmp_path / "empty.train", tmp_path / "nothing", log=log)
    with pytest.raises(ImportRefused, match=r"no line of binary\.train can be kept"):
        bring(tmp_path / "binary.train", tmp_path / "junk", log=log)
    assert (tmp_path / "junk" / "bad_lines.jsonl").exists()
    assert not (tmp_path / "junk" / "dataset.json").exists()


def test_line_without_end_is_passed_over(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_files, "LONGEST_LINE", 1000)
    monkeypatch.setattr(line_files, "PIECE_BYTES", 300)
    path = write(tmp_path / "a.train", [GOOD, "x" * 5000, "sub Y' x\tx", "y" * 5000])
    done = bring(path, tmp_path / "data")
    assert texts(tmp_path / "data") == [GOOD, "sub Y' x\tx"]
    assert (done.read, done.reasons) == (4, {"too_long": 2})
    listed = [json.loads(line) for line in (tmp_path / "data" / "bad_lines.jsonl").read_text().splitlines()]
    assert [bad["line"] for bad in listed] == [2, 4]


def test_same_command_again_says_the_same(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.train", [*fitting(50), "bad"])
    done = bring(path, tmp_path / "data")
    before = contents(tmp_path / "data")
    assert bring(path, tmp_path / "data") == done
    assert contents(tmp_path / "data") == before
    with pytest.raises(ImportRefused, match="another data set"):
        bring(path, tmp_path / "data", test_fraction=0.5)
    write(path, fitting(51))
    with pytest.raises(ImportRefused, match="another data set"):
        bring(path, tmp_path / "data")


def test_folder_of_something_else_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").touch()
    with pytest.raises(ImportRefused, match=r"thesis\.tex"):
        bring(write(tmp_path / "a.train", [GOOD]), tmp_path / "data")


@pytest.mark.parametrize("paths", [[], ["a", "a"], ["missing"]])
def test_wrong_files_are_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, paths: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a", [GOOD])
    with pytest.raises((ValueError, OSError)):
        bring([pathlib.Path(path) for path in paths], tmp_path / "data")
    assert not (tmp_path / "data").exists()


KILLED = """
import os, pathlib, signal, sys
from symjax.data.foreign import importing, passes, writing
from tests.data.foreign.files import Prim
module, name, calls = {"rows": (passes.Columns, "write", 2), "files": (writing._Split, "_write", 2),
                       "manifest": (importing, "write_manifest", 0)}[sys.argv[1]]
whole = getattr(module, name)
def dying(*arguments):
    global calls
    calls -= 1
    if calls < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments)
setattr(module, name, dying)
from symjax.data.foreign import lines
lines.PIECE_BYTES = 4096
importing.import_files([sys.argv[2]], task=Prim(), output_dir=sys.argv[3])
"""


@pytest.mark.parametrize("moment", ["rows", "files", "manifest"])
def test_killed_import_ends_in_the_same_bytes(tmp_path: pathlib.Path, moment: str) -> None:
    path = write(tmp_path / "a.train", fitting(1200))
    bring(path, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, moment, str(path), str(tmp_path / "killed")]
    done = subprocess.run(command, capture_output=True, check=False, cwd=pathlib.Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not (tmp_path / "killed" / "dataset.json").exists()
    bring(path, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_files_of_an_interrupted_import_with_other_options_go(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data" / "importing").mkdir(parents=True)
    for name in ("train-00001-of-00004.arrayrecord", "test-00000-of-00002.tfrecord.partial", "train-notes.txt"):
        (tmp_path / "data" / name).write_text("left")
    bring(write(tmp_path / "a.train", [GOOD]), tmp_path / "data")
    left = sorted(path.name for path in (tmp_path / "data").iterdir() if "of-00001" not in path.name)
    assert left == [".lock", "dataset.json", "train-notes.txt"]


def test_refused_folder_stays_as_it_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "notes", ["keep"])
    with pytest.raises(ImportRefused, match="holds notes"):
        bring(write(tmp_path / "a.train", [GOOD]), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_refused_by_name(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is a pipe or a device"):
        bring(tmp_path / "pipe", tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("ending", ["\n", ""])
def test_byte_order_mark_is_none_of_the_text(tmp_path: pathlib.Path, ending: str) -> None:
    (tmp_path / "a.train").write_text("\ufeff" + GOOD + ending, encoding="utf-8")
    assert bring(tmp_path / "a.train", tmp_path / "data").line == "read 1, kept 1, duplicate 0, bad 0"
    (tmp_path / "b.train").write_text(f"{GOOD}\n\ufeff{GOOD}{ending}", encoding="utf-8")
    assert bring(tmp_path / "b.train", tmp_path / "more").reasons == {"not_text": 1}


def test_side_that_no_record_holds_is_too_long(tmp_path: pathlib.Path) -> None:
    task = tasks.load("prim_fwd", max_problem_tokens=200_000, code_depth=120_000)
    path = write(tmp_path / "a.train", [GOOD, f"sub Y' {'add x ' * 40_000}x\tx"])
    done = import_files([path], task=task, output_dir=tmp_path / "data", log=io.StringIO())
    assert (done.kept, done.reasons) == (1, {"too_long": 1})


def test_second_import_into_a_folder_waits_for_nobody(tmp_path: pathlib.Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "data").mkdir()
    with open(tmp_path / "data" / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ImportRefused, match="another process"):
            bring(write(tmp_path / "a.train", [GOOD]), tmp_path / "data")


def test_run_with_too_little_room_is_refused(tmp_path: pathlib.Path) -> None:
    bring(write(tmp_path / "a.train", fitting(200)), tmp_path / "data")
    manifest = Manifest.read(tmp_path / "data")
    task = Prim()
    manifest.require(task)  # type: ignore[arg-type]
    task.options = {"max_problem_tokens": 99, "ops": 3}
    manifest.require(task)  # type: ignore[arg-type]
    task.max_problem_length = 10
    with pytest.raises(RecordError, match="max_problem_tokens"):
        manifest.require(task)  # type: ignore[arg-type]
    task.max_problem_length, task.code_depth = 40, 3
    with pytest.raises(RecordError, match="code_depth 7, this run has 3"):
        manifest.require(task)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "counted"), [("b.train", True), ("b.train.gz", True), ("data.prefix", False)])
def test_exported_files_read_back_as_the_same_records(tmp_path: pathlib.Path, name: str, counted: bool) -> None:
    found = fitting(700, counted=counted)
    path = write(tmp_path / "a.train", found)
    bring(path, tmp_path / "data")
    assert export_file(tmp_path / "data", tmp_path / name) == len(found)
    text = (gzip.open if name.endswith(".gz") else open)(tmp_path / name, "rb").read()
    assert text == path.read_bytes()
    if name.endswith(".gz"):
        assert (tmp_path / name).read_bytes()[4:8] == bytes(4)  # no time, so that equal lines give equal bytes
    bring(tmp_path / name, tmp_path / "again")
    assert rows(tmp_path / "again") == rows(tmp_path / "data")


def test_splits_and_layouts_are_exported_apart(tmp_path: pathlib.Path) -> None:
    found = fitting(80)
    paths = [write(tmp_path / f"a.{name}", found[start : start + 9]) for name, start in (("train", 0), ("test", 20))]
    bring(paths, tmp_path / "data")
    export_file(tmp_path / "data", tmp_path / "b.test")
    assert (tmp_path / "b.test").read_bytes() == paths[1].read_bytes()
    export_file(tmp_path / "data", tmp_path / "all", layout="prefix")
    bare = [line.partition("|")[2] for line in found[:9] + found[20:29]]
    assert (tmp_path / "all").read_text().splitlines() == bare
    with pytest.raises(ValueError, match="no layout 'csv'"):
        export_file(tmp_path / "data", tmp_path / "c", layout="csv")
    bring(write(tmp_path / "d.train", bare), tmp_path / "bare")
    with pytest.raises(ValueError, match="has no count"):
        export_file(tmp_path / "bare", tmp_path / "c", layout="counts")
    assert not (tmp_path / "c").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_infix_files_give_the_same_records_as_prefix_files(tmp_path: pathlib.Path) -> None:
    found = [line for line in fitting(300, counted=False) if "derivative" not in line]
    prefix_file = write(tmp_path / "data.prefix", found)
    bring(prefix_file, tmp_path / "prefix")
    export_file(tmp_path / "prefix", tmp_path / "data.infix", layout="infix")
    first = (tmp_path / "data.infix").read_text().splitlines()[0]
    assert first.startswith("(Derivative(f(x),x))-(")
    bring(tmp_path / "data.infix", tmp_path / "infix")
    assert rows(tmp_path / "infix") == rows(tmp_path / "prefix")
    export_file(tmp_path / "infix", tmp_path / "again", layout="infix")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "data.infix").read_bytes()


def test_infix_of_another_notation_keeps_its_text(tmp_path: pathlib.Path) -> None:
    found = [
        "Derivative(f(x), x) - x*exp(2*x)\texp(2*x)*(x - 1/2)/2",
        "Derivative(f(x), x) - (x\tx",
        "Derivative(f(x), x) - x",
        "(Derivative(f(x),x))-(x)\t((x)**(2))/(2)",
    ]
    log = io.StringIO()
    done = bring(write(tmp_path / "data.infix", [*found, "Derivative(f(x),x)-foo\tx"]), tmp_path / "data", log=log)
    assert done.reasons == {"malformed_input": 2, "no_tab": 1}
    assert log.getvalue().endswith("input: character 19: unknown name 'foo'\n")
    assert [row.metadata.get("infix") for row in rows(tmp_path / "data")] == [found[0].split("\t"), None]
    export_file(tmp_path / "data", tmp_path / "again", layout="infix")
    assert (tmp_path / "again").read_text().splitlines() == [found[0], found[3]]


def test_imported_lines_become_batches_and_judged_examples(tmp_path: pathlib.Path) -> None:
    task, log = tasks.load("prim_fwd"), io.StringIO()
    found = ["sub Y' mul x exp x\tmul add INT- 1 x exp x", "3|sub Y' mul I pi\tmul E mul I x", "sub Y' x\tmul a9 x",
             "sub Y' cos x\tsin x", "sub Y' x\tINT+" + " 1" * 130]  # fmt: skip
    paths = [write(tmp_path / "a.train", found), write(tmp_path / "a.valid", found[3:4])]
    done = import_files(paths, task=task, output_dir=tmp_path / "data", log=log)
    assert (done.kept, done.reasons) == (4, {"other_task": 1, "long_number": 1})
    options = {"seed": 0, "process_index": 0, "process_count": 1, "batch_size": 3, "prefetch": 0}
    batch = next(iter(batches.make_dataset(tmp_path / "data", "train", task, **options)))
    assert set(batch.example_ids.tolist()) <= {0, 1, 3}
    (example,) = batches.load_examples(tmp_path / "data", "validation", task)
    assert task.verify(example.problem, example.answer).kind == "proved"
    assert task.measure(example, example.answer)["exact"] == 1
    assert set(task.slices(example))
    assert set(task.mathml(example, example.answer))
    assert task.describe(example)
    assert generate(task_name="prim_fwd", task_options={}, seed=0, output_dir="unused", imported=str(tmp_path / "data"))
    with pytest.raises(GenerationError, match="task prim_fwd"):
        generate(task_name="ode1", task_options={}, seed=0, output_dir="unused", imported=str(tmp_path / "data"))


def test_leaks_by_fingerprint_see_through_the_form(tmp_path: pathlib.Path) -> None:
    train = write(tmp_path / "a.train", ["sub Y' mul x exp x\tx", "sub Y' cos x\tsin x", "sub Y' cos x\tx"])
    test = write(tmp_path / "a.test", ["sub Y' sin x\tx", "sub Y' mul exp x x\tx"])
    done = import_files([train, test], task=tasks.load("prim_fwd"), output_dir=tmp_path / "data", by_fingerprint=True)
    assert done.leaks["text"]["train-test"]["problems"] == 0
    assert done.leaks["fingerprint"]["train-test"] == {"problems": 1, "places": [["a.train line 1", "a.test line 2"]]}
    assert done.leaks["fingerprint"]["without"] == 0


def test_commands_print_what_became_of_the_lines(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture) -> None:
    path = write(tmp_path / "a.train", ["sub Y' cos x\tsin x", "no tab", "sub Y' cos x\tsin x"])
    shared = ["--format=facebook", "--task=prim_fwd", str(path), f"--output_dir={tmp_path / 'data'}"]
    assert cli.main(["import", *shared]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "read 3, kept 1, duplicate 1, bad 1"
    assert "a.train line 2: no_tab: the line has no tab" in printed.err
    assert cli.main(["export", "--format=facebook", str(tmp_path / "data"), str(tmp_path / "b")]) == 0
    assert (tmp_path / "b").read_text() == "sub Y' cos x\tsin x\n"
    for wrong in (["--option=nonsense=1"], ["--split=dev"], ["--task=taylor"], ["--layout=csv"]):
        assert cli.main(["import", *shared, *wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
