"""The SymPy engine in a shard: what hangs, takes the memory or aborts costs its own attempt, under its name."""

from __future__ import annotations

import pathlib

import pytest

from data_gen import shard
from data_gen.shard import ShardJob, make_shard
from symjax import tasks
from symjax.symbolic.reference_integration import IntegrationReference
from symjax.symbolic.reference_steps import SympySteps
from symjax.tasks import Example
from tests.symbolic.test_reference_steps import misbehave

OPTIONS = {"engine": "sympy", "operators": "add:1,sin:1,cos:1,tan:2,exp:4,mul:1", "max_operators": 4}
ATTEMPTS = 8


def test_lost_calls_are_counted_one_by_one(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks.load("integration_bwd", **OPTIONS)
    with SympySteps(seconds=2, memory_limit=2**31, function=misbehave) as steps:
        task.__dict__["_engine"] = IntegrationReference(steps=steps)
        monkeypatch.setattr(shard, "_load", lambda *_: task)
        job = ShardJob(
            task_name=task.name, task_options=task.options, seed=1, shard_index=0, shard_attempts=ATTEMPTS,
            path=str(tmp_path / "shard-000000.arrayrecord"), file_format="arrayrecord",
        )  # fmt: skip
        report = make_shard(job)
    assert report.accepted > 0
    assert report.accepted + sum(report.rejections.values()) == report.attempts == ATTEMPTS
    assert {"time_limit", "memory_limit"} <= set(report.rejections)  # an abort under a limit is named as the limit


def test_engine_labels_are_right() -> None:
    import random

    task = tasks.load("integration_bwd", engine="sympy", engine_seconds=60.0, max_operators=4)
    found = [task.sample(random.Random(number)) for number in range(3)]
    examples = [one for one in found if isinstance(one, Example)]
    assert examples
    assert all(task.verify(one.problem, one.answer).kind == "proved" for one in examples)
