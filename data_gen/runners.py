"""Run shard jobs, in any order, on whatever there is: here the cores of this machine."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import struct
from collections.abc import Generator, Iterator

from data_gen.shard import ShardJob, ShardReport, make_shard_or_explain, position_path
from symjax.processes import watched_map

MOST_SUSPECTS = 4
"""Losses of one shard in different attempts: no attempt is to blame, but the whole shard is too much."""


class GenerationError(RuntimeError):
    """Generation cannot go on; the message says why and what to do.  What is finished stays."""


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(jobs: Iterator[ShardJob], *, workers: int, time_limit: float) -> Generator[ShardReport, None, None]:
    """Reports of the jobs as they finish, from `workers` processes.

    `jobs` may be endless; close the iterator to stop.  A shard whose worker died or ran out of time is run again; if
    that happens twice in the same attempt, the attempt is skipped, which its report says.

    Raises:
      GenerationError: a file cannot be written, a label is wrong, the code failed, or the worker of a shard is lost
        outside of any attempt or in ever other ones.
    """
    again: collections.deque[ShardJob] = collections.deque()
    running: list[ShardJob] = []
    suspects: set[tuple[int, int]] = set()

    def supply() -> Iterator[ShardJob]:
        while job := again.popleft() if again else next(jobs, None):
            running.append(job)
            yield job

    while True:  # again only if the jobs ended before the retries
        stream = watched_map(make_shard_or_explain, supply(), workers=workers, time_limit=time_limit)
        first = len(running)
        with contextlib.closing(stream):
            for place, outcome in stream:
                job = running[first + place]
                if isinstance(outcome.value, ShardReport):
                    yield outcome.value
                elif isinstance(outcome.value, str):
                    raise GenerationError(outcome.value)
                else:
                    again.append(_retry(job, outcome.failure or "", outcome.detail, suspects))
        if not again:
            return


def _retry(job: ShardJob, failure: str, detail: str, suspects: set[tuple[int, int]]) -> ShardJob:
    """The job to run in place of one whose worker was lost."""
    if failure == "worker_error":
        raise GenerationError(f"shard {job.shard_index} failed, and would fail again:\n{detail}")
    attempt = _lost_attempt(job)
    if (job.shard_index, attempt) not in suspects:
        suspects.add((job.shard_index, attempt))
        if sum(shard == job.shard_index for shard, _ in suspects) == MOST_SUSPECTS:
            raise GenerationError(
                f"shard {job.shard_index} was lost in {MOST_SUSPECTS} different attempts (last: {detail}); "
                "lower shard_attempts, raise shard_seconds, or use fewer workers if memory is short"
            )
        return job
    if attempt < 0:
        raise GenerationError(
            f"the worker of shard {job.shard_index} was lost twice before its first attempt: {detail}"
        )
    return dataclasses.replace(job, skip={**job.skip, attempt: failure})


def _lost_attempt(job: ShardJob) -> int:
    """The attempt in which the worker was lost; -1 if it had none."""
    try:
        return struct.unpack("<q", position_path(job.path).read_bytes())[0]
    except (OSError, struct.error):
        return -1
