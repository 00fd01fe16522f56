"""Substitutions where the integrand holds an inner derivative."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, Final

from symjax.symbolic.arithmetic import MINUS_ONE, add, multiply, negative, over, power
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ONE, ZERO, Expression, X, integer, postorder, symbol
from symjax.symbolic.integration.views import (
    CIRCULAR,
    HYPERBOLIC,
    PARTNERS,
    at,
    base_and_whole,
    depends,
    factors,
    is_rational_multiple,
    linear,
    replace,
    subexpressions,
)
from symjax.symbolic.limits import number
from symjax.symbolic.ordering import is_number, ratio

if TYPE_CHECKING:
    from symjax.symbolic.integration.search import Search

MAX_INNER: Final = 16
_RELATED: Final = CIRCULAR | HYPERBOLIC
NEW: Final = symbol("u'")
"""The new variable while x may still occur."""

_TWO: Final = integer(2)


def by_inner_derivative(search: Search, expr: Expression) -> Expression | None:
    """The integral of g(u)*u' as that of g, for the largest u that there is.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    bases = _bases(expr)
    below = {base: set(postorder(base)) for base in bases}
    for inner in _candidates(expr):
        hidden = [base for base in bases if not _may_hold(below[base], inner)]
        slope = derivative(inner)
        if slope is ZERO:
            continue
        slopes = _bases(slope)
        if any(base not in slopes for base in hidden):
            continue
        if any(base not in below and not _may_hold(set(postorder(base)), inner) for base in slopes):
            continue
        outer = in_terms_of(over(expr, slope), inner)
        if outer is not None:
            found = search.integral(outer)
            if found is not None:
                return at(found, inner)
    return None


def _bases(expr: Expression) -> list[Expression]:
    """The factors that hold x, without exponents that are numbers."""
    found = []
    for factor in factors(expr):
        base = factor.args[0] if factor.op == "pow" and is_number(factor.args[1]) else factor
        if depends(base):
            found.append(base)
    return found


def _may_hold(nodes: set[Expression], inner: Expression) -> bool:
    """Whether something with these nodes may be a function of `inner`."""
    if inner in nodes:
        return True
    op = inner.op
    if op == "pow":
        return inner.args[0] in nodes
    if op == "exp":
        return any(node.op == "exp" for node in nodes)
    if op == "add":
        return any(node.op == "add" for node in nodes)
    return op in _RELATED and any(node.op in _RELATED and node.args[0] is inner.args[0] for node in nodes)


def _candidates(expr: Expression) -> list[Expression]:
    """Inner functions that are worth trying, larger ones first."""
    found: dict[Expression, None] = {}
    for factor in factors(expr):
        base, _ = base_and_whole(factor)
        for node in subexpressions(base):
            if node.op != "mul" or node is not expr:
                found[node] = None
    kept = [node for node in found if linear(node) is None and node is not expr]
    kept += [
        power(node.args[0], number(1, ratio(node.args[1])[1]))
        for node in kept
        if node.op == "pow" and is_number(node.args[1]) and ratio(node.args[1])[1] > 1
    ]
    degree = _common_degree(expr)
    if degree is not None and degree != 1:
        kept.append(power(X, number(*degree.as_integer_ratio())))
    kept = [node for node in dict.fromkeys(kept) if node is not X and node is not expr]
    return sorted(kept, key=lambda node: -node.size)[:MAX_INNER]


def _common_degree(expr: Expression) -> Fraction | None:
    """The largest d such that `expr` is a function of x**d times the derivative of x**d; None if that takes d = 0."""
    outer, found = Fraction(1), set[Fraction]()
    for factor in factors(expr):
        base, exponent = factor.args if factor.op == "pow" else (factor, ONE)
        if base is X and is_number(exponent):
            outer += Fraction(*ratio(exponent))
            continue
        for node in postorder(factor):
            if node.op == "pow" and node.args[0] is X and is_number(node.args[1]):
                found.add(Fraction(*ratio(node.args[1])))
            elif X in node.args:
                return Fraction(1)
    if not outer:
        return None
    values = [outer, *sorted(found)]
    bottom = lcm(*(value.denominator for value in values))
    return Fraction(gcd(*(int(value * bottom) for value in values)), bottom)


def in_terms_of(expr: Expression, inner: Expression) -> Expression | None:
    """`expr` as a function of `inner`, written with x in its place; None if something of the old x is left."""
    images = {inner: NEW}
    for node in postorder(expr):
        image = _image(node, inner)
        if image is not None:
            images[node] = image
    found = replace(expr, images)
    return None if depends(found) else replace(found, {NEW: X})


def _image(node: Expression, inner: Expression) -> Expression | None:
    """What becomes of a node that is no `inner` but a power of it, or a square that makes one."""
    op = inner.op
    if not node.args or node is inner:
        return None
    if op == "exp" and node.op == "exp":
        multiple = is_rational_multiple(node.args[0], inner.args[0])
        return None if multiple is None else power(NEW, number(*multiple))
    if op == "pow" and node.op == "pow" and node.args[0] is inner.args[0]:
        multiple = is_rational_multiple(node.args[1], inner.args[1])
        return power(NEW, integer(multiple[0])) if multiple is not None and multiple[1] == 1 else None
    if op == "pow" and node is inner.args[0] and is_number(inner.args[1]):
        top, bottom = ratio(inner.args[1])
        return power(NEW, integer(bottom * top)) if abs(top) == 1 and bottom > 1 else None
    if op in PARTNERS or op in ("tan", "tanh"):
        return _square_image(node, inner)
    if op == "add" and node.op == "add":
        return _shifted(node, inner)
    return None


def _shifted(node: Expression, inner: Expression) -> Expression | None:
    """A sum that differs from a multiple of `inner` by a constant."""
    moving = [term for term in node.args if depends(term)]
    inner_moving = [term for term in inner.args if depends(term)]
    if len(moving) != len(inner_moving):
        return None
    multiple = is_rational_multiple(add(*moving), add(*inner_moving))
    if multiple is None:
        return None
    factor = number(*multiple)
    rest = add(node, negative(multiply(factor, inner)))
    return None if depends(rest) else add(multiply(factor, NEW), rest)


def _square_image(node: Expression, inner: Expression) -> Expression | None:
    """Even powers of the cosine in terms of the sine, and so on."""
    base, exponent = base_and_whole(node)
    if not base.args or base.args[0] is not inner.args[0] or exponent % 2:
        return None
    op, half = inner.op, integer(exponent // 2)
    square = power(NEW, _TWO)
    if base.op == PARTNERS.get(op):
        if op in ("sin", "cos"):
            return power(add(ONE, negative(square)), half)
        return power(add(ONE, square) if op == "sinh" else add(square, MINUS_ONE), half)
    if op == "tan" and base.op in ("sin", "cos"):
        return power(over(square if base.op == "sin" else ONE, add(ONE, square)), half)
    if op == "tanh" and base.op in ("sinh", "cosh"):
        return power(over(square if base.op == "sinh" else ONE, add(ONE, negative(square))), half)
    return None
