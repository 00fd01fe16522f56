"""The rule integrator's exam: of the integrands that SymPy's `integrate` solves in 3 s, how many do the rules solve?

python benchmarks/integration_exam.py [--num=500] [--seed=2] [--budget=600] [--cache=FILE] [--attempts=N] [--misses]
python benchmarks/integration_exam.py --backward=2000 [--budget=600]

Integrands are random trees with the parameters of the field's README (3 to 15 operators), canonical, that still hold x
and half of the operators drawn.  Attempt i of a seed is the same everywhere.  SymPy runs in a watched process, 3 s of
processor time for each integrand; what counts as solved is an answer in the words of the operator table (no Piecewise,
erf, RootSum, Integral) whose derivative agrees with the integrand in certified balls.  `--cache` keeps SymPy's answers,
which take most of the time, in a file of JSON lines; a run that is broken off goes on where it stopped.
`--backward` asks the rules alone, for the derivatives of random functions of 4 to 15 operators, as they come.
The rules are timed on all attempts, solved by SymPy or not, in processor time.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import pathlib
import platform
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from symjax.processes import watched_map
from symjax.symbolic.agreement import agrees
from symjax.symbolic.canonical import TooLarge, Undefined
from symjax.symbolic.conventions import foreign_form, token_length
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import Expression, free_symbols
from symjax.symbolic.integration import integrate
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.tree_sampling import TreeSampler, draw_count
from symjax.tokenization import prefix

SYMPY_SECONDS = 3.0
WALL_SECONDS = 120.0
MAX_TOKENS = 512
LEAST, MOST = 3, 15


def integrand(sampler: TreeSampler, seed: int, index: int) -> Expression | None:
    """The canonical integrand of attempt `index`; None if the tree is no problem."""
    rng = random.Random(f"integration exam {seed} {index}")
    operators = draw_count(rng, LEAST, MOST)
    try:
        expr = sampler.canonical(rng, operators)
    except (TooLarge, Undefined):
        return None
    left = sum(word in OPERATORS for word in prefix.write(foreign_form(expr)))
    if "x" not in free_symbols(expr) or 2 * left < operators or token_length(expr) > MAX_TOKENS:
        return None
    return expr


class _OutOfTime(BaseException):
    """SymPy has had its seconds; not an `Exception`, which SymPy might catch."""


def _stop(*_: object) -> None:
    raise _OutOfTime


def sympy_integral(text: str) -> dict[str, str]:
    """What SymPy's `integrate` makes of the integrand with these prefix tokens: {"outcome", "answer"}."""
    import sympy

    from symjax.symbolic import sympy_bridge

    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, SYMPY_SECONDS)
    try:
        plain, x = sympy.Symbol("x"), sympy.Symbol("x", real=True, nonzero=True)
        answer = sympy.integrate(sympy_bridge.to_sympy(prefix.parse(text.split())).xreplace({plain: x}), x)
        answer = answer.xreplace({x: plain})
        tokens = " ".join(prefix.write(sympy_bridge.from_sympy(answer)))
    except _OutOfTime:
        return {"outcome": "time"}
    except sympy_bridge.UnknownToTable:
        return {"outcome": "not elementary"}
    except Exception as error:  # SymPy raises all kinds; each is an outcome that is counted
        return {"outcome": f"raises {type(error).__name__}"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"outcome": "answer", "answer": tokens}


class Cache:
    """SymPy's outcomes by integrand, kept in a file of JSON lines if there is one."""

    def __init__(self, path: pathlib.Path | None) -> None:
        self.path = path
        self.outcomes: dict[str, dict[str, str]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.outcomes[row.pop("integrand")] = row

    def keep(self, text: str, outcome: dict[str, str]) -> None:
        """Enters one outcome; where the worker died, for whatever reason, the next run asks again."""
        self.outcomes[text] = outcome
        if self.path is not None and outcome["outcome"] != "worker_died":
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"integrand": text} | outcome) + "\n")


def problems(seed: int) -> Iterator[tuple[int, Expression, str]]:
    """(attempt, integrand, its prefix tokens) of all attempts that are new problems, without end."""
    sampler = TreeSampler(max_operators=MOST)
    seen: set[str] = set()
    for index in itertools.count():
        expr = integrand(sampler, seed, index)
        if expr is None:
            continue
        text = " ".join(prefix.write(foreign_form(expr)))
        if text not in seen:
            seen.add(text)
            yield index, expr, text


def solved_by_sympy(seed: int, cache: Cache, workers: int) -> Iterator[tuple[Expression, bool]]:
    """(integrand, whether SymPy solves it) in order, asking SymPy about the ones that the cache does not have."""
    source = problems(seed)
    while True:
        batch = list(itertools.islice(source, 50))
        missing = [text for _, _, text in batch if text not in cache.outcomes]
        missing = list(dict.fromkeys(missing))
        if missing:
            for place, outcome in watched_map(
                sympy_integral, missing, workers=workers, time_limit=WALL_SECONDS, memory_limit=2 << 30
            ):
                cache.keep(missing[place], outcome.value or {"outcome": str(outcome.failure)})
        for _, expr, text in batch:
            yield expr, _is_right(cache.outcomes[text].get("answer"), expr)


def _is_right(answer: str | None, expr: Expression) -> bool:
    if answer is None:
        return False
    return agrees(prefix.parse(answer.split()), expr).accepted


def sit(options: argparse.Namespace) -> dict[str, Any]:
    """The exam: counts and times."""
    cache = Cache(options.cache)
    counts: Counter[str] = Counter()
    hits, misses, unsolved = [], [], []
    for expr, by_sympy in solved_by_sympy(options.seed, cache, options.workers):
        counts["attempts"] += 1
        start = time.process_time()
        by_rules = integrate(expr, budget=options.budget)
        (hits if by_rules is not None else misses).append(time.process_time() - start)
        counts["rules"] += by_rules is not None
        counts["sympy"] += by_sympy
        counts["both"] += by_sympy and by_rules is not None
        if by_sympy and by_rules is None:
            unsolved.append(expr)
        if counts["sympy"] == options.num or counts["attempts"] == options.attempts:
            break
    return {"counts": counts, "hits": hits, "misses": misses, "unsolved": unsolved}


def sit_backward(num: int, seed: int, budget: int) -> dict[str, Any]:
    """How many derivatives of random functions the rules integrate."""
    sampler = TreeSampler(max_operators=MOST)
    counts: Counter[str] = Counter()
    hits, misses = [], []
    for index in range(num):
        rng = random.Random(f"integration exam backward {seed} {index}")
        try:
            expr = derivative(sampler.canonical(rng, draw_count(rng, LEAST + 1, MOST)))
        except (TooLarge, Undefined):
            continue
        if "x" not in free_symbols(expr) or token_length(expr) > MAX_TOKENS:
            continue
        start = time.process_time()
        found = integrate(expr, budget=budget)
        (hits if found is not None else misses).append(time.process_time() - start)
        counts["attempts"] += 1
        counts["rules"] += found is not None
    return {"counts": counts, "hits": hits, "misses": misses}


def show_times(result: dict[str, Any]) -> None:
    """Prints how long the rules took."""
    for name in ("hits", "misses"):
        times = sorted(1e3 * seconds for seconds in result[name]) or [0.0]
        late = times[min(len(times) - 1, int(0.99 * len(times)))]
        mean, median = statistics.fmean(times), statistics.median(times)
        print(f"CPU ms of {name}: mean {mean:.2f}, median {median:.2f}, 99 % {late:.2f}, longest {times[-1]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=500, help="integrands that SymPy solves")
    parser.add_argument(
        "--seed", type=int, default=2, help="1 is the set that the rules were made on; others are fresh"
    )
    parser.add_argument("--budget", type=int, default=600, help="nodes that the rules may build for an integrand")
    parser.add_argument("--cache", type=pathlib.Path, help="file that keeps SymPy's outcomes")
    parser.add_argument("--workers", type=int, default=1, help="processes of SymPy")
    parser.add_argument("--misses", action="store_true", help="print the integrands that only SymPy solves")
    parser.add_argument("--attempts", type=int, help="stop after so many integrands, solved or not")
    parser.add_argument("--backward", type=int, help="integrate the derivatives of so many random functions instead")
    options = parser.parse_args()
    names = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("sympy", "python-flint"))
    print(f"Python {platform.python_version()}, {names}; seed {options.seed}, budget {options.budget}")
    if options.backward:
        result = sit_backward(options.backward, options.seed, options.budget)
        total, solved = result["counts"]["attempts"], result["counts"]["rules"]
        print(f"derivatives {total}, integrated by the rules {solved} ({100 * solved / max(1, total):.1f} %)")
        show_times(result)
        return
    result = sit(options)
    counts = result["counts"]
    if options.misses:
        from symjax.symbolic.printing import to_infix

        for expr in result["unsolved"]:
            print("missed:", to_infix(expr))
    print(f"integrands {counts['attempts']}, solved by SymPy within {SYMPY_SECONDS:g} s {counts['sympy']}")
    print(f"of these by the rules {counts['both']} ({100 * counts['both'] / max(1, counts['sympy']):.1f} %)")
    print(f"by the rules in all {counts['rules']}")
    show_times(result)


if __name__ == "__main__":
    main()
