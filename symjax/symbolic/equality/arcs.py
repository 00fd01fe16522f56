"""Inverse functions: opaque kernels, but for those whose angle is one seen before.

With each angle t goes s = sin(t)**2, a hyperbolic angle counting as i times a circular one.  Two angles with equal s,
or with s adding up to one, differ by a sign and a multiple of pi/2, which the balls of their values fix.  That one rule
covers asin(sin(b)), acos against asin, acosh against acos, reciprocals under atan, and half a dozen more.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from flint import acb, arb, fmpq

from symjax.symbolic.equality.germs import Germs
from symjax.symbolic.equality.ring import ONE, ZERO, Element, number
from symjax.symbolic.equality.work import GaveUpError

if TYPE_CHECKING:
    from symjax.symbolic.equality.kernels import Kernels

_HALF: Final = fmpq(1, 2)
_CIRCULAR: Final = ("asin", "atan")
_KNOWN: Final = {fmpq(0): fmpq(0), fmpq(1, 4): fmpq(1, 6), _HALF: fmpq(1, 4), fmpq(3, 4): fmpq(1, 3), fmpq(1): _HALF}
"""Angles in half turns by the square of their sine."""


@dataclasses.dataclass
class Angle:
    """`element` as an angle, hyperbolic or not; `square` is that of the sine of the circular angle."""

    element: Element
    hyperbolic: bool
    square: Element


@dataclasses.dataclass
class Arcs:
    """The kernels of inverse functions."""

    germs: Germs
    kernels: Kernels
    angles: list[Angle] = dataclasses.field(default_factory=list)
    _seen: list[tuple[bool, Element]] = dataclasses.field(default_factory=list)

    def saw(self, u: Element, *, hyperbolic: bool) -> None:
        """Remembers that a circular or hyperbolic function of `u` occurs."""
        if not u.is_number and (hyperbolic, u) not in self._seen:
            self._seen.append((hyperbolic, u))

    def of(self, name: str, v: Element) -> Element:
        """asin, atan, asinh, acosh or atanh of `v`."""
        ring = self.germs.ring
        square = self._square(name, v)
        if square.is_number and square.coefficient in _KNOWN:
            known = ring.scale(_KNOWN[square.coefficient], self.germs.pi()) if square.coefficient != 0 else ZERO
            ball = getattr(acb(v.coefficient) if v.is_number else ring.value(v), name)()
            return self._match(name, ball, Angle(known, False, square), odd=False, constant=True)
        ball = self._value(name, v)
        self._gather()
        for angle in self.angles:
            odd = self._relation(square, angle.square)
            if odd is not None:
                return self._match(name, ball, angle, odd=odd)
        kernel = ring.generator(ball, (name, v))
        self.angles.append(Angle(kernel, name not in _CIRCULAR, square))
        return kernel

    def radical(self, name: str, v: Element) -> Element:
        """cos(asin(v)), 1/cos(atan(v)), cosh(asinh(v)) or sinh(acosh(v)): the square root that goes with `name`."""
        ring, power = self.germs.ring, self.kernels.roots.power
        if name == "acosh":
            ends = (power(ring.sum((v, number(shift))), _HALF) for shift in (-1, 1))
            return ring.multiply(*ends)
        square = ring.power(v, 2) if not v.is_zero else ZERO
        return power(ring.sum((ONE, ring.scale(-1 if name == "asin" else 1, square))), _HALF)

    def logarithmic(self, name: str, v: Element) -> Element:
        """The same value as `of`, through logarithms."""
        ring, logarithm = self.germs.ring, self.kernels.roots.logarithm
        if name in ("asinh", "acosh"):
            return logarithm(ring.sum((v, self.radical(name, v))))
        if name == "atanh":
            ends = logarithm(ring.sum((ONE, v))), logarithm(ring.subtract(ONE, v))
            return ring.scale(_HALF, ring.subtract(*ends))
        i = self.germs.imaginary()
        turned = ring.multiply(i, v)
        if name == "asin":
            return ring.scale(-1, ring.multiply(i, logarithm(ring.sum((turned, self.radical(name, v))))))
        ends = logarithm(ring.subtract(ONE, turned)), logarithm(ring.sum((ONE, turned)))
        return ring.scale(_HALF, ring.multiply(i, ring.subtract(*ends)))

    def _square(self, name: str, v: Element) -> Element:
        """The square of the sine of the circular angle."""
        ring = self.germs.ring
        square = ring.power(v, 2) if not v.is_zero else ZERO
        match name:
            case "asin":
                return square
            case "asinh":
                return ring.scale(-1, square)
            case "acosh":
                return ring.subtract(ONE, square)
        below = ring.sum((square, number(1 if name == "atan" else -1)))
        return ring.multiply(square, ring.power(below, -1))

    def _value(self, name: str, v: Element) -> acb:
        """The value of the function where it is analytic around the base point.

        Raises:
          GaveUpError: the argument is on a cut and not real by construction, or at a branch point.
        """
        u = self.germs.ring.value(v)
        ends = (1 + u * u) if name in ("atan", "asinh") else (1 - u * u)
        if ends.contains(0):
            raise GaveUpError("an inverse function is at its branch point")
        if not u.imag.is_zero() and _meets_cut(name, u):
            raise GaveUpError("an inverse function is on its branch cut, or too near to it")
        ball = getattr(u, name)()
        if not ball.is_finite():
            raise GaveUpError("an inverse function has no value")
        return ball

    def _gather(self) -> None:
        """Turns the arguments of functions seen since the last time into angles."""
        ring = self.germs.ring
        while self._seen:
            hyperbolic, u = self._seen.pop(0)
            if hyperbolic:
                square = ring.scale(-1, ring.power(self.kernels.exponentials.hyperbolic(u)[1], 2))
            else:
                square = ring.power(self.kernels.circular.pair(u)[1], 2)
            self.angles.append(Angle(u, hyperbolic, square))

    def _relation(self, left: Element, right: Element) -> bool | None:
        """Whether two squares of sines make angles differ by an odd multiple of pi/2; None where they say nothing."""
        ring = self.germs.ring
        values = ring.value(left), ring.value(right)
        if (values[0] - values[1]).contains(0) and ring.subtract(left, right).is_zero:
            return False
        if (values[0] + values[1] - 1).contains(0) and ring.sum((left, right, number(-1))).is_zero:
            return True
        return None

    def _match(self, name: str, ball: acb, angle: Angle, *, odd: bool, constant: bool = False) -> Element:
        """The inverse function in terms of an angle: sign * angle + k*pi/2, with k odd or even."""
        ring, hyperbolic = self.germs.ring, name not in _CIRCULAR
        other = ring.value(angle.element)
        turned, other = (-_i() * ball if hyperbolic else ball), (-_i() * other if angle.hyperbolic else other)
        fits = []
        for sign in (1, -1):
            quarter = (turned - sign * other) * 2 / acb.pi()
            count = quarter.real.unique_fmpz() if quarter.is_finite() and quarter.imag.contains(0) else None
            if count is not None and int(count) % 2 == odd:
                fits.append((sign, int(count)))
            elif count is None and quarter.imag.contains(0) and quarter.real.contains_integer():
                raise GaveUpError("a branch of an inverse function cannot be told from values")
        if len(fits) != 1 and not (fits and constant):  # multiples of pi that fit the same value are equal
            raise GaveUpError("a branch of an inverse function cannot be told from values")
        sign, count = fits[0]
        same = ring.scale(sign, angle.element)
        if angle.hyperbolic and not hyperbolic:
            same = ring.scale(-1, ring.multiply(self.germs.imaginary(), same))
        elif hyperbolic and not angle.hyperbolic:
            same = ring.multiply(self.germs.imaginary(), same)
        if count == 0:
            return same
        shift = ring.scale(fmpq(count, 2), self.germs.pi())
        return ring.sum((same, ring.multiply(self.germs.imaginary(), shift) if hyperbolic else shift))


def _i() -> acb:
    return acb(0, 1)


def _meets_cut(name: str, u: acb) -> bool:
    """Whether a ball that is not real meets the branch cut of an inverse function."""
    if name in ("atan", "asinh"):
        return u.real.contains(0) and not abs(u.imag) < arb(1)
    if not u.imag.contains(0):
        return False
    return not (u.real > 1) if name == "acosh" else not abs(u.real) < arb(1)
