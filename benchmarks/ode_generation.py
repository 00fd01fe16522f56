"""Speed of making differential equations on one core: drawn, solved, checked, fingerprinted and written into shards.

python benchmarks/ode_generation.py [--tasks=ode1,ode2] [--attempts=4000] [--repeats=3]

Prints accepted examples per second of processor time, the lengths of problems and answers, the share of attempts that
are accepted and why the others are not, how many of the accepted are distinct, and how often solutions hold at all
points.  Each repeat is a fresh process with another seed.  Compared with Lample and Charton's program on a machine of
the same kind (SymPy 1.4, one process, processor time), and with the lengths in their paper.
"""

from __future__ import annotations

import argparse
import collections
import importlib.metadata
import pathlib
import platform
import statistics
import tempfile
import time
from typing import Any

from data_gen.shard import ShardJob, make_shard
from symjax.data.records import ShardReader
from symjax.processes import Watched

REFERENCE = {
    "ode1": "0.69-0.76 accepted/s, 58-66 % accepted, in 104-131 (paper 123.6), out 17-20 (23.0)",
    "ode2": "0.12-0.18 accepted/s, 20-27 % accepted, in 101-183 (paper 149.1), out 16-22 (24.3)",
}
LIMIT = 3600.0


def shard_job(options: dict[str, Any], attempts: int) -> ShardJob:
    """The job of one shard; nothing that is verified apart counts."""
    return ShardJob(
        task_name=options["task"],
        task_options={},
        seed=options["seed"],
        shard_index=0,
        shard_attempts=attempts,
        path=f"{options['folder']}/{options['task']}-{options['seed']}-{attempts}.arrayrecord",
        file_format="arrayrecord",
        verify_every=0,
    )


def measure(options: dict[str, Any]) -> dict[str, Any]:
    """Counts and lengths of one run, and accepted examples per second of processor time."""
    make_shard(shard_job(options, 50))  # what is made once in a process
    start, wall = time.process_time(), time.monotonic()
    report = make_shard(shard_job(options, options["attempts"]))
    seconds, wall = time.process_time() - start, time.monotonic() - wall
    blocks = list(ShardReader(pathlib.Path(options["folder"], report.file.name)))
    shares = [row["agreement"] for block in blocks for row in block.metadata]
    return {
        "accepted/s": report.accepted / seconds,
        "processor/wall": seconds / wall,
        "accepted, %": 100 * report.accepted / report.attempts,
        "distinct, % of accepted": 100 * report.file.count / report.accepted,
        "hold at all points, %": 100 * statistics.mean(share == 1.0 for share in shares),
        "problems": [int(length) for block in blocks for length in block.problem_lengths],
        "answers": [int(length) for block in blocks for length in block.answer_lengths],
        "rejections": dict(report.rejections),
    }


def show(task: str, runs: list[dict[str, Any]], attempts: int) -> None:
    """Medians over the runs with their range; lengths and rejections of all runs together."""
    print(f"{task}; the reference: {REFERENCE[task]}")
    for name in ("accepted/s", "processor/wall", "accepted, %", "distinct, % of accepted", "hold at all points, %"):
        values = sorted(run[name] for run in runs)
        print(f"  {name:24}{statistics.median(values):>10,.2f}  ({values[0]:,.2f} - {values[-1]:,.2f})")
    for name in ("problems", "answers"):
        lengths = [length for run in runs for length in run[name]]
        mean, spread = statistics.mean(lengths), statistics.pstdev(lengths)
        print(f"  tokens of {name:14}{mean:>10.1f} +- {spread:.1f}, at most {max(lengths)}, of {len(lengths):,}")
    reasons = collections.Counter()
    for run in runs:
        reasons.update(run["rejections"])
    total = attempts * len(runs)
    print("  rejected, %: " + ", ".join(f"{name} {100 * count / total:.1f}" for name, count in reasons.most_common()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="ode1,ode2")
    parser.add_argument("--attempts", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("python-flint", "symjax"))
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"python benchmarks/ode_generation.py {' '.join(f'--{name}={value}' for name, value in vars(args).items())}")
    print("one core, processor time, median of the repeats (least - most)")
    with tempfile.TemporaryDirectory() as folder, Watched(measure, time_limit=LIMIT) as worker:
        for task in args.tasks.split(","):
            runs = []
            for repeat in range(args.repeats):
                options = {"task": task, "attempts": args.attempts, "seed": 1000 + repeat, "folder": folder}
                runs.append(worker.call(options))
                worker.close()
            show(task, runs, args.attempts)


if __name__ == "__main__":
    main()
