"""Canonical form: the constructors that simplify while building, and raw -> canonical.

Canonical expressions are built of numbers, symbols, flat sums and products, powers and functions; `sub`, `div`, `sq`,
`sqrt`, `cb` and `cbrt` do not occur.  Operands are in SymPy's order.  `canonicalise` leaves canonical expressions as
they are.  See `arithmetic` for what is and what is not rewritten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from symjax.symbolic.arithmetic import HALF, MINUS_ONE, E, add, exponential, multiply, power
from symjax.symbolic.expression import ONE, PI, RATIONAL, ZERO, Expression, integer, postorder, rational
from symjax.symbolic.limits import TooLarge, Undefined, node, number
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.ordering import is_nonnegative, is_number, is_real, leads_negative, ratio

__all__ = ["TooLarge", "Undefined", "add", "apply", "canonicalise", "multiply", "power"]

ODD: Final = frozenset({"sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "sign"})
EVEN: Final = frozenset({"cos", "cosh", "abs"})
_AT_ZERO: Final = dict.fromkeys(ODD, ZERO) | {"cos": ONE, "cosh": ONE}
_AT_ONE: Final = {"ln": ZERO, "acos": ZERO, "acosh": ZERO}
_POWERS: Final = {"sq": integer(2), "cb": integer(3), "sqrt": HALF, "cbrt": rational(1, 3), "inv": MINUS_ONE} | {
    f"pow{exponent}": integer(exponent) for exponent in range(2, 6)
}
_CONSTANTS: Final = {"pi": PI, "E": E, "I": power(MINUS_ONE, HALF)}
_RECIPROCALS: Final = {"sec": "cos", "csc": "sin", "sech": "cosh", "csch": "sinh"}
_QUOTIENTS: Final = {"cot": ("cos", "sin"), "coth": ("cosh", "sinh")}
_OF_RECIPROCALS: Final = {
    "asec": "acos",
    "acsc": "asin",
    "acot": "atan",
    "asech": "acosh",
    "acsch": "asinh",
    "acoth": "atanh",
}


def _over(top: Expression, bottom: Expression) -> Expression:
    return multiply(top, power(bottom, MINUS_ONE))


def _root(sign: Expression, arg: Expression) -> Expression:
    """sqrt(1 + sign*arg**2)."""
    return power(add(ONE, multiply(sign, power(arg, integer(2)))), HALF)


def _acosh_root(arg: Expression) -> Expression:
    """sqrt(arg - 1)*sqrt(arg + 1), which is on the right branch everywhere, unlike sqrt(arg**2 - 1)."""
    return multiply(power(add(arg, MINUS_ONE), HALF), power(add(arg, ONE), HALF))


_PAIRS: Final[dict[tuple[str, str], Callable[[Expression], Expression]]] = {
    ("sin", "asin"): lambda u: u,
    ("sin", "acos"): lambda u: _root(MINUS_ONE, u),
    ("sin", "atan"): lambda u: _over(u, _root(ONE, u)),
    ("cos", "acos"): lambda u: u,
    ("cos", "asin"): lambda u: _root(MINUS_ONE, u),
    ("cos", "atan"): lambda u: _over(ONE, _root(ONE, u)),
    ("tan", "atan"): lambda u: u,
    ("tan", "asin"): lambda u: _over(u, _root(MINUS_ONE, u)),
    ("tan", "acos"): lambda u: _over(_root(MINUS_ONE, u), u),
    ("sinh", "asinh"): lambda u: u,
    ("sinh", "acosh"): _acosh_root,
    ("sinh", "atanh"): lambda u: _over(u, _root(MINUS_ONE, u)),
    ("cosh", "acosh"): lambda u: u,
    ("cosh", "asinh"): lambda u: _root(ONE, u),
    ("cosh", "atanh"): lambda u: _over(ONE, _root(MINUS_ONE, u)),
    ("tanh", "atanh"): lambda u: u,
    ("tanh", "asinh"): lambda u: _over(u, _root(ONE, u)),
    ("tanh", "acosh"): lambda u: _over(_acosh_root(u), u),
}


def apply(name: str, arg: Expression) -> Expression:
    """The unary operator `name` of a canonical expression.

    Values at 0 and 1, a function of its inverse, and signs (pulled out of odd functions, dropped in even ones) are
    worked out; constants that would need pi stay.

    Raises:
      ValueError: `name` is no unary operator.
      TooLarge: above the limits.
      Undefined: ln(0), atanh(1).
    """
    if name in _POWERS:
        return power(arg, _POWERS[name])
    if name == "exp":
        return exponential(arg)
    if name in _RECIPROCALS:
        return power(apply(_RECIPROCALS[name], arg), MINUS_ONE)
    if name in _QUOTIENTS:
        top, bottom = _QUOTIENTS[name]
        return _over(apply(top, arg), apply(bottom, arg))
    if name in _OF_RECIPROCALS:
        return apply(_OF_RECIPROCALS[name], power(arg, MINUS_ONE))
    if name in ("abs", "sign") and is_number(arg):
        top = ratio(arg)[0]
        return (multiply(integer(-1 if top < 0 else 1), arg)) if name == "abs" else integer((top > 0) - (top < 0))
    if name == "abs" and is_nonnegative(arg):
        return arg
    if name not in OPERATORS or OPERATORS[name].arity != 1:
        raise ValueError(f"{name!r} is no unary operator")
    if arg is ZERO and name in _AT_ZERO:
        return _AT_ZERO[name]
    if arg is ONE and name in _AT_ONE:
        return _AT_ONE[name]
    if (name == "ln" and arg is ZERO) or (name == "atanh" and arg in (ONE, MINUS_ONE)):
        raise Undefined(f"{name} has no value at {arg.value}")
    if name in ODD and leads_negative(arg):
        return multiply(MINUS_ONE, apply(name, multiply(MINUS_ONE, arg)))
    if name in EVEN and leads_negative(arg):
        return apply(name, multiply(MINUS_ONE, arg))
    if name == "ln":
        return _logarithm(arg)
    pair = _PAIRS.get((name, arg.op))
    return pair(arg.args[0]) if pair else node(name, arg)


def _logarithm(arg: Expression) -> Expression:
    """ln(exp(u)) of a real u is u, ln(1/n) is -ln(n)."""
    if arg.op == "exp" and is_real(arg.args[0]):
        return arg.args[0]
    if arg.op == RATIONAL and ratio(arg)[0] == 1:
        return multiply(MINUS_ONE, node("ln", number(ratio(arg)[1])))
    return node("ln", arg)


def canonicalise(expr: Expression) -> Expression:
    """The canonical form of a raw expression.

    Equal to `expr` wherever that is defined, at real values of the symbols.

    Raises:
      TooLarge: above the limits.
      Undefined: a division by zero, or a logarithm of zero.
    """
    built: dict[Expression, Expression] = {}
    for item in postorder(expr):
        built[item] = _build(item, [built[arg] for arg in item.args])
    return built[expr]


def _build(item: Expression, args: list[Expression]) -> Expression:
    match item.op:
        case "integer" | "rational":
            return number(*ratio(item))
        case "symbol":
            return item
        case "add":
            return add(*args)
        case "sub":
            return add(args[0], multiply(MINUS_ONE, args[1]))
        case "mul":
            return multiply(*args)
        case "div":
            return _over(*args)
        case "pow":
            return power(*args)
        case "rac":
            return power(args[0], power(args[1], MINUS_ONE))
        case "constant":
            return _CONSTANTS[str(item.value)]
        case "derivative" | "f" | "g" | "h":
            raise ValueError(f"{item.op} has no canonical form; unknown functions are written Y, Y' and Y''")
    return apply(item.op, args[0])
