"""Shards that are kept as digests: if one moves, the sampler, the labels or the random numbers did.

On purpose, or by accident?  After a change on purpose

    python -m tests.data_gen.test_goldens integration_bwd ode1

writes the digests of these tasks again.  Those of Taylor stay as they are: data sets are published under them.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys
import tempfile
from typing import Any

import pytest

from data_gen.shard import ShardJob, make_shard
from symjax import tasks
from symjax.data.records import ShardReader, decode

FILE = pathlib.Path(__file__).with_name("goldens.json")
CASES: dict[str, dict[str, Any]] = {
    "taylor": {"task_options": {}, "seed": 5, "shard_index": 2, "shard_attempts": 150},
    "integration_fwd": {"task_options": {}, "seed": 1, "shard_index": 3, "shard_attempts": 100},
    "integration_bwd": {"task_options": {}, "seed": 1, "shard_index": 3, "shard_attempts": 100},
    "integration_ibp": {
        "task_options": {"table_size": 200, "rules_fraction": 1.0},
        "seed": 1,
        "shard_index": 3,
        "shard_attempts": 150,
    },
    "ode1": {"task_options": {}, "seed": 1, "shard_index": 3, "shard_attempts": 100},
    "ode2": {"task_options": {}, "seed": 1, "shard_index": 3, "shard_attempts": 150},
}


def made(name: str, folder: pathlib.Path) -> dict[str, Any]:
    """What is kept of a task's shard: how many examples it has, why the other attempts gave none, a digest of all."""
    path = folder / "shard.arrayrecord"
    report = make_shard(ShardJob(task_name=name, path=str(path), file_format="arrayrecord", **CASES[name]))
    task = tasks.load(name, **CASES[name]["task_options"])
    examples = [decode(item, task) for block in ShardReader(path) for item in block.examples()]
    whole = [[example.problem, example.answer, example.exact, dict(example.metadata)] for example in examples]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]
    return {"digest": digest, "examples": len(examples), "rejections": dict(report.rejections)}


@pytest.mark.parametrize("name", CASES)
def test_a_golden_shard(name: str, tmp_path: pathlib.Path) -> None:
    assert made(name, tmp_path) == json.loads(FILE.read_text(encoding="utf-8"))[name]


def write_again(names: list[str]) -> None:
    """Writes the digests of `names`, and leaves the others."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            kept[name] = made(name, pathlib.Path(folder))
    FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_again(sys.argv[1:])
