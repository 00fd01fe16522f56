"""Circular and hyperbolic functions of several arguments in terms of one, and of one argument as rational functions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from math import gcd, lcm
from typing import TYPE_CHECKING, Final

from symjax.symbolic.arithmetic import HALF, MINUS_ONE, add, exponential, multiply, negative, over, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.expression import ONE, ZERO, Expression, X, integer
from symjax.symbolic.integration.views import (
    CIRCULAR,
    HYPERBOLIC,
    at,
    depends,
    is_rational_multiple,
    linear,
    replace,
    subexpressions,
    terms,
)
from symjax.symbolic.limits import number

if TYPE_CHECKING:
    from symjax.symbolic.integration.search import Search

MAX_MULTIPLE: Final = 5

_TWO: Final = integer(2)

Pair = tuple[Expression, Expression]
"""(sine, cosine) of an angle."""


def by_common_angle(search: Search, expr: Expression) -> Expression | None:
    """The integral after functions of multiples and shifts of an angle are expanded into functions of that angle.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    images: dict[Expression, Expression] = {}
    for family in (CIRCULAR, HYPERBOLIC):
        nodes = [node for node in subexpressions(expr) if node.op in family]
        if len({node.args[0] for node in nodes}) > 1:
            images |= _common(nodes, family is CIRCULAR) or {}
    return search.integral(replace(expr, images)) if images else None


def _common(nodes: list[Expression], circular: bool) -> dict[Expression, Expression] | None:
    """Images of functions whose angles are small multiples of one, up to constants; None if they are not."""
    parts = {arg: _split(arg) for arg in dict.fromkeys(node.args[0] for node in nodes)}
    first = next(iter(parts.values()))[0]
    ratios = {arg: is_rational_multiple(moving, first) for arg, (moving, _) in parts.items()}
    if any(ratio is None for ratio in ratios.values()):
        return None
    known = [ratio for ratio in ratios.values() if ratio is not None]
    unit = reduce(gcd, (top for top, _ in known)), lcm(*(bottom for _, bottom in known))
    angle = multiply(number(*unit), first)
    images = {}
    for node in nodes:
        moving, constant = parts[node.args[0]]
        ratio = is_rational_multiple(moving, angle)
        if ratio is None or ratio[1] != 1 or abs(ratio[0]) > MAX_MULTIPLE:
            return None
        pair = _shifted(_multiple(angle, abs(ratio[0]), circular), ratio[0] < 0, constant, circular)
        images[node] = _of_pair(node.op, pair)
    return images


def _split(arg: Expression) -> Pair:
    """(part with x, constant part) of an angle."""
    return (
        add(*(term for term in terms(arg) if depends(term))),
        add(*(term for term in terms(arg) if not depends(term))),
    )


def _names(circular: bool) -> tuple[str, str]:
    return ("sin", "cos") if circular else ("sinh", "cosh")


def _sum(left: Pair, right: Pair, circular: bool) -> Pair:
    """Sine and cosine of a sum of angles."""
    sign = MINUS_ONE if circular else ONE
    return (
        add(multiply(left[0], right[1]), multiply(left[1], right[0])),
        add(multiply(left[1], right[1]), multiply(sign, left[0], right[0])),
    )


def _multiple(angle: Expression, count: int, circular: bool) -> Pair:
    sine, cosine = (apply(name, angle) for name in _names(circular))
    found = single = (sine, cosine)
    for _ in range(count - 1):
        found = _sum(found, single, circular)
    return found


def _shifted(pair: Pair, flipped: bool, constant: Expression, circular: bool) -> Pair:
    if flipped:
        pair = negative(pair[0]), pair[1]
    if constant is ZERO:
        return pair
    sine, cosine = (apply(name, constant) for name in _names(circular))
    return _sum(pair, (sine, cosine), circular)


def _of_pair(op: str, pair: Pair) -> Expression:
    """The function `op` of the angle with this sine and cosine."""
    if op in ("tan", "tanh"):
        return over(*pair)
    return pair[op in ("cos", "cosh")]


def by_half_angle(search: Search, expr: Expression) -> Expression | None:
    """The integral of a rational function of sin, cos and tan of one linear angle v, by t = tan(v/2).

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    angle = _only_angle(node for node in subexpressions(expr) if node.op in CIRCULAR)
    if angle is None:
        return None
    square = power(X, _TWO)
    below = power(add(ONE, square), MINUS_ONE)
    sine, cosine = multiply(_TWO, X, below), multiply(add(ONE, negative(square)), below)
    images = _rational_images(expr, {"sin": sine, "cos": cosine, "tan": over(sine, cosine)}, angle)
    if images is None:
        return None
    slope, _ = linear(angle) or (ONE, ZERO)
    found = search.integral(multiply(replace(expr, images), _TWO, below, power(slope, MINUS_ONE)))
    return None if found is None else at(found, apply("tan", multiply(HALF, angle)))


def by_exponential(search: Search, expr: Expression) -> Expression | None:
    """The integral of a rational function of hyperbolic functions and exponentials of one linear v, by t = exp(v).

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    hyperbolic = [node for node in subexpressions(expr) if node.op in HYPERBOLIC]
    angle = _only_angle(hyperbolic)
    if angle is None:
        return None
    down = power(X, MINUS_ONE)
    sine, cosine = multiply(HALF, add(X, negative(down))), multiply(HALF, add(X, down))
    images = _rational_images(expr, {"sinh": sine, "cosh": cosine, "tanh": over(sine, cosine)}, angle)
    if images is None:
        return None
    slope, _ = linear(angle) or (ONE, ZERO)
    found = search.integral(multiply(replace(expr, images), down, power(slope, MINUS_ONE)))
    return None if found is None else at(found, exponential(angle))


def _only_angle(nodes: Iterable[Expression]) -> Expression | None:
    """The linear argument that all `nodes` share; None without one."""
    angles = list(dict.fromkeys(node.args[0] for node in nodes))
    return angles[0] if len(angles) == 1 and linear(angles[0]) is not None else None


def _rational_images(
    expr: Expression, functions: dict[str, Expression], angle: Expression
) -> dict[Expression, Expression] | None:
    """Images of the functions of `angle` in `expr`; None if x occurs elsewhere."""
    images: dict[Expression, Expression] = {}
    stack = [expr]
    while stack:
        node = stack.pop()
        if node in images or not depends(node):
            continue
        image = functions.get(node.op) if node.args and node.args[0] is angle else None
        if image is None and node.op == "exp" and "sinh" in functions:
            multiple = is_rational_multiple(node.args[0], angle)
            image = power(X, integer(multiple[0])) if multiple is not None and multiple[1] == 1 else None
        if image is not None:
            images[node] = image
        elif node.op in ("add", "mul") or (node.op == "pow" and not depends(node.args[1])):
            stack.extend(node.args)
        else:
            return None
    return images
