"""Inverse circular and hyperbolic functions of truncated series, by integrating their derivatives.

The constant comes from FLINT, from the side of the cut that the argument leaves to; the derivative is written with
roots whose principal branches are right on the cuts as well.
"""

from __future__ import annotations

from flint import acb, arb, fmpq

from symjax.symbolic import jets, recurrences
from symjax.symbolic.jets import INFINITE, Series
from symjax.symbolic.scalars import (
    COMPLEX,
    HALF,
    IMAGINARY_UNIT,
    ONE,
    SINGULAR,
    ZERO,
    Frame,
    Refused,
    Scalar,
    ball,
    tidy,
)


def _inverse_argument(s: Series) -> Scalar:
    """Value at 0 of the argument of an inverse function."""
    if s.log is not None:
        raise Refused("logarithm", "a logarithm inside a transcendental function")
    if s.v < 0:
        jets.lead(s)
        raise Refused("essential", "a pole inside a transcendental function")
    return s.c[0] if s.v == 0 and s.c else ZERO


def _start(frame: Frame, s: Series, name: str, value: Scalar) -> Scalar:
    """name(value), from the side of the cut that s moves to, for asin, acos, atanh and acosh."""
    if not value and name != "acos" and name != "acosh":
        return ZERO
    real = frame.real_part(value)
    if real is None:
        return getattr(value, name)()
    below, above = frame.sign(real + 1), frame.sign(real - 1)
    if above == 0 or below == 0:
        frame.flags |= SINGULAR
        real = fmpq(above + below)
    if name == "atanh":
        if above == 0 or below == 0:
            raise Refused("logarithm", "atanh at 1 or -1")
        inside = above < 0 < below
    elif name == "acosh":
        inside = above >= 0
    else:
        inside = above <= 0 <= below
    if inside:
        return tidy(getattr(arb(real), name)())
    result = getattr(acb(real), name)()
    frame.flags |= COMPLEX
    side = jets.cut_side(frame, s, 1 if s.v == 0 else 0)
    if side:
        side = -side if name == "acos" else side
        if frame.sign(result.imag) != side:
            result = result.conjugate()
    return result


def _rational(frame: Frame, s: Series, name: str, factor: Scalar = ONE, start: Scalar = ZERO) -> Series | None:
    """start + factor * name(s) for a rational series that vanishes at 0, None for any other."""
    if not 0 < s.v < INFINITE or not s.c or not recurrences.all_rational(s.c):
        return None
    terms = recurrences.rational_function(name, jets.dense(s, s.known))
    if factor is not ONE:
        terms = [start, *[x * factor if x else ZERO for x in terms[1:]]]
    return jets.made(frame, 0, terms)


def _square_root_slope(frame: Frame, s: Series, sign: int) -> Series:
    """s' / sqrt(1 + sign*s**2)."""
    square = jets.mul(frame, s, s)
    radicand = jets.add(frame, jets.constant(frame, ONE), square if sign > 0 else jets.negative(frame, square))
    return jets.mul(frame, jets.derivative(frame, s), jets.power(frame, radicand, -HALF))


def _rational_slope(frame: Frame, s: Series, sign: int) -> Series:
    """s' / (1 + sign*s**2)."""
    square = jets.mul(frame, s, s)
    radicand = jets.add(frame, jets.constant(frame, ONE), square if sign > 0 else jets.negative(frame, square))
    return jets.div(frame, jets.derivative(frame, s), radicand)


def asin(frame: Frame, s: Series) -> Series:
    """asin(s), by integrating s'/sqrt(1 - s**2)."""
    value = _inverse_argument(s)
    plain = _rational(frame, s, "asin")
    if plain is not None:
        return plain
    start = _start(frame, s, "asin", value)
    if s.const:
        return jets.constant(frame, start)
    return jets.integral(frame, _square_root_slope(frame, s, -1), start)


def acos(frame: Frame, s: Series) -> Series:
    """acos(s), by integrating -s'/sqrt(1 - s**2)."""
    value = _inverse_argument(s)
    plain = _rational(frame, s, "asin", -ONE, arb.pi() / 2)
    if plain is not None:
        return plain
    start = _start(frame, s, "acos", value)
    if s.const:
        return jets.constant(frame, start)
    return jets.integral(frame, jets.negative(frame, _square_root_slope(frame, s, -1)), start)


def acosh(frame: Frame, s: Series) -> Series:
    """acosh(s), by integrating s'/(sqrt(s - 1)*sqrt(s + 1)): the product that is right on the whole real line."""
    value = _inverse_argument(s)
    plain = _rational(frame, s, "asin", -IMAGINARY_UNIT, acb(0, arb.pi() / 2))
    if plain is not None:  # i*acos(s) for real s between -1 and 1
        frame.flags |= COMPLEX
        return plain
    start = _start(frame, s, "acosh", value)
    if s.const:
        return jets.constant(frame, start)
    one = jets.constant(frame, ONE)
    below = jets.power(frame, jets.add(frame, s, jets.negative(frame, one)), -HALF)
    above = jets.power(frame, jets.add(frame, s, one), -HALF)
    slope = jets.mul(frame, jets.derivative(frame, s), jets.mul(frame, below, above))
    return jets.integral(frame, slope, start)


def atanh(frame: Frame, s: Series) -> Series:
    """atanh(s), by integrating s'/(1 - s**2)."""
    value = _inverse_argument(s)
    plain = _rational(frame, s, "atanh")
    if plain is not None:
        return plain
    start = _start(frame, s, "atanh", value)
    if s.const:
        return jets.constant(frame, start)
    return jets.integral(frame, _rational_slope(frame, s, -1), start)


def _imaginary(frame: Frame, value: Scalar) -> bool:
    return isinstance(value, acb) and frame.sign(value.real) == 0


def asinh(frame: Frame, s: Series) -> Series:
    """asinh(s), by integrating s'/sqrt(1 + s**2); -i*asin(i*s) where the argument may lie on the cut."""
    value = _inverse_argument(s)
    if _imaginary(frame, value):
        return jets.rotate(frame, asin(frame, jets.rotate(frame, s, IMAGINARY_UNIT)), -IMAGINARY_UNIT)
    plain = _rational(frame, s, "asinh")
    if plain is not None:
        return plain
    start = tidy(ball(value).asinh()) if value else ZERO
    if s.const:
        return jets.constant(frame, start)
    return jets.integral(frame, _square_root_slope(frame, s, 1), start)


def atan(frame: Frame, s: Series) -> Series:
    """atan(s), by integrating s'/(1 + s**2); at a real pole, the half turn on its side less atan(1/s)."""
    if s.v < 0 and s.log is None:
        real = frame.real_part(jets.lead(s))
        if real is None:
            raise Refused("essential", "a complex pole inside atan")
        frame.flags |= SINGULAR
        half_turn = jets.constant(frame, arb.pi() * frame.sign(real) / 2)
        inner = atan(frame, jets.power(frame, s, -ONE))
        return jets.add(frame, half_turn, jets.negative(frame, inner))
    value = _inverse_argument(s)
    if _imaginary(frame, value):
        return jets.rotate(frame, atanh(frame, jets.rotate(frame, s, IMAGINARY_UNIT)), -IMAGINARY_UNIT)
    plain = _rational(frame, s, "atan")
    if plain is not None:
        return plain
    start = tidy(ball(value).atan()) if value else ZERO
    if s.const:
        return jets.constant(frame, start)
    return jets.integral(frame, _rational_slope(frame, s, 1), start)
