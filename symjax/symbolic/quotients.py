"""Quotients of polynomials over the integers, kept as products of powers: what kernels are computed with.

A quotient is a rational number times powers, positive or negative, of generators and of registered polynomials.
Products and powers never expand; a sum takes out the common powers and expands the rest in one FLINT polynomial, which
is reduced by the relations between generators, freed of what it shares with the denominator, and registered.

Work is bounded by counts: above them `GaveUp` is raised, before anything large is computed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from math import lcm
from typing import Final

from flint import Ordering, fmpz_mpoly, fmpz_mpoly_ctx

from symjax.symbolic.factored import NOTHING, GaveUp, Quotient, common_powers, power_of, product_of

MAX_GENERATORS: Final = 12
MAX_TERMS: Final = 250
MAX_EXPONENT: Final = 40
MAX_PRODUCTS: Final = 10_000
"""Largest product of the numbers of terms of two polynomials that are multiplied."""
MAX_FACTORED_TERMS: Final = 60
"""Longer polynomials are not factored."""
MAX_FACTORED_DEGREES: Final = 60
"""Polynomials whose degrees in the generators sum up to more are not factored: FLINT may take minutes then."""


@functools.cache
def _ring(width: int) -> tuple[fmpz_mpoly_ctx, tuple[fmpz_mpoly, ...]]:
    """FLINT's ring of polynomials in so many generators, and these."""
    context = fmpz_mpoly_ctx.get(("k", width), Ordering.lex)
    return context, tuple(context.gens())


class Field:
    """Quotients in a fixed number of generators, largest generator first in the lexicographic order."""

    def __init__(self, generators: int) -> None:
        """The field of quotients of polynomials.

        Args:
          generators: how many.

        Raises:
          GaveUp: more than 12.
        """
        if generators > MAX_GENERATORS:
            raise GaveUp(f"{generators} generators; at most {MAX_GENERATORS} are taken")
        self.generators = generators
        self._width = max(1, generators)
        self._context, self._gens = _ring(self._width)
        self._polynomials: list[fmpz_mpoly] = []
        self._relations: dict[int, tuple[int, fmpz_mpoly, fmpz_mpoly]] = {}
        self._aliases: dict[int, Quotient] = {}
        self._factors: dict[int, tuple[tuple[int, int], ...]] = {}

    def polynomial(self, index: int) -> fmpz_mpoly:
        """The generator or registered polynomial `index`."""
        return self._gens[index] if index < self.generators else self._polynomials[index - self.generators]

    def from_terms(self, terms: Mapping[tuple[int, ...], int]) -> fmpz_mpoly:
        """The polynomial with these coefficients by exponents, which are as many as `exponents` gives."""
        return self._context.from_dict(terms)

    def relate(self, generator: int, step: int, value: Quotient) -> None:
        """Makes generator**step equal `value`, if that is a polynomial in later generators; else does nothing."""
        if value.bottom != 1 or any(exponent < 0 for exponent in value.powers.values()):
            return
        polynomial = value.top * self.expand(value.powers)
        if any(polynomial.degrees()[: generator + 1]):
            return
        self._relations[generator] = step, self._gens[generator] ** step - polynomial, polynomial
        self._relations = dict(sorted(self._relations.items()))
        indices = [index for index in value.powers if index >= self.generators]
        if len(indices) == 1 and value.powers[indices[0]] == 1:
            others = {index: -exponent for index, exponent in value.powers.items() if index != indices[0]}
            sign = 1 if value.top > 0 else -1
            self._aliases[indices[0]] = Quotient(sign, abs(value.top), others | {generator: step})

    def is_root(self, generator: int) -> bool:
        """Whether some power of the generator is a polynomial in others."""
        return generator in self._relations

    def multiply(self, items: Iterable[Quotient]) -> Quotient:
        """The product; see `factored.product_of`."""
        return product_of(items)

    def power(self, item: Quotient, exponent: int) -> Quotient:
        """item**exponent; see `factored.power_of`."""
        return power_of(item, exponent)

    def add(self, items: Iterable[Quotient]) -> Quotient:
        """The sum over a common denominator, as far as it is seen without factoring.

        Raises:
          GaveUp: above the limits.
        """
        items = [item for item in items if item.top]
        if len(items) < 2:
            return items[0] if items else NOTHING
        common = common_powers(items)
        scale = lcm(*(item.bottom for item in items))
        count = self.generators
        shift, missing = [0] * self._width, {}
        for index, exponent in common.items():
            if index < count:
                shift[index] = -exponent
            else:
                missing[index] = -exponent
        terms: dict[tuple[int, ...], int] = {}
        products = []
        for item in items:
            coefficient = item.top if scale == 1 else item.top * (scale // item.bottom)
            exponents, others = shift.copy(), missing.copy()
            for index, exponent in item.powers.items():
                if index < count:
                    exponents[index] += exponent
                else:
                    others[index] = others.get(index, 0) + exponent
            if max(exponents) > MAX_EXPONENT:
                raise GaveUp(f"an exponent is above {MAX_EXPONENT}")
            key = tuple(exponents)
            if others and any(others.values()):
                products.append(self._multiplied(self._context.from_dict({key: coefficient}), others))
            else:
                terms[key] = terms.get(key, 0) + coefficient
        total = sum(products[1:], products[0]) if products else self._context.from_dict(terms)
        if products and terms:
            total += self._context.from_dict(terms)
        return self.over(total, scale, common)

    def over(self, polynomial: fmpz_mpoly, scale: int, powers: Mapping[int, int]) -> Quotient:
        """polynomial / scale * powers, what is shared with negative powers cancelled.

        Raises:
          GaveUp: above the limits.
        """
        polynomial = self.normal(polynomial)
        if polynomial.is_zero():
            return NOTHING
        powers = dict(powers)
        if len(polynomial) > 1:
            for index in [index for index, exponent in powers.items() if exponent < 0]:
                polynomial = self._cancel(polynomial, index, powers)
        return product_of((self.register(polynomial), Quotient(1, scale, powers)))

    def _cancel(self, polynomial: fmpz_mpoly, index: int, powers: dict[int, int]) -> fmpz_mpoly:
        """The polynomial without what it shares with powers[index] < 0, which is raised."""
        if index >= self.generators:
            step, divisor = 1, self.polynomial(index)
        elif index in self._relations:
            step, _, divisor = self._relations[index]
        else:
            return polynomial
        if len(divisor) < 2:
            return polynomial
        while powers[index] < 0:
            quotient, remainder = divmod(polynomial, divisor)
            if not remainder.is_zero():
                break
            polynomial = quotient
            powers[index] += step
        if powers[index] < 0 and index >= self.generators:
            shared = polynomial.gcd(divisor)
            if len(shared) > 1:
                exponent = powers.pop(index)
                for part in (shared, divmod(divisor, shared)[0]):
                    if len(part) > 1:
                        other = self._index(part)
                        powers[other] = powers.get(other, 0) + exponent
                return self._cancel(polynomial, self._index(shared), powers)
        return polynomial

    def normal(self, polynomial: fmpz_mpoly) -> fmpz_mpoly:
        """The polynomial reduced by the relations.

        Raises:
          GaveUp: above the limits.
        """
        if self._relations:
            degrees = polynomial.degrees()
            for generator, (step, relation, value) in self._relations.items():
                if degrees[generator] >= step:
                    if len(value) ** (degrees[generator] // step) * len(polynomial) > MAX_PRODUCTS:
                        raise GaveUp("a reduction has too many terms")
                    polynomial = divmod(polynomial, relation)[1]
                    degrees = polynomial.degrees()
        return self._checked(polynomial)

    @staticmethod
    def _checked(polynomial: fmpz_mpoly) -> fmpz_mpoly:
        if len(polynomial) > MAX_TERMS:
            raise GaveUp(f"a polynomial has {len(polynomial)} terms; at most {MAX_TERMS} are taken")
        return polynomial

    def register(self, polynomial: fmpz_mpoly) -> Quotient:
        """The non-zero polynomial as a number times powers of generators and at most one registered polynomial."""
        content = polynomial.term_content()
        if polynomial.coefficient(0) < 0:
            content = -content
        if content.is_one():  # the usual case, and others are dear: FLINT's exponents become Python objects
            number, powers = 1, {}
        else:
            number, powers = int(content.coefficient(0)), self._exponents(content)
        if len(polynomial) == 1:
            return Quotient(number, 1, powers)
        index = self._index(polynomial if content.is_one() else divmod(polynomial, content)[0])
        if index in self._aliases:
            return self.multiply((Quotient(number, 1, powers), self._aliases[index]))
        return Quotient(number, 1, powers | {index: 1})

    @staticmethod
    def _exponents(monomial: fmpz_mpoly) -> dict[int, int]:
        return {index: int(exponent) for index, exponent in enumerate(monomial.monoms()[0]) if exponent}

    def factors(self, index: int) -> tuple[tuple[int, int], ...]:
        """(index, exponent) of the irreducible factors of the registered polynomial `index`.

        A polynomial of more than 60 terms, or of high degrees, counts as irreducible.
        """
        found = self._factors.get(index)
        if found is None:
            found = self._factors[index] = tuple(self._factor(index))
        return found

    def _factor(self, index: int) -> Iterator[tuple[int, int]]:
        polynomial = self.polynomial(index)
        if len(polynomial) > MAX_FACTORED_TERMS:
            yield index, 1
            return
        degrees = polynomial.degrees()
        for generator, degree in enumerate(degrees):
            if degree == 1:  # a*k + b is irreducible if a and b share nothing
                slope = polynomial.derivative(generator)
                shared = slope.gcd(polynomial - slope * self._gens[generator])
                if len(shared) > 1:
                    yield from self.factors(self._index(shared))
                    yield self._index(divmod(polynomial, shared)[0]), 1
                else:
                    yield index, 1
                return
        if sum(degrees) > MAX_FACTORED_DEGREES:
            yield index, 1
            return
        try:
            parts = polynomial.factor()[1]
        except OverflowError:  # python-flint 0.9 cannot order factors that differ in large coefficients only
            yield index, 1
            return
        for part, count in parts:
            yield self._index(part if part.leading_coefficient() > 0 else -part), int(count)

    def _index(self, primitive: fmpz_mpoly) -> int:
        for place, known in enumerate(self._polynomials):
            if known == primitive:
                return self.generators + place
        self._polynomials.append(primitive)
        return self.generators + len(self._polynomials) - 1

    def expand(self, powers: Mapping[int, int]) -> fmpz_mpoly:
        """The product of non-negative powers, multiplied out.

        Raises:
          GaveUp: above the limits.
        """
        return self._multiplied(self._context.from_dict({self.exponents(powers): 1}), powers)

    def _multiplied(self, product: fmpz_mpoly, powers: Mapping[int, int]) -> fmpz_mpoly:
        """`product` times the powers of polynomials among `powers`."""
        for index, exponent in powers.items():
            if index >= self.generators and exponent:
                factor = self.polynomial(index)
                if exponent > 1 and max(factor.degrees()) * exponent > MAX_EXPONENT:
                    raise GaveUp(f"an exponent is above {MAX_EXPONENT}")
                for _ in range(exponent):
                    product = self.product(product, factor)
        return product

    def product(self, left: fmpz_mpoly, right: fmpz_mpoly) -> fmpz_mpoly:
        """left * right.

        Raises:
          GaveUp: above the limits.
        """
        if len(left) * len(right) > MAX_PRODUCTS:
            raise GaveUp(f"a product of {len(left)} by {len(right)} terms")
        return self._checked(left * right)

    def exponents(self, powers: Mapping[int, int]) -> tuple[int, ...]:
        """The exponents of all generators, as `from_terms` takes them; polynomials are passed over.

        Raises:
          GaveUp: above the limits.
        """
        found = [0] * self._width
        for index, exponent in powers.items():
            if index < self.generators:
                if exponent > MAX_EXPONENT:
                    raise GaveUp(f"an exponent is above {MAX_EXPONENT}")
                found[index] = exponent
        return tuple(found)

    def terms(self, polynomial: fmpz_mpoly) -> Iterator[tuple[int, dict[int, int]]]:
        """(coefficient, exponents by generator) of each term."""
        for exponents, coefficient in zip(polynomial.monoms(), polynomial.coeffs(), strict=True):
            yield int(coefficient), {index: int(e) for index, e in enumerate(exponents) if e}
