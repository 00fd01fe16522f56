"""Speed of labels on one core: draw, label, certify, round, write 30 digits, fingerprint.  Nothing is written to disk.

python benchmarks/labels.py [--num=30000] [--depths=3,4,5] [--repeats=3]

draws/s counts attempts of the seed's sampler, valid/s the ones that have a certified series (duplicates included, as
the seed counts them), distinct/s the distinct functions by fingerprint.  Tables start empty in every repeat.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import random
import statistics
import time
from collections import Counter

from symjax.symbolic import fingerprint, series
from symjax.symbolic.sampling import SeedSampler

SEED_RATE = 0.017


def measure(depth: int, num: int) -> tuple[dict[str, float], Counter]:
    """Rates per second of processor time, and what became of the attempts."""
    sampler = SeedSampler(max_depth=depth)
    series.clear_memo()
    fingerprint.clear_memo()
    outcomes: Counter = Counter()
    functions = set()
    start = time.process_time()
    for index in range(num):
        expr = sampler(random.Random(index))
        found = series.taylor_series(expr)
        if isinstance(found, series.Refusal):
            outcomes[found.reason] += 1
            continue
        outcomes["valid"] += 1
        _ = found.exact
        functions.add(fingerprint.fingerprint(expr))
    seconds = time.process_time() - start
    outcomes["distinct functions"] = len(functions)
    rates = {"draws": num / seconds, "valid": outcomes["valid"] / seconds, "distinct": len(functions) / seconds}
    return rates, outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=30_000, help="attempts at each depth")
    parser.add_argument("--depths", default="3,4,5")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("python-flint", "symjax"))
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"python benchmarks/labels.py --num={args.num} --depths={args.depths} --repeats={args.repeats}")
    print("one core, processor time, median of the repeats (least - most)")
    for depth in map(int, args.depths.split(",")):
        report(depth, args.num, [measure(depth, args.num) for _ in range(args.repeats)])


def report(depth: int, num: int, runs: list[tuple[dict[str, float], Counter]]) -> None:
    print(f"\ndepth {depth}, {num} attempts")
    for name in ("draws", "valid", "distinct"):
        values = sorted(rates[name] for rates, _ in runs)
        middle = statistics.median(values)
        print(f"  {name + '/s':12}{middle:10,.0f}  ({values[0]:,.0f} - {values[-1]:,.0f})", end="")
        print(f", {middle / SEED_RATE:,.0f} times the seed" if name == "valid" else "")
    print("  " + ", ".join(f"{name} {count / num:.2%}" for name, count in runs[0][1].most_common()))


if __name__ == "__main__":
    main()
