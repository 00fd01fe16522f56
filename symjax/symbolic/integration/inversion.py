"""Substitutions that write x as a function of a kernel: of a root, or of an inverse function."""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm
from typing import TYPE_CHECKING, Final

from symjax.symbolic.arithmetic import MINUS_ONE, add, exponential, multiply, negative, over, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import RATIONAL, ZERO, Expression, X, integer
from symjax.symbolic.integration.views import (
    at,
    base_and_whole,
    depends,
    factors,
    linear,
    replace,
    subexpressions,
    terms,
    weight,
)
from symjax.symbolic.limits import number
from symjax.symbolic.ordering import ratio

if TYPE_CHECKING:
    from symjax.symbolic.integration.search import Search

MAX_INVERTED: Final = 3
"""Most kernels that may be left where x is written as a function of an inverse function."""

_INVERSES: Final = {
    "asin": lambda t: apply("sin", t),
    "acos": lambda t: apply("cos", t),
    "atan": lambda t: apply("tan", t),
    "asinh": lambda t: apply("sinh", t),
    "acosh": lambda t: apply("cosh", t),
    "atanh": lambda t: apply("tanh", t),
    "ln": exponential,
}


def by_inverse(search: Search, expr: Expression) -> Expression | None:
    """The integral after x = g(t), for a kernel t of x whose inverse g is elementary.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    most = weight(expr)
    for kernel, image, images in _inversions(expr):
        outer = replace(expr, images | {kernel: X, X: image})
        if weight(outer) > (most - 1 if kernel.op == "pow" else min(most, MAX_INVERTED)):
            continue
        found = search.integral(multiply(outer, derivative(image)))
        if found is not None:
            return at(found, kernel)
    return None


def _inversions(expr: Expression) -> Iterator[tuple[Expression, Expression, dict[Expression, Expression]]]:
    """(t, x in terms of t written with x, images of nodes) of the substitutions that are worth trying."""
    nodes = subexpressions(expr)
    degrees: dict[Expression, int] = {}
    for node in nodes:
        if node.op == "pow" and node.args[1].op == RATIONAL:
            base = node.args[0]
            degrees[base] = lcm(degrees.get(base, 1), ratio(node.args[1])[1])
    for base, degree in degrees.items():
        raised = power(X, integer(degree))
        image = _inverse_of(base, raised)
        if image is not None:
            yield power(base, number(1, degree)), image, _images_of_roots(nodes, base, degree) | {base: raised}
    for node in nodes:
        if node.op in _INVERSES:
            found = linear(node.args[0])
            if found is not None:
                yield node, over(add(_INVERSES[node.op](X), negative(found[1])), found[0]), {}


def _images_of_roots(nodes: list[Expression], base: Expression, degree: int) -> dict[Expression, Expression]:
    """Powers of t for the powers of `base` among `nodes`, where t is its root of that degree."""
    images = {}
    for node in nodes:
        if node.op == "pow" and node.args[0] is base and node.args[1].op == RATIONAL:
            top, bottom = ratio(node.args[1])
            images[node] = power(X, integer(top * (degree // bottom)))
    return images


def _inverse_of(base: Expression, value: Expression) -> Expression | None:
    """x where base = value, for a linear base or a quotient of linear ones."""
    found = linear(base)
    if found is not None:
        return over(add(value, negative(found[1])), found[0])
    top = multiply(*(f for f in factors(base) if base_and_whole(f)[1] > 0))
    bottom = power(multiply(*(f for f in factors(base) if base_and_whole(f)[1] < 0)), MINUS_ONE)
    if base.op == "add":
        return _inverse_of_sum(base, value)
    above, below = _linear_or_constant(top), _linear_or_constant(bottom)
    if above is None or below is None:
        return None
    # (a*x + b)/(c*x + d) = v
    (a, b), (c, d) = above, below
    bottom = add(a, negative(multiply(c, value)))
    return None if bottom is ZERO else over(add(multiply(d, value), negative(b)), bottom)


def _inverse_of_sum(base: Expression, value: Expression) -> Expression | None:
    """x where a + b/(c*x + d) = value."""
    moving = [term for term in terms(base) if depends(term)]
    if len(moving) != 1:
        return None
    rest = add(*(term for term in terms(base) if not depends(term)))
    return _inverse_of(moving[0], add(value, negative(rest))) if moving[0].op != "add" else None


def _linear_or_constant(expr: Expression) -> tuple[Expression, Expression] | None:
    return linear(expr) if depends(expr) else (ZERO, expr)
