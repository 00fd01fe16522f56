"""A key that equal functions share: values near 0, rounded from certified balls.

Two expressions with the same key agree to 15 digits at three exact points near 0.  Points are dyadic, so that x - x
is 0 at any precision; a digit that a ball leaves open is settled with more bits, never by chance.
"""

from __future__ import annotations

import hashlib
from typing import Final

import flint
from flint import acb, arb

from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import Expression, postorder

POINTS: Final = ((4791, 65536), (-3433, 65536), (12565, 65536))
PRECISIONS: Final = (128, 512, 2048)
DIGITS: Final = 15
EXPONENT_BOUND: Final = 1000
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
        key = hashlib.blake2b((text or "as written " + structure(expr)).encode(), digest_size=16).hexdigest()
        _KEYS[expr] = key
    return key


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
        for precision in PRECISIONS:
            value = evaluate(expr, point, precision=precision, memo=_memo(point, precision))
            if not value.is_finite():
                continue
            text = _complex_text(value, precision)
            if text is not None:
                break
        else:
            return None
        texts.append(text)
    return " ".join(texts)


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
    if 0 in imag:
        if imag.is_zero() or last or imag.abs_upper() < arb(2) ** -64 * (1 + abs(real)):
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
    if not (arb(10) ** -EXPONENT_BOUND < abs(value) < arb(10) ** EXPONENT_BOUND):
        return None
    for digits in (DIGITS + 8, 8 * DIGITS):
        middle, radius, exponent = map(int, value.mid_rad_10exp(digits))
        low, high = _shortened(middle - radius, DIGITS), _shortened(middle + radius, DIGITS)
        if low == high:
            return _text(*low, exponent)
    if not last or radius * 10 ** (3 * DIGITS) > abs(middle):
        return None
    whole, drop = _shortened(middle, 3 * DIGITS)
    return _text(*_shortened(whole, DIGITS), exponent + drop)


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
