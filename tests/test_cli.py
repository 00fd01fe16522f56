"""The `symjax` command: one line out for each line in, records shown, and labels that an audit must catch."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import select
import subprocess
import sys
import types
from collections.abc import Sequence

import pytest

from data_gen.dataset import generate
from symjax import cli, tasks
from symjax.data.records import ShardWriter, Signature, StoredExample, encode
from symjax.evaluation import metrics
from symjax.evaluation.rows import row_of
from symjax.tasks import Example

PROBLEMS = ("sin x", "cos exp x", "mul x x", "tanh x")


def label(text: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *options: str) -> list[dict]:
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(text)))
    assert cli.main(["label", "--task=taylor", *options]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "symjax.cli", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def examples() -> list[Example]:
    found = [tasks.load("taylor").label(tuple(text.split())) for text in PROBLEMS]
    assert all(isinstance(example, Example) for example in found)
    return [example for example in found if isinstance(example, Example)]


def write_shard(path: pathlib.Path, stored: Sequence[StoredExample]) -> pathlib.Path:
    with ShardWriter(path, Signature.of(tasks.load("taylor")), file_format=path.suffix[1:]) as writer:
        for example in stored:
            writer.add(example)
        writer.close()
    return path


def stored_examples() -> list[StoredExample]:
    task = tasks.load("taylor")
    return [encode(example, number * 7, task) for number, example in enumerate(examples())]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    options = {"number_groups": (3, 2), "max_depth": 2}
    return generate(
        task_name="taylor",
        task_options=options,
        seed=1,
        output_dir=tmp_path_factory.mktemp("data") / "taylor",
        num_examples=80,
        validation_fraction=0.2,
        test_fraction=0.2,
        shard_attempts=400,
        workers=1,
    ).parent


def test_label_answers_every_line_in_order(monkeypatch, capsys) -> None:
    lines = b"sin x\nexp(sin(x))\n\nadd x\r\nln x\n\xff\xfe\n  cos exp x  \nsin(y)\nx"
    found = label(lines, monkeypatch, capsys)
    assert [row["status"] for row in found] == ["valid", "valid", *["rejected"] * 4, "valid", "rejected", "valid"]
    assert [row["reason"] for row in found[2:6]] == ["malformed", "malformed", "logarithm", "malformed"]
    assert found[0] == {
        "tokens": ["sin", "x"],
        "status": "valid",
        "reason": None,
        "answer": {"coefficients": ["0", "1", "0", "-1/6", "0"], "rational": [True] * 5},
    }
    assert found[1]["tokens"] == ["exp", "sin", "x"]
    assert found[1]["answer"]["coefficients"] == ["1", "1", "1/2", "0", "-1/8"]
    assert found[4] | {"detail": ""} == {
        "tokens": ["ln", "x"],
        "status": "rejected",
        "reason": "logarithm",
        "answer": None,
        "detail": "",
    }
    assert found[6]["answer"]["rational"] == [False] * 5
    assert len(found[6]["answer"]["coefficients"][0].lstrip("0.")) == 30
    assert "unknown name 'y'" in found[7]["detail"]


def test_label_without_standard_input_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["label", "--task=taylor"]) == 2
    assert capsys.readouterr().err == "symjax: standard input is closed; give problems there, one a line\n"


def test_label_of_no_lines_is_nothing(monkeypatch, capsys) -> None:
    assert label(b"", monkeypatch, capsys) == []
    assert [row["reason"] for row in label(b"\n", monkeypatch, capsys)] == ["malformed"]


def test_label_takes_task_options(monkeypatch, capsys) -> None:
    options = ("--option", "max_depth=1", "--option", "code_depth=2", "--option=layout=dense")
    found = label(b"sin x\nsin cos x\n", monkeypatch, capsys, *options)
    assert [row["reason"] for row in found] == [None, "too_deep"]


def test_label_writes_each_answer_before_the_next_line_comes() -> None:
    command = [sys.executable, "-m", "symjax.cli", "label", "--task=taylor"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    env = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, **pipes, text=True, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for problem in ("x", "sin x"):
            process.stdin.write(problem + "\n")
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 60)[0], "no answer to the line before the next"
            assert json.loads(process.stdout.readline())["tokens"] == problem.split()
        process.stdin.close()
    assert process.returncode == 0


def test_label_needs_neither_jax_nor_sympy() -> None:
    program = (
        "import io, sys, types\n"
        "sys.stdin = types.SimpleNamespace(buffer=io.BytesIO(b'sin(x)\\nbad(\\nsqrt sq x\\n'))\n"
        "from symjax import cli\n"
        "code = cli.main(['label', '--task=taylor'])\n"
        "heavy = {'jax', 'sympy', 'flax', 'grain', 'tensorflow'} & set(sys.modules)\n"
        "sys.exit(code or (f'imported {heavy}' if heavy else 0))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"yes x | {sys.executable} -m symjax.cli label --task=taylor | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["label", "--task=bogus"], "unknown task 'bogus'; known tasks: "),
        (["label", "--task=taylor", "--option=bogus=1"], "task 'taylor' has no option 'bogus'; it has: "),
        (["label", "--task=taylor", "--option=bogus"], "--option 'bogus' must be key=value"),
        (["label", "--task=taylor", "--option=max_depth=foo"], "max_depth must be a whole number"),
        (["inspect", "/no/such/path"], "/no/such/path does not exist"),
        (["audit", "/no/such/path"], "/no/such/path does not exist"),
        (["inspect", __file__], "is no shard"),
        (["inspect", os.devnull], "is no shard"),
        (["audit", str(pathlib.Path(__file__).parent)], "is no finished data set"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], words: str, capsys) -> None:
    assert cli.main(arguments) == 2
    caught = capsys.readouterr()
    assert caught.out == ""
    assert words in caught.err
    assert caught.err.startswith("symjax: ")
    assert caught.err.count("\n") == 1


def test_a_shard_beside_a_foreign_manifest_is_refused(tmp_path, capsys) -> None:
    path = write_shard(tmp_path / "one.arrayrecord", stored_examples())
    (tmp_path / "dataset.json").write_text('{"config": {"task_name": "taylor", "task_options": [1]}}')
    assert cli.main(["inspect", str(path)]) == 2
    assert "dataset.json names no task options" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["label"], [], ["inspect", "x", "--num=0"], ["bogus"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize("file_format", ["arrayrecord", "tfrecord"])
def test_inspect_shows_a_shard(file_format: str, tmp_path, capsys) -> None:
    path = write_shard(tmp_path / f"one.{file_format}", stored_examples())
    assert cli.main(["inspect", str(path), "--num=2"]) == 0
    shown = capsys.readouterr().out
    assert f"one.{file_format} attempt 0" in shown
    assert "tokens  sin x" in shown
    assert "cos exp x" in shown
    assert "tanh" not in shown
    assert "1.1" in shown  # a path
    assert "-1/6" in shown
    assert "-0.841470984807896506652502321630" in shown


def test_inspect_reads_the_options_of_a_data_set(dataset, capsys) -> None:
    for path in (dataset, next(dataset.glob("test-*"))):
        assert cli.main(["inspect", str(path), "--num=3"]) == 0
        shown = capsys.readouterr().out
        assert shown.count("--- ") == 3
        assert "answer  x" in shown


def test_a_shard_of_other_options_is_refused(dataset, tmp_path, capsys) -> None:
    lonely = tmp_path / "lonely.arrayrecord"
    lonely.write_bytes(next(dataset.glob("train-*")).read_bytes())
    assert cli.main(["inspect", str(lonely)]) == 2
    assert "answer vocabulary" in capsys.readouterr().err
    assert cli.main(["inspect", str(lonely), "--option=number_groups=(3,2)"]) == 0


def test_inspect_shows_the_answers_of_a_run(tmp_path, capsys) -> None:
    task = tasks.load("taylor")
    (tmp_path / "config.json").write_text(json.dumps({"task": {"name": "taylor", **task.options}}))
    assert cli.main(["inspect", str(tmp_path)]) == 2
    assert "no evaluation yet" in capsys.readouterr().err
    (tmp_path / "dataset.json").write_text("{}")  # a run keeps a copy of its data set's manifest
    folder = tmp_path / "evaluation" / "test-greedy"
    folder.mkdir(parents=True)
    answers = [("x1", "+"), examples()[1].answer]
    rows = [
        row_of(task, number, example, answer, -1.5, task.verify(example.problem, answer))
        for number, (example, answer) in enumerate(zip(examples(), answers, strict=False))
    ]
    (folder / "part-00000.jsonl").write_text("".join(json.dumps(metrics.plain(row)) + "\n" for row in rows))
    assert cli.main(["inspect", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "test-greedy/part-00000.jsonl example 0" in shown
    assert "predict x1 +" in shown
    assert "verdict unparsable" in shown
    assert "verdict proved" in shown
    assert cli.main(["audit", str(tmp_path)]) == 2
    assert "is a run folder, whose labels are those of its data set" in capsys.readouterr().err


@pytest.mark.parametrize("file_format", ["arrayrecord", "tfrecord"])
def test_audit_finds_wrong_labels(file_format: str, tmp_path, capsys) -> None:
    stored = stored_examples()
    assert cli.main(["audit", str(write_shard(tmp_path / f"right.{file_format}", stored))]) == 0
    caught = capsys.readouterr()
    assert caught.out == ""
    assert "4 examples" in caught.err
    assert "0 disagreements" in caught.err
    task = tasks.load("taylor")
    stored[0] = dataclasses.replace(
        stored[0], answer=task.answer_vocabulary.encode(["x1", "+", "E0", "1", "0", "0", "0", "1"])
    )
    stored[1] = dataclasses.replace(stored[1], exact=("0", *stored[1].exact[1:]))
    stored[2] = dataclasses.replace(stored[2], metadata={**stored[2].metadata, "size": 4})
    stored[3] = dataclasses.replace(stored[3], problem=task.problem_vocabulary.encode(["ln", "x"]))
    wrong = write_shard(tmp_path / f"wrong.{file_format}", [*stored, stored_examples()[1]])
    assert cli.main(["audit", str(wrong), "--workers=2"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "attempt 0: sin x: answer is x1 + E0 1 0 0 0 1, now x1 + E0 1 0 0 0 0 x3" in lines[0]
    assert "attempt 14: mul x x: size is 4, now 3" in lines[1]
    assert "attempt 21: ln x: rejected now as logarithm" in lines[2]
    assert "attempt 7: cos exp x: exact is 0 -0.8414" in lines[3]
    assert "attempt 7: the same function as" in lines[4]


def test_audit_of_a_data_set(dataset, tmp_path, capsys) -> None:
    assert cli.main(["audit", str(dataset)]) == 0
    assert "80 examples" in capsys.readouterr().err
    content = json.loads((dataset / "dataset.json").read_text())
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in dataset.glob("*.arrayrecord"):
        (copy / path.name).write_bytes(path.read_bytes())
    content["splits"]["test"]["files"][0]["sha256"] = "0" * 64
    (copy / "dataset.json").write_text(json.dumps(content))
    assert cli.main(["audit", str(copy)]) == 1
    assert "the manifest says 000000" in capsys.readouterr().out


def test_audit_refuses_a_truncated_shard(dataset, tmp_path, capsys) -> None:
    path = next(dataset.glob("train-*"))
    broken = tmp_path / path.name
    broken.write_bytes(path.read_bytes()[:-100])
    assert cli.main(["audit", str(broken)]) == 2
    assert str(broken) in capsys.readouterr().err


def test_the_console_script_is_the_same_command() -> None:
    result = run("label", "--task=taylor", stdin="sin x\n")
    assert result.returncode == 0
    assert json.loads(result.stdout)["status"] == "valid"
