"""The verifier: right answers proved, wrong ones refuted and how fast, beams of ten, planted errors accepted.

python benchmarks/verifier.py [--num=2000] [--seed=1] [--sections=right,wrong,beam,planted] [--worst=10000]
                              [--planted=20000] [--tasks=integration_fwd,integration_bwd,integration_ibp,ode1,ode2]

Pairs are drawn afresh from the generators (attempt i of a seed is the same everywhere): labels that passed the
generators' ball checks at a few points and no verifier.  Wrong answers are right ones with one token changed (digit,
sign, operator, function, symbol), or right answers of other problems.  A changed answer that is accepted is an error
unless an independent check finds it right after all: mpmath, which shares no code with the verifier, puts it into the
equation with derivatives by finite differences in 120 digits, at points near the one at which the proof holds.
One core, processor time, tokens to verdict; a beam is timed as a whole, ten calls of the task's `verify` in turn, as
`symjax verify` makes them for lines with the same problem.  What took more than 20 ms is timed twice more and the least
time counts: the clock counts pauses of the machine and of the garbage collector too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import math
import platform
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath

from symjax import tasks
from symjax.symbolic.equality import Judgement, judge
from symjax.symbolic.expression import Expression, postorder
from symjax.tokenization.foreign import parse_foreign

Tokens = tuple[str, ...]
Pair = tuple[Tokens, Tokens]

FUNCTIONS = (
    "exp", "ln", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "abs",
)  # fmt: skip
OPERATIONS = ("add", "sub", "mul", "div")
DIGITS = 120
SLOW = 20.0
"""Milliseconds above which a verdict, which is the same each time, is timed three times and the least counts."""


def draw(name: str, seed: int, count: int) -> list[Pair]:
    """The first `count` examples of a task."""
    task = tasks.load(name)
    found: list[Pair] = []
    for index in itertools.count():
        example = task.sample(random.Random(f"verifier {seed} {index}"))
        if isinstance(example, tasks.Example):
            found.append((example.problem, example.answer))
            if len(found) == count:
                return found
    raise AssertionError("unreachable")


def spoiled(answer: Tokens, rng: random.Random) -> Tokens | None:
    """`answer` with one token changed into another of its kind; None where nothing can be changed."""
    tokens = list(answer)
    symbols = [word for word in ("x", "a8", "a9") if word in tokens] + ["pi"]
    for _ in range(100):
        place = int(rng.random() * len(tokens))
        word, kinds = tokens[place], (tuple("123456789"), FUNCTIONS, OPERATIONS, tuple(symbols))
        if word in ("INT+", "INT-"):
            kinds = (("INT+", "INT-"),) if tokens[place + 1] != "0" else ()
        others = [other for kind in kinds if word in kind for other in kind if other != word]
        if others:
            tokens[place] = others[int(rng.random() * len(others))]
            return tuple(tokens)
    return None


def timed(problem: Tokens, answer: Tokens) -> tuple[Judgement, float]:
    """The verdict and milliseconds of processor time from tokens to verdict, see `SLOW`."""
    judgement, milliseconds = timed_once(problem, answer)
    if milliseconds > SLOW:
        milliseconds = min(milliseconds, *(timed_once(problem, answer)[1] for _ in range(2)))
    return judgement, milliseconds


def timed_once(problem: Tokens, answer: Tokens) -> tuple[Judgement, float]:
    start = time.process_time()
    judgement = judge(parse_foreign(problem), parse_foreign(answer))
    return judgement, 1e3 * (time.process_time() - start)


def spread(values: Sequence[float]) -> str:
    """Median, percentiles, largest and mean of milliseconds."""
    ordered = sorted(values)
    p95, p99 = (ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (95, 99))
    mean = statistics.fmean(ordered)
    median = statistics.median(ordered)
    return f"ms median {median:.2f}, p95 {p95:.2f}, p99 {p99:.2f}, max {ordered[-1]:.1f}, mean {mean:.2f}"


def right(name: str, pairs: list[Pair]) -> None:
    """Right answers: verdicts, reasons for open ones, times."""
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    solutions: Counter[str] = Counter()
    times = []
    for problem, answer in pairs:
        judgement, milliseconds = timed(problem, answer)
        times.append(milliseconds)
        kinds[judgement.kind] += 1
        if judgement.kind == "proved":
            solutions[judgement.evidence.get("solution", "")] += 1
        else:
            reasons[f"{judgement.kind}: {judgement.evidence.get('reason', 'balls exclude zero')}"] += 1
    share = 100 * kinds["proved"] / len(pairs)
    print(f"right {name}: {share:.2f} % proved of {len(pairs)}; {dict(kinds)}; {spread(times)}")
    if name.startswith("ode"):
        print(f"  solutions {dict(solutions)}")
    for reason, count in reasons.most_common():
        print(f"  {count} {reason}")


def wrong_pairs(pairs: list[Pair], rng: random.Random) -> Iterator[tuple[str, Tokens, Tokens]]:
    """(kind, problem, answer): changed answers and answers of other problems, in turn, for ever."""
    while True:
        for problem, answer in pairs:
            changed = spoiled(answer, rng)
            if changed is not None:
                yield "changed", problem, changed
            yield "foreign", problem, pairs[int(rng.random() * len(pairs))][1]


def wrong(drawn: dict[str, list[Pair]], count: int, seed: int) -> None:
    """Wrong answers of all tasks: verdicts, and times of the refutations."""
    all_times: list[float] = []
    slowest: tuple[float, str, str] = (0.0, "", "")
    each = math.ceil(count / len(drawn))
    for name, pairs in drawn.items():
        for kind in ("changed", "foreign"):
            kinds: Counter[str] = Counter()
            times = []
            cases = (case for case in wrong_pairs(pairs, random.Random(f"{seed} {name} {kind}")) if case[0] == kind)
            for _, problem, answer in itertools.islice(cases, each // 2):
                judgement, milliseconds = timed(problem, answer)
                kinds[judgement.kind] += 1
                if judgement.kind != "proved":
                    times.append(milliseconds)
                slowest = max(slowest, (milliseconds, " ".join(problem), " ".join(answer)))
            all_times += times
            print(f"wrong, {kind}, {name}: {dict(kinds)}; not proved: {spread(times)}")
    print(f"wrong, all {len(all_times)}: {spread(all_times)}")
    print(f"  slowest {slowest[0]:.0f} ms: {slowest[1]} | {slowest[2]}")


def beams(name: str, pairs: list[Pair], seed: int) -> None:
    """Beams of ten: the reference, seven changed answers, two foreign ones."""
    rng, task = random.Random(f"beam {seed} {name}"), tasks.load(name)
    times = []
    for problem, answer in pairs:
        changed = (found for _ in range(100) if (found := spoiled(answer, rng)) is not None)
        beam = [answer, *itertools.islice(changed, 7)]
        beam += [pairs[int(rng.random() * len(pairs))][1] for _ in range(2)]
        start = time.process_time()
        for candidate in beam:
            task.verify(problem, candidate)
        times.append(1e3 * (time.process_time() - start))
    print(f"beam of ten {name}: {spread(times)}")


def planted(drawn: dict[str, list[Pair]], count: int, seed: int) -> None:
    """Changed answers that are accepted, and of those the ones that an independent check finds wrong."""
    each = math.ceil(count / len(drawn))
    total: Counter[str] = Counter()
    for name, pairs in drawn.items():
        kinds: Counter[str] = Counter()
        cases = (case for case in wrong_pairs(pairs, random.Random(f"planted {seed} {name}")) if case[0] == "changed")
        for _, problem, answer in cases:
            judgement, _ = timed(problem, answer)
            if judgement.kind != "proved":
                kinds["not accepted"] += 1
            else:
                outcome = independent_check(problem, answer, judgement)
                kinds[outcome] += 1
                if outcome == "WRONG":
                    print(f"  WRONG: {' '.join(problem)} | {' '.join(answer)} | {dict(judgement.evidence)}")
            if kinds["not accepted"] + kinds["WRONG"] >= each:
                break
        total += kinds
        print(f"planted {name}: {dict(kinds)}")
    of_substance = total["not accepted"] + total["WRONG"]
    print(f"planted, all: {total['WRONG']} accepted of {of_substance} changes of substance; {dict(total)}")


def independent_check(problem: Tokens, answer: Tokens, judgement: Judgement) -> str:
    """Whether an accepted answer is right by finite differences in 120 digits near the point of the proof."""
    mpmath.mp.dps = DIGITS
    equation, solution = parse_foreign(problem), parse_foreign(answer)
    base = {name: number(text) for name, text in judgement.evidence["point"].items()}
    for shift in (0, 1, -1):
        point = {name: value * (1 + shift * mpmath.mpf(10) ** -22) for name, value in base.items()}
        verdict = residual(equation, solution, point)
        if verdict is None:
            return "right, but for want of digits"
        if verdict > mpmath.mpf(10) ** -12:
            return "WRONG"
    return "right after all"


def number(text: str) -> Any:
    """A rational, "p/q", or a complex number, "p/q + r/s*I"."""
    real, _, imaginary = text.partition(" + ")
    parts = [
        mpmath.mpf(1) * int(p) / int(q or 1)
        for p, _, q in (part.partition("/") for part in (real, imaginary.removesuffix("*I") or "0"))
    ]
    return mpmath.mpc(*parts) if imaginary else parts[0]


def residual(equation: Expression, solution: Expression, point: dict[str, Any]) -> Any:
    """Size of the equation's left side beside the size of its terms; None where digits run out."""
    step = mpmath.mpf(10) ** -24
    try:
        values = [evaluate(solution, {**point, "x": point["x"] + shift * step})[0] for shift in (-2, -1, 0, 1, 2)]
        slope = (values[0] - 8 * values[1] + 8 * values[3] - values[4]) / (12 * step)
        bend = (-values[0] + 16 * values[1] - 30 * values[2] + 16 * values[3] - values[4]) / (12 * step**2)
        floor = max(map(abs, values)) / 10**10
        point = {**point, "Y": values[2], "Y'": slope, "Y''": bend}
        value, size = evaluate(equation, point, {"Y'": abs(slope) + floor, "Y''": abs(bend) + floor})
    except (ZeroDivisionError, ValueError, OverflowError, mpmath.libmp.libmpf.ComplexResult):
        return None
    return abs(value) / size if size else mpmath.mpf(0)


def evaluate(expr: Expression, point: dict[str, Any], sizes: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """(value, size that it would have if nothing cancelled) in mpmath numbers; `sizes` are those of symbols."""
    known: dict[Expression, tuple[Any, Any]] = {}
    for node in postorder(expr):
        args = [known[arg] for arg in node.args]
        if not args:
            value = leaf(node, point)
            known[node] = value, (sizes or {}).get(str(node.value), abs(value))
        elif node.op in ("add", "sub"):
            value = args[0][0] + args[1][0] if node.op == "add" else args[0][0] - args[1][0]
            known[node] = value, args[0][1] + args[1][1]
        elif node.op == "mul":
            known[node] = args[0][0] * args[1][0], args[0][1] * args[1][1]
        else:
            value = real_if_nearly(APPLY[node.op](*(mpmath.mpmathify(arg[0]) for arg in args)))
            rounding = abs(args[0][0]) * mpmath.mpf(10) ** (12 - DIGITS)
            if node.op in ("sin", "cos", "tan") and abs(value) < rounding:
                value = 0 * value  # the sine of pi, not of what pi was rounded to
            known[node] = value, abs(value)
    return known[expr]


def real_if_nearly(value: Any) -> Any:
    """`value` without an imaginary part of the size of rounding, which would choose the side of a branch cut."""
    small = isinstance(value, mpmath.mpc) and abs(value.imag) < abs(value) * mpmath.mpf(10) ** (12 - DIGITS)
    return value.real if small else value


def leaf(node: Expression, point: dict[str, Any]) -> Any:
    if isinstance(node.value, int):
        return mpmath.mpf(node.value)
    if isinstance(node.value, tuple):
        return mpmath.mpf(node.value[0]) / node.value[1]
    constants = {"pi": +mpmath.pi, "E": mpmath.exp(1), "I": mpmath.mpc(0, 1)}
    return constants[node.value] if node.value in constants else point[str(node.value)]


# Of a tiny argument the logarithms would lose all digits, and branches are far away.
APPLY: dict[str, Callable[..., Any]] = {
    "div": lambda a, b: a / b,
    "pow": lambda a, b: mpmath.mpf(1) if b == 0 else mpmath.power(a, b),
    "sqrt": mpmath.sqrt,
    "abs": abs,
    "sign": mpmath.sign,
    "exp": mpmath.exp,
    "ln": mpmath.log,
    **{name: getattr(mpmath, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "asin": lambda u: mpmath.asin(u) if abs(u) < 0.5 else -1j * mpmath.log(1j * u + mpmath.sqrt(1 - u * u)),
    "acos": lambda u: mpmath.pi / 2 + 1j * mpmath.log(1j * u + mpmath.sqrt(1 - u * u)),
    "atan": lambda u: mpmath.atan(u) if abs(u) < 0.5 else 0.5j * (mpmath.log(1 - 1j * u) - mpmath.log(1 + 1j * u)),
    "asinh": lambda u: mpmath.asinh(u) if abs(u) < 0.5 else mpmath.log(u + mpmath.sqrt(u * u + 1)),
    "acosh": lambda u: mpmath.log(u + mpmath.sqrt(u - 1) * mpmath.sqrt(u + 1)),
    "atanh": lambda u: mpmath.atanh(u) if abs(u) < 0.5 else (mpmath.log(1 + u) - mpmath.log(1 - u)) / 2,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=2_000, help="right pairs of each task")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sections", default="right,wrong,beam,planted")
    parser.add_argument("--tasks", default="integration_fwd,integration_bwd,integration_ibp,ode1,ode2")
    parser.add_argument("--worst", type=int, default=10_000, help="wrong answers, over all tasks")
    parser.add_argument("--planted", type=int, default=20_000, help="changes of substance, over all tasks")
    parser.add_argument("--beams", type=int, default=200, help="beams of each task")
    args = parser.parse_args()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("python-flint", "mpmath", "symjax"))
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}")
    sections = args.sections.split(",")
    drawn = {}
    for name in args.tasks.split(","):
        drawn[name] = draw(name, args.seed, args.num)
        print(f"drew {len(drawn[name])} pairs of {name}", flush=True)
    if "right" in sections:
        for name, pairs in drawn.items():
            right(name, pairs)
    if "wrong" in sections:
        wrong(drawn, args.worst, args.seed)
    if "beam" in sections:
        for name, pairs in drawn.items():
            beams(name, pairs[: args.beams], args.seed)
    if "planted" in sections:
        planted(drawn, args.planted, args.seed)


if __name__ == "__main__":
    main()
