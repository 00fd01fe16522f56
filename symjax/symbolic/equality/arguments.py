"""Arguments of exponentials and of sines: a basis up to rational linear dependence, and what can be split off."""

from __future__ import annotations

from typing import Final

from flint import acb, fmpq, fmpz_mpoly

from symjax.symbolic.equality.germs import Germs, RestartError
from symjax.symbolic.equality.ring import Element, Ring, common_powers
from symjax.symbolic.equality.work import GaveUpError

MAX_MULTIPLE: Final = 128


class Basis:
    """Arguments, none a rational linear combination of the others, each with the generators of its functions.

    Args:
      kind: name of the grain of these arguments.
    """

    def __init__(self, germs: Germs, kind: str) -> None:
        self._germs = germs
        self._kind = kind
        self.arguments: list[Element] = []
        self.grains: list[int] = []

    def multiples(self, u: Element) -> list[tuple[int, int]]:
        """(place, n) such that u is the sum of n times the argument at place, in units of its grain.

        A new argument is appended where `u` is independent of the others.

        Raises:
          RestartError: a fraction of an argument is needed.
        """
        found = coordinates(self._germs.ring, self.arguments, u)
        if found is None:
            place = len(self.arguments)
            self.arguments.append(u)
            self.grains.append(self._germs.grain(self._kind, place))
            return [(place, self.grains[place])]
        return [(place, self.multiple(place, factor)) for place, factor in enumerate(found) if factor != 0]

    def multiple(self, place: int, factor: fmpq) -> int:
        """`factor` times an argument, in units of its grain."""
        count = factor * self.grains[place]
        if count.q != 1:
            raise RestartError((self._kind, place), int(count.q))
        return int(count.p)

    def unit(self, place: int) -> acb:
        """Ball of an argument divided by its grain."""
        return self._germs.ring.value(self.arguments[place]) / self.grains[place]


def coordinates(ring: Ring, basis: list[Element], u: Element) -> list[fmpq] | None:
    """Rational numbers n with u = sum of n*basis; None where there are none."""
    for place, element in enumerate(basis):
        if element.powers == u.powers:
            return [u.coefficient / element.coefficient if other == place else fmpq(0) for other in range(len(basis))]
    if not basis:
        return None
    vectors = _numerators(ring, [*basis, u])
    rows: list[tuple[tuple, dict, dict[int, fmpq]]] = []
    for place, vector in enumerate(vectors):
        combination = {place: fmpq(1)}
        for pivot, row, row_combination in rows:
            factor = vector.get(pivot)
            if factor is not None:
                ring.work.charge(len(row))
                _subtract(vector, row, factor)
                _subtract(combination, row_combination, factor)
        if vector:
            pivot = min(vector)
            lead = vector[pivot]
            rows.append((pivot, _divided(vector, lead), _divided(combination, lead)))
        elif place == len(basis):
            return [-combination.get(other, fmpq(0)) for other in range(len(basis))]
    return None


def _numerators(ring: Ring, elements: list[Element]) -> list[dict[tuple, fmpq]]:
    """Coefficients by monomial of the elements over one common denominator."""
    common = common_powers([element.powers for element in elements])
    vectors = []
    for element in elements:
        rest = dict(element.powers)
        for place, exponent in common.items():
            rest[place] = rest.get(place, 0) - exponent
        polynomial = ring.reduce(ring.expand([item for item in rest.items() if item[1]]))
        ring.work.charge(4 * len(polynomial))
        vectors.append({exponents: fmpq(c) * element.coefficient for exponents, c in polynomial.terms()})
    return vectors


def _subtract(vector: dict, row: dict, factor: fmpq) -> None:
    for key, value in row.items():
        rest = vector.get(key, 0) - factor * value
        if rest == 0:
            vector.pop(key, None)
        else:
            vector[key] = rest


def _divided(vector: dict, divisor: fmpq) -> dict:
    return {key: value / divisor for key, value in vector.items()}


def fraction(ring: Ring, u: Element) -> tuple[fmpz_mpoly, fmpz_mpoly]:
    """(numerator, denominator) of an element without its coefficient, expanded and reduced."""
    above = ring.reduce(ring.expand([item for item in u.powers if item[1] > 0]))
    below = ring.reduce(ring.expand([(place, -exponent) for place, exponent in u.powers if exponent < 0]))
    return above, below


def linear_part(ring: Ring, u: Element, generator: int) -> fmpq | None:
    """The rational q for which u - q*generator no longer holds the generator linearly; None where there is none.

    Without a denominator that is the coefficient of the bare generator; with one, the derivative must be the
    denominator times a number.
    """
    above, below = fraction(ring, u)
    if len(below) == 1 and below.total_degree() == 0:
        variable = ring.variable(generator)
        exponents = tuple(int(place == variable) for place in range(len(above.degrees())))
        coefficient = above.to_dict().get(exponents)
        return None if coefficient is None else u.coefficient * fmpq(coefficient, below.leading_coefficient())
    slope = above.derivative(ring.variable(generator))
    if slope == 0:
        return None
    top, bottom = slope.leading_coefficient(), below.leading_coefficient()
    if slope * bottom != below * top:
        return None
    return u.coefficient * fmpq(top, bottom)


def split_complex(ring: Ring, u: Element, imaginary: int | None) -> tuple[Element, Element] | None:
    """(a, b) with u = a + i*b, neither holding i; None where u does not hold i, or below the line."""
    if imaginary is None:
        return None
    above, below = fraction(ring, u)
    variable = ring.variable(imaginary)
    if above.degrees()[variable] == 0 or below.degrees()[variable]:
        return None
    slope = above.derivative(variable)
    real = above.subs({f"g{variable}": 0})
    under = ring.power(ring.register(below), -1)
    parts = [ring.multiply(ring.scale(u.coefficient, ring.register(part)), under) for part in (real, slope)]
    return parts[0], parts[1]


def occurring(ring: Ring, u: Element) -> list[int]:
    """Generators that occur above the line of `u`, the newest first."""
    found: dict[int, None] = {}
    for place, exponent in u.powers:
        if exponent > 0:
            found.update(dict.fromkeys(generator for generator, _ in ring.degrees(ring.polynomials[place])))
    return sorted(found, reverse=True)


def bounded(count: int) -> int:
    """`count`, where it is small enough for a multiple-angle formula.

    Raises:
      GaveUpError: it is not.
    """
    if abs(count) > MAX_MULTIPLE:
        raise GaveUpError(f"a multiple of {count} of an angle")
    return count
