"""Shards in order until there are enough distinct examples."""

from __future__ import annotations

import collections
import contextlib
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from data_gen import merge
from data_gen.progress import Progress
from data_gen.runners import GenerationError, run_local
from data_gen.shard import ShardJob, ShardReport
from symjax.data.manifest import SPLITS
from symjax.data.records import ShardReader, Signature


class Collected:
    """The shards so far, in order, with what each row becomes: 0 dropped, else 1 + the split's place in SPLITS.

    Args:
      config: what defines the data set.
      signature: of the task as it is now; shards that an older program left with other ids are refused.
      inputs: what the task reads here beside its options; shards that were made from something else are refused.
    """

    def __init__(self, config: Mapping[str, Any], signature: Signature, inputs: Mapping[str, str]) -> None:
        self.shards: list[merge.MarkedShard] = []
        self.wanted: int = config["num_examples"]
        self.kept = 0
        self.config = config
        self._signature = signature
        self._inputs = inputs
        self._seen: set[bytes] = set()
        self._reports: list[ShardReport] = []

    @property
    def complete(self) -> bool:
        """Whether there are enough."""
        return self.kept == self.wanted

    @property
    def distinct(self) -> int:
        """Distinct examples in all shards so far, those beyond the cut included."""
        return len(self._seen)

    def add(self, report: ShardReport, path: pathlib.Path) -> None:
        """Takes in the next shard.

        Raises:
          GenerationError: it was made from other inputs than there are here.
        """
        if report.inputs != self._inputs:
            raise GenerationError(
                f"{path} was made from {dict(report.inputs)}, here are {dict(self._inputs)}; delete the shards in "
                f"{path.parent}, or use the program that made them"
            )
        marks = []
        for block in ShardReader(path, signature=self._signature, info=report.file):
            marks.extend(self._mark(bytes.fromhex(row["fingerprint"])) for row in block.metadata)
        self.shards.append(merge.MarkedShard(path=path, marks=np.array(marks, np.uint8)))
        self._reports.append(report)

    def _mark(self, fingerprint: bytes) -> int:
        if fingerprint in self._seen:
            return 0
        self._seen.add(fingerprint)
        if self.complete:
            return 0
        self.kept += 1
        return 1 + SPLITS.index(
            merge.split_of(fingerprint, self.config["validation_fraction"], self.config["test_fraction"])
        )

    def draws(self) -> dict[str, Any]:
        """Counts over the shards for the manifest, their rates, and the verdicts on a sample of the labels."""
        rejections, verdicts, lost = collections.Counter(), collections.Counter(), {}
        for report in self._reports:
            rejections.update(report.rejections)
            verdicts.update(report.verdicts)
            lost.update(report.lost)
        accepted = sum(report.accepted for report in self._reports)
        seconds = sum(report.seconds for report in self._reports)
        return {
            "draws": {
                "attempts": sum(report.attempts for report in self._reports),
                "accepted": accepted,
                "distinct": self.distinct,
                "duplicates": accepted - self.distinct,
                "kept": self.kept,
                "rejections": dict(sorted(rejections.items())),
                "lost": lost,
            },
            "rates": {
                "worker_seconds": round(seconds, 3),
                "valid_draws_per_worker_second": round(accepted / seconds, 1),
                "distinct_per_worker_second": round(self.distinct / seconds, 1),
            },
            "verified": dict(sorted(verdicts.items())),
        }


def collect(
    collected: Collected, attempts: pathlib.Path, *, workers: int, limit: int, seconds: float, verify_every: int
) -> None:
    """Makes the shards that are missing and takes all in, in order, until there are enough examples."""
    config = collected.config
    waiting: dict[int, ShardReport] = {}
    for path in sorted(attempts.glob("shard-*.json")):
        report = ShardReport.read(path)
        if report is not None:
            waiting[report.shard_index] = report
    last = max(1, -(-limit // config["shard_attempts"]))
    progress = Progress(collected.wanted)

    def path_of(number: int) -> pathlib.Path:
        return attempts / f"shard-{number:06}.{config['file_format']}"

    def take() -> None:
        while not collected.complete and (number := len(collected.shards)) in waiting:
            collected.add(waiting.pop(number), path_of(number))

    take()
    progress.start_at(collected.kept)
    missing = [number for number in range(last) if number >= len(collected.shards) and number not in waiting]
    jobs = (_job(config, number, path_of(number), verify_every) for number in missing)
    draws = 0
    if not collected.complete:
        with contextlib.closing(
            run_local(jobs, workers=min(workers, max(1, len(missing))), time_limit=seconds)
        ) as stream:
            for report in stream:
                waiting[report.shard_index] = report
                draws += report.accepted
                take()
                progress.update(collected.kept, draws)
                if collected.complete:
                    break
    if not collected.complete:
        raise GenerationError(
            f"only {collected.kept:,} distinct examples in {last * config['shard_attempts']:,} attempts, asked for are "
            f"{collected.wanted:,}; ask for fewer, widen the task's options, or raise max_attempts"
        )
    progress.finish(f"generated {collected.kept:,} distinct examples")


def _job(config: Mapping[str, Any], number: int, path: pathlib.Path, verify_every: int) -> ShardJob:
    return ShardJob(
        task_name=config["task_name"],
        task_options=config["task_options"],
        seed=config["seed"],
        shard_index=number,
        shard_attempts=config["shard_attempts"],
        path=str(path),
        file_format=config["file_format"],
        verify_every=verify_every,
    )
