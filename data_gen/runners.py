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

MOST_LOSSES = 4
"""Losses of one shard, none twice in one attempt: no attempt is to blame, but the whole shard is too much."""


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
      GenerationError: a file cannot be written, a label is wrong, the code failed, or the workers of a shard are lost
        again and again, in ever other attempts or before the first.
    """
    again: collections.deque[ShardJob] = collections.deque()
    running: list[ShardJob] = []
    losses: dict[int, list[int]] = collections.defaultdict(list)

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
                    again.append(_retry(job, outcome.failure or "", outcome.detail, losses[job.shard_index]))
        if not again:
            return


def _retry(job: ShardJob, failure: str, detail: str, losses: list[int]) -> ShardJob:
    """The job to run in place of one whose worker was lost; `losses` are the attempts in which its workers were."""
    if failure == "worker_error":
        raise GenerationError(f"shard {job.shard_index} failed, and would fail again:\n{detail}")
    attempt = _lost_attempt(job)
    if attempt >= 0 and attempt in losses:
        return dataclasses.replace(job, skip={**job.skip, attempt: failure})
    losses.append(attempt)
    if len(losses) == MOST_LOSSES:
        where = "in different attempts" if max(losses) >= 0 else "before the first attempt"
        raise GenerationError(
            f"shard {job.shard_index} was lost {MOST_LOSSES} times, {where} (last: {detail}); "
            "lower shard_attempts, raise shard_seconds, or use fewer workers if memory is short"
        )
    return job


def _lost_attempt(job: ShardJob) -> int:
    """The attempt in which the worker was lost, which is noted no longer; -1 if it had not begun any."""
    noted = position_path(job.path)
    try:
        (attempt,) = struct.unpack("<q", noted.read_bytes())
        noted.unlink()  # or the next worker, killed before it notes anything, would be taken to have died there too
    except (OSError, struct.error):
        return -1
    return attempt
