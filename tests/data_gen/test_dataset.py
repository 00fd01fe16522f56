"""Data sets: splits that share no function, counts that add up, and refusals."""

from __future__ import annotations

import collections
import dataclasses
import io
import json
import math
import shutil
import subprocess
import sys

import pytest

from data_gen.collect import Collected
from data_gen.dataset import dataset_name, generate
from data_gen.merge import split_of
from data_gen.progress import Progress, clock
from data_gen.runners import GenerationError
from data_gen.shard import ShardJob, make_shard
from symjax import tasks
from symjax.data.manifest import SPLITS, Manifest, load_examples
from symjax.data.records import RecordError, Signature
from symjax.tasks import Example

TASK = tasks.load("taylor")
SMALL = {"num_examples": 300, "shard_attempts": 400, "validation_fraction": 0.1, "test_fraction": 0.1, "workers": 1}


def make(folder, *, seed=1, task_options=None, **changes):
    return generate(
        task_name="taylor", task_options=task_options or {}, seed=seed, output_dir=folder, **SMALL | changes
    )


def contents(folder) -> dict[str, bytes | str]:
    """Name -> bytes of the files, and the manifest without what follows the clock and the checks on the way."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}
    manifest = json.loads((folder / "dataset.json").read_text())
    return found | {"dataset.json": json.dumps(manifest | {"rates": {}, "verified": {}})}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set"
    assert make(path) == path / "dataset.json"
    return path


def test_splits_share_no_function(folder):
    prints = {split: {item.metadata["fingerprint"] for item in load_examples(folder, split, TASK)} for split in SPLITS}
    assert sum(map(len, prints.values())) == len(set.union(*prints.values())) == 300
    assert all(prints.values())


def test_examples_are_the_lowest_attempts_of_their_functions_in_order(folder):
    manifest = Manifest.read(folder)
    for split in SPLITS:
        indices = [int(index) for block in manifest.blocks(split) for index in block.indices]
        assert indices == sorted(indices)
        assert split != "train" or indices[0] < 10


def test_labels_unseen_in_training_are_marked(folder):
    seen = {item.answer for item in load_examples(folder, "train", TASK)}
    for split in ("validation", "test"):
        items = load_examples(folder, split, TASK)
        flags = [item.metadata["label_unseen"] for item in items]
        assert flags == [item.answer not in seen for item in items]
        assert sum(flags) == Manifest.read(folder).content["splits"][split]["label_unseen"]
    assert "label_unseen" not in load_examples(folder, "train", TASK)[0].metadata


def test_every_stored_label_is_what_the_task_says(folder):
    for item in load_examples(folder, "train", TASK)[:100]:
        again = TASK.label(item.problem)
        assert isinstance(again, Example)
        assert (again.answer, again.exact) == (item.answer, item.exact)


def test_the_manifest_adds_up(folder):
    content = Manifest.read(folder).content
    draws = content["draws"]
    assert draws["attempts"] == draws["accepted"] + sum(draws["rejections"].values())
    assert draws["accepted"] == draws["distinct"] + draws["duplicates"]
    assert draws["kept"] == 300 == sum(content["splits"][split]["count"] for split in SPLITS) <= draws["distinct"]
    assert content["rates"]["valid_draws_per_worker_second"] > 0
    lengths = collections.Counter(len(item.problem) for split in SPLITS for item in load_examples(folder, split, TASK))
    assert content["lengths"]["problem"]["max"] == max(lengths)
    assert content["name"] == dataset_name(task_name="taylor", task_options={}, seed=1, **SMALL)
    assert content["config"]["task_options"]["max_depth"] == 3
    assert not (folder / "attempts").exists()


def test_workers_and_shard_size_do_not_change_the_files(folder, tmp_path):
    make(tmp_path / "b", workers=2)
    assert contents(tmp_path / "b") == contents(folder)
    make(tmp_path / "c", workers=2, shard_attempts=213)
    different = {name for name, data in contents(tmp_path / "c").items() if contents(folder)[name] != data}
    assert different == {"dataset.json"}


def test_more_examples_begin_with_the_same_ones(folder, tmp_path):
    make(tmp_path / "more", num_examples=350)
    for split in SPLITS:
        before, after = (load_examples(path, split, TASK) for path in (folder, tmp_path / "more"))
        assert [item.problem for item in after][: len(before)] == [item.problem for item in before]


def test_a_finished_data_set_is_left_alone(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"}
    make(folder, workers=2)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"} == before


def test_a_finished_data_set_may_be_read_only(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / ".lock").unlink()
    assert make(copy) == copy / "dataset.json"
    assert not (copy / ".lock").exists()


def test_tfrecord_and_several_files(folder, tmp_path):
    make(tmp_path / "t", file_format="tfrecord", examples_per_file=100)
    names = [file.name for file in Manifest.read(tmp_path / "t").shards("train")]
    assert names == [f"train-{place:05}-of-00003.tfrecord" for place in range(3)]
    for split in SPLITS:
        assert load_examples(tmp_path / "t", split, TASK) == load_examples(folder, split, TASK)


@pytest.mark.parametrize(
    ("change", "difference"),
    [({"seed": 2}, "seed=1, asked for is 2"), ({"num_examples": 301}, "num_examples=300, asked for is 301"),
     ({"task_options": {"max_depth": 2}}, "task_options.max_depth=3, asked for is 2")],
)  # fmt: skip
def test_a_folder_of_another_configuration_is_refused(folder, change, difference):
    before = contents(folder)
    with pytest.raises(GenerationError, match=f"holds a data set with {difference}; give another output_dir"):
        make(folder, **change)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "name", ["attempts/thesis.txt", "train-00000-of-00001.arrayrecord", "attempts/shard-000000.json"]
)
def test_files_of_others_are_not_written_over(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("precious")
    with pytest.raises(GenerationError, match=f"{name} is of no data set that this command began.*another output_dir"):
        make(tmp_path)
    assert {file for file in tmp_path.rglob("*") if file.is_file()} == {path, tmp_path / ".lock"}
    assert path.read_text() == "precious"


def test_files_of_others_are_not_removed(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "attempts").mkdir()
    ours = [copy / "attempts" / "shard-000007.arrayrecord.partial", copy / "train-00000-of-00001.arrayrecord.partial"]
    theirs = [copy / "attempts" / "notes.txt", copy / "film.partial"]
    for path in ours + theirs:
        path.touch()
    make(copy)
    assert all(path.exists() for path in theirs)
    assert not any(path.exists() for path in ours)


@pytest.mark.parametrize("content", ["[]", "5", "{}", '{"config": 5}', '{"config": {"a": 1}}'])
@pytest.mark.parametrize("name", ["dataset.json", "attempts/config.json"])
def test_manifests_of_something_else_are_refused(tmp_path, name, content):
    (tmp_path / "attempts").mkdir()
    (tmp_path / name).write_text(content)
    with pytest.raises(GenerationError, match="is no data set; give another output_dir"):
        make(tmp_path)
    assert (tmp_path / name).read_text() == content


def test_shards_that_an_older_program_left_are_refused(tmp_path):
    signature = Signature.of(TASK)
    path = tmp_path / "shard-000000.arrayrecord"
    report = make_shard(
        ShardJob(task_name="taylor", task_options={}, seed=0, shard_index=0, shard_attempts=20, path=str(path),
                 file_format="arrayrecord")
    )  # fmt: skip
    config = {"num_examples": 9, "validation_fraction": 0.0, "test_fraction": 0.0}
    Collected(config, signature, {}).add(report, path)
    older = dataclasses.replace(signature, answer_vocabulary="older")
    with pytest.raises(RecordError, match=r"shard-000000.arrayrecord was written with answer vocabulary"):
        Collected(config, older, {}).add(report, path)


def test_shards_from_other_inputs_are_refused(tmp_path):
    path = tmp_path / "shard-000000.arrayrecord"
    report = make_shard(
        ShardJob(task_name="taylor", task_options={}, seed=0, shard_index=0, shard_attempts=5, path=str(path),
                 file_format="arrayrecord")
    )  # fmt: skip
    config = {"num_examples": 9, "validation_fraction": 0.0, "test_fraction": 0.0}
    with pytest.raises(GenerationError, match=r"was made from \{\}, here are \{'table': '12'\}; delete the shards"):
        Collected(config, Signature.of(TASK), {"table": "12"}).add(report, path)


def test_labels_are_verified_on_the_way_and_the_bytes_do_not_depend_on_it(folder, tmp_path):
    verified = json.loads((folder / "dataset.json").read_text())["verified"]
    assert set(verified) == {"proved"}
    assert verified["proved"] >= 3  # the first and every 200th of 400 attempts
    make(tmp_path / "none", verify_every=0)
    make(tmp_path / "all", verify_every=1)
    assert contents(tmp_path / "none") == contents(tmp_path / "all") == contents(folder)
    assert json.loads((tmp_path / "none" / "dataset.json").read_text())["verified"] == {}
    draws = json.loads((tmp_path / "all" / "dataset.json").read_text())
    assert draws["verified"]["proved"] == draws["draws"]["accepted"]


def test_integrals_by_parts_name_the_table_that_they_were_made_with(tmp_path):
    small = {"max_operators": 4, "table_size": 20, "rules_fraction": 1.0, "budget": 60}
    where = {"seed": 0, "output_dir": tmp_path, "num_examples": 10, "shard_attempts": 40, "workers": 1}
    generate(task_name="integration_ibp", task_options=small, verify_every=3, **where)
    manifest = json.loads((tmp_path / "dataset.json").read_text())
    assert manifest["inputs"] == tasks.load("integration_ibp", **small).inputs()
    assert len(manifest["inputs"]["table"]) == 64
    assert manifest["verified"]["proved"] >= 3


def test_too_few_functions_end_with_a_clear_error(tmp_path):
    with pytest.raises(GenerationError, match=r"only \d+ distinct examples in 1,200 attempts.*raise max_attempts"):
        make(tmp_path, task_options={"max_depth": 1}, max_attempts=1200)
    assert not (tmp_path / "dataset.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"num_examples": 0}, "num_examples is 0; it must be 1 or more"), ({"seed": -1}, "seed is -1"),
     ({"workers": -2}, "workers is -2"), ({"file_format": "csv"}, "'csv'"),
     ({"test_fraction": 0.95}, "below 1 together"), ({"test_fraction": math.nan}, "below 1 together"),
     ({"validation_fraction": math.nan}, "below 1 together"), ({"shard_seconds": 0.0}, "shard_seconds is 0.0"),
     ({"task_options": {"depth": 3}}, "has no option 'depth'"),
     ({"task_options": {"engine": "sympy"}, "shard_attempts": 500}, "at most 360 attempts")],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path / "none", **change)
    assert not (tmp_path / "none").exists()


def test_names_follow_what_defines_the_data_set():
    def name(seed=0, task_options=None, **leaves):
        return dataset_name(task_name="taylor", task_options=task_options or {}, seed=seed, **leaves)

    assert name() == name(workers=7, max_attempts=9, num_examples=20_000) == name(task_options={"max_depth": 3})
    assert len({name(), name(seed=1), name(num_examples=5), name(task_options={"max_depth": 4})}) == 4
    assert name().startswith("taylor-")
    assert len(name()) == len("taylor-") + 10
    with pytest.raises(ValueError, match="no option 'nums'"):
        name(nums=3)


def test_splits_by_hash_have_the_asked_shares():
    counts = collections.Counter(split_of(number.to_bytes(16, "big"), 0.1, 0.2) for number in range(5000))
    assert counts["test"] == pytest.approx(1000, abs=120)
    assert counts["validation"] == pytest.approx(500, abs=90)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_says_rate_and_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = Terminal()
    progress = Progress(1000, stream)
    progress.start_at(200)
    now[0] = 2.0
    progress.update(300, 150)
    assert "generating: 300 of 1,000 examples (30%), 50 new/s from 75 valid draws/s, 0:14 left" in stream.getvalue()
    assert clock(3661) == "1:01:01"


def test_the_command(tmp_path):
    (tmp_path / "config.py").write_text(CONFIG)
    command = [sys.executable, "-m", "data_gen", f"--config={tmp_path}/config.py", f"--output_dir={tmp_path}/out"]
    run = subprocess.run(
        [*command, "--num_examples=50", "--workers=1", "--config.task.max_depth=2"], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, f"{tmp_path}/out/dataset.json\n"), run.stderr
    assert "generated 50 distinct examples" in run.stderr
    assert Manifest.read(tmp_path / "out").content["config"]["task_options"]["max_depth"] == 2
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("error: ")
    assert "max_depth=2, asked for is 3" in run.stderr or "num_examples=50" in run.stderr
    assert run.stderr.count("\n") == 1
    run = subprocess.run([*command, "--config.task.max_dept=2"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("error: unknown config key task.max_dept; task has: code_depth, ")
    assert run.stderr.count("\n") == 1


CONFIG = """
from ml_collections import ConfigDict
from data_gen.dataset import generate
from symjax import tasks
from symjax.config import section
def get_config():
    config = ConfigDict({"seed": 0})
    config.task = section(tasks.constructor("taylor"))
    config.task.name = "taylor"
    config.dataset = section(generate, num_examples=500, shard_attempts=1000)
    return config
"""
