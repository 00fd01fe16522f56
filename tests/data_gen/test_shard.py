"""A shard is a function of its job, holds each function once, and counts what it turned away."""

from __future__ import annotations

import copy
import dataclasses
import gc
import itertools
import json
import os
import pathlib
import random
import re
import signal
import struct

import pytest

from data_gen import runners, shard
from data_gen.runners import GenerationError, run_local
from data_gen.shard import ShardJob, ShardReport, make_shard, make_shard_or_explain, report_path
from symjax import tasks
from symjax.data.records import ShardReader, decode, encode
from symjax.processes import Watched
from symjax.tasks import Example, Verdict

TASK = tasks.load("taylor")


def job(folder, **changes) -> ShardJob:
    values = {
        "task_name": "taylor", "task_options": {}, "seed": 5, "shard_index": 2, "shard_attempts": 150,
        "path": str(folder / "shard-000002.arrayrecord"), "file_format": "arrayrecord",
    }  # fmt: skip
    return ShardJob(**values | changes)


SMALL = {  # task -> its options
    "taylor": {},
    "integration_fwd": {"budget": 100},
    "integration_bwd": {},
    "integration_ibp": {"table_size": 20, "rules_fraction": 1.0},
    "ode1": {},
    "ode2": {},
}


def small_job(folder, name) -> ShardJob:
    return job(folder, task_name=name, task_options=SMALL[name], shard_attempts=40)


def stored(path):
    return [item for block in ShardReader(path) for item in block.examples()]


def wrong_label(_: ShardJob) -> str:
    return "attempt 300 has a wrong label"


def loaded_modules(argument: ShardJob) -> list[str]:
    import sys

    make_shard(argument)
    return sorted(sys.modules)


def test_a_shard_is_what_its_attempts_give_one_by_one(tmp_path):
    report = make_shard(job(tmp_path))
    expected, seen, accepted, rejected = [], set(), 0, 0
    for index in range(300, 450):
        drawn = TASK.sample(random.Random(5 << 64 | index))
        if not isinstance(drawn, Example):
            rejected += 1
            continue
        accepted += 1
        if drawn.metadata["fingerprint"] not in seen:
            seen.add(drawn.metadata["fingerprint"])
            expected.append(encode(drawn, index, TASK))
    assert stored(tmp_path / "shard-000002.arrayrecord") == expected
    assert (report.attempts, report.accepted, report.file.count) == (150, accepted, len(expected))
    assert sum(report.rejections.values()) == rejected == 150 - accepted
    assert 0 < len(expected) < accepted


def test_records_keep_the_examples_whole(tmp_path):
    make_shard(job(tmp_path))
    for item in stored(tmp_path / "shard-000002.arrayrecord")[:20]:
        assert decode(item, TASK) == TASK.label(decode(item, TASK).problem)


def test_bytes_depend_on_nothing_else(tmp_path):
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        random.seed(name)
        TASK.sample(random.Random(1))
        digests.add(make_shard(job(tmp_path / name)).file.sha256)
    with Watched(make_shard, time_limit=60) as worker:
        digests.add(worker.call(job(tmp_path)).file.sha256)
    assert len(digests) == 1
    assert make_shard(job(tmp_path, seed=6)).file.sha256 not in digests
    assert make_shard(job(tmp_path, shard_index=3)).file.sha256 not in digests


def test_attempts_do_not_depend_on_the_cut_into_shards(tmp_path):
    whole = make_shard(job(tmp_path, shard_index=1, shard_attempts=300, path=str(tmp_path / "whole.arrayrecord")))
    halves = []
    for index in (2, 3):
        path = tmp_path / f"half-{index}.arrayrecord"
        make_shard(job(tmp_path, shard_index=index, path=str(path)))
        halves.extend(stored(path))
    first = {}
    for item in halves:
        first.setdefault(item.metadata["fingerprint"], item)
    assert list(first.values()) == stored(tmp_path / whole.file.name)


def test_reports_come_back_and_only_with_their_shard(tmp_path):
    report = make_shard(job(tmp_path))
    path = report_path(tmp_path / "shard-000002.arrayrecord")
    assert ShardReport.read(path) == report
    (tmp_path / report.file.name).write_bytes(b"short")
    assert ShardReport.read(path) is None
    (tmp_path / report.file.name).unlink()
    assert ShardReport.read(path) is None
    path.write_text("{")
    assert ShardReport.read(path) is None
    assert ShardReport.read(tmp_path / "none.json") is None


def test_only_the_shard_and_its_report_stay(tmp_path):
    make_shard(job(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shard-000002.arrayrecord", "shard-000002.json"]


def test_the_garbage_collector_is_left_as_it_was(tmp_path, monkeypatch):
    before, seen = gc.get_threshold(), []
    monkeypatch.setattr(shard, "encode", lambda *given: seen.append(gc.get_threshold()) or encode(*given))
    make_shard(job(tmp_path))
    assert set(seen) == {shard.COLLECTION_THRESHOLDS}
    assert gc.get_threshold() == before


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    message = make_shard_or_explain(job(tmp_path / "nowhere"))
    assert "cannot write" in message
    assert str(tmp_path / "nowhere") in message
    with pytest.raises(GenerationError, match="finished shards are kept"):
        list(run_local(iter([job(tmp_path / "nowhere")]), workers=1, time_limit=60))


def test_a_refuted_label_ends_generation_with_the_example(tmp_path, monkeypatch):
    def refuted(*_, **__):
        return Verdict(kind="refuted", evidence={"why": "a test"}, seconds=0.0)

    monkeypatch.setattr(type(TASK), "verify", refuted)
    explained = make_shard_or_explain(job(tmp_path, verify_every=10))
    assert re.search(r"attempt 30\d has a wrong label: .* refuted of problem '.+', answer '.+' \(.*a test", explained)
    assert "another seed, or dataset.verify_every=0" in explained
    assert list(tmp_path.iterdir()) == []
    assert isinstance(make_shard_or_explain(job(tmp_path)), ShardReport)
    monkeypatch.setattr(runners, "make_shard_or_explain", wrong_label)
    with pytest.raises(GenerationError, match="attempt 300 has a wrong label"):
        list(run_local(iter([job(tmp_path)]), workers=1, time_limit=60))


def test_the_first_label_and_every_so_manieth_after_it_are_verified(tmp_path, monkeypatch):
    report = make_shard(job(tmp_path, verify_every=20))
    assert report.verdicts == {"proved": -(-report.accepted // 20)}
    judged = []
    monkeypatch.setattr(shard, "_judged", lambda _task, _example, index: judged.append(index) or "proved")
    make_shard(job(tmp_path, verify_every=1000))
    assert judged == [stored(tmp_path / "shard-000002.arrayrecord")[0].index]


@pytest.mark.parametrize("name", SMALL)
def test_workers_load_neither_jax_nor_sympy(tmp_path, name):
    with Watched(loaded_modules, time_limit=60) as worker:
        modules = worker.call(small_job(tmp_path, name))
    assert not {"jax", "flax", "grain", "sympy", "tensorflow"} & set(modules)


def test_skipped_attempts_are_left_out_and_reported(tmp_path):
    whole = make_shard(job(tmp_path))
    first = stored(tmp_path / whole.file.name)[0].index
    report = make_shard(job(tmp_path, skip={first: "time_limit"}))
    assert report.lost == {str(first): "time_limit"}
    assert first not in [item.index for item in stored(tmp_path / whole.file.name)]
    assert json.loads(report_path(tmp_path / whole.file.name).read_text())["lost"] == {str(first): "time_limit"}


def hang(argument: ShardJob) -> ShardReport | str:
    """`make_shard`, but attempt 310 never ends."""
    import time

    load = shard._load
    task = load(argument.task_name, json.dumps(dict(argument.task_options)))
    draws = itertools.count()

    class Hanging:
        name = task.name
        problem_vocabulary = task.problem_vocabulary
        answer_vocabulary = task.answer_vocabulary

        def sample(self, rng):
            if next(draws) == 10 and not argument.skip:
                time.sleep(60)
            return task.sample(rng)

    shard._load = lambda *_: Hanging()
    try:
        return make_shard_or_explain(argument)
    finally:
        shard._load = load


def test_an_attempt_that_hangs_twice_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr("data_gen.runners.make_shard_or_explain", hang)
    (report,) = run_local(iter([job(tmp_path)]), workers=1, time_limit=2)
    assert report.lost == {"310": "time_limit"}
    whole = make_shard(job(tmp_path, skip={310: "time_limit"}))
    assert dataclasses.replace(whole, seconds=0) == dataclasses.replace(report, seconds=0)


def lose(argument: ShardJob) -> None:
    """Ends the worker, each time in another attempt."""
    count = pathlib.Path(argument.path).with_suffix(".count")
    before = int(count.read_text()) if count.exists() else 0
    count.write_text(str(before + 1))
    shard.position_path(argument.path).write_bytes(struct.pack("<q", 300 + before))
    os._exit(1)


def test_a_shard_that_is_lost_again_and_again_ends_generation(tmp_path, monkeypatch):
    monkeypatch.setattr("data_gen.runners.make_shard_or_explain", lose)
    message = (
        r"shard 2 was lost 4 times, in different attempts .*exit code 1.*; lower shard_attempts, raise shard_seconds"
    )
    with pytest.raises(GenerationError, match=message):
        list(run_local(iter([job(tmp_path)]), workers=1, time_limit=60))
    assert (tmp_path / "shard-000002.count").read_text() == "4"


def dying(task, marker):
    """The task, whose process is killed, as by `kill -9`, in the 25th attempt, once."""
    draws, sample, found = itertools.count(1), task.sample, copy.copy(task)

    def sample_or_die(rng):
        if next(draws) == 25 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return sample(rng)

    object.__setattr__(found, "sample", sample_or_die)
    return found


def die_once(argument: ShardJob) -> ShardReport | str:
    """`make_shard`, whose process is killed in the middle the first time."""
    load = shard._load
    shard._load = lambda *arguments: dying(load(*arguments), pathlib.Path(argument.path).with_suffix(".marker"))
    try:
        return make_shard_or_explain(argument)
    finally:
        shard._load = load


@pytest.mark.parametrize("name", SMALL)
def test_a_worker_killed_in_the_middle_costs_nothing(tmp_path, monkeypatch, name):
    made = small_job(tmp_path, name)
    unbroken = make_shard(made)
    bytes_of_it = pathlib.Path(made.path).read_bytes()
    assert unbroken.accepted > 2
    monkeypatch.setattr("data_gen.runners.make_shard_or_explain", die_once)
    (report,) = run_local(iter([made]), workers=1, time_limit=60)
    assert pathlib.Path(made.path).with_suffix(".marker").exists()
    assert dataclasses.replace(report, seconds=0) == dataclasses.replace(unbroken, seconds=0)
    assert pathlib.Path(made.path).read_bytes() == bytes_of_it


def die_again_at_the_start(argument: ShardJob) -> ShardReport | str:
    """`die_once`, and the next process is killed before its first attempt."""
    died, again = (pathlib.Path(argument.path).with_suffix(suffix) for suffix in (".marker", ".again"))
    if died.exists() and not again.exists():
        again.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return die_once(argument)


def test_a_worker_killed_at_its_start_blames_no_attempt(tmp_path, monkeypatch):
    unbroken = make_shard(job(tmp_path))
    monkeypatch.setattr("data_gen.runners.make_shard_or_explain", die_again_at_the_start)
    (report,) = run_local(iter([job(tmp_path)]), workers=1, time_limit=60)
    assert (tmp_path / "shard-000002.again").exists()
    assert dataclasses.replace(report, seconds=0) == dataclasses.replace(unbroken, seconds=0)
