"""How the rules look at a canonical integrand: what depends on x, what is linear in x, what replaces what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from symjax.symbolic.arithmetic import add, multiply, over
from symjax.symbolic.canonical import build
from symjax.symbolic.expression import INTEGER, ONE, ZERO, Expression, X, fact, postorder
from symjax.symbolic.limits import TooLarge
from symjax.symbolic.ordering import is_number, ratio

Linear = tuple[Expression, Expression]
"""(a, b) of a*x + b, both free of x."""

Key = tuple[str, Expression]
"""(family, argument) of a circular or hyperbolic function, ("", node) of any other kernel."""

MAX_EXPANDED: Final = 60

_X_BIT: Final = X.names
CIRCULAR: Final = frozenset({"sin", "cos", "tan"})
HYPERBOLIC: Final = frozenset({"sinh", "cosh", "tanh"})
PARTNERS: Final = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}
_FAMILIES: Final = dict.fromkeys(CIRCULAR, "circular") | dict.fromkeys(HYPERBOLIC, "hyperbolic")


def depends(expr: Expression) -> bool:
    """Whether x occurs in `expr`."""
    return expr.names & _X_BIT != 0


def factors(expr: Expression) -> tuple[Expression, ...]:
    """The factors of a product; of anything else, itself."""
    return expr.args if expr.op == "mul" else (expr,)


def terms(expr: Expression) -> tuple[Expression, ...]:
    """The terms of a sum; of anything else, itself."""
    return expr.args if expr.op == "add" else (expr,)


def split_constant(expr: Expression) -> tuple[Expression, Expression]:
    """(constant, rest): the factors without x, and the others."""
    if expr.op != "mul":
        return (ONE, expr) if depends(expr) else (expr, ONE)
    moving = [arg for arg in expr.args if depends(arg)]
    if len(moving) == len(expr.args):
        return ONE, expr
    return multiply(*(arg for arg in expr.args if not depends(arg))), multiply(*moving)


def whole(expr: Expression) -> int | None:
    """The value of an integer node."""
    return ratio(expr)[0] if expr.op == INTEGER else None


def base_and_whole(expr: Expression) -> tuple[Expression, int]:
    """(base, exponent) of an integer power; (expr, 1) of anything else."""
    if expr.op == "pow":
        exponent = whole(expr.args[1])
        if exponent is not None:
            return expr.args[0], exponent
    return expr, 1


def linear(expr: Expression) -> Linear | None:
    """(a, b) with expr = a*x + b and a, b free of x, a not 0; None if there are none to be seen."""
    if expr is X:
        return ONE, ZERO
    if not depends(expr):
        return None
    if expr.op == "mul":
        constant, rest = split_constant(expr)
        return (constant, ZERO) if rest is X else None
    if expr.op != "add":
        return None
    slopes, rest = [], []
    for arg in expr.args:
        if not depends(arg):
            rest.append(arg)
            continue
        found = linear(arg)
        if found is None or found[1] is not ZERO:
            return None
        slopes.append(found[0])
    slope = add(*slopes)
    return None if slope is ZERO else (slope, add(*rest))


def replace(expr: Expression, images: Mapping[Expression, Expression]) -> Expression:
    """`expr` with every occurrence of the keys of `images` replaced, put into canonical form again.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    built: dict[Expression, Expression] = {}
    stack = [expr]
    while stack:
        node = stack[-1]
        if node in built:
            stack.pop()
            continue
        image = images.get(node)
        if image is None and not node.args:
            image = node
        if image is None:
            missing = [arg for arg in node.args if arg not in built]
            if missing:
                stack.extend(missing)
                continue
            args = tuple([built[arg] for arg in node.args])
            image = node if args == node.args else build(node.op, args)
        built[node] = image
        stack.pop()
    return built[expr]


def at(expr: Expression, value: Expression) -> Expression:
    """`expr` with x replaced by `value`.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    return expr if value is X else replace(expr, {X: value})


def expand(expr: Expression) -> Expression:
    """`expr` with its outermost products and whole powers of sums multiplied out.

    Raises:
      TooLarge: more than 60 terms.
    """
    products: list[list[Expression]] = [[ONE]]
    for factor in factors(expr):
        base, exponent = base_and_whole(factor)
        if base.op != "add" or exponent < 1:
            products = [[*product, factor] for product in products]
            continue
        for _ in range(exponent):
            if len(products) * len(base.args) > MAX_EXPANDED:
                raise TooLarge(f"an expansion has more than {MAX_EXPANDED} terms")
            products = [[multiply(*product, term)] for product in products for term in base.args]
            products = [[term] for term in terms(add(*(product[0] for product in products)))]
    return add(*(multiply(*product) for product in products))


def subexpressions(expr: Expression) -> list[Expression]:
    """Distinct nodes with x below and including `expr`, x itself and numbers left out, largest last."""
    return [node for node in postorder(expr) if node.args and depends(node)]


def is_kernel(node: Expression) -> bool:
    """Whether `node` moves and is neither a sum, a product, a whole power nor x itself."""
    if not node.args or not depends(node) or node.op in ("add", "mul"):
        return False
    return node.op != "pow" or node.args[1].op != INTEGER


def kernels(expr: Expression) -> frozenset[Key]:
    """Functions, roots and exponentials of x in `expr`; circular functions of one argument count as one."""
    return frozenset(
        (_FAMILIES[node.op], node.args[0]) if node.op in _FAMILIES else ("", node)
        for node in postorder(expr)
        if is_kernel(node)
    )


def weight(expr: Expression) -> int:
    """Number of distinct kernels in `expr`."""
    return len(kernels(expr))


def level(expr: Expression) -> int:
    """How many kernels are nested in `expr`: 2 for sin(ln(x)) + x."""
    return fact(expr, "level", _level)


def _level(node: Expression, below: list[int]) -> int:
    return max(below, default=0) + is_kernel(node)


def is_rational_multiple(left: Expression, right: Expression) -> tuple[int, int] | None:
    """left/right as a ratio of integers if it is one."""
    quotient = over(left, right)
    return ratio(quotient) if is_number(quotient) else None
