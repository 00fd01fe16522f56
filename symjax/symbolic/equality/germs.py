"""What the kernels of all kinds share: the ring, the base point, and the constants pi, i and the roots of unity.

A germ is an analytic function near the base point; over a real base point, of real symbols.  Whatever is known of a
germ only up to a locally constant factor or summand from a discrete set has it fixed by the ball of its value over the
whole base neighbourhood.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from flint import acb, arb, fmpq

from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.ring import Element, Ring, number
from symjax.symbolic.equality.work import GaveUpError

PRECISION: Final = 192
"""Bits of the values of germs."""
RADIUS_BITS: Final = 80
"""The base neighbourhood reaches 2^-80 around the base point in every symbol."""
MAX_ORDER: Final = 24
"""Largest order of roots."""


class RestartError(Exception):
    """A kernel is needed at a finer grain: of another order, or of a fraction of its argument."""

    def __init__(self, key: tuple[str, int], factor: int) -> None:
        super().__init__()
        self.key = key
        self.factor = factor


@dataclasses.dataclass
class Germs:
    """Shared state of one attempt at a proof.

    Attributes:
      ring: where elements live.
      point: the base point.
      grains: by kind and place, how much finer a kernel is than its first use would make it.
    """

    ring: Ring
    point: Point
    grains: Mapping[tuple[str, int], int]
    _constants: dict[str, Element] = dataclasses.field(default_factory=dict)

    def symbol(self, name: str) -> Element:
        """The generator of a symbol, over its base neighbourhood."""
        found = self._constants.get(name)
        if found is None:
            blur = arb(0, arb(2) ** -RADIUS_BITS)
            ball = acb(arb(self.point.real[name]) + blur)
            if self.point.imaginary:
                ball = ball + acb(0, arb(self.point.imaginary.get(name, fmpq(0))) + blur)
            found = self._constants[name] = self.ring.generator(ball, ("symbol", name))
        return found

    def pi(self) -> Element:
        """The generator pi."""
        if "pi" not in self._constants:
            self._constants["pi"] = self.ring.generator(acb.pi(), ("pi",))
        return self._constants["pi"]

    def imaginary(self) -> Element:
        """The generator i, whose square is -1."""
        if "I" not in self._constants:
            self._constants["I"] = self.ring.generator(acb(0, 1), ("I",))
            self.ring.relate_power(2, number(-1))
        return self._constants["I"]

    def generator_of_constant(self, name: str) -> int | None:
        """The number of the generator `pi` or `I`; None while nothing has needed it."""
        found = self._constants.get(name)
        return None if found is None else self.ring.generator_of(found.powers[0][0])

    def grain(self, kind: str, place: int) -> int:
        """How much finer the kernel number `place` of its kind is than its first use would make it."""
        return self.grains.get((kind, place), 1)


def check_off_cut(ball: acb) -> None:
    """Refuses values at which logarithms and roots may not be analytic.

    Raises:
      GaveUpError: the ball meets the negative axis or zero, unless it is real and not zero by construction.
    """
    if ball.imag.is_zero():
        if not ball.real.contains(0):
            return
    elif ball.real > 0 or not ball.imag.contains(0):
        return
    raise GaveUpError("a value is on a branch cut, or too near to one")


def unique_integer(ball: arb, what: str) -> int:
    """The one integer in `ball`.

    Raises:
      GaveUpError: there are several, or none.
    """
    found = ball.unique_fmpz() if ball.is_finite() else None
    if found is None:
        raise GaveUpError(f"{what} cannot be told from values")
    return int(found)


def turn_number(ball: acb, order: int) -> int:
    """The k for which the value in `ball`, known to be a root of unity, is exp(i*pi*k/order).

    Raises:
      GaveUpError: the ball is too wide.
    """
    if not ball.is_finite():
        raise GaveUpError("a phase cannot be told from values")
    half_turn = bool(ball.real < 0)
    angle = (-ball if half_turn else ball).log().imag * order / arb.pi()
    return (unique_integer(angle, "a phase") + (order if half_turn else 0)) % (2 * order)
