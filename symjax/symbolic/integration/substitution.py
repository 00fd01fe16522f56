"""Substitutions: where the integrand holds an inner derivative, and where x is a simple function of a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from symjax.symbolic.arithmetic import MINUS_ONE, add, exponential, multiply, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ONE, ZERO, Expression, X, integer, postorder, symbol
from symjax.symbolic.integration.views import (
    at,
    base_and_whole,
    depends,
    factors,
    is_rational_multiple,
    linear,
    negative,
    over,
    replace,
    subexpressions,
    terms,
    weight,
)
from symjax.symbolic.limits import number
from symjax.symbolic.ordering import is_number, ratio

if TYPE_CHECKING:
    from symjax.symbolic.integration.search import Search

MAX_INNER: Final = 16
_RELATED: Final = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh"})
NEW: Final = symbol("u'")
"""The new variable while x may still occur."""

_TWO: Final = integer(2)
_PARTNERS: Final = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}


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
    powers = [power(X, integer(degree)) for degree in (2, 3, 4)]
    if any(node.op == "pow" and node.args[0] is X for node in kept):
        kept += powers
    kept = [node for node in dict.fromkeys(kept) if node is not X and node is not expr]
    return sorted(kept, key=lambda node: -node.size)[:MAX_INNER]


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
        if multiple is not None and (multiple[1] == 1 or inner.args[0] is X):
            return power(NEW, number(*multiple)) if multiple[1] == 1 else None
        return None
    if op == "pow" and node is inner.args[0] and is_number(inner.args[1]):
        top, bottom = ratio(inner.args[1])
        return power(NEW, integer(bottom * top)) if abs(top) == 1 and bottom > 1 else None
    if op in _PARTNERS or op in ("tan", "tanh"):
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
    if base.op == _PARTNERS.get(op):
        if op in ("sin", "cos"):
            return power(add(ONE, negative(square)), half)
        return power(add(ONE, square) if op == "sinh" else add(square, MINUS_ONE), half)
    if op == "tan" and base.op in ("sin", "cos"):
        return power(over(square if base.op == "sin" else ONE, add(ONE, square)), half)
    if op == "tanh" and base.op in ("sinh", "cosh"):
        return power(over(square if base.op == "sinh" else ONE, add(ONE, negative(square))), half)
    return None


# x as a function of a kernel


def by_inverse(search: Search, expr: Expression) -> Expression | None:
    """The integral after x = g(t), for a kernel t of x whose inverse g is elementary.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    most = weight(expr)
    for kernel, image, images in _inversions(expr):
        outer = replace(expr, images | {kernel: X, X: image})
        if weight(outer) > most - (kernel.op == "pow"):
            continue
        found = search.integral(multiply(outer, derivative(image)))
        if found is not None:
            return at(found, kernel)
    return None


def _inversions(expr: Expression) -> Iterator[tuple[Expression, Expression, dict[Expression, Expression]]]:
    """(t, x in terms of t written with x, images of nodes) of the substitutions that are worth trying."""
    nodes = [node for node in postorder(expr) if node.args and depends(node)]
    roots: dict[Expression, int] = {}
    for node in nodes:
        if node.op == "pow" and is_number(node.args[1]) and ratio(node.args[1])[1] > 1:
            degree = ratio(node.args[1])[1]
            roots[node.args[0]] = roots.get(node.args[0], 1) * degree // _gcd(roots.get(node.args[0], 1), degree)
    for base, degree in roots.items():
        image = _inverse_of(base, power(X, integer(degree)))
        if image is not None:
            images = {
                node: power(X, number(ratio(node.args[1])[0] * (degree // ratio(node.args[1])[1])))
                for node in nodes
                if node.op == "pow" and node.args[0] is base and is_number(node.args[1])
            }
            yield power(base, number(1, degree)), image, images | {base: power(X, integer(degree))}
    for node in nodes:
        found = linear(node.args[0]) if len(node.args) == 1 else None
        if found is None:
            continue
        if node.op in _INVERSES:
            image = over(add(_INVERSES[node.op](X), negative(found[1])), found[0])
            yield node, image, _rooted(nodes, node)


def _rooted(nodes: list[Expression], kernel: Expression) -> dict[Expression, Expression]:
    del nodes, kernel
    return {}


def _gcd(left: int, right: int) -> int:
    while right:
        left, right = right, left % right
    return left


_INVERSES: Final = {
    "asin": lambda t: apply("sin", t),
    "acos": lambda t: apply("cos", t),
    "atan": lambda t: apply("tan", t),
    "asinh": lambda t: apply("sinh", t),
    "acosh": lambda t: apply("cosh", t),
    "atanh": lambda t: apply("tanh", t),
    "ln": exponential,
}


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
