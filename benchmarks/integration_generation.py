"""Speed, lengths and losses of the generators of integrals on one core: drawn, checked and written into shards on disk.

python benchmarks/integration_generation.py [--tasks=bwd,fwd,ibp] [--attempts=bwd:6000,fwd:1500,ibp:4000] [--repeats=3]

Options are the defaults of the task, which are those of the published README.  accepted/s counts accepted draws in a
second of processor time, writing included, the verification of a sample left out; each repeat is a fresh process with
another seed.  The table that problems by parts read is made, or read, before the clock starts, and its cost is given
apart.  Beside ours: what was measured of Lample and Charton's program with the same options on the same kind of
machine (SymPy 1.4), and the lengths in their paper's table 1; ours should lie within 25 % of one of them.
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

from data_gen.shard import ShardJob, inputs_of, make_shard
from symjax import tasks
from symjax.data.records import ShardReader
from symjax.processes import Watched

LIMIT = 3600.0
SHARDS = 2
REFERENCE = {  # accepted/s, least and most mean length of problems, of answers, least and most share accepted
    "bwd": (5.8, (69.4, 70.9), (20.6, 21.3), (0.84, 0.92)),
    "fwd": (0.25, (14.5, 20.8), (28.0, 49.6), (0.27, 0.31)),
    "ibp": (0.06, (17.5, 17.5), (26.4, 26.4), (0.01, 0.024)),
}
FLOORS = {"bwd": (1200, 2500), "fwd": (40, 100), "ibp": (12, 60)}
TOLERANCE = 0.25


def measure(options: dict[str, Any]) -> dict[str, Any]:
    """Counts, lengths and processor time of one task's shards."""
    started = time.process_time()
    task = tasks.load(options["task"], **options["options"])
    inputs_of(task)
    prepared, reports = time.process_time() - started, []
    start, wall = time.process_time(), time.monotonic()
    for index in range(SHARDS):
        job = ShardJob(
            task_name=options["task"],
            task_options=options["options"],
            seed=options["seed"],
            shard_index=index,
            shard_attempts=options["attempts"] // SHARDS,
            path=f"{options['folder']}/{options['task']}-{options['seed']}-{index}.arrayrecord",
            file_format="arrayrecord",
        )
        reports.append(make_shard(job))
    seconds, wall = time.process_time() - start, time.monotonic() - wall
    lengths: dict[str, list[int]] = {"problem": [], "answer": []}
    facts: collections.Counter[str] = collections.Counter()
    functions = set()
    for report in reports:
        for block in ShardReader(pathlib.Path(options["folder"], report.file.name)):
            lengths["problem"] += block.problem_lengths.tolist()
            lengths["answer"] += block.answer_lengths.tolist()
            for row in block.metadata:
                functions.add(row["fingerprint"])
                facts.update(name for name in ("real", "direct", "simplified") if row.get(name))
    rejections: collections.Counter[str] = collections.Counter()
    for report in reports:
        rejections.update(report.rejections)
    return {
        "seconds": seconds,
        "processor/wall": seconds / wall,
        "prepared": prepared,
        "accepted": sum(report.accepted for report in reports),
        "distinct": len(functions),
        "rejections": rejections,
        "lengths": lengths,
        "facts": facts,
    }


def show(name: str, runs: list[dict[str, Any]], attempts: int) -> None:
    """Prints the figures of one generator, with the reference's beside."""
    rates = sorted(run["accepted"] / run["seconds"] for run in runs)
    their_rate, *their_lengths, their_share = REFERENCE[name]
    accepted = sum(run["accepted"] for run in runs) / (attempts * len(runs))
    distinct = sum(run["distinct"] for run in runs) / sum(run["accepted"] for run in runs)
    print(f"\n{name}: {attempts} attempts, {len(runs)} repeats")
    least, stretch = FLOORS[name]
    print(
        f"  accepted/s     {statistics.median(rates):8.1f}  ({rates[0]:.1f} - {rates[-1]:.1f}); reference {their_rate}"
    )
    print(f"                           wanted at least {least}, stretch {stretch}")
    print(f"  accepted share {accepted:8.1%}  reference {their_share[0]:.1%} - {their_share[1]:.1%}")
    print(f"  distinct of accepted {distinct:.1%}, within a repeat")
    for side, (least, most) in zip(("problem", "answer"), their_lengths, strict=True):
        values = [length for run in runs for length in run["lengths"][side]]
        mean = statistics.mean(values)
        within = (1 - TOLERANCE) * least <= mean <= (1 + TOLERANCE) * most
        print(
            f"  {side + ' tokens':14} {mean:8.1f}  +- {statistics.pstdev(values):.1f}, largest {max(values)}, median "
            f"{statistics.median(values):.0f}; reference {least} - {most}: {'within' if within else 'OUTSIDE'} 25 %"
        )
    kept = sum(len(run["lengths"]["problem"]) for run in runs)
    facts = sum((run["facts"] for run in runs), collections.Counter())
    print("  of the kept    " + ", ".join(f"{fact} {count / kept:.1%}" for fact, count in sorted(facts.items())))
    rejections = sum((run["rejections"] for run in runs), collections.Counter())
    total = attempts * len(runs)
    print("  rejected       " + ", ".join(f"{why} {count / total:.1%}" for why, count in rejections.most_common()))
    print(f"  processor/wall {statistics.median(run['processor/wall'] for run in runs):8.2f}")
    print(f"  made or read before the clock, at most {max(run['prepared'] for run in runs):.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="bwd,fwd,ibp")
    parser.add_argument("--attempts", default="bwd:6000,fwd:1500,ibp:4000")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    attempts = {name: int(number) for name, _, number in (item.partition(":") for item in args.attempts.split(","))}
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("python-flint", "symjax"))
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}")
    flags = " ".join(f"--{key}={value}" for key, value in vars(args).items())
    print(f"python benchmarks/integration_generation.py {flags}")
    with tempfile.TemporaryDirectory() as folder, Watched(measure, time_limit=LIMIT) as worker:
        for name in args.tasks.split(","):
            runs = []
            for repeat in range(args.repeats):
                task = f"integration_{name}"
                job = {"task": task, "options": {}, "seed": repeat, "attempts": attempts[name], "folder": folder}
                runs.append(worker.call(job))
                worker.close()
            show(name, runs, attempts[name])


if __name__ == "__main__":
    main()
