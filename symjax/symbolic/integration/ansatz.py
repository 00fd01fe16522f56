"""Parallel integration: an answer with unknown coefficients, differentiated and compared with the integrand.

The integrand lies in a differential field (`field`).  What is tried is

    F = sum of a_m * m / Q  +  sum of c_j * L_j

with monomials m in the kernels, a denominator Q that the integrand's denominator gives (multiplicities lowered by one,
exponentials as they are), and logarithms and arctangents L_j of factors of denominators (`logarithms`).  F' = f is a
linear system for the rational (or constant) unknowns.  It is first solved modulo a prime, with residues for
constants, which settles whether there is a solution and which unknowns it needs (`monomials`); only then exactly
(`linear`).  Monomials are found backwards from the integrand: those whose derivative holds a monomial that must occur.

The idea is Risch and Norman's (1977) in the form of Bronstein's pmint (2005); the first look modulo a prime is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flint import fmpq, fmpq_mpoly

from symjax.symbolic.arithmetic import add, multiply, power
from symjax.symbolic.expression import Expression
from symjax.symbolic.integration import linear
from symjax.symbolic.integration.field import Field, Kernel, Quotient, TooWide
from symjax.symbolic.integration.logarithms import Logarithm, factors_of, logarithms
from symjax.symbolic.integration.monomials import DIGITS, Columns, Packing, solution
from symjax.symbolic.integration.radicals import radicals
from symjax.symbolic.integration.views import PARTNERS
from symjax.symbolic.limits import number

MAX_TARGET: Final = 40
MAX_RISE: Final = 60
"""Most terms of the cleared integrand, and of all cleared slopes together; systems that are solved have far fewer."""


def ansatz(integrand: Expression) -> Expression | None:
    """An antiderivative of the form above, or None if there is none with the monomials that are tried.

    Raises:
      TooWide: the field or the system is above the limits.
      TooLarge, Undefined: see `canonical`.
    """
    field = Field(integrand)
    return _Attempt(field, *field.quotient(integrand)).solve()


class _Attempt:
    """The system for one integrand, cleared of denominators."""

    def __init__(self, field: Field, top: fmpq_mpoly, bottom: fmpq_mpoly) -> None:
        self.field = field
        self.kernels = [kernel for kernel in field.kernels if not kernel.is_constant]
        self.packing = Packing(
            [kernel.index for kernel in self.kernels],
            [kernel.index for kernel in field.kernels if kernel.is_constant],
        )
        factors = factors_of(field, bottom)
        self.denominator = field.one
        for factor, multiplicity in factors:
            kept = multiplicity if _is_special(field, factor) else multiplicity - 1
            self.denominator = field.product(self.denominator, factor**kept)
        self.logarithms = _candidates(field, [factor for factor, _ in factors])
        self._clear(top, bottom)
        self.columns = Columns(
            self.packing,
            {kernel.index: self.packing.terms(rise) for kernel, rise in zip(self.kernels, self.rises, strict=True)},
            self.packing.terms(self.fall),
            {index: (degree, self.packing.terms(image)) for index, (degree, image) in field.relations.items()},
            self._bounds(top, bottom),
        )

    def _clear(self, top: fmpq_mpoly, bottom: fmpq_mpoly) -> None:
        """Integrand, slopes and logarithms times their common denominator."""
        field, below = self.field, self.denominator
        fall: Quotient = (field.zero, field.one)
        if not below.is_constant():
            fall = field.differentiate(below)
            fall = field.reduced(fall[0], fall[1] * below)
        items: list[Quotient] = [(top, bottom), (fall[0], fall[1] * below)]
        for kernel, slope in zip(field.kernels, field.slopes, strict=True):
            if not kernel.is_constant:
                items.append((slope[0], field.product(slope[1], below)))
        count = len(items)
        items += [item.slope for item in self.logarithms]
        common = field.one
        for _, part in items:
            if not part.is_constant():
                common = field.product(common, divmod(part, common.gcd(part))[0])
        cleared = [field.product(part[0], divmod(common, part[1])[0]) for part in items]
        if sum(map(len, cleared[2:count])) > MAX_RISE or len(cleared[0]) > MAX_TARGET:
            raise TooWide("the equations are too long")
        self.target, self.fall, self.rises = field.normal(cleared[0]), cleared[1], cleared[2:count]
        self.sides = [field.normal(side) for side in cleared[count:]]

    def _bounds(self, top: fmpq_mpoly, bottom: fmpq_mpoly) -> int:
        """The largest exponent of each kernel that a monomial may have, packed."""
        above, under, kept = top.degrees(), bottom.degrees(), self.denominator.degrees()
        sines = sum(
            max(0, int(above[kernel.index])) + (kept[kernel.index] > 0)
            for kernel in self.kernels
            if kernel.kind == "function" and kernel.base.op in PARTNERS
        )
        bounds = 0
        for kernel in self.kernels:
            index = kernel.index
            least = max(0, int(kept[index]))
            most = max(least, int(above[index]) + least - max(0, int(under[index])))
            if kernel.kind == "function" and kernel.base.op in PARTNERS:
                most = max(most, sines)
            elif kernel.kind in ("x", "function"):
                most += 1
            if kernel.kind == "x":
                most += self._degree_of_roots(index)
            if index in self.field.relations:
                most = self.field.relations[index][0] - 1
            bounds |= min(most, DIGITS) << self.packing.shifts[index]
        return bounds

    def _degree_of_roots(self, index: int) -> int:
        """What the roots count for as powers of the generator `index`."""
        relations = [self.field.relations[kernel.index] for kernel in self.kernels if kernel.kind == "root"]
        return sum(max(0, int(value.degrees()[index])) // degree for degree, value in relations)

    def solve(self) -> Expression | None:
        """The antiderivative, if the system has a solution."""
        target = dict(self.packing.terms(self.target))
        sides = [dict(self.packing.terms(side)) for side in self.sides]
        columns = self.columns.search(target, dict.fromkeys(key for side in sides for key in side))
        found = solution([*columns.values(), *sides], target) if target else None
        if found is None:
            return None
        chosen, rows = found
        monomials = list(columns)
        summands = [
            (self._column(monomials[place]), self._monomial(monomials[place]))
            if place < len(monomials)
            else (self.sides[place - len(monomials)], self.logarithms[place - len(monomials)].build())
            for place in chosen
        ]
        values = linear.solve(self.field, [column for column, _ in summands], self.target, rows, self.packing.shifts)
        if values is None:
            return None
        parts = []
        for (_, expr), (top, bottom) in zip(summands, values, strict=True):
            coefficient = multiply(self.field.expression(top), power(self.field.expression(bottom), number(-1)))
            parts.append(multiply(coefficient, expr))
        return add(*parts)

    def _powers(self, monomial: int) -> Iterator[tuple[Kernel, int]]:
        for kernel in self.kernels:
            exponent = (monomial >> self.packing.shifts[kernel.index]) & DIGITS
            if exponent:
                yield kernel, exponent

    def _column(self, monomial: int) -> fmpq_mpoly:
        """The cleared derivative of a monomial over the denominator, exactly."""
        field = self.field
        rises = {kernel.index: rise for kernel, rise in zip(self.kernels, self.rises, strict=True)}
        whole, total = field.one, field.zero
        for kernel, exponent in self._powers(monomial):
            whole = whole * field.gens[kernel.index] ** exponent
        for kernel, exponent in self._powers(monomial):
            total = total + divmod(whole, field.gens[kernel.index])[0] * rises[kernel.index] * exponent
        return field.normal(total - whole * self.fall)

    def _monomial(self, monomial: int) -> Expression:
        """A monomial over the denominator as an expression."""
        field = self.field
        parts = [power(field.expression_of(kernel), number(e)) for kernel, e in self._powers(monomial)]
        content, factors = self.denominator.factor()
        parts += [power(field.expression(factor), number(-int(exponent))) for factor, exponent in factors]
        return multiply(_inverse(content), *parts)


def _inverse(value: fmpq) -> Expression:
    return number(int(value.q), int(value.p))


def _candidates(field: Field, factors: list[fmpq_mpoly]) -> list[Logarithm]:
    """Logarithms and the like for the factors of the integrand's denominator and of the slopes' denominators."""
    every = list(factors)
    for _, bottom in field.slopes:
        every += [factor for factor, _ in factors_of(field, bottom) if factor not in every]
    return logarithms(field, every) + radicals(field, every)


def _is_special(field: Field, factor: fmpq_mpoly) -> bool:
    """Whether the factor divides its own derivative, as exponentials do."""
    top, _ = field.differentiate(factor)
    return not top.is_zero() and divmod(top, factor)[1].is_zero()
