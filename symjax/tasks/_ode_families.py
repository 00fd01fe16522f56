"""Families of functions with free constants, and the differential equations that they solve.

A family is an expression in x and the constants a8 (and a9), brought to a form in which each constant stands for
everything that only shifts it.  Its equation is found by solving for a constant and differentiating, once for each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import gcd, lcm
from typing import Final

from flint import fmpz_mpoly

from symjax.symbolic.arithmetic import MINUS_ONE
from symjax.symbolic.canonical import add, apply, multiply, power
from symjax.symbolic.conventions import token_length
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import INTEGER, ONE, Expression, occurs, symbol
from symjax.symbolic.factored import GaveUp
from symjax.symbolic.kernels import Kernels
from symjax.symbolic.limits import TooLarge, number, split
from symjax.symbolic.operators import UNKNOWNS
from symjax.symbolic.simplify import common_factors
from symjax.symbolic.solving import Choice, isolate, numerator, solve_in_kernel

VARIABLE: Final = "x"
CONSTANTS: Final = ("a8", "a9")
_MAX_ROUNDS: Final = 20
_TOKENS_OF_TERMS: Final = 18
"""Terms that take fewer on average are not measured before they are written: that would seldom save anything."""


def absorbed(expr: Expression, names: tuple[str, ...]) -> Expression:
    """`expr` with the largest parts without x that hold every occurrence of one of the constants replaced by it.

    Raises:
      TooLarge, Undefined: see `symjax.symbolic.canonical`.
    """
    for _ in range(_MAX_ROUNDS):
        before = expr
        for name in names:
            expr = _absorb(expr, name)
        if expr is before:
            break
    return expr


def _absorb(expr: Expression, name: str) -> Expression:
    unknown = symbol(name)
    path: list[tuple[Expression, int]] = []
    node = expr
    while occurs(VARIABLE, node):
        inside = [place for place, arg in enumerate(node.args) if occurs(name, arg)]
        if not inside:
            return expr
        if node.op in ("add", "mul") and not any(occurs(VARIABLE, node.args[place]) for place in inside):
            fixed, moving = [], []
            for arg in node.args:
                (moving if occurs(VARIABLE, arg) else fixed).append(arg)
            return expr if fixed == [unknown] else _rebuilt(path, _build(node.op, [unknown, *moving]))
        if len(inside) > 1:
            return expr
        path.append((node, inside[0]))
        node = node.args[inside[0]]
    return expr if node is unknown or not occurs(name, node) else _rebuilt(path, unknown)


def _rebuilt(path: list[tuple[Expression, int]], value: Expression) -> Expression:
    for node, place in reversed(path):
        value = _build(node.op, [*node.args[:place], value, *node.args[place + 1 :]])
    return value


_BUILDERS: Final[dict[str, Callable[..., Expression]]] = {"add": add, "mul": multiply, "pow": power}


def _build(op: str, args: list[Expression]) -> Expression:
    builder = _BUILDERS.get(op)
    return apply(op, args[0]) if builder is None else builder(*args)


class Unsolvable(ArithmeticError):  # noqa: N818 (names what is the matter)
    """A constant cannot be eliminated; the first argument is the reason in one word."""


def equation_of(
    family: Expression, order: int, negative: Choice, expanded: bool, longest: int = sys.maxsize
) -> Expression:
    """The left side, in x, Y, Y' (and Y''), of a differential equation that `family` solves.

    Args:
      family: canonical, in x and the constants a8 (and a9), as `absorbed` leaves it.
      order: 1 or 2, the number of constants.
      negative: chooses the branch where an inverse operation has two.
      expanded: whether the equation is multiplied out, even where common factors taken out make it shorter.
      longest: most tokens of an equation that is of use; longer ones need not be written.

    Raises:
      Unsolvable: a constant is gone or cannot be solved for, or the equation lacks its highest derivative, or is seen
        to be longer than `longest` before it is built.
      TooLarge, Undefined: see `symjax.symbolic.canonical`.
    """
    try:
        value = isolate(family, CONSTANTS[0], symbol(UNKNOWNS[0]), negative)
        if value is None:
            value = _solution(
                add(family, multiply(MINUS_ONE, symbol(UNKNOWNS[0]))), CONSTANTS[0], CONSTANTS[0], negative
            )
        slope = derivative(value)
        if order == 2:
            slope = derivative(_solution(slope, UNKNOWNS[1], CONSTANTS[1], negative))
        name = UNKNOWNS[order]
        written = _multiplied_out(slope, name, longest) if expanded else _shortest(slope, name, longest)
    except GaveUp as error:
        raise Unsolvable("too_many_terms", str(error)) from error
    if not occurs(name, written):
        raise Unsolvable("no_derivative", f"{name} does not occur")
    return written


def _multiplied_out(slope: Expression, name: str, longest: int) -> Expression:
    """The factors above the line of `slope` that hold the symbol `name`, as a polynomial over kernels."""
    kernels = Kernels(slope)
    polynomial = numerator(slope, name, kernels)
    quotient = kernels.field.register(polynomial)
    if len(quotient.powers) != 1 or quotient.top != 1:
        return _written(kernels, polynomial, longest)
    ((index, exponent),) = quotient.powers.items()
    if exponent == 1 and index >= kernels.field.generators:
        return _written(kernels, kernels.field.polynomial(index), longest)
    return kernels.expression(quotient)


def _written(kernels: Kernels, polynomial: fmpz_mpoly, longest: int) -> Expression:
    """A polynomial as the sum of its terms, if that is not sure to be too long."""
    if len(polynomial) > longest // _TOKENS_OF_TERMS:
        length = kernels.length_of(polynomial)
        if length is not None and length > longest:
            raise Unsolvable("too_long", f"the equation takes {length} tokens; at most {longest} are taken")
    return kernels.polynomial(polynomial)


def _shortest(slope: Expression, name: str, longest: int) -> Expression:
    """The shorter of `slope` with its common factors taken out, without what lacks the symbol, and multiplied out."""
    best = _stripped(common_factors(slope), name)
    try:
        other = _multiplied_out(slope, name, longest)
    except (GaveUp, TooLarge, Unsolvable):
        return best
    return other if token_length(other) < token_length(best) else best


def _stripped(expr: Expression, name: str) -> Expression:
    """The product of the factors above the line that hold the symbol; a sum without its rational content."""
    factors = []
    for factor in expr.args if expr.op == "mul" else (expr,):
        base, exponent = factor.args if factor.op == "pow" else (factor, ONE)
        if occurs(name, factor) and split(exponent)[0][0] > 0:
            factors.append(base if exponent.op == INTEGER else factor)
    product = multiply(*factors)
    if product.op != "add":
        return product
    coefficients = [split(term)[0] for term in product.args]
    top, bottom = gcd(*(each[0] for each in coefficients)), lcm(*(each[1] for each in coefficients))
    return multiply(number(bottom, top), product)


def _solution(expr: Expression, unknown: str, name: str, negative: Choice) -> Expression:
    """A solution for the constant `name` of the part of expr = 0 that holds the unknown."""
    if not occurs(name, expr):
        raise Unsolvable("constant_gone", f"{name} does not occur")
    kernels = Kernels(expr)
    value = None
    if len(kernels.holders(name)) == 1:
        value = solve_in_kernel(kernels, numerator(expr, unknown, kernels), name, negative)
    if value is None:
        raise Unsolvable("constant_not_isolated", f"{name} occurs in more than one way")
    return value
