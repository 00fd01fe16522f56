"""Sines and cosines of elements: a pair of kernels for each independent argument."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from flint import fmpq, fmpz_mpoly

from symjax.symbolic.equality.arguments import Basis, bounded, linear_part, occurring, split_complex
from symjax.symbolic.equality.germs import Germs
from symjax.symbolic.equality.ring import ONE, ZERO, Element

if TYPE_CHECKING:
    from symjax.symbolic.equality.kernels import Kernels

Pair = tuple[Element, Element]
"""(cosine, sine) of one angle."""


@dataclasses.dataclass
class Circular:
    """The kernels of sines and cosines."""

    germs: Germs
    kernels: Kernels
    basis: Basis = dataclasses.field(init=False)
    pairs: list[Pair] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.basis = Basis(self.germs, "sin")

    def pair(self, u: Element) -> Pair:
        """(cos(u), sin(u))."""
        if u.is_zero:
            return ONE, ZERO
        parts = split_complex(self.germs.ring, u, self.germs.generator_of_constant("I"))
        if parts is not None:
            return self._complex_pair(*parts)
        angles = []
        for generator in occurring(self.germs.ring, u):
            split = self._split(u, generator)
            if split is not None:
                angles.append(split[0])
                u = split[1]
        if not u.is_zero:
            angles += [self._times(self._kernel(place), count) for place, count in self.basis.multiples(u)]
        result: Pair = ONE, ZERO
        for angle in angles:
            result = self._plus(result, angle)
        return result

    def _complex_pair(self, real: Element, imaginary: Element) -> Pair:
        ring, i = self.germs.ring, self.germs.imaginary()
        cosine, sine = self.pair(real)
        cosh, sinh = self.kernels.exponentials.hyperbolic(imaginary)
        crossed = ring.scale(-1, ring.multiply(i, sine, sinh))
        return (
            ring.sum((ring.multiply(cosine, cosh), crossed)),
            ring.sum((ring.multiply(sine, cosh), ring.multiply(i, cosine, sinh))),
        )

    def _split(self, u: Element, generator: int) -> tuple[Pair, Element] | None:
        """(pair, rest): u is the angle of the pair and the rest; None where nothing can be split off."""
        ring = self.germs.ring
        origin = ring.origins[generator]
        if origin[0] not in ("pi", "asin", "atan"):
            return None
        share = linear_part(ring, u, generator)
        if share is None:
            return None
        if origin[0] == "pi":
            if 12 % share.q:
                share = fmpq(int((2 * share).p // (2 * share).q), 2)
            if share == 0:
                return None
            pair = self.kernels.roots.turn_pair(share)
        elif (2 * share).q != 1:
            return None
        else:
            pair = self._arc_pair(origin[0], origin[1], share)
        return pair, ring.sum((u, Element(-share, ((ring.generators[generator], 1),))))

    def _arc_pair(self, name: str, v: Element, share: fmpq) -> Pair:
        """The pair of share*asin(v) or share*atan(v)."""
        ring, radical = self.germs.ring, self.kernels.arcs.radical(name, v)
        if name == "asin":
            pair = radical, v
        else:
            cosine = ring.power(radical, -1)
            pair = cosine, ring.multiply(v, cosine)
        return self._times(self._half(pair) if share.q == 2 else pair, int(share.p))

    def _half(self, pair: Pair) -> Pair:
        """The pair of half an angle whose real part is between -pi/2 and pi/2."""
        ring = self.germs.ring
        cosine = self.kernels.roots.power(ring.scale(fmpq(1, 2), ring.sum((ONE, pair[0]))), fmpq(1, 2))
        return cosine, ring.multiply(ring.scale(fmpq(1, 2), pair[1]), ring.power(cosine, -1))

    def _kernel(self, place: int) -> Pair:
        if place == len(self.pairs):
            ring, unit = self.germs.ring, self.basis.unit(place)
            cosine = ring.generator(unit.cos(), ("cos", place))
            sine = ring.generator(unit.sin(), ("sin", place))
            ring.relate_square(cosine)
            self.pairs.append((cosine, sine))
        return self.pairs[place]

    def _times(self, pair: Pair, count: int) -> Pair:
        """The pair of `count` times an angle."""
        if count < 0:
            pair, count = (pair[0], self.germs.ring.scale(-1, pair[1])), -count
        bounded(count)
        result: Pair = ONE, ZERO
        while count:
            if count & 1:
                result = self._plus(result, pair)
            count >>= 1
            if count:
                pair = self._plus(pair, pair)
        return result

    def _plus(self, left: Pair, right: Pair) -> Pair:
        if left[1].is_zero and left[0] == ONE:
            return right
        ring = self.germs.ring
        products = ring.multiply(left[0], right[0]), ring.multiply(left[1], right[1])
        crossed = ring.multiply(left[1], right[0]), ring.multiply(left[0], right[1])
        return ring.subtract(*products), ring.sum(crossed)

    def exchange(self, polynomial: fmpz_mpoly) -> fmpz_mpoly:
        """`polynomial` with squares of cosines put in terms of sines, where its normal form has it the other way."""
        ring = self.germs.ring
        for cosine, sine in self.pairs:
            places = [ring.generator_of(element.powers[0][0]) for element in (cosine, sine)]
            variables = [ring.variable(place) for place in places if place is not None]
            polynomial = self._exchanged(polynomial, *variables)
        return polynomial

    def _exchanged(self, polynomial: fmpz_mpoly, cosine: int, sine: int) -> fmpz_mpoly:
        degree = int(polynomial.degrees()[cosine])
        if degree < 2:
            return polynomial
        if len(polynomial) * degree > 400:  # too long to be factored, whatever it is made of
            return polynomial
        self.germs.ring.work.charge(20 * len(polynomial))
        context = polynomial.context()
        square = 1 - context.gens()[sine] ** 2
        result = context.constant(0)
        for exponents, coefficient in polynomial.terms():
            power = int(exponents[cosine])
            rest = (*exponents[:cosine], power % 2, *exponents[cosine + 1 :])
            result = result + context.term(coeff=coefficient, exp_vec=rest) * square ** (power // 2)
        return result
