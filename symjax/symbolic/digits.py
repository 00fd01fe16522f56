"""Values in certified balls, rounded to texts that equal values share.

A digit that a ball leaves open is settled with more bits, never by chance: where the ball does not decide, there is no
text at this precision.
"""

from __future__ import annotations

from typing import Final

import flint
from flint import acb, arb

PRECISIONS: Final = (128, 512, 2048)
DIGITS: Final = 15
LEAST: Final = 1 / arb(10) ** 1000
MOST: Final = arb(10) ** 1000
"""Sizes of values that have digits."""


def complex_text(value: acb, precision: int) -> str | None:
    """Real and imaginary part to `DIGITS` digits; an imaginary ball around 0 counts as 0.  None where undecided."""
    last = precision == PRECISIONS[-1]
    real, imag = value.real, value.imag
    if imag.is_zero():
        imag = None
    elif 0 in imag:
        if not last and not imag.abs_upper() < arb(2) ** -64 * (1 + abs(real)):
            return None
        imag = None
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        first = real_text(real, last)
        second = "0" if imag is None else real_text(imag, last)
    finally:
        flint.ctx.prec = before
    return None if first is None or second is None else f"{first},{second}"


def real_text(value: arb, last: bool) -> str | None:
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
        found = decided(middle, radius)
        if found is not None:
            return _text(*found, exponent)
    if not last or radius * 10 ** (3 * DIGITS) > abs(middle):
        return None
    whole, drop = shortened(middle, 3 * DIGITS)
    return _text(*shortened(whole, DIGITS), exponent + drop)


def decided(middle: int, radius: int) -> tuple[int, int] | None:
    """What `shortened` makes of all numbers of an interval, to `DIGITS` digits; None where they differ."""
    size = abs(middle)
    drop = len(str(size)) - DIGITS
    if drop > 0:  # nearly always the interval lies between two neighbours, on one side of their middle
        unit = 10**drop
        whole, rest = divmod(size, unit)
        if radius <= rest and 2 * (rest + radius) < unit:
            return -whole if middle < 0 else whole, drop
        if rest + radius < unit < 2 * (rest - radius):
            return -whole - 1 if middle < 0 else whole + 1, drop
    low, high = shortened(middle - radius, DIGITS), shortened(middle + radius, DIGITS)
    return low if low == high else None


def shortened(middle: int, digits: int) -> tuple[int, int]:
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
