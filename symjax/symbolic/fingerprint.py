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
from typing import Final

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.balls import UNDEFINED, evaluate
from symjax.symbolic.expression import SYMBOL, Expression, bit_of, free_symbols, occurs, postorder, rational
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
PRECISIONS: Final = (128, 512, 2048)
DIGITS: Final = 15
LEAST: Final = 1 / arb(10) ** 1000
MOST: Final = arb(10) ** 1000
"""Sizes of values that have digits."""
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


def of_integrand(expr: Expression, known: Column | None = None) -> str:
    """32 hexadecimal digits, equal for integrands that are equal, in whatever form; f and 2 f are different problems.

    Values at the first three of twelve points at which there is one.  An integrand with fewer has the key of the
    expression as it is written.

    Args:
      expr: the integrand.
      known: what its program gives at the first three points and at the first precision, if somebody has seen to that.
    """
    if expr.size <= MAX_SIZE:
        program: list[Program] = []

        def values_at(at: Sequence[Mapping[str, tuple[int, int]]]) -> Column:
            if not program:
                program.append(Program(expr))
            return program[0](columns(at))[-1]

        texts = _first_texts(_integrand_points(free_symbols(expr)), values_at, known)
        if texts is not None:
            return _digest("integrand " + " ".join(texts))
    return _digest("integrand as written " + structure(expr))


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
        texts = [_complex_text(_quotient(value, values[0], precision), precision) for value in values[1:]]
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


def of_equation(expr: Expression) -> str:
    """32 hexadecimal digits, equal for differential equations expr = 0 that are equal, in whatever form.

    The equation, in x, Y, Y' (and Y''), is linear in its highest derivative: a*Y'' + b = 0.  The key is made of the
    values of -b/a at the first three of twelve points (x, Y, Y') at which there is one, which no factor changes.  An
    equation that is not linear, or has fewer points, has the key of the expression as it is written.
    """
    highest = max((place for place, name in enumerate(UNKNOWNS) if occurs(name, expr)), default=0)
    if expr.size <= MAX_SIZE:
        others = {name: OTHERS[name] for name in free_symbols(expr) if name in OTHERS and name not in UNKNOWNS}
        bit = bit_of(UNKNOWNS[highest])
        program = Program(expr, early=lambda node: not node.names & bit)
        points = [_point(place, highest) | others for place in range(len(EQUATION_POINTS))]
        texts = _first_texts(points, lambda at: _highest_derivative(program, highest, at))
        if texts is not None:
            return _digest(f"equation {highest} " + " ".join(texts))
    return _digest("equation as written " + structure(expr))


def _point(place: int, highest: int) -> dict[str, tuple[int, int]]:
    """Point number `place` in x and the unknown and its derivatives below the highest."""
    points, names = EQUATION_POINTS, ("x", *UNKNOWNS[:highest])
    return {name: points[(place + 5 * shift) % len(points)] for shift, name in enumerate(names)}


def _highest_derivative(equation: Program, highest: int, at: Sequence[Mapping[str, tuple[int, int]]]) -> Column:
    """The values of the highest derivative at points, from those of the equation where it is 0, 1 and 2."""
    given, count = columns(at), len(at)
    early = equation(given, stop=equation.early)
    trials = {name: column * 3 for name, column in given.items()}
    trials[UNKNOWNS[highest]] = [acb(value) for value in range(3) for _ in at]
    found = equation(trials, [column * 3 for column in early])[equation.place]
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


def _first_texts(
    points: Sequence[Mapping[str, tuple[int, int]]],
    values_at: Callable[[Sequence[Mapping[str, tuple[int, int]]]], Column],
    known: Column | None = None,
) -> list[str] | None:
    """The rounded values at the first of the points that have one, as many as the keys near 0 have; None at fewer.

    `known` are the first values that are asked for, where they are known.
    """
    texts, count = [], len(POINTS)
    before = flint.ctx.prec
    try:
        for start in range(0, len(points), count):
            group = points[start : start + count]
            found: list[str | None] = [None] * len(group)
            for precision in PRECISIONS:
                flint.ctx.prec = precision
                left = [place for place, text in enumerate(found) if text is None]
                values, known = known or values_at([group[place] for place in left]), None
                for place, value in zip(left, values, strict=True):
                    found[place] = _complex_text(value, precision) if value.is_finite() else None
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
            text = _complex_text(value, precision)
            if text is not None:
                return text
    return None


def _memo(point: tuple[int, int], precision: int) -> dict[Expression, acb]:
    """The table of node values at this point and precision."""
    table = _VALUES.setdefault((point, precision), {})
    if len(table) >= MEMO_ENTRIES:
        table.clear()
    return table


def _complex_text(value: acb, precision: int) -> str | None:
    """Real and imaginary part to `DIGITS` digits; an imaginary ball around 0 counts as 0.  None where undecided."""
    last = precision == PRECISIONS[-1]
    real, imag = value.real, value.imag
    if imag.is_zero():
        imag = None
    elif 0 in imag:
        if last or imag.abs_upper() < arb(2) ** -64 * (1 + abs(real)):
            imag = None
        else:
            return None
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        first = _real_text(real, last)
        second = "0" if imag is None else _real_text(imag, last)
    finally:
        flint.ctx.prec = before
    return None if first is None or second is None else f"{first},{second}"


def _real_text(value: arb, last: bool) -> str | None:
    """The value to `DIGITS` digits, ties half-even.

    At the last precision a ball that still holds a rounding boundary is taken for that boundary, and one that still
    holds zero for zero: equal functions then agree, whichever of them is exact there.
    """
    if 0 in value:
        return "0" if last or value.is_zero() else None
    if not LEAST < abs(value) < MOST:
        return None
    for digits in (DIGITS + 8, 8 * DIGITS):
        middle, radius, exponent = map(int, value.mid_rad_10exp(digits))
        found = _agreed(middle, radius)
        if found is not None:
            return _text(*found, exponent)
    if not last or radius * 10 ** (3 * DIGITS) > abs(middle):
        return None
    whole, drop = _shortened(middle, 3 * DIGITS)
    return _text(*_shortened(whole, DIGITS), exponent + drop)


def _agreed(middle: int, radius: int) -> tuple[int, int] | None:
    """What both ends of a ball are rounded to, as in `_shortened`; None where they differ."""
    size = abs(middle)
    drop = len(str(size)) - DIGITS
    if drop > 0:  # the usual case: all numbers of the ball have the same leading digits, and lie on one side of a half
        unit = 10**drop
        whole, rest = divmod(size, unit)
        low, high = rest - radius, rest + radius
        if low >= 0 and high < unit and (2 * high < unit or 2 * low > unit):
            whole += 2 * low > unit
            return -whole if middle < 0 else whole, drop
    found = _shortened(middle - radius, DIGITS)
    return found if found == _shortened(middle + radius, DIGITS) else None


def _shortened(middle: int, digits: int) -> tuple[int, int]:
    """`middle` rounded half-even to `digits` digits: those digits, and how many were dropped."""
    size = abs(middle)
    drop = max(0, len(str(size)) - digits)
    unit = 10**drop
    whole, rest = divmod(size, unit)
    if 2 * rest > unit or (2 * rest == unit and whole % 2):
        whole += 1
    return -whole if middle < 0 else whole, drop


def _text(whole: int, drop: int, exponent: int) -> str:
    """whole * 10**(drop + exponent) in one form, without trailing zeros."""
    text = str(whole)
    short = text.rstrip("0")
    return f"{short}e{exponent + drop + len(text) - len(short)}"
