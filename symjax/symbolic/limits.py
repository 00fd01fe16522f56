"""Numbers and nodes of canonical expressions, within limits on their size.

Limits are counts, never times, so that what is too large is the same everywhere.
"""

from __future__ import annotations

from math import gcd
from typing import Final

from symjax.symbolic.budget import STATE, charge
from symjax.symbolic.expression import ONE, Expression, integer, rational, unchecked
from symjax.symbolic.nodes import set_parts
from symjax.symbolic.ordering import NUMBERS, ratio

MAX_BITS: Final = 400
MAX_NODES: Final = 1500
_SMALL: Final = 2**62
_LARGEST_TRIAL_DIVISOR: Final = 1000

Ratio = tuple[int, int]
_UNIT: Final[Ratio] = (1, 1)


class TooLarge(ArithmeticError):  # noqa: N818 (names what is the matter)
    """A canonical form is above the limits on numbers or nodes."""


class Undefined(ArithmeticError):  # noqa: N818 (names what is the matter)
    """An expression is defined nowhere: a division by zero, or the logarithm of zero."""


def number(numerator: int, denominator: int = 1) -> Expression:
    """The number numerator/denominator.

    Raises:
      TooLarge: more than 400 bits above or below the line.
    """
    if denominator == 1 and -_SMALL < numerator < _SMALL:
        return integer(numerator)
    expr = rational(numerator, denominator)
    top, bottom = ratio(expr)
    if max(top.bit_length(), bottom.bit_length()) > MAX_BITS:
        raise TooLarge(f"a number needs more than {MAX_BITS} bits")
    return expr


def node(op: str, *args: Expression) -> Expression:
    """`op` of `args` as they are, within the limit on nodes.

    Raises:
      TooLarge: more than 1500 nodes.
      OutOfBudget: one more than the budget in force allows.
    """
    return node_of(op, args)


def node_of(op: str, args: tuple[Expression, ...]) -> Expression:
    """`node(op, *args)`."""
    expr = unchecked(op, args)
    if expr.size > MAX_NODES:
        raise TooLarge(f"an expression needs more than {MAX_NODES} nodes")
    if STATE.active:
        charge(expr)
    return expr


def split(expr: Expression) -> tuple[Ratio, Expression]:
    """(coefficient, rest) with expr = coefficient * rest; the rest of a number is 1."""
    op = expr.op
    if op == "mul":
        first = expr.args[0]
        if first.op not in NUMBERS:
            return _UNIT, expr
        parts = expr._parts
        if parts is None:
            rest = expr.args[1:]
            parts = ratio(first), rest[0] if len(rest) == 1 else unchecked("mul", rest)
            set_parts(expr, parts)
        return parts
    return (ratio(expr), ONE) if op in NUMBERS else (_UNIT, expr)


def plus(left: Ratio, right: Ratio) -> Ratio:
    """The sum in lowest terms."""
    if left[1] == 1 and right[1] == 1:
        return left[0] + right[0], 1
    top, bottom = left[0] * right[1] + right[0] * left[1], left[1] * right[1]
    divisor = gcd(top, bottom)
    return top // divisor, bottom // divisor


def times(left: Ratio, right: Ratio) -> Ratio:
    """The product in lowest terms."""
    if left[1] == 1 and right[1] == 1:
        return left[0] * right[0], 1
    top, bottom = left[0] * right[0], left[1] * right[1]
    divisor = gcd(top, bottom)
    return top // divisor, bottom // divisor


def factors_of(value: int) -> dict[int, int]:
    """Prime -> exponent of a non-zero integer, with -1 as a prime; what trial division leaves over counts as one."""
    found = {-1: 1} if value < 0 else {}
    value = abs(value)
    divisor = 2
    while divisor * divisor <= value and divisor <= _LARGEST_TRIAL_DIVISOR:
        while value % divisor == 0:
            found[divisor] = found.get(divisor, 0) + 1
            value //= divisor
        divisor += 1 if divisor == 2 else 2
    if value > 1:
        found[value] = found.get(value, 0) + 1
    return found


def whole_power(base: Ratio, exponent: int) -> Expression:
    """base**exponent for an integer exponent."""
    top, bottom = base
    if exponent < 0:
        if top == 0:
            raise Undefined("division by zero")
        top, bottom, exponent = bottom if top > 0 else -bottom, abs(top), -exponent
    if abs(top) <= 1 and bottom == 1:
        exponent = min(exponent, 2 + exponent % 2)
    elif (max(top.bit_length(), bottom.bit_length()) - 1) * exponent > MAX_BITS:
        raise TooLarge(f"a number needs more than {MAX_BITS} bits")
    return number(top**exponent, bottom**exponent)
