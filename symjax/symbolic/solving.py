"""Solving for one symbol: inverse operations along its path, or a polynomial equation in the one kernel that holds it.

A solution is one branch of possibly many: whoever asks chooses the signs.  Whether that branch is the right one at a
point is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flint import fmpz_mpoly

from symjax.symbolic.arithmetic import HALF, MINUS_ONE
from symjax.symbolic.canonical import add, apply, multiply, power
from symjax.symbolic.expression import ZERO, Expression, integer, occurs, symbol
from symjax.symbolic.factored import Quotient
from symjax.symbolic.forms import cancelled, factor
from symjax.symbolic.kernels import Kernels
from symjax.symbolic.limits import number
from symjax.symbolic.ordering import is_number, ratio

Choice = Callable[[], bool]
"""Says whether the negative one of two branches is taken."""

_INVERSES: Final = {
    "exp": "ln",
    "ln": "exp",
    "sin": "asin",
    "asin": "sin",
    "cos": "acos",
    "acos": "cos",
    "tan": "atan",
    "atan": "tan",
    "sinh": "asinh",
    "asinh": "sinh",
    "cosh": "acosh",
    "acosh": "cosh",
    "tanh": "atanh",
    "atanh": "tanh",
}
_TWO_SIDED: Final = frozenset({"cos", "cosh"})


def isolate(expr: Expression, name: str, value: Expression, negative: Choice) -> Expression | None:
    """A solution of expr = value for the symbol `name` by inverse operations.

    Args:
      expr: a canonical expression.
      name: the symbol.
      value: a canonical expression without it.
      negative: asked once for each operation with two branches, from the root down.

    Returns:
      The solution; None where the symbol occurs more than once, not at all, or below an operation without an inverse.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    unknown = symbol(name)
    node = expr
    while node is not unknown:
        inside = [place for place, arg in enumerate(node.args) if occurs(name, arg)]
        if len(inside) != 1:
            return None
        solved = _undo(node, inside[0], value, negative)
        if solved is None:
            return None
        value, node = solved, node.args[inside[0]]
    return value


def _undo(node: Expression, place: int, value: Expression, negative: Choice) -> Expression | None:
    """What operand `place` of `node` is where `node` is `value`."""
    op = node.op
    others = [arg for where, arg in enumerate(node.args) if where != place]
    if op == "add":
        return add(value, *(multiply(MINUS_ONE, other) for other in others))
    if op == "mul":
        return multiply(value, *(power(other, MINUS_ONE) for other in others))
    if op == "pow":
        if place:
            return multiply(apply("ln", value), power(apply("ln", others[0]), MINUS_ONE))
        root = power(value, power(others[0], MINUS_ONE))
        two_sided = is_number(others[0]) and ratio(others[0])[0] % 2 == 0
        return multiply(MINUS_ONE, root) if two_sided and negative() else root
    if op == "abs":
        return multiply(MINUS_ONE, value) if negative() else value
    inverse = _INVERSES.get(op)
    if inverse is None:
        return None
    found = apply(inverse, value)
    return multiply(MINUS_ONE, found) if op in _TWO_SIDED and negative() else found


def numerator(expr: Expression, name: str, kernels: Kernels) -> fmpz_mpoly:
    """The factors above the line of `expr` that hold the symbol `name`, multiplied out, over its `kernels`.

    Where `expr` is 0 and defined, so is this, unless another factor is 0.  1 where the symbol does not occur.

    Raises:
      GaveUp: above the limits.
    """
    field, holders = kernels.field, kernels.holders(name)

    def holds(index: int) -> bool:
        degrees = field.polynomial(index).degrees()
        return any(degrees[holder] for holder in holders)

    quotient = cancelled(kernels, kernels.quotient(expr))
    above = {index: 1 for index, exponent in quotient.powers.items() if exponent > 0 and holds(index)}
    factored = factor(kernels, Quotient(1, 1, above))
    return field.expand({index: 1 for index in factored.powers if holds(index)})


def solve_in_kernel(kernels: Kernels, polynomial: fmpz_mpoly, name: str, negative: Choice) -> Expression | None:
    """A solution for the symbol `name` of polynomial = 0, where one kernel holds it.

    The equation must be of the form a + b*k**n or a + b*k + c*k**2 in that kernel, which is then solved for the symbol.

    Returns:
      The solution; None where there is none of this kind.

    Raises:
      GaveUp, TooLarge, Undefined: above the limits, or nowhere defined.
    """
    degrees = polynomial.degrees()
    holders = [index for index in kernels.holders(name) if degrees[index]]
    if len(holders) != 1:
        return None
    kernel = holders[0]
    parts = {exponent: kernels.polynomial(part) for exponent, part in _coefficients(kernels, polynomial, kernel)}
    value = _root(parts, negative)
    return None if value is None else isolate(kernels.power(kernel, 1), name, value, negative)


def _root(parts: dict[int, Expression], negative: Choice) -> Expression | None:
    """A zero of the polynomial with these coefficients by exponent."""
    most = max(parts)
    if len(parts) == 2 and 0 in parts:
        found = power(multiply(MINUS_ONE, parts[0], power(parts[most], MINUS_ONE)), number(1, most))
        return multiply(MINUS_ONE, found) if most % 2 == 0 and negative() else found
    if most != 2 or 0 not in parts:
        return None
    middle = parts.get(1, ZERO)
    square = add(power(middle, integer(2)), multiply(integer(-4), parts[0], parts[2]))
    root = power(square, HALF)
    if negative():
        root = multiply(MINUS_ONE, root)
    return multiply(HALF, power(parts[2], MINUS_ONE), add(root, multiply(MINUS_ONE, middle)))


def _coefficients(kernels: Kernels, polynomial: fmpz_mpoly, kernel: int) -> list[tuple[int, fmpz_mpoly]]:
    """(exponent, coefficient) of a polynomial in one of its generators, smallest exponent first."""
    field = kernels.field
    rows: dict[int, dict[tuple[int, ...], int]] = {}
    for coefficient, powers in field.terms(polynomial):
        exponent = powers.pop(kernel, 0)
        rows.setdefault(exponent, {})[field.exponents(powers)] = coefficient
    return [(exponent, field.from_terms(rows[exponent])) for exponent in sorted(rows)]
