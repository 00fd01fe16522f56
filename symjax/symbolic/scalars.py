"""Coefficients of series: exact rationals while possible, certified real or complex balls where not.

A scalar is an `fmpq`, an `arb` or an `acb` of python-flint.  An exact zero is always `fmpq(0)`, the only scalar that
is false, so that products skip it and parity zeros stay exact.  This module decides what series need to know of a
scalar: whether it is zero, which sign it has, and its powers.  What a ball cannot decide raises `NeedPrecision`.
"""

from __future__ import annotations

from typing import Final

from flint import acb, arb, fmpq, fmpz

Scalar = fmpq | arb | acb

ZERO: Final = fmpq(0)
ONE: Final = fmpq(1)
HALF: Final = fmpq(1, 2)
IMAGINARY_UNIT: Final = acb(0, 1)

PRECISIONS: Final = (128, 384, 1152)
ORDERS: Final = (5, 9, 17, 33)
TINY: Final = arb(2) ** -384
CONSTANT_BOUND: Final = 2**40
BITS_BOUND: Final = 4096
VALUATION_BOUND: Final = 1000

SINGULAR: Final = 1
NUMERIC_ZERO: Final = 2
COMPLEX: Final = 4


class NeedPrecision(Exception):  # noqa: N818 - a signal, not an error
    """A ball is too wide to decide."""


class NeedOrder(Exception):  # noqa: N818 - a signal, not an error
    """Too few terms are known."""


class NeedRoot(Exception):  # noqa: N818 - a signal, not an error
    """The series runs in a root of x; the argument is the factor by which to refine it."""


class Refused(Exception):  # noqa: N818 - a signal, not an error
    """There is no such series; the arguments are the reason's name and a sentence."""


class Frame:
    """The setting of one evaluation and what happened in it.

    Attributes:
      precision: bits of the balls.
      orders: orders in x that leading terms are carried to, one of `ORDERS`.
      terms: coefficients kept of each series.
      ramification: r, where u**r = t and t = |x|.
      side: +1 for x = t, -1 for x = -t.
      flags: bits SINGULAR (something depends on the side of 0 or of a cut), NUMERIC_ZERO (a ball within 2**-384 at
        1152 bits was taken for zero) and COMPLEX (a value off the real line occurred).
      inputs: the flags of the operands of the node at hand.
    """

    __slots__ = ("flags", "inputs", "last", "orders", "precision", "ramification", "side", "terms")

    def __init__(self, precision: int, orders: int, ramification: int, side: int) -> None:
        self.precision = precision
        self.last = precision == PRECISIONS[-1]
        self.orders = orders
        self.terms = (orders - 1) * ramification + 1
        self.ramification = ramification
        self.side = side
        self.flags = 0
        self.inputs = 0

    def real_is_zero(self, value: arb) -> bool:
        """Whether a real ball is zero.

        Raises:
          NeedPrecision: it cannot be told.
        """
        if not value.is_finite():
            raise NeedPrecision
        if 0 not in value:
            return False
        if value.is_zero():
            return True
        if self.last and value.abs_upper() < TINY:
            self.flags |= NUMERIC_ZERO
            return True
        raise NeedPrecision

    def is_zero(self, value: Scalar) -> bool:
        """Whether a scalar is zero.

        Raises:
          NeedPrecision: it cannot be told.
        """
        if isinstance(value, fmpq):
            return not value
        if isinstance(value, arb):
            return self.real_is_zero(value)
        real, imag = value.real, value.imag
        if not (real.is_finite() and imag.is_finite()):
            raise NeedPrecision
        if 0 not in imag or 0 not in real:
            return False
        return self.real_is_zero(imag) and self.real_is_zero(real)

    def sign(self, value: fmpq | arb) -> int:
        """-1, 0 or 1.

        Raises:
          NeedPrecision: it cannot be told.
        """
        if isinstance(value, fmpq):
            return 0 if not value else 1 if value > 0 else -1
        if value > 0:
            return 1
        if value < 0:
            return -1
        self.real_is_zero(value)
        return 0

    def imag_sign(self, value: Scalar) -> int:
        """Sign of the imaginary part."""
        return self.sign(value.imag) if isinstance(value, acb) else 0

    def real_part(self, value: Scalar) -> fmpq | arb | None:
        """The scalar as a real one, None when it is not real."""
        if not isinstance(value, acb):
            return value
        if self.sign(value.imag):
            return None
        return value.real


def tidy(value: Scalar) -> Scalar:
    """A complex ball on the real line as a real one, a ball that is exactly an integer as that rational."""
    if isinstance(value, acb):
        imag = value.imag
        if not imag.is_zero():
            return value
        value = value.real
    if isinstance(value, arb) and value.is_integer() and abs(value) < CONSTANT_BOUND:
        return fmpq(int(value.unique_fmpz() or 0))
    return value


def ball(value: Scalar) -> arb | acb:
    """The scalar as a ball."""
    return arb(value) if isinstance(value, fmpq) else value


def exact_root(value: fmpq, degree: int) -> fmpq | None:
    """The rational root of a positive rational, None where it is irrational."""
    if degree > 64:
        return None
    top, bottom = fmpz(value.p), fmpz(value.q)
    root_top, root_bottom = top.root(degree), bottom.root(degree)
    if root_top**degree == top and root_bottom**degree == bottom:
        return fmpq(root_top, root_bottom)
    return None


def positive_power(value: fmpq | arb, exponent: fmpq) -> fmpq | arb:
    """value**exponent for a positive value; rational where that is exact and not too long."""
    top, degree = int(exponent.p), int(exponent.q)
    if isinstance(value, fmpq):
        if value == 1:
            return ONE
        root = value if degree == 1 else exact_root(value, degree)
        if root is not None and root.height_bits() * abs(top) <= BITS_BOUND:
            return root**top
        value = arb(value)
    if abs(top) <= 64:
        if degree == 1:
            return value ** fmpz(top)
        if degree == 2:
            return value.sqrt() ** fmpz(top)
    return (value.log() * exponent).exp()


def phase(exponent: fmpq, side: int) -> Scalar:
    """exp(side * i * pi * exponent)."""
    top, degree = int(exponent.p), int(exponent.q)
    if degree == 1:
        return fmpq(-1 if top % 2 else 1)
    if degree == 2:
        return IMAGINARY_UNIT if (top * side) % 4 == 1 else -IMAGINARY_UNIT
    return acb(exponent * side).exp_pi_i()


def complex_power(value: acb, exponent: fmpq) -> acb:
    """Principal value**exponent for a value off the negative axis."""
    top, degree = int(exponent.p), int(exponent.q)
    if abs(top) <= 64:
        if degree == 1:
            return value**top
        if degree == 2:
            return value.sqrt() ** top
    return (value.log() * exponent).exp()
