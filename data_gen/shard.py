"""One shard: a fixed range of attempts -> one file of distinct examples, and a report beside it.

A shard is a pure function of its job.  Every attempt has its own random numbers, keyed by (seed, index), so it
matters neither which process runs it nor what ran before.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import gc
import json
import mmap
import os
import pathlib
import random
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

from symjax import tasks
from symjax.data.records import PARTIAL, ShardInfo, ShardWriter, Signature, encode
from symjax.tasks import Example, HasInputs, Rejection, Task

INDEX_BITS = 64
COLLECTION_THRESHOLDS = (100_000, 50, 50)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardJob:
    """What decides a shard.

    Attributes:
      task_name, task_options, seed: as in `dataset.generate`.
      shard_index, shard_attempts: the attempts are shard_index * shard_attempts and the shard_attempts - 1 next.
      path: of the shard's file.
      file_format: "arrayrecord" or "tfrecord".
      skip: attempt -> why it is left out: attempts that a worker did not survive.
      verify_every: judge the first accepted example, and every so-manieth after it, by the task's verifier; 0 for none.
        Decides nothing but whether the shard is refused.
    """

    task_name: str
    task_options: Mapping[str, Any]
    seed: int
    shard_index: int
    shard_attempts: int
    path: str
    file_format: str
    skip: Mapping[int, str] = dataclasses.field(default_factory=dict)
    verify_every: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardReport:
    """What became of the attempts of a shard.

    Attributes:
      attempts: number of attempts, the skipped ones included.
      accepted: valid draws, duplicates included.
      rejections: reason -> number.
      lost: attempt -> why it was skipped.
      file: the shard of distinct examples (of one function the lowest index stays).
      seconds: wall time of the worker; decides nothing.
      verdicts: kind -> number, of the examples that the verifier judged.
      inputs: name -> SHA-256 of what the task read beside its options.
    """

    shard_index: int
    attempts: int
    accepted: int
    rejections: Mapping[str, int]
    lost: Mapping[str, str]
    file: ShardInfo
    seconds: float
    verdicts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: pathlib.Path) -> Self | None:
        """The report in `path` if it is there and its shard is complete."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            report = cls(**content | {"file": ShardInfo(**content["file"])})
            complete = (path.parent / report.file.name).stat().st_size == report.file.bytes
        except (OSError, ValueError, KeyError, TypeError):
            return None  # a shard without a whole report is made again
        return report if complete else None


def report_path(path: str | pathlib.Path) -> pathlib.Path:
    """Where the report of the shard in `path` lies; its presence means that the shard is complete."""
    return pathlib.Path(path).with_suffix(".json")


class WrongLabel(ValueError):  # noqa: N818 - it names what was found
    """A label that the verifier does not accept."""


def make_shard(job: ShardJob) -> ShardReport:
    """Runs the attempts of `job`, writes its shard, then its report.

    Raises:
      OSError: a file cannot be written.
      ValueError: the task refuses its options.
      WrongLabel: the verifier refutes a label, or cannot read one.
    """
    started = time.monotonic()
    task = _load(job.task_name, json.dumps(dict(job.task_options), sort_keys=True))
    first = job.shard_index * job.shard_attempts
    accepted, rejections, verdicts, seen = 0, collections.Counter(), collections.Counter(), set()
    writer = ShardWriter(job.path, Signature.of(task), file_format=job.file_format)
    with _rare_collections(), writer, _Position(job.path) as at:
        for index, rng in _attempts(job.seed, range(first, first + job.shard_attempts)):
            if index in job.skip:
                continue
            at.set(index)
            drawn = task.sample(rng)
            if isinstance(drawn, Rejection):
                rejections[drawn.reason] += 1
                continue
            if job.verify_every and accepted % job.verify_every == 0:
                verdicts[_judged(task, drawn, index)] += 1
            accepted += 1
            fingerprint = drawn.metadata["fingerprint"]
            if fingerprint not in seen:
                seen.add(fingerprint)
                writer.add(encode(drawn, index, task))
        file = writer.close()
    report = ShardReport(
        shard_index=job.shard_index,
        attempts=job.shard_attempts,
        accepted=accepted,
        rejections=dict(sorted(rejections.items())),
        lost={str(index): reason for index, reason in sorted(job.skip.items())},
        file=file,
        seconds=time.monotonic() - started,
        verdicts=dict(sorted(verdicts.items())),
        inputs=inputs_of(task),
    )
    write_json(report_path(job.path), dataclasses.asdict(report))
    return report


def make_shard_or_explain(job: ShardJob) -> ShardReport | str:
    """`make_shard`, or the sentence that says which file could not be written and why, or which label is wrong."""
    try:
        return make_shard(job)
    except WrongLabel as error:
        return str(error)
    except OSError as error:
        return (
            f"cannot write {error.filename or job.path}: {error.strerror or error}; make room or give another folder, "
            "then run the same command again: finished shards are kept"
        )


def inputs_of(task: Task) -> dict[str, str]:
    """Name -> SHA-256 of what the task reads beside its options."""
    return dict(task.inputs()) if isinstance(task, HasInputs) else {}


def _judged(task: Task, example: Example, index: int) -> str:
    """The kind of the verdict on a label; "proved" or "undetermined"."""
    verdict = task.verify(example.problem, example.answer)
    if verdict.kind in ("refuted", "unparsable"):
        raise WrongLabel(
            f"attempt {index} has a wrong label: the verifier says {verdict.kind} of problem "
            f"{' '.join(example.problem)!r}, answer {' '.join(example.answer)!r} ({json.dumps(verdict.evidence)}); "
            "please report it with the config and this line; until it is mended, another seed, or "
            "dataset.verify_every=0, which writes such labels, gives a data set"
        )
    return verdict.kind


def _attempts(seed: int, indices: range) -> Iterator[tuple[int, random.Random]]:
    """Each index with the generator of its attempt; one object seeded again (4 us), to be used before the next."""
    rng = random.Random()
    for index in indices:
        rng.seed(seed << INDEX_BITS | index)
        yield index, rng


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Makes Python look for cyclic garbage seldom: tables of series are large, long-lived and free of cycles."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTION_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@functools.lru_cache(maxsize=4)
def _load(name: str, options: str) -> Task:
    return tasks.load(name, **json.loads(options))


class _Position:
    """The attempt under way, where it can be read after this process has been killed."""

    def __init__(self, path: str) -> None:
        self._path = position_path(path)

    def __enter__(self) -> Self:
        self._path.write_bytes(struct.pack("<q", -1))
        with open(self._path, "r+b") as file:
            self._view = mmap.mmap(file.fileno(), 8)
        return self

    def set(self, index: int) -> None:
        struct.pack_into("<q", self._view, 0, index)

    def __exit__(self, *_: object) -> None:
        self._view.close()
        self._path.unlink(missing_ok=True)


def position_path(path: str | pathlib.Path) -> pathlib.Path:
    """Where the attempt under way of the shard in `path` is noted."""
    return pathlib.Path(f"{path}.position")


def write_json(path: pathlib.Path, content: Any) -> None:
    """Writes `content` beside `path` and renames it there: a reader sees the old file or the whole new one."""
    partial = path.with_name(path.name + PARTIAL)
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
