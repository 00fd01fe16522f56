"""Values of expressions at exact rational points, enclosed in certified complex balls.

Raw semantics, exactly as written: principal branches, `cbrt` principal as in SymPy, 0**0 = 1, 0*ln(0) undefined.
Reciprocal functions and their inverses are those of the reciprocal, as in SymPy: asec(z) = acos(1/z).  Unknown
functions and derivatives have no value.  An undefined value is a ball that is not finite; nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Final

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.expression import CONSTANT, Expression

UNDEFINED: Final = acb(arb.nan(), arb.nan())
ARGUMENT_BOUND: Final = arb(2) ** 4096

Point = tuple[int, int] | Mapping[str, tuple[int, int]]


def _square(z: acb) -> acb:
    return z * z


def _cube(z: acb) -> acb:
    return z * z * z


def _sign(z: acb) -> acb:
    """z/|z|, and 0 at 0."""
    return z if z.is_zero() else z / acb(abs(z))


def _acot(z: acb) -> acb:
    return acb.pi() / 2 if z.is_zero() else (1 / z).atan()


def _acoth(z: acb) -> acb:
    return acb(0, arb.pi() / 2) if z.is_zero() else (1 / z).atanh()


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
        "abs": lambda z: acb(abs(z)),
        "sign": _sign,
        "sec": acb.sec,
        "csc": acb.csc,
        "cot": acb.cot,
        "asec": lambda z: (1 / z).acos(),
        "acsc": lambda z: (1 / z).asin(),
        "acot": _acot,
        "sech": acb.sech,
        "csch": acb.csch,
        "coth": acb.coth,
        "asech": lambda z: (1 / z).acosh(),
        "acsch": lambda z: (1 / z).asinh(),
        "acoth": _acoth,
        "inv": lambda z: 1 / z,
        "pow2": _square,
        "pow3": _cube,
        "pow4": lambda z: z**4,
        "pow5": lambda z: z**5,
        "f": lambda _: UNDEFINED,
    }
)


def evaluate(
    expr: Expression, point: Point, *, precision: int, memo: MutableMapping[Expression, acb] | None = None
) -> acb:
    """Ball enclosing the value of `expr` at `point`; not finite where undefined or not decided.

    Args:
      expr: a raw expression; symbols that the point does not have are undefined.
      point: numerator and denominator of x; or those of each symbol by name.
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
        coordinates = {"x": point} if isinstance(point, tuple) else point
        values = {name: acb(fmpq(*value)) for name, value in coordinates.items()}
        stack = [expr]
        while stack:
            node = stack[-1]
            missing = [arg for arg in node.args if arg not in known]
            if missing:
                stack += missing
                continue
            stack.pop()
            if node not in known:
                known[node] = _value(node, known, values)
        return known[expr]
    finally:
        flint.ctx.prec = before


def _value(node: Expression, known: Mapping[Expression, acb], values: Mapping[str, acb]) -> acb:
    """Value of one node from those of its operands."""
    op, args = node.op, node.args
    if not args:
        return leaf(node, values)
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
    if op == "pow":
        return _power(first, second)
    return _power(first, 1 / second) if op == "rac" else UNDEFINED


def leaf(node: Expression, values: Mapping[str, acb]) -> acb:
    """The value of a number, a constant or a symbol at the precision in force."""
    value = node.value
    if isinstance(value, int):
        return acb(value)
    if isinstance(value, tuple):
        return acb(fmpq(*value))
    if node.op == CONSTANT:
        return _constant(str(value))
    return values.get(str(value), UNDEFINED)


def _constant(name: str) -> acb:
    """pi, E or I at the precision in force."""
    if name == "pi":
        return acb.pi()
    return acb(0, 1) if name == "I" else acb(1).exp()


def _power(base: acb, exponent: acb) -> acb:
    """base**exponent with 0**0 = 1; FLINT gives 0 for 0**b with Re b > 0 and leaves other powers of 0 undefined."""
    return acb(1) if exponent.is_zero() else base**exponent
