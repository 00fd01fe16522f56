"""Powers of numbers, and products of them, in one form.

In a product of roots each prime, and -1, has one exponent below 1; primes whose exponents have the same denominator
share a root.
"""

from __future__ import annotations

from math import gcd, prod
from typing import Final

from symjax.symbolic.expression import ONE, ZERO, Expression, integer, rational
from symjax.symbolic.leading_signs import leads_negative
from symjax.symbolic.limits import Ratio, Undefined, factors_of, node_of, number, plus, split, whole_power
from symjax.symbolic.ordering import is_number, ratio
from symjax.symbolic.sums import joined, scaled

_MINUS_ONE: Final = integer(-1)


class Radicals:
    """A product of rational powers of numbers while its factors are being collected."""

    def __init__(self) -> None:
        self._exponents: dict[int, Ratio] = {}

    def take(self, base: Ratio, exponent: Ratio) -> None:
        """Enter base**exponent of a number that is not 0."""
        for value, sign in ((base[0], 1), (base[1], -1)):
            for prime, count in factors_of(value).items():
                added = (sign * count * exponent[0], exponent[1])
                self._exponents[prime] = plus(self._exponents.get(prime, (0, 1)), added)

    def collect(self, coefficient: Ratio = (1, 1)) -> tuple[Ratio, list[Expression]]:
        """(number, roots): their product is `coefficient` times what was entered.

        Raises:
          TooLarge: above the limits.
        """
        by_denominator: dict[int, dict[int, int]] = {}
        roots = []
        for prime, (top, bottom) in self._exponents.items():
            whole, part = divmod(top, bottom)
            if prime == -1:
                whole %= 2
            factor = ratio(whole_power((prime, 1), whole))
            coefficient = ratio(number(coefficient[0] * factor[0], coefficient[1] * factor[1]))
            if part and prime == -1:
                roots.append(node_of("pow", (_MINUS_ONE, rational(part, bottom))))
            elif part:
                by_denominator.setdefault(bottom, {})[prime] = part
        for bottom, exponents in by_denominator.items():
            divisor = gcd(*exponents.values())
            powers = [ratio(whole_power((prime, 1), part // divisor))[0] for prime, part in exponents.items()]
            base = number(prod(powers))
            roots.append(node_of("pow", (base, rational(divisor, bottom))))
        return coefficient, roots


def power_of_number(base: Expression, exponent: Expression) -> Expression:
    """base**exponent of a number that is not 1 and a canonical exponent that is neither 0 nor 1.

    Raises:
      TooLarge: above the limits.
      Undefined: zero to a negative power.
    """
    if not is_number(exponent):
        if ratio(base)[0] == 1 and leads_negative(exponent):
            return node_of("pow", (number(ratio(base)[1]), _minus(exponent)))
        return node_of("pow", (base, exponent))
    top, bottom = ratio(exponent)
    if bottom == 1:
        return whole_power(ratio(base), top)
    if base is ZERO:
        if top < 0:
            raise Undefined("division by zero")
        return ZERO
    radicals = Radicals()
    radicals.take(ratio(base), (top, bottom))
    return joined(*radicals.collect())


def numbers_merged(coefficient: Ratio, factors: list[Expression]) -> tuple[Ratio, list[Expression], bool]:
    """The number and the other factors, where several are powers of numbers, and whether none can meet another again.

    Roots of numbers become one form; 2**x * 3**x is 6**x: positive numbers under one symbolic exponent become one.
    """
    radicals = Radicals()
    groups: dict[tuple[Expression | None, Expression], list[tuple[Expression, Ratio]]] = {}
    for factor in factors:
        base, exponent = factor.args
        times_rest, rest = split(exponent)
        if rest is ONE:
            radicals.take(ratio(base), times_rest)
        else:
            groups.setdefault((None if ratio(base)[0] > 0 else base, rest), []).append((base, times_rest))
    coefficient, found = radicals.collect(coefficient)
    settled = True
    for (_, rest), powers in groups.items():
        exponents: dict[Expression, Ratio] = {}
        for base, times_rest in powers:
            exponents[base] = plus(exponents.get(base, (0, 1)), times_rest)
        bases: dict[Ratio, list[Ratio]] = {}
        for base, times_rest in exponents.items():
            if times_rest[0]:
                bases.setdefault(times_rest, []).append(ratio(base))
        settled = settled and len(bases) == len(powers)
        for times_rest, same in bases.items():
            base = number(prod(top for top, _ in same), prod(bottom for _, bottom in same))
            found.append(ONE if base is ONE else power_of_number(base, scaled(times_rest, rest)))
    return coefficient, found, settled


def _minus(expr: Expression) -> Expression:
    coefficient, rest = split(expr)
    return scaled((-coefficient[0], coefficient[1]), rest)
