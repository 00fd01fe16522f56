"""A key that equal functions share: values at exact points, rounded from certified balls.

Two expressions with the same key agree to 15 digits at three exact points: near 0 for functions that are expanded
there, at the first three points of a list that have a value for integrands.  Points are dyadic, so that x - x is 0 at
any precision; a digit that a ball leaves open is settled with more bits, never by chance.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.balls import UNDEFINED, evaluate
from symjax.symbolic.digits import PRECISIONS, complex_text
from symjax.symbolic.expression import SYMBOL, Expression, bit_of, free_symbols, postorder, rational
from symjax.symbolic.operators import SYMBOLS, UNKNOWNS
from symjax.symbolic.programs import Column, Program, columns

POINTS: Final = ((4791, 65536), (-3433, 65536), (12565, 65536))
INTEGRAND_POINTS: Final = tuple(
    (number, 1024) for number in (379, -633, 1341, -1533, 2501, -3331, 117, 4443, -205, 3167, -2777, 5021)
)
SHARED_POINTS: Final = len(POINTS)
"""At so many of them the certified check of an integral has the values that the fingerprint is made of."""
EQUATION_POINTS: Final = tuple(
    (number, 4096) for number in (1093, 2521, -877, 3767, -1979, 389, 4591, -3181, 1801, -4217, 3011, -2399)
)
OTHERS: Final = {name: (4096 + 1093 * place, 4096) for place, name in enumerate(SYMBOLS) if name != "x"}
"""Values of the symbols beside x in integrands."""
RATIO_BOUND: Final = arb(2) ** 400
MAX_SIZE: Final = 10_000
MEMO_ENTRIES: Final = 50_000

_VALUES: dict[tuple[tuple[int, int], int], dict[Expression, acb]] = {}
_KEYS: dict[Expression, str] = {}


def fingerprint(expr: Expression) -> str:
    """32 hexadecimal digits, equal for functions that are equal near 0.

    Where the function is undefined at one of the points, or 2048 bits do not decide its digits, the key is that of
    the expression as it is written.
    """
    key = _KEYS.get(expr)
    if key is None:
        if len(_KEYS) >= MEMO_ENTRIES:
            _KEYS.clear()
        text = _numeric_text(expr)
        key = _digest(text or "as written " + structure(expr))
        _KEYS[expr] = key
    return key


def of_integrand(expr: Expression) -> str:
    """32 hexadecimal digits, equal for integrands that are equal, in whatever form; f and 2 f are different problems.

    Values at the first three of twelve points at which there is one.  An integrand with fewer has the key of the
    expression as it is written.
    """
    if expr.size <= MAX_SIZE:
        program: list[Program] = []

        def values_at(at: Sequence[Mapping[str, tuple[int, int]]]) -> Column:
            if not program:
                program.append(Program(expr))
            return program[0](columns(at))[-1]

        texts = _first_texts(_integrand_points(free_symbols(expr)), values_at)
        if texts is not None:
            return _key_of_integrand(texts)
    return _digest("integrand as written " + structure(expr))


def of_values(values: Column) -> str | None:
    """The key that `of_integrand` gives an integrand in every form of it, from its values at the first three points,
    found at the first precision; None if they leave it open."""
    texts = _texts_of(values)
    return _key_of_integrand(texts) if texts else None


def _key_of_integrand(texts: Sequence[str]) -> str:
    return _digest("integrand " + " ".join(texts))


def _texts_of(values: Column) -> list[str] | None:
    """What values of the first precision are rounded to; None if one is missing, or not known well enough."""
    before = flint.ctx.prec
    flint.ctx.prec = PRECISIONS[0]
    try:
        texts = [complex_text(value, PRECISIONS[0]) for value in values if value.is_finite()]
    finally:
        flint.ctx.prec = before
    found = [text for text in texts if text is not None]
    return found if found and len(found) == len(values) else None


@functools.lru_cache(maxsize=64)
def _integrand_points(names: frozenset[str]) -> Sequence[Mapping[str, tuple[int, int]]]:
    """The twelve points, with values for the other symbols among `names`."""
    others = {name: OTHERS[name] for name in names if name in OTHERS}
    return [{**others, "x": point} for point in INTEGRAND_POINTS]


def up_to_factor(expr: Expression) -> str | None:
    """32 hexadecimal digits, equal for integrands that are constant multiples of each other, in whatever form.

    None for an integrand that has no value, or the value 0, at too many of the points.
    """
    program = Program(expr)
    names = [str(node.value) for node in program.nodes if node.op == SYMBOL]
    for precision in PRECISIONS:
        values = []
        for point in INTEGRAND_POINTS:
            value = _value(program, {name: OTHERS.get(name, point) for name in names}, precision)
            if value.is_finite() and 0 not in value:
                values.append(value)
                if len(values) == len(POINTS):
                    break
        else:
            continue
        texts = [complex_text(_quotient(value, values[0], precision), precision) for value in values[1:]]
        if None not in texts:
            return _digest(f"multiples {texts}")
    return None


def rational_ratio(left: Expression, right: Expression) -> Expression | None:
    """The rational number that left/right seems to be, from one point and 512 bits; None where it seems to be none."""
    symbols = {str(node.value) for expr in (left, right) for node in postorder(expr) if node.op == SYMBOL}
    for point in INTEGRAND_POINTS:
        at = {name: OTHERS.get(name, point) for name in sorted(symbols)}
        top, bottom = (_value(Program(expr), at, PRECISIONS[1]) for expr in (left, right))
        if top.is_finite() and bottom.is_finite() and 0 not in top and 0 not in bottom:
            return _rational(_quotient(top, bottom, PRECISIONS[1]))
    return None


def _rational(value: acb) -> Expression | None:
    """The rational number in a ball; None where there is none of up to 60 digits."""
    if 0 not in value.imag or not (RATIO_BOUND**-1 < abs(value.real) < RATIO_BOUND):
        return None  # FLINT aborts the process where it is asked for a rational number of huge exponent
    middle = value.real.mid().fmpq()
    guess = Fraction(int(middle.p), int(middle.q)).limit_denominator(10**30)
    found = rational(guess.numerator, guess.denominator)
    return found if fmpq(guess.numerator, guess.denominator) in value.real else None


def _quotient(value: acb, unit: acb, precision: int) -> acb:
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        return value / unit
    finally:
        flint.ctx.prec = before


class Prepared(NamedTuple):
    """What is known of an equation before its key is asked for.

    Attributes:
      program: its `equation_program`, in whatever form.
      early: values of the program's first nodes, those without an unknown, at the first `SHARED_POINTS` points and at
        the first precision; or nothing.
    """

    program: Program
    early: Sequence[Column]


def equation_program(expr: Expression) -> Program:
    """The program of a differential equation: first what holds no unknown, then what lacks the highest derivative."""
    return Program(expr, late=(_UNKNOWN_BITS, _UNKNOWN_BIT[_highest(expr)]))


def of_equation(expr: Expression) -> str:
    """32 hexadecimal digits, equal for differential equations expr = 0 that are equal, in whatever form.

    The equation, in x, Y, Y' (and Y''), is linear in its highest derivative: a*Y'' + b = 0.  The key is made of the
    values of -b/a at the first three of twelve points (x, Y, Y') at which there is one, which no factor changes.  An
    equation that is not linear, or has fewer points, has the key of the expression as it is written.
    """
    highest = _highest(expr)
    if expr.size <= MAX_SIZE:
        program = equation_program(expr)
        texts = _first_texts(
            range(len(EQUATION_POINTS)),
            lambda places: _highest_derivative(_at_trials(program, highest, tuple(places))[program.place]),
        )
        if texts is not None:
            return _key_of_equation(highest, texts)
    return _digest("equation as written " + structure(expr))


def of_prepared(prepared: Prepared) -> str | None:
    """The key that `of_equation` gives the equation in every form of it; None if the first three values leave it open,
    or if a square root, where one is written, would be of something beyond the bound on arguments."""
    program, early = prepared
    highest = _highest(program.nodes[program.place])
    before = flint.ctx.prec
    flint.ctx.prec = PRECISIONS[0]
    try:
        values = _at_trials(program, highest, tuple(range(SHARED_POINTS)), early, remember=True)
        if not program.within_bound(values):
            return None
        texts = _texts_of(_highest_derivative(values[program.place]))
        return _key_of_equation(highest, texts) if texts else None
    finally:
        flint.ctx.prec = before


def _key_of_equation(highest: int, texts: Sequence[str]) -> str:
    return _digest(f"equation {highest} " + " ".join(texts))


_UNKNOWN_BIT: Final = tuple(map(bit_of, UNKNOWNS))
_UNKNOWN_BITS: Final = sum(_UNKNOWN_BIT)


def _highest(expr: Expression) -> int:
    """The order of an equation."""
    return max((place for place, bit in enumerate(_UNKNOWN_BIT) if expr.names & bit), default=0)


@functools.cache
def _trials(highest: int, places: tuple[int, ...]) -> tuple[dict[str, Column], dict[str, Column]]:
    """The coordinates of some of the points; and three times these, with 0, 1 and 2 as the highest derivative."""
    given = columns([OTHERS | _point(place, highest) for place in places])
    trials = {name: column * 3 for name, column in given.items()}
    return given, trials | {UNKNOWNS[highest]: [acb(value) for value in range(3) for _ in places]}


def _point(place: int, highest: int) -> dict[str, tuple[int, int]]:
    """Point number `place` in x and the unknown and its derivatives below the highest."""
    points, names = EQUATION_POINTS, ("x", *UNKNOWNS[:highest])
    return {name: points[(place + 5 * shift) % len(points)] for shift, name in enumerate(names)}


def _at_trials(
    program: Program, highest: int, places: tuple[int, ...], early: Sequence[Column] = (), *, remember: bool = False
) -> list[Column]:
    """The values of all nodes at some of the points, where the highest derivative is 0, then 1, then 2.

    `remember` says that places and precision are those to which what is remembered belongs.
    """
    given, trials = _trials(highest, places)
    memos = _REMEMBERED[highest] if remember else (None, None)
    before = program(given, early, stop=program.starts[1], memo=memos[0])
    return program(trials, [column * 3 for column in before], memo=memos[1])


_REMEMBERED: Final[Sequence[tuple[dict[Expression, Column], dict[Expression, Column]]]] = tuple(
    [({}, {}) for _ in UNKNOWNS]
)
"""Values of small nodes without and with the highest derivative, for each order; keys never depend on them."""


def _highest_derivative(found: Column) -> Column:
    """The values of the highest derivative at points, from those of the equation where it is 0, 1 and 2."""
    count = len(found) // 3
    values = []
    for at_0, at_1, at_2 in zip(found[:count], found[count : 2 * count], found[2 * count :], strict=True):
        slope = at_1 - at_0
        values.append(-at_0 / slope if (at_2 - at_1 - slope).contains(0) else UNDEFINED)
    return values


def _value(program: Program, at: Mapping[str, tuple[int, int]], precision: int) -> acb:
    """The value at a point; not finite where there is none."""
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        return program(columns([{"x": (0, 1), **at}]))[-1][0]
    finally:
        flint.ctx.prec = before


def _first_texts(points: Sequence[Any], values_at: Callable[[Sequence[Any]], Column]) -> list[str] | None:
    """The rounded values at the first of the points that have one, as many as the keys near 0 have; None at fewer."""
    texts, count = [], len(POINTS)
    before = flint.ctx.prec
    try:
        for start in range(0, len(points), count):
            group = points[start : start + count]
            found: list[str | None] = [None] * len(group)
            for precision in PRECISIONS:
                flint.ctx.prec = precision
                left = [place for place, text in enumerate(found) if text is None]
                values = values_at([group[place] for place in left])
                for place, value in zip(left, values, strict=True):
                    found[place] = complex_text(value, precision) if value.is_finite() else None
                if None not in found:
                    break
            texts += [text for text in found if text is not None]
            if len(texts) >= count:
                return texts[:count]
        return None
    finally:
        flint.ctx.prec = before


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def clear_memo() -> None:
    """Forget everything that is remembered; results never depend on it."""
    _KEYS.clear()
    _VALUES.clear()
    for memos in _REMEMBERED:
        for memo in memos:
            memo.clear()


def structure(expr: Expression) -> str:
    """The expression as written, in postfix order over its distinct nodes: equal only for the same expression."""
    places: dict[Expression, int] = {}
    parts = []
    for node in postorder(expr):
        places[node] = len(places)
        parts.append(f"{node.op}:{node.value}:{','.join(str(places[arg]) for arg in node.args)}")
    return ";".join(parts)


def _numeric_text(expr: Expression) -> str | None:
    """The rounded values at the three points, None where one of them is not to be had."""
    if expr.size > MAX_SIZE:
        return None
    texts = []
    for point in POINTS:
        text = _text_at(lambda precision, at=point: evaluate(expr, at, precision=precision, memo=_memo(at, precision)))
        if text is None:
            return None
        texts.append(text)
    return " ".join(texts)


def _text_at(value_at: Callable[[int], acb]) -> str | None:
    """The rounded value that more and more bits enclose; None where there is none, or its digits are not decided."""
    for precision in PRECISIONS:
        value = value_at(precision)
        if value.is_finite():
            text = complex_text(value, precision)
            if text is not None:
                return text
    return None


def _memo(point: tuple[int, int], precision: int) -> dict[Expression, acb]:
    """The table of node values at this point and precision."""
    table = _VALUES.setdefault((point, precision), {})
    if len(table) >= MEMO_ENTRIES:
        table.clear()
    return table
