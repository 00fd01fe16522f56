"""Germs at a base point as rational functions of kernels, modulo what is known of the kernels.

An element is a rational number times integer powers of registered polynomials over Q.  Products and powers never
expand; a sum takes out the common factors, expands the rest to one polynomial and reduces it.  No greatest common
divisor is ever needed: an element is zero exactly when a sum reduced to the zero polynomial.

Each relation is monic in its own generator and refers to older ones only, and the monomial order is lexicographic with
the newest generator largest; so dividing by the relations from the newest to the oldest gives a normal form.  All
relations hold for the germs that the generators stand for, so the map from polynomials to germs is well defined: an
element that is zero here is a germ that is zero.  The converse does not hold, and nothing relies on it.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from flint import Ordering, acb, fmpq, fmpz, fmpz_mpoly, fmpz_mpoly_ctx

from symjax.symbolic.equality.work import GaveUpError, Work

SIZES: Final = (12, 40)
"""Numbers of generators: small rings are faster, and few proofs need the large one."""
MAX_TERMS: Final = 50_000
MAX_REDUCTION: Final = 300_000
"""Products of terms in one reduction by a relation."""
MAX_EXPONENT: Final = 400
MAX_MONOMIAL_EXPONENT: Final = 1_000_000
MAX_BITS: Final = 50_000


class RingFullError(GaveUpError):
    """More generators are needed than the ring has."""


class Element(NamedTuple):
    """coefficient * the product of polynomial**exponent; the polynomials are numbers of a ring, in increasing order."""

    coefficient: fmpq
    powers: tuple[tuple[int, int], ...]

    @property
    def is_zero(self) -> bool:
        """Whether this is the zero element."""
        return self.coefficient == 0

    @property
    def is_number(self) -> bool:
        """Whether this is a rational number."""
        return not self.powers


ZERO: Final = Element(fmpq(0), ())
ONE: Final = Element(fmpq(1), ())


@functools.cache
def _context(size: int) -> tuple[fmpz_mpoly_ctx, tuple[fmpz_mpoly, ...]]:
    context = fmpz_mpoly_ctx.get([f"g{place}" for place in range(size)], Ordering.lex)
    return context, tuple(reversed(context.gens()))


def number(value: fmpq | int) -> Element:
    """The rational number `value`."""
    return Element(fmpq(value), ())


class Ring:
    """Elements over up to `size` generators, their arithmetic, and their values at the base point.

    Attributes:
      polynomials: registered ones by number, primitive, with positive leading coefficient and no monomial factor.
      generators: the number of the polynomial that each generator is, oldest first.
      origins: what each generator stands for, in the words of whoever made it.
    """

    def __init__(self, work: Work, size: int) -> None:
        self.work = work
        self.polynomials: list[fmpz_mpoly] = []
        self.generators: list[int] = []
        self.origins: list[tuple] = []
        self._size = size
        self._context, self._all = _context(size)
        self._one = self._context.constant(1)
        self._found: dict[tuple, list[int]] = {}
        self._generator_of: dict[int, int] = {}
        self._relations: list[tuple[int, int, fmpz_mpoly]] = []
        self._folds: dict[int, tuple[int, Element]] = {}
        self._balls: list[acb] = []
        self._values: dict[int, acb] = {}

    # Generators and relations

    def generator(self, ball: acb, origin: tuple) -> Element:
        """A new generator whose germ has the value `ball` at the base point."""
        if len(self.generators) == self._size:
            raise RingFullError(f"more than {self._size} kernels")
        if not ball.is_finite():
            raise GaveUpError("a kernel has no value at the base point")
        place = self._number(self._all[len(self.generators)])
        self._generator_of[place] = len(self.generators)
        self.generators.append(place)
        self.origins.append(origin)
        self._balls.append(ball)
        self._values[place] = ball
        return Element(fmpq(1), ((place, 1),))

    def generator_of(self, polynomial: int) -> int | None:
        """The number of the generator that a registered polynomial is; None where it is none."""
        return self._generator_of.get(polynomial)

    def relate_power(self, order: int, value: Element) -> None:
        """Makes known that newest generator**order is `value`, an integer times a product of older ones."""
        newest = len(self.generators) - 1
        polynomial = self.expand(value.powers) * int(value.coefficient.p)
        self._relations.append((newest, order, self._all[newest] ** order - polynomial))
        self._folds[self.generators[newest]] = (order, value)

    def relate_square(self, other: Element) -> None:
        """Makes known that the square of the newest generator is 1 - other**2, `other` being an older generator."""
        newest = len(self.generators) - 1
        self._relations.append((newest, 2, self._all[newest] ** 2 + self.expand(other.powers) ** 2 - 1))

    def variable(self, generator: int) -> int:
        """Index of a generator among the variables of the polynomials."""
        return self._size - 1 - generator

    def degrees(self, polynomial: fmpz_mpoly) -> list[tuple[int, int]]:
        """(generator, degree) of the generators that occur in `polynomial`, oldest first."""
        degrees = polynomial.degrees()[::-1]
        return [(place, int(degree)) for place, degree in enumerate(degrees) if degree > 0]

    # Arithmetic

    def multiply(self, *elements: Element) -> Element:
        """The product."""
        coefficient, powers = fmpq(1), {}
        for element in elements:
            coefficient = coefficient * element.coefficient
            for place, exponent in element.powers:
                powers[place] = powers.get(place, 0) + exponent
        return self._settle(coefficient, powers)

    def scale(self, factor: fmpq | int, element: Element) -> Element:
        """factor * element."""
        return Element(element.coefficient * factor, element.powers) if factor != 0 else ZERO

    def power(self, element: Element, exponent: int) -> Element:
        """element**exponent.

        Raises:
          GaveUpError: a negative power of zero, or numbers above the limits.
        """
        if element.is_zero:
            if exponent <= 0:
                raise GaveUpError("zero is divided by")
            return ZERO
        if abs(exponent) * element.coefficient.height_bits() > MAX_BITS and abs(element.coefficient) != 1:
            raise GaveUpError("a power of a number is too long")
        return self._settle(element.coefficient**exponent, {place: e * exponent for place, e in element.powers})

    def _settle(self, coefficient: fmpq, powers: dict[int, int]) -> Element:
        """The element, with powers of roots folded."""
        if coefficient == 0:
            return ZERO
        folds = self._folds
        if folds:
            pending = [place for place in powers if place in folds]
            while pending:
                place = max(pending, key=self._generator_of.__getitem__)
                pending.remove(place)
                order, value = folds[place]
                whole, rest = divmod(powers.get(place, 0), order)
                if not whole:
                    continue
                powers[place] = rest
                if abs(whole) * value.coefficient.height_bits() > MAX_BITS:
                    raise GaveUpError("a power of a number is too long")
                coefficient = coefficient * value.coefficient**whole
                for other, exponent in value.powers:
                    powers[other] = powers.get(other, 0) + exponent * whole
                    if other in folds and other not in pending:
                        pending.append(other)
        return Element(coefficient, tuple(sorted(item for item in powers.items() if item[1])))

    def sum(self, terms: Iterable[Element]) -> Element:
        """The sum, reduced; zero exactly if its numerator reduces to zero."""
        grouped: dict[tuple[tuple[int, int], ...], fmpq] = {}
        for term in terms:
            if term.coefficient != 0:
                grouped[term.powers] = grouped.get(term.powers, fmpq(0)) + term.coefficient
        kept = [(powers, coefficient) for powers, coefficient in grouped.items() if coefficient != 0]
        if len(kept) < 2:
            return Element(kept[0][1], kept[0][0]) if kept else ZERO
        common = common_powers([powers for powers, _ in kept])
        denominator = math.lcm(*(int(coefficient.q) for _, coefficient in kept))
        numerator = self._context.constant(0)
        for powers, coefficient in kept:
            numerator = numerator + self.expand(_without(powers, common)) * int((coefficient * denominator).p)
        numerator = self.reduce(numerator)
        if numerator == 0:
            return ZERO
        numerator = self._cancel(numerator, common)
        element = self.register(numerator)
        for place, exponent in element.powers:
            common[place] = common.get(place, 0) + exponent
        return self._settle(element.coefficient / denominator, common)

    def subtract(self, left: Element, right: Element) -> Element:
        """left - right."""
        return self.sum((left, Element(-right.coefficient, right.powers)))

    def _cancel(self, numerator: fmpz_mpoly, common: dict[int, int]) -> fmpz_mpoly:
        """`numerator` divided by those of its denominators that divide it; `common` follows."""
        for place, exponent in list(common.items()):
            divisor = self.polynomials[place]
            if exponent >= 0 or len(divisor) == 1:
                continue
            while common[place] < 0 and _may_divide(divisor, numerator):
                self.work.charge(len(numerator) * 2)
                quotient, remainder = divmod(numerator, divisor)
                if remainder != 0:
                    break
                numerator, common[place] = quotient, common[place] + 1
        return numerator

    def expand(self, powers: Sequence[tuple[int, int]]) -> fmpz_mpoly:
        """The polynomial that is the product of `powers`, whose exponents are not negative; not reduced."""
        result = self._one
        for place, exponent in powers:
            factor = self.polynomials[place] if exponent == 1 else self._power(self.polynomials[place], exponent)
            size = len(result) * len(factor)
            self.work.charge(4 + size // 6)
            if size > MAX_TERMS:
                raise GaveUpError(f"a product of more than {MAX_TERMS} terms")
            result = result * factor
        return result

    def _power(self, polynomial: fmpz_mpoly, exponent: int) -> fmpz_mpoly:
        count = len(polynomial)
        if exponent > (MAX_MONOMIAL_EXPONENT if count == 1 else MAX_EXPONENT):
            raise GaveUpError(f"an exponent of {exponent} would be multiplied out")
        if count > 1:
            bound = math.comb(count - 1 + exponent, exponent)
            dense = math.prod(int(degree) * exponent + 1 for degree in polynomial.degrees())
            bound = min(bound, dense)
            bits = max(int(c).bit_length() for c in polynomial.coeffs()) * exponent
            if bound > MAX_TERMS or bits > MAX_BITS:
                raise GaveUpError("a power of a sum is too long")
            self.work.charge(bound * 2)
        return polynomial**exponent

    def reduce(self, polynomial: fmpz_mpoly) -> fmpz_mpoly:
        """The normal form of `polynomial` modulo the relations."""
        for generator, order, relation in reversed(self._relations):
            degree = int(polynomial.degrees()[self._size - 1 - generator])
            if degree >= order:
                steps, others = degree // order, len(relation) - 1
                if math.comb(steps + others - 1, others - 1) * len(polynomial) > MAX_REDUCTION:
                    raise GaveUpError("a power of a kernel is too high")
                self.work.charge(10 + len(polynomial) * len(relation) * steps // 2)
                polynomial = divmod(polynomial, relation)[1]
        return polynomial

    def register(self, polynomial: fmpz_mpoly) -> Element:
        """The element that `polynomial` is: content, powers of generators, and one registered polynomial."""
        if polynomial == 0:
            return ZERO
        content = polynomial.term_content()
        rest = polynomial if content == 1 else divmod(polynomial, content)[0]
        coefficient = content.leading_coefficient()
        exponents = content.monoms()[0][::-1]
        powers = {self.generators[place]: int(exponent) for place, exponent in enumerate(exponents) if exponent}
        if rest.leading_coefficient() < 0:
            coefficient, rest = -coefficient, -rest
        if rest != 1:
            place = self._number(rest)
            powers[place] = powers.get(place, 0) + 1
        return self._settle(fmpq(coefficient), powers)

    def _number(self, polynomial: fmpz_mpoly) -> int:
        known = self._found.setdefault((len(polynomial), polynomial.degrees()), [])
        for place in known:
            if self.polynomials[place] == polynomial:
                return place
        known.append(len(self.polynomials))
        self.polynomials.append(polynomial)
        return known[-1]

    # Values

    def value(self, element: Element) -> acb:
        """Ball that holds the value of `element` at every point of the base neighbourhood."""
        result = acb(element.coefficient)
        for place, exponent in element.powers:
            result = result * self.polynomial_value(place) ** exponent
        return result

    def polynomial_value(self, place: int) -> acb:
        """Ball of a registered polynomial."""
        found = self._values.get(place)
        if found is None:
            found = self._values[place] = self.evaluate(self.polynomials[place])
        return found

    def evaluate(self, polynomial: fmpz_mpoly, *, negated: int | None = None) -> acb:
        """Ball of any polynomial; the generator `negated` counts with the other sign."""
        self.work.charge(len(polynomial) * (2 * len(self._balls) + 10))
        result = acb(0)
        for exponents, coefficient in polynomial.terms():
            term = acb(fmpz(coefficient))
            for place, exponent in enumerate(itertools.islice(reversed(exponents), len(self._balls))):
                if exponent:
                    ball = -self._balls[place] if place == negated else self._balls[place]
                    term = term * (ball if exponent == 1 else ball ** int(exponent))
            result = result + term
        return result


def common_powers(all_powers: Sequence[tuple[tuple[int, int], ...]]) -> dict[int, int]:
    """The smallest exponent of each polynomial over several elements; absent counts as zero."""
    common = dict(all_powers[0])
    for powers in all_powers[1:]:
        present = dict(powers)
        for place in (*common, *present):
            common[place] = min(common.get(place, 0), present.get(place, 0))
    return {place: common[place] for place in sorted(common) if common[place]}


def _without(powers: tuple[tuple[int, int], ...], common: dict[int, int]) -> list[tuple[int, int]]:
    """`powers` divided by `common`; no exponent is negative."""
    rest = dict(powers)
    for place, exponent in common.items():
        rest[place] = rest.get(place, 0) - exponent
    return [(place, rest[place]) for place in sorted(rest) if rest[place]]


def _may_divide(divisor: fmpz_mpoly, polynomial: fmpz_mpoly) -> bool:
    return all(d <= p for d, p in zip(divisor.degrees(), polynomial.degrees(), strict=True))
