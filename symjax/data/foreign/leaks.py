"""What two splits of a data set have in common, named for people; by text, and by what the problems mean."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symjax import tasks
from symjax.data.foreign.columns import Columns
from symjax.data.foreign.distinct import DROPPED, Leaks, SharedKeys
from symjax.data.manifest import SPLITS
from symjax.processes import watched_map
from symjax.tasks import Task

BATCH_SECONDS = 600.0
_EMPTY = ((0, 0),)


def named(leaks: Leaks, place_of: Callable[[int], str]) -> dict[str, Any]:
    """ "train-test" -> `problems` that both have, and the places of the first few."""
    return {
        f"{SPLITS[one]}-{SPLITS[other]}": {
            "problems": shared.count,
            "places": [[place_of(number) for number in pair] for pair in shared.samples],
        }
        for (one, other), shared in leaks.items()
    }


def by_fingerprint(
    batches: Iterator[Columns], flags: np.ndarray, task: Task, folder: pathlib.Path, *, workers: int
) -> tuple[Leaks, int]:
    """What the splits share by fingerprint of the problem, and how many problems have none.

    Raises:
      ValueError: the task has no fingerprints.
    """
    if not isinstance(task, tasks.HasFingerprint):
        raise ValueError(f"task {task.name!r} has no fingerprint of a problem; ask for leaks by text")
    keys, without, sent = SharedKeys(folder), 0, dict[int, Columns]()

    def jobs() -> Iterator[list[bytes]]:
        for number, columns in enumerate(batches):
            kept = columns.keep((flags[columns.numbers] & DROPPED) == 0)
            sent[number] = kept
            ends = np.cumsum(kept.problems.lengths).tolist()
            ids = kept.problems.ids
            yield [ids[start:end].tobytes() for start, end in zip([0, *ends], ends, strict=False)]

    function = functools.partial(fingerprints, task.name, json.dumps(dict(task.options)))
    for number, outcome in watched_map(function, jobs(), workers=workers, time_limit=BATCH_SECONDS):
        columns = sent.pop(number)
        found = outcome.value if outcome.failure is None else [""] * len(columns)
        if outcome.failure == "worker_error":
            outcome.get()
        known = np.array([bool(text) for text in found], bool)
        words = [[int(text[:16], 16), int(text[16:32], 16)] for text in found if text]
        without += int((~known).sum())
        keys.add(columns.numbers[known], columns.splits[known], np.array(words or _EMPTY, np.uint64)[: len(words)])
    return keys.leaks(), without


@functools.lru_cache(maxsize=2)
def _task(name: str, options: str) -> Task:
    return tasks.load(name, **json.loads(options))


def fingerprints(name: str, options: str, problems: list[bytes]) -> list[str]:
    """The fingerprint of each problem, given as ids; empty for none.  Runs in a worker."""
    task = _task(name, options)
    assert isinstance(task, tasks.HasFingerprint)
    tokens = task.problem_vocabulary.tokens
    return [task.fingerprint(tuple(tokens[number] for number in problem)) or "" for problem in problems]
