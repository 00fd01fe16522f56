"""Speed of generation on one core: drawn, labelled, certified, fingerprinted and written into shards on disk.

python benchmarks/generation.py [--depth=3] [--shards=5] [--shard_attempts=10000] [--repeats=3]

valid draws/s counts accepted draws, duplicates included, as the seed counts them; distinct/s counts the functions that
the shards hold together, which falls with their number, since the sampler repeats itself.  Each repeat is a fresh
process with another seed, so tables start empty.  Compared with the seed's 3,000 samples in 3 hours on 16 cores.
"""

from __future__ import annotations

import argparse
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

SEED_RATE = 0.017
LIMIT = 3600.0


def measure(options: dict[str, Any]) -> dict[str, float]:
    """Rates per second of processor time, the share of it in wall time, and bytes for each example."""
    reports, start, wall = [], time.process_time(), time.monotonic()
    for index in range(options["shards"]):
        job = ShardJob(
            task_name="taylor",
            task_options={"max_depth": options["depth"]},
            seed=options["seed"],
            shard_index=index,
            shard_attempts=options["shard_attempts"],
            path=f"{options['folder']}/{options['seed']}-{index}.arrayrecord",
            file_format="arrayrecord",
        )
        reports.append(make_shard(job))
    seconds, wall = time.process_time() - start, time.monotonic() - wall
    functions = {
        row["fingerprint"]
        for report in reports
        for block in ShardReader(pathlib.Path(options["folder"], report.file.name))
        for row in block.metadata
    }
    return {
        "attempts/s": options["shards"] * options["shard_attempts"] / seconds,
        "valid draws/s": sum(report.accepted for report in reports) / seconds,
        "distinct/s": len(functions) / seconds,
        "processor/wall": seconds / wall,
        "bytes/example": sum(report.file.bytes for report in reports) / sum(report.file.count for report in reports),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--shards", type=int, default=5)
    parser.add_argument("--shard_attempts", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("python-flint", "array-record", "symjax")
    )
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"python benchmarks/generation.py {' '.join(f'--{name}={value}' for name, value in vars(args).items())}")
    print("one core, processor time, median of the repeats (least - most)")
    runs = []
    with tempfile.TemporaryDirectory() as folder, Watched(measure, time_limit=LIMIT) as worker:
        for repeat in range(args.repeats):
            runs.append(worker.call(vars(args) | {"folder": folder, "seed": repeat}))
            worker.close()
    for name in runs[0]:
        values = sorted(run[name] for run in runs)
        middle = statistics.median(values)
        figures = "{:>10,.2f}  ({:,.2f} - {:,.2f})" if name == "processor/wall" else "{:>10,.0f}  ({:,.0f} - {:,.0f})"
        print(f"  {name:16}" + figures.format(middle, values[0], values[-1]), end="")
        print(f", {middle / SEED_RATE:,.0f} times the seed" if name == "valid draws/s" else "")


if __name__ == "__main__":
    main()
