"""Killed or stopped generation, started again, ends in the same bytes."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from data_gen import dataset, merge
from data_gen.dataset import generate
from data_gen.runners import GenerationError
from tests.data_gen.test_dataset import contents

OPTIONS = {"num_examples": 700, "shard_attempts": 200, "workers": 2}
PROGRAM = """
import sys
from data_gen.dataset import Terminated, generate
if __name__ == "__main__":
    try:
        generate(task_name="taylor", task_options={{}}, seed=4, output_dir={folder!r}, **{options!r})
    except Terminated:
        sys.exit(143)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def make(folder):
    return generate(task_name="taylor", task_options={}, seed=4, output_dir=folder, **OPTIONS)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "unbroken"
    make(path)
    return contents(path)


def start(folder: pathlib.Path) -> subprocess.Popen[str]:
    program = folder.parent / "program.py"
    program.write_text(PROGRAM.format(folder=str(folder), options=OPTIONS))
    environment = os.environ | {"PYTHONPATH": str(pathlib.Path(dataset.__file__).parent.parent)}
    return subprocess.Popen([sys.executable, str(program)], stderr=subprocess.PIPE, text=True, env=environment)


def finished_shards(folder: pathlib.Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("attempts/shard-*.json")}


def wait_for_shards(folder: pathlib.Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while len(finished_shards(folder)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_kill_9_in_the_middle_then_the_same_command(tmp_path, unbroken):
    folder = tmp_path / "set"
    for shards in (1, 3):
        process = start(folder)
        wait_for_shards(folder, shards, process)
        process.kill()
        process.communicate()
        assert not (folder / "dataset.json").exists()
    before = finished_shards(folder)
    kept = set()
    original = dataset.collect

    def watch(collected, attempts, **options):
        kept.update(finished_shards(folder).items() & before.items())
        original(collected, attempts, **options)
        kept.intersection_update(finished_shards(folder).items())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "collect", watch)
        make(folder)
    assert contents(folder) == unbroken
    assert len(kept) == len(before) >= 3  # finished shards were not made again


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_is_clean_and_goes_on(tmp_path, unbroken, number):
    folder = tmp_path / "set"
    process = start(folder)
    wait_for_shards(folder, 2, process)
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number, said
    assert "of 700 examples; the same command goes on from there" in said
    assert "Traceback" not in said
    make(folder)
    assert contents(folder) == unbroken


class Killed(BaseException):
    """Stands in for a kill: no code of ours handles it."""


def killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.fixture(scope="module")
def before_merge(tmp_path_factory):
    """A folder that was killed when all shards were there."""
    folder = tmp_path_factory.mktemp("data") / "set"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "write_splits", killed)
        with pytest.raises(Killed):
            make(folder)
    return folder


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_kill_during_the_merge(tmp_path, before_merge, unbroken, monkeypatch, split):
    folder = shutil.copytree(before_merge, tmp_path / "set")
    original = merge._SplitWriter.close

    def close(self):
        if self._paths[0].name.startswith(split):
            raise Killed
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(merge._SplitWriter, "close", close)
        with pytest.raises(Killed):
            make(folder)
    assert not (folder / "dataset.json").exists()
    make(folder)
    assert contents(folder) == unbroken


def test_a_kill_between_the_manifest_and_the_clean_up(tmp_path, before_merge, unbroken, monkeypatch):
    folder = shutil.copytree(before_merge, tmp_path / "set")
    with monkeypatch.context() as patch:
        patch.setattr(dataset, "_clean", killed)
        with pytest.raises(Killed):
            make(folder)
    assert (folder / "attempts").exists()
    make(folder)
    assert contents(folder) == unbroken
    assert not (folder / "attempts").exists()


def test_a_damaged_shard_is_refused_by_name_and_made_again_once_deleted(tmp_path, before_merge, unbroken):
    folder = shutil.copytree(before_merge, tmp_path / "set")
    victim = folder / "attempts" / "shard-000000.arrayrecord"
    victim.write_bytes(bytes(victim.stat().st_size))
    with pytest.raises(GenerationError, match=r"shard-000000\.arrayrecord.*delete the data set"):
        make(folder)
    victim.unlink()
    make(folder)
    assert contents(folder) == unbroken


def test_a_full_disk_damages_nothing(tmp_path, before_merge, unbroken, monkeypatch):
    folder = shutil.copytree(before_merge, tmp_path / "set")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "train-00000-of-00001.arrayrecord.partial"))

    with monkeypatch.context() as patch:
        patch.setattr(merge.ShardWriter, "add", full)
        with pytest.raises(GenerationError, match=r"cannot write .*train-00000.*No space left on device; make room"):
            make(folder)
    make(folder)
    assert contents(folder) == unbroken
