"""Speed of the canonical core on one core: draw and build a function, differentiate it, count its tokens.

python benchmarks/canonical.py [--num=3000] [--repeats=7]

Functions of the generators' distribution (README parameters, 4 to 15 operators).  Processor time in milliseconds for
each attempt (drawing, building) and for each accepted function (the rest), median of the repeats and their range; each
repeat has functions of its own.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from symjax.symbolic.canonical import TooLarge, Undefined
from symjax.symbolic.conventions import foreign_form, token_length
from symjax.symbolic.derivative import derivative
from symjax.symbolic.tree_sampling import TreeSampler, canonical_tree, draw_count
from symjax.tokenization import prefix

STEPS: tuple[str, ...] = ("draw", "build", "derivative", "token length", "words")


def measure(sampler: TreeSampler, first: int, num: int) -> dict[str, float]:
    """Milliseconds of processor time for each step; nothing is kept from one function to the next."""
    spent, times = dict.fromkeys(STEPS, 0.0), dict.fromkeys(STEPS, 0)

    def timed(step: str, function: Callable[[], Any]) -> Any:
        start = time.process_time()
        try:
            return function()
        finally:
            spent[step] += time.process_time() - start
            times[step] += 1

    for index in range(first, first + num):
        rng = random.Random(index)
        rows = timed("draw", lambda rng=rng: sampler.rows(rng, draw_count(rng, 4, 15)))
        try:
            expr = timed("build", lambda rows=rows: canonical_tree(rows))
            slope = timed("derivative", lambda expr=expr: derivative(expr))
        except (TooLarge, Undefined):
            continue
        timed("token length", lambda slope=slope: token_length(slope))
        timed("words", lambda slope=slope: prefix.write(foreign_form(slope)))
    return {step: spent[step] * 1000 / times[step] for step in STEPS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=3000, help="attempts in each repeat")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    sampler = TreeSampler()
    measure(sampler, 0, 300)
    runs = [measure(sampler, args.num * (1 + repeat), args.num) for repeat in range(args.repeats)]
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    print(f"python benchmarks/canonical.py --num={args.num} --repeats={args.repeats}")
    for name in runs[0]:
        values = sorted(run[name] for run in runs)
        print(f"  {name:14}{statistics.median(values):8.4f} ms  ({values[0]:.4f} - {values[-1]:.4f})")


if __name__ == "__main__":
    main()
