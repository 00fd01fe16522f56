"""How many canonical expressions SymPy's constructors leave as they are, as text and as mathematics.

python benchmarks/sympy_round_trip.py [--num=2000] [--seed=1] [--seconds=10] [--workers=2] [--show=10]

Random functions F of the generators' distribution (README parameters, 4 to 15 operators) and their derivatives are
written in the words of the foreign files, built again by SymPy's own constructors with real symbols, and written by the
rules of those files.  "text" counts identical texts; "mathematics" counts pairs of which certified values agree at two
rational points or more and differ nowhere.  Values that differ, and pairs without two points, are counted apart.  SymPy
may not come back from constructing an expression: such a call is killed after the limit and counted.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from symjax.processes import watched_map
from symjax.symbolic.balls import evaluate
from symjax.symbolic.canonical import TooLarge, Undefined
from symjax.symbolic.conventions import foreign_form
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import occurs
from symjax.symbolic.sympy_bridge import UnknownToTable
from symjax.symbolic.tree_sampling import TreeSampler, draw_count
from symjax.tokenization import prefix

POINTS = ((3, 7), (-3, 7), (11, 4), (-11, 4), (19, 5), (1, 9), (-8, 9), (23, 2))
BITS = (128, 512, 2048)
MEMORY = 2 * 2**30


def built_by_sympy(text: str) -> str:
    """The text of the expression that SymPy's constructors make of `text`."""
    import sympy

    functions = {"ln": sympy.log, "abs": sympy.Abs}
    leaves = {"pi": sympy.pi, "E": sympy.E, "I": sympy.I}

    def build(node: Any) -> Any:
        if node.op == "integer":
            return sympy.Integer(node.value)
        if not node.args:
            return leaves.get(node.value) or sympy.Symbol(node.value, real=True, nonzero=True)
        args = [build(arg) for arg in node.args]
        match node.op:
            case "add":
                return sympy.Add(*args)
            case "mul":
                return sympy.Mul(*args)
            case "div":
                return sympy.Rational(*args)
            case "pow":
                return sympy.Pow(*args)
        return (functions.get(node.op) or getattr(sympy, node.op))(*args)

    return " ".join(words(build(flat(prefix.parse(text.split())))))


def flat(node: Any) -> Any:
    """Sums and products with all their operands, which is how SymPy's constructors are called."""
    from symjax.symbolic.expression import unchecked

    if not node.args:
        return node
    args = [flat(arg) for arg in node.args]
    if node.op in ("add", "mul"):
        args = [inner for arg in args for inner in (arg.args if arg.op == node.op else (arg,))]
    return unchecked(node.op, tuple(args))


def words(node: Any) -> Iterator[str]:
    """SymPy -> prefix words, by the rules of the foreign files."""
    import sympy

    names = {"log": "ln", "Abs": "abs", "Exp1": "E", "Pi": "pi", "ImaginaryUnit": "I"}
    name = type(node).__name__
    if node.is_Rational:
        numbers = (int(node.p),) if node.q == 1 else (int(node.p), int(node.q))
        yield from () if node.q == 1 else ("div",)
        for number in numbers:
            yield from prefix.integer_tokens(number)
    elif node.is_Add or node.is_Mul:
        for arg in node.args[:-1]:
            yield "add" if node.is_Add else "mul"
            yield from words(arg)
        yield from words(node.args[-1])
    elif node.is_Pow and node.exp is sympy.S.Half:
        yield "sqrt"
        yield from words(node.base)
    elif node.is_Symbol:
        yield node.name
    else:
        name = "pow" if node.is_Pow else names.get(name, name)
        if name not in prefix.arities():
            raise UnknownToTable(f"{name} has no word")
        yield name
        for arg in node.args:
            yield from words(arg)


def compared(left: str, right: str) -> str:
    """ "equal", "differ", or "no value" where fewer than two points decide."""
    first, second = prefix.parse(left.split()), prefix.parse(right.split())
    agreeing = 0
    for point in POINTS:
        for bits in BITS:
            values = [evaluate(expr, point, precision=bits) for expr in (first, second)]
            if not all(value.is_finite() for value in values):
                continue
            if not values[0].overlaps(values[1]):
                return "differ"
            if all(value.rel_accuracy_bits() > 40 or value.contains(0) for value in values):
                agreeing += 1
                break
    return "equal" if agreeing >= 2 else "no value"


def texts(num: int, seed: int) -> Iterator[str]:
    """F and F' in foreign words, of `num` attempts."""
    sampler = TreeSampler()
    for index in range(num):
        rng = random.Random(f"{seed}/{index}")
        try:
            function = sampler.canonical(rng, draw_count(rng, 4, 15))
            slope = derivative(function)
        except (TooLarge, Undefined):
            continue
        for expr in (function, slope):
            if occurs("x", expr):
                yield " ".join(prefix.write(foreign_form(expr)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=2000, help="attempts; F and F' of each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="limit for one expression")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", type=int, default=10, help="differences to print")
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    ours = list(texts(args.num, args.seed))
    outcomes = watched_map(built_by_sympy, ours, workers=args.workers, time_limit=args.seconds, memory_limit=MEMORY)
    for place, outcome in outcomes:
        text = ours[place]
        if outcome.failure:
            kind = outcome.failure
        elif outcome.value == text:
            kind = "text"
        else:
            kind = compared(text, outcome.value)
        counts[kind] += 1
        if kind not in ("text", "time_limit") and sum(counts.values()) - counts["text"] <= args.show:
            print(f"{kind}\n  ours  {text}\n  SymPy {outcome.value or outcome.detail}")
    report(counts, args)


def report(counts: Counter[str], args: argparse.Namespace) -> None:
    total, decided = sum(counts.values()), sum(counts[kind] for kind in ("text", "equal", "differ", "no value"))
    print(f"python benchmarks/sympy_round_trip.py --num={args.num} --seed={args.seed} --seconds={args.seconds:g}")
    print(
        f"SymPy {importlib.metadata.version('sympy')}; {total} expressions, {total - decided} that SymPy did not build"
    )
    print(f"  text         {counts['text'] / decided:8.2%}   ({counts['text']} of {decided})")
    same = counts["text"] + counts["equal"]
    print(f"  mathematics  {same / decided:8.2%}   ({same} of {decided})")
    print("  " + ", ".join(f"{kind} {count}" for kind, count in counts.most_common()))


if __name__ == "__main__":
    main()
