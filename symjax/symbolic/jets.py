"""Truncated power series with valuations and known orders: sums, products, powers, integrals.

A series is u**v * (c[0] + c[1]*u + ...) + log * ln(t) with u > 0 and t = u**r.  c[0] is certified nonzero, v may be
negative, and the coefficient of u**k is known for all k < v + len(c).  `const` says that the series is that of a
constant by its structure, so that every further coefficient is zero; the exact zero has v = `INFINITE`.
"""

from __future__ import annotations

from typing import Final

from flint import acb, fmpq

from symjax.symbolic import recurrences
from symjax.symbolic.scalars import (
    COMPLEX,
    ONE,
    SINGULAR,
    VALUATION_BOUND,
    ZERO,
    Frame,
    NeedOrder,
    NeedRoot,
    Refused,
    Scalar,
    ball,
    complex_power,
    phase,
    positive_power,
    tidy,
)

INFINITE: Final = 10**9


class Series:
    """See the module.  `flags` are those of `Frame`, gathered over everything that the series was made from."""

    __slots__ = ("c", "const", "flags", "log", "v")
    v: int
    c: list[Scalar]
    const: bool
    log: Series | None
    flags: int

    def __init__(self, v: int, c: list[Scalar], const: bool = False, log: Series | None = None) -> None:
        self.v = v
        self.c = c
        self.const = const
        self.log = log
        self.flags = 0

    @property
    def known(self) -> int:
        """The first power of u whose coefficient is not known."""
        return self.v + len(self.c)


def constant(frame: Frame, value: Scalar) -> Series:
    """The series of a constant."""
    if frame.is_zero(value):
        return Series(INFINITE, [], True)
    return Series(0, [value] + [ZERO] * (frame.terms - 1), True)


def made(frame: Frame, v: int, c: list[Scalar], const: bool = False, log: Series | None = None) -> Series:
    """The series with these coefficients, led by one that is certified nonzero."""
    skip = 0
    for value in c:
        if isinstance(value, fmpq):
            if value:
                break
        elif not frame.is_zero(value):
            break
        skip += 1
    if const and skip == len(c):
        return Series(INFINITE, [], True, log)
    if skip:
        c = c[skip:]
        v += skip
    if len(c) > frame.terms:
        c = c[: frame.terms]
    if abs(v) > VALUATION_BOUND * frame.ramification:
        raise Refused("magnitude", f"a power of x beyond {VALUATION_BOUND}")
    return Series(v, c, const, log)


def lead(s: Series) -> Scalar:
    """The leading coefficient of a series that is not the exact zero."""
    if not s.c:
        raise NeedOrder
    return s.c[0]


def add(frame: Frame, a: Series, b: Series) -> Series:
    """a + b."""
    log = None
    if a.log is not None or b.log is not None:
        log = b.log if a.log is None else a.log if b.log is None else nonzero(add(frame, a.log, b.log))
    if a.v == INFINITE:
        return Series(b.v, b.c, b.const, log)
    if b.v == INFINITE:
        return Series(a.v, a.c, a.const, log)
    if a.v > b.v:
        a, b = b, a
    size = min(a.v + len(a.c), b.v + len(b.c)) - a.v
    shift = b.v - a.v
    first, second = a.c, b.c
    if shift >= size:
        c = first[:size]
    elif shift:
        c = first[:shift] + [p + q for p, q in zip(first[shift:size], second[: size - shift], strict=True)]
    else:
        c = [p + q for p, q in zip(first[:size], second[:size], strict=True)]
    return made(frame, a.v, c, a.const and b.const, log)


def nonzero(s: Series) -> Series | None:
    """The series, None for the exact zero."""
    return None if s.v == INFINITE else s


def scale(frame: Frame, a: Series, factor: Scalar) -> Series:
    """factor * a for a nonzero factor."""
    log = None if a.log is None else scale(frame, a.log, factor)
    return Series(a.v, [x * factor if x else x for x in a.c], a.const, log)


def negative(frame: Frame, a: Series) -> Series:
    """-a."""
    return Series(a.v, [-x for x in a.c], a.const, None if a.log is None else negative(frame, a.log))


def mul(frame: Frame, a: Series, b: Series) -> Series:
    """a * b.

    Raises:
      Refused: both carry a logarithm.
    """
    log = None
    if a.log is not None and b.log is not None:
        raise Refused("logarithm", "a product of two logarithms")
    if a.log is not None:
        log = nonzero(mul(frame, a.log, b))
    elif b.log is not None:
        log = nonzero(mul(frame, b.log, a))
    if a.v == INFINITE or b.v == INFINITE:
        return Series(INFINITE, [], True, log)
    size = min(len(a.c), len(b.c))
    return made(frame, a.v + b.v, recurrences.products(a.c, b.c, size), a.const and b.const, log)


def div(frame: Frame, a: Series, b: Series) -> Series:
    """a / b.

    Raises:
      NeedOrder: no nonzero term of b is known.
      Refused: b is the exact zero or carries a logarithm.
    """
    if b.v == INFINITE and b.log is None:
        raise Refused("undefined", "division by zero")
    if a.v == INFINITE and a.log is None:
        return a
    if b.log is not None:
        raise Refused("logarithm", "division by a logarithm")
    lead(b)
    log = None if a.log is None else div(frame, a.log, b)
    if a.v == INFINITE:
        return Series(INFINITE, [], True, log)
    size = min(len(a.c), len(b.c))
    return made(frame, a.v - b.v, recurrences.quotient(a.c, b.c, size), a.const and b.const, log)


def derivative(frame: Frame, s: Series) -> Series:
    """The derivative in u of a series without logarithm."""
    if s.const:
        return Series(INFINITE, [], True)
    v = s.v
    return made(frame, v - 1, [x * (v + i) if x and v + i else ZERO for i, x in enumerate(s.c)])


def integral(frame: Frame, s: Series, start: Scalar) -> Series:
    """The antiderivative in u that is `start` at 0.

    Raises:
      Refused: it has a logarithm or a pole.
    """
    if s.v == INFINITE:
        return constant(frame, start)
    if s.v < 0:
        lead(s)
        if s.v < -1:
            raise Refused("pole", "the integrated derivative has a pole")
        raise Refused("logarithm", "the function has a logarithm at 0")
    c = [start] + [ZERO] * s.v + [x / (s.v + i + 1) if x else ZERO for i, x in enumerate(s.c)]
    return made(frame, 0, c)


def cut_side(frame: Frame, s: Series, first: int = 1) -> int:
    """Which side of the real line a series moves to for u > 0, by its terms from `first` on: sign, 0 for neither."""
    if not frame.inputs & COMPLEX:
        return 0
    for value in s.c[first:]:
        side = frame.imag_sign(value)
        if side:
            frame.flags |= SINGULAR
            return side
    if not s.const and frame.orders < 33:
        raise NeedOrder
    return 0


def lead_power(frame: Frame, s: Series, exponent: fmpq) -> Scalar:
    """The leading coefficient to a rational power, on the principal branch for small u > 0."""
    value = lead(s)
    real = frame.real_part(value)
    if real is None:
        return complex_power(acb(value), exponent)
    if frame.sign(real) > 0:
        return positive_power(real, exponent)
    size = positive_power(-real, exponent)
    if exponent.q == 1:
        return size * phase(exponent, 1)
    side = cut_side(frame, s) or 1
    frame.flags |= COMPLEX
    return phase(exponent, side) * size


def power(frame: Frame, s: Series, exponent: fmpq) -> Series:
    """s**exponent for a rational exponent.

    Raises:
      NeedRoot: the result runs in a root of u.
      Refused: undefined at 0, or s carries a logarithm.
    """
    if not exponent:
        return constant(frame, ONE)
    if s.log is not None:
        if exponent == 1:
            return s
        raise Refused("logarithm", "a power of a logarithm")
    if s.v == INFINITE:
        if exponent > 0:
            return s
        raise Refused("undefined", "a negative power of zero")
    lead(s)
    v = s.v * exponent
    if v.q != 1:
        raise NeedRoot(int(v.q))
    if s.v and exponent.q != 1:
        frame.flags |= SINGULAR
    if abs(v) > VALUATION_BOUND * frame.ramification:
        raise Refused("magnitude", f"a power of x beyond {VALUATION_BOUND}")
    start = lead_power(frame, s, exponent)
    return made(frame, int(v.p), recurrences.power_terms(s.c, exponent, start), s.const)


def dense(s: Series, size: int) -> list[Scalar]:
    """Coefficients of u**0, u**1, ... of a series without pole, `size` at most."""
    if s.v == INFINITE:
        return [ZERO] * size
    return ([ZERO] * s.v + s.c)[:size]


def finish(s: Series, flags: int) -> Series:
    """The series with its flags, complex balls on the real line made real, overlong rationals made balls."""
    c: list[Scalar] = s.c
    if flags & COMPLEX and not all(isinstance(x, fmpq) for x in c):
        c = [tidy(x) for x in c]
    if c and not _short(c[0], c[-1]):
        c = [ball(x) if x else x for x in c]
    if flags == s.flags and c is s.c:
        return s
    out = Series(s.v, c, s.const, s.log)
    out.flags = flags
    return out


def _short(*values: Scalar) -> bool:
    return all(not isinstance(x, fmpq) or x.height_bits() <= 4096 for x in values)


def rotate(frame: Frame, s: Series, factor: acb) -> Series:
    """factor * s, with real values made real."""
    out = scale(frame, s, factor)
    return Series(out.v, [tidy(x) for x in out.c], out.const, out.log)
