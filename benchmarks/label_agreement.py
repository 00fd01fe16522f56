"""Certified labels against interpolation and against SymPy, on random functions; every disagreement gets a class.

python -m benchmarks.label_agreement [--num=5000] [--depth=3] [--sympy_num=500] [--cache=FILE] [--workers=1]

Interpolation: values with thousands of bits at exact points on both sides of 0 (tests/symbolic/oracle.py), about 50
functions a second.  SymPy: differentiate, substitute, limit, in watched processes with a time limit, about 2
functions a second and core; answers are kept in the cache file, so that a second start goes on from there.
Functions are the distinct ones among attempts 0, 1, ... of the seed's sampler.  Exit code 1 if a value is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import itertools
import json
import pathlib
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

import flint
from flint import acb, arb, fmpq

from symjax.processes import watched_map
from symjax.symbolic.expression import Expression
from symjax.symbolic.fingerprint import fingerprint, structure
from symjax.symbolic.printing import to_infix
from symjax.symbolic.reference import MEMORY_LIMIT, encode, sympy_coefficients
from symjax.symbolic.sampling import SeedSampler
from symjax.symbolic.series import Refusal, TaylorSeries, taylor_series
from tests.symbolic.oracle import analytic_by_interpolation, differs, interpolated

LOST = ("time_limit", "memory_limit", "worker_died", "worker_error")
NAMED = {
    "one_sided": "A: SymPy's limit looks from the right only; the left side differs",
    "branch": "B: smooth so far, a fractional power of x beyond",
    "power": "B: smooth so far, logarithms of x beyond (0 to a power that varies)",
    "logarithm": "B: smooth so far, logarithms of x beyond",
    "essential": "C: flat terms such as exp(-1/x**2)",
    "complex": "D, E: complex on a principal branch",
    "constant": "constant to order 4",
    "magnitude": "beyond the bounds on size",
    "undefined": "undefined at 0 as written",
}


def functions(depth: int, num: int) -> Iterator[Expression]:
    """The first `num` distinct functions of the seed's sampler."""
    sampler = SeedSampler(max_depth=depth)
    seen: set[str] = set()
    for index in itertools.count():
        if len(seen) == num:
            return
        expr = sampler(random.Random(index))
        key = fingerprint(expr)
        if key not in seen:
            seen.add(key)
            yield expr


def against_interpolation(expr: Expression) -> str:
    """The row of the first table that this function belongs to."""
    ours = taylor_series(expr)
    if isinstance(ours, TaylorSeries):
        found = interpolated(expr)
        different = None if found is None else differs(ours.values, found)
        if different is None:
            found = interpolated(expr, precision=40_000)
            different = None if found is None else differs(ours.values, found)
        if different is None:
            return "label, interpolation undecided"
        return "WRONG label" if different else "label, agrees"
    found = analytic_by_interpolation(expr)
    if found is None:
        return f"refused ({ours.reason}), confirmed: no expansion"
    if all(abs(c) < 1e-18 for c in found[1:]):
        return f"refused ({ours.reason}), constant to order 4 in any case"
    if ours.reason == "magnitude":
        return "refused (magnitude), beyond the bounds on size"
    if analytic_by_interpolation(expr, 20) is None:
        return f"refused ({ours.reason}), class B: smooth to order 4, not analytic"
    return f"refused ({ours.reason}), smooth to order 20: flat terms (class C) or structure that series do not see"


def against_sympy(expr: Expression, theirs: list[str] | str) -> str:
    """The row of the second table; `theirs` are coefficients or the name of a refusal."""
    ours = taylor_series(expr)
    if isinstance(theirs, str):
        lost = theirs in LOST
        if isinstance(ours, Refusal):
            return f"no label in both{f' (SymPy: {theirs})' if lost else ''}"
        confirmed = against_interpolation(expr) == "label, agrees"
        return f"SymPy has none ({theirs}); label {'confirmed by interpolation' if confirmed else 'WRONG'}"
    if isinstance(ours, Refusal):
        found = analytic_by_interpolation(expr)
        if found is None or ours.reason in ("constant", "magnitude", "undefined", "essential"):
            return f"refused on purpose, {NAMED.get(ours.reason, ours.reason)}"
        if analytic_by_interpolation(expr, 20) is None:
            return f"refused on purpose, {NAMED.get(ours.reason, ours.reason)}"
        return f"refused ({ours.reason}) though smooth to order 20"
    values = [acb(arb(text) if "." in text else fmpq(*map(int, text.split("/")))) for text in theirs]
    if differs(ours.values, values) is False:
        return "label, agrees"
    confirmed = against_interpolation(expr) == "label, agrees"
    return "values differ; ours confirmed by interpolation" if confirmed else "WRONG label"


def sympy_answers(
    exprs: list[Expression], cache: pathlib.Path, seconds: float, workers: int
) -> dict[str, list[str] | str]:
    """SymPy's coefficients or the name of its refusal, by key; new ones are appended to the cache."""
    known: dict[str, list[str] | str] = {}
    if cache.exists():
        known = dict(json.loads(line) for line in cache.read_text(encoding="utf-8").splitlines())
    missing = [expr for expr in exprs if key_of(expr) not in known]
    cache.parent.mkdir(parents=True, exist_ok=True)
    items = [(encode(expr), 4) for expr in missing]
    limits = {"workers": workers, "time_limit": seconds, "memory_limit": MEMORY_LIMIT}
    with cache.open("a", encoding="utf-8") as file:
        for done, (place, outcome) in enumerate(watched_map(sympy_coefficients, items, **limits), 1):
            status, value = (outcome.failure, None) if outcome.failure else outcome.value
            answer = value if status == "coefficients" else status
            known[key_of(missing[place])] = answer
            if answer != "worker_died":  # not SymPy's doing, or memory that another start may have
                file.write(json.dumps([key_of(missing[place]), answer]) + "\n")
                file.flush()
            if done % 50 == 0:
                print(f"SymPy: {done} of {len(missing)}", file=sys.stderr)
    return known


def key_of(expr: Expression) -> str:
    return hashlib.blake2b(structure(expr).encode(), digest_size=16).hexdigest()


def table(title: str, rows: list[tuple[str, Expression]], show: int) -> int:
    """Prints counts of rows with examples of the remarkable ones, and returns the number of wrong values."""
    print(f"\n{title}: {len(rows)} functions")
    counts = Counter(row for row, _ in rows)
    for row, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"  {count:6}  {row}")
        if "agrees" not in row and "confirmed" not in row and "no label in both" not in row:
            for expr in [expr for name, expr in rows if name == row][:show]:
                print(f"            {to_infix(expr)}")
    wrong = sum(count for row, count in counts.items() if "WRONG" in row)
    print(f"  wrong values: {wrong}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=5000, help="functions compared with interpolation")
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--sympy_num", type=int, default=500, help="functions compared with SymPy")
    parser.add_argument("--seconds", type=float, default=10.0, help="time limit of one SymPy call")
    parser.add_argument("--workers", type=int, default=1, help="SymPy processes")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("build/label_agreement.jsonl"))
    parser.add_argument("--show", type=int, default=3, help="examples printed for each class")
    args = parser.parse_args()
    flint.ctx.prec = 256
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("python-flint", "sympy", "symjax"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}, depth {args.depth}")
    exprs = list(functions(args.depth, max(args.num, args.sympy_num)))
    start = time.monotonic()
    wrong = table("Interpolation", [(against_interpolation(expr), expr) for expr in exprs[: args.num]], args.show)
    print(f"  {time.monotonic() - start:.0f} s")
    chosen = exprs[: args.sympy_num]
    if chosen:
        answers = sympy_answers(chosen, args.cache, args.seconds, args.workers)
        wrong += table(
            f"SymPy, at most {args.seconds:g} s each",
            [(against_sympy(expr, answers[key_of(expr)]), expr) for expr in chosen],
            args.show,
        )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
