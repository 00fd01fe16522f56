"""Values of expressions at exact rational points, enclosed in certified complex balls.

Raw semantics, exactly as written: principal branches, `cbrt` principal as in SymPy, 0**0 = 1, 0*ln(0) undefined.
An undefined value is a ball that is not finite; nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Final

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.expression import Expression

UNDEFINED: Final = acb(arb.nan(), arb.nan())
ARGUMENT_BOUND: Final = arb(2) ** 4096


def _square(z: acb) -> acb:
    return z * z


def _cube(z: acb) -> acb:
    return z * z * z


FUNCTIONS: Final[Mapping[str, Callable[[acb], acb]]] = MappingProxyType(
    {
        "sq": _square,
        "cb": _cube,
        "sqrt": acb.sqrt,
        "cbrt": lambda z: z.root(3),
        "exp": acb.exp,
        "ln": acb.log,
        "sin": acb.sin,
        "cos": acb.cos,
        "tan": acb.tan,
        "asin": acb.asin,
        "acos": acb.acos,
        "atan": acb.atan,
        "sinh": acb.sinh,
        "cosh": acb.cosh,
        "tanh": acb.tanh,
        "asinh": acb.asinh,
        "acosh": acb.acosh,
        "atanh": acb.atanh,
    }
)


def evaluate(
    expr: Expression, point: tuple[int, int], *, precision: int, memo: MutableMapping[Expression, acb] | None = None
) -> acb:
    """Ball enclosing the value of `expr` at x = point[0]/point[1]; not finite where undefined or not decided.

    Args:
      expr: a raw expression; symbols other than x are undefined.
      point: numerator and denominator of x.
      precision: bits.
      memo: values of nodes at this point and precision, read and extended.
    """
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        known: MutableMapping[Expression, acb] = {} if memo is None else memo
        found = known.get(expr)
        if found is not None:
            return found
        x = acb(fmpq(*point))
        stack = [expr]
        while stack:
            node = stack[-1]
            missing = [arg for arg in node.args if arg not in known]
            if missing:
                stack += missing
                continue
            stack.pop()
            if node not in known:
                known[node] = _value(node, known, x)
        return known[expr]
    finally:
        flint.ctx.prec = before


def _value(node: Expression, known: Mapping[Expression, acb], x: acb) -> acb:
    """Value of one node from those of its operands."""
    op, args = node.op, node.args
    if not args:
        return _leaf(node, x)
    first = known[args[0]]
    if not first.is_finite():
        return UNDEFINED
    if len(args) == 1:
        if abs(first) > ARGUMENT_BOUND:
            return UNDEFINED
        return FUNCTIONS[op](first)
    second = known[args[1]]
    if not second.is_finite():
        return UNDEFINED
    if op == "add":
        result = first + second
        for arg in args[2:]:
            result = result + known[arg]
        return result
    if op == "mul":
        result = first * second
        for arg in args[2:]:
            result = result * known[arg]
        return result
    if op == "sub":
        return first - second
    if op == "div":
        return first / second
    return _power(first, second)


def _leaf(node: Expression, x: acb) -> acb:
    value = node.value
    if isinstance(value, int):
        return acb(value)
    if isinstance(value, tuple):
        return acb(fmpq(*value))
    return x if value == "x" else UNDEFINED


def _power(base: acb, exponent: acb) -> acb:
    """base**exponent with 0**0 = 1; FLINT gives 0 for 0**b with Re b > 0 and leaves other powers of 0 undefined."""
    return acb(1) if exponent.is_zero() else base**exponent
