"""Roots of numbers: products of rational powers of integers in one form.

Each prime, and -1, has one exponent below 1; primes whose exponents have the same denominator share a root.
"""

from __future__ import annotations

from math import gcd, prod
from typing import Final

from symjax.symbolic.expression import Expression, integer, rational
from symjax.symbolic.limits import Ratio, factors_of, node_of, number, plus, whole_power
from symjax.symbolic.ordering import ratio

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
            base = number(prod(prime ** (part // divisor) for prime, part in exponents.items()))
            roots.append(node_of("pow", (base, rational(divisor, bottom))))
        return coefficient, roots
