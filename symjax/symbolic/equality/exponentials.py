"""Exponentials of elements, and through them the hyperbolic functions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from flint import acb, fmpq

from symjax.symbolic.equality.arguments import Basis, linear_part, occurring, split_complex
from symjax.symbolic.equality.germs import Germs, turn_number
from symjax.symbolic.equality.ring import ONE, Element

if TYPE_CHECKING:
    from symjax.symbolic.equality.kernels import Kernels

_HALF = fmpq(1, 2)
MAX_SHARE = 64
"""Largest multiple of a logarithm that is taken out of an exponential: it becomes an exponent."""


@dataclasses.dataclass
class Exponentials:
    """The kernels of exponentials: one for each independent argument."""

    germs: Germs
    kernels: Kernels
    basis: Basis = dataclasses.field(init=False)
    generators: list[Element] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.basis = Basis(self.germs, "exp")

    def exp(self, u: Element) -> Element:
        """exp(u)."""
        ring, factors = self.germs.ring, []
        parts = split_complex(ring, u, self.germs.generator_of_constant("I"))
        if parts is not None:
            turn = self._turn(parts[1])
            return ring.multiply(self.exp(parts[0]), turn)
        for generator in occurring(ring, u):
            origin = ring.origins[generator]
            if origin[0] not in ("log", "asinh", "acosh", "atanh"):
                continue
            share = linear_part(ring, u, generator)
            factor = None if share is None else self._exp_of_kernel(generator, origin, share)
            if factor is not None and share is not None:
                kernel = Element(-share, ((ring.generators[generator], 1),))
                factors.append(factor)
                u = ring.sum((u, kernel))
        if not u.is_zero:
            factors.append(self._independent(u))
        return ring.multiply(ONE, *factors)

    def fraction(self, place: int, exponent: fmpq) -> Element:
        """The kernel number `place` to a rational power, for the argument that it has in its own units."""
        count = self.basis.multiple(place, exponent / self.basis.grains[place])
        return self.germs.ring.power(self.generators[place], count)

    def argument(self, place: int) -> Element:
        """The logarithm of the kernel number `place`."""
        return self.germs.ring.scale(fmpq(1, self.basis.grains[place]), self.basis.arguments[place])

    def _turn(self, angle: Element) -> Element:
        """exp(i*angle)."""
        ring = self.germs.ring
        cosine, sine = self.kernels.circular.pair(angle)
        return ring.sum((cosine, ring.multiply(self.germs.imaginary(), sine)))

    def _exp_of_kernel(self, generator: int, origin: tuple, share: fmpq) -> Element | None:
        """exp(share * kernel) where it is algebraic."""
        roots, ring = self.kernels.roots, self.germs.ring
        name, v = origin[0], origin[1]
        if abs(share) > MAX_SHARE:
            return None
        if name == "log":
            return roots.power(v, share)
        if (2 * share).q != 1:
            return None
        if name == "atanh":
            above, below = ring.sum((ONE, v)), ring.subtract(ONE, v)
            result = roots.power(ring.multiply(above, ring.power(below, -1)), share * _HALF)
        else:
            result = roots.power(ring.sum((v, self.kernels.arcs.radical(name, v))), share)
        ball = (ring.polynomial_value(ring.generators[generator]) * acb(share)).exp()
        phase = turn_number(ball / ring.value(result), 4)
        return result if phase == 0 else ring.multiply(roots.turn(fmpq(phase, 4)), result)

    def _independent(self, u: Element) -> Element:
        ring, result = self.germs.ring, ONE
        for place, count in self.basis.multiples(u):
            if place == len(self.generators):
                self.generators.append(ring.generator(self.basis.unit(place).exp(), ("exp", place)))
            result = ring.multiply(result, ring.power(self.generators[place], count))
        return result

    def hyperbolic(self, u: Element) -> tuple[Element, Element]:
        """(cosh(u), sinh(u))."""
        ring, arc = self.germs.ring, self._inverse_kernel(u)
        if arc is not None:
            name, v = arc
            radical = self.kernels.arcs.radical(name, v)
            cosh, sinh = (radical, v) if name == "asinh" else (v, radical)
            return cosh, ring.scale(u.coefficient, sinh)
        up = self.exp(u)
        down = ring.power(up, -1)
        return ring.scale(_HALF, ring.sum((up, down))), ring.scale(_HALF, ring.subtract(up, down))

    def _inverse_kernel(self, u: Element) -> tuple[str, Element] | None:
        """(asinh or acosh, its argument) where `u` or its negative is the kernel of one."""
        if abs(u.coefficient) != 1 or len(u.powers) != 1 or u.powers[0][1] != 1:
            return None
        generator = self.germs.ring.generator_of(u.powers[0][0])
        if generator is None or self.germs.ring.origins[generator][0] not in ("asinh", "acosh"):
            return None
        name, v = self.germs.ring.origins[generator]
        return name, v
