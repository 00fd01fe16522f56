"""Products of powers with a rational factor, by the indices of what is raised to them: quotients, not multiplied out.

Work with them is bounded by counts: above them `GaveUp` is raised, before anything large is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd
from typing import Final, NamedTuple

MAX_COEFFICIENT_BITS: Final = 2000
_SMALL: Final = 2**60
_new: Final = tuple.__new__


class GaveUp(ArithmeticError):  # noqa: N818 (names what is the matter)
    """A computation with polynomials is above the limits."""


class Quotient(NamedTuple):
    """top/bottom times the product of powers; `powers` maps the index of a generator or polynomial to its exponent.

    `bottom` is positive, the fraction is in lowest terms, and no exponent is 0.
    """

    top: int
    bottom: int
    powers: Mapping[int, int]


NOTHING: Final = Quotient(0, 1, {})
UNIT: Final = Quotient(1, 1, {})


def product_of(items: Iterable[Quotient]) -> Quotient:
    """The product."""
    top, bottom, powers = 1, 1, {}
    for item in items:
        top, bottom = top * item.top, bottom * item.bottom
        if not powers:
            powers = dict(item.powers)
            continue
        for index, exponent in item.powers.items():
            powers[index] = powers.get(index, 0) + exponent
    return quotient(top, bottom, powers)


def power_of(item: Quotient, exponent: int) -> Quotient:
    """item**exponent.

    Raises:
      GaveUp: zero to a negative power, or too large a number.
    """
    if exponent == 1:
        return item
    top, bottom, size = item.top, item.bottom, abs(exponent)
    if exponent < 0:
        top, bottom = bottom, top
        if bottom == 0:
            raise GaveUp("division by zero")
    if size * max(top.bit_length() - 1, bottom.bit_length() - 1) > MAX_COEFFICIENT_BITS:
        raise GaveUp(f"a coefficient needs more than {MAX_COEFFICIENT_BITS} bits")
    return quotient(top**size, bottom**size, {index: e * exponent for index, e in item.powers.items()})


def quotient(top: int, bottom: int, powers: dict[int, int]) -> Quotient:
    """top/bottom times powers, in lowest terms.

    Raises:
      GaveUp: a coefficient above the limits.
    """
    if top == 0:
        return NOTHING
    if bottom != 1:
        divisor = gcd(top, bottom) if bottom > 0 else -gcd(top, bottom)
        top, bottom = top // divisor, bottom // divisor
    if not -_SMALL < top < _SMALL or bottom > _SMALL:
        _check_bits(top, bottom)
    if 0 in powers.values():
        powers = {index: exponent for index, exponent in powers.items() if exponent}
    return _new(Quotient, (top, bottom, powers))  # half the time of Quotient(...)


def _check_bits(*numbers: int) -> None:
    if max(number.bit_length() for number in numbers) > MAX_COEFFICIENT_BITS:
        raise GaveUp(f"a coefficient needs more than {MAX_COEFFICIENT_BITS} bits")


def common_powers(items: list[Quotient]) -> dict[int, int]:
    """The smallest exponent of each generator and polynomial; 0 where one of the items has none."""
    common = dict(items[0].powers)
    for item in items[1:]:
        powers = item.powers
        for index, exponent in common.items():
            other = powers.get(index, 0)
            if other < exponent:
                common[index] = other
        for index, exponent in powers.items():
            if exponent < 0 and index not in common:
                common[index] = exponent
    return {index: exponent for index, exponent in common.items() if exponent}
