"""An example is a function of the options, the seed and its index: not of what was drawn before, or of the process."""

from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from symjax import tasks

TASKS: dict[str, dict[str, Any]] = {
    "integration": {"table_size": 30},
    "integration_fwd": {},
    "integration_bwd": {},
    "integration_ibp": {"table_size": 30, "rules_fraction": 1.0},
    "ode1": {},
    "ode2": {},
}
SEED = 3
ROOT = pathlib.Path(__file__).parent.parent.parent


def outcome(task: tasks.Task, index: int) -> str:
    """What an attempt gives, an example or a rejection."""
    return repr(task.sample(random.Random(SEED << 64 | index)))


def alone(task: tasks.Task, index: int) -> str:
    """What an attempt gives in a process that has drawn nothing."""
    reader, writer = os.pipe()
    if not os.fork():
        with os.fdopen(writer, "w") as file:
            file.write(outcome(task, index))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        found = file.read()
    os.wait()
    return found


def elsewhere(name: str, before: Iterable[int], indices: list[int]) -> list[list[str]]:
    """Attempts of a fresh process: each alone, then in reverse order after others."""
    task = tasks.load(name, **TASKS[name])
    if isinstance(task, tasks.HasInputs):
        task.inputs()  # reads the table, or makes it
    first = [alone(task, index) for index in indices]
    for index in before:
        task.sample(random.Random(index))
    return [first, [outcome(task, index) for index in reversed(indices)][::-1]]


@pytest.mark.parametrize(("name", "hash_seed"), [(name, str(place)) for place, name in enumerate(TASKS)])
def test_an_attempt_does_not_depend_on_others_or_on_the_process(name: str, hash_seed: str) -> None:
    indices = list(range(50))
    task = tasks.load(name, **TASKS[name])
    here = [outcome(task, index) for index in indices]
    assert sum("Example" in found for found in here) > 2
    found = subprocess.run(
        [sys.executable, __file__, json.dumps([name, list(range(120)), indices])],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == [here, here]


if __name__ == "__main__":
    print(json.dumps(elsewhere(*json.loads(sys.argv[1]))))
