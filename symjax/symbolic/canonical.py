"""Canonical form: the constructors that simplify while building, and raw -> canonical.

Canonical expressions are built of numbers, symbols, pi, flat sums and products, powers and functions: exp, ln, abs,
sign, sine, cosine, tangent, their hyperbolic counterparts and the inverses of these six.  Everything else in the
operator table is written with these; the constant E is exp(1), I is (-1)**(1/2).  Operands are in SymPy's order.
`canonicalise` leaves canonical expressions as they are.  See `arithmetic` for what is and what is not rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from symjax.symbolic.arithmetic import (
    HALF,
    IMAGINARY_UNIT,
    MINUS_ONE,
    E,
    absolute,
    add,
    exponential,
    multiply,
    negative,
    over,
    power,
)
from symjax.symbolic.expression import (
    CONSTANT,
    INTEGER,
    ONE,
    PI,
    RATIONAL,
    SYMBOL,
    ZERO,
    Expression,
    integer,
    postorder,
    rational,
)
from symjax.symbolic.leading_signs import leads_negative
from symjax.symbolic.limits import TooLarge, Undefined, node_of, number
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.ordering import is_constant, is_number, ratio
from symjax.symbolic.signs import is_positive, is_real
from symjax.symbolic.special_values import (
    LOGARITHMS,
    PI_BIT,
    VALUES,
    at_fraction_of_pi,
    half_turns,
    inverted_at_constant,
    multiple_of_pi,
    without_imaginary_unit,
)
from symjax.symbolic.sums import scaled

__all__ = ["RULES", "TooLarge", "Undefined", "add", "apply", "build", "canonicalise", "multiply", "power"]

ODD: Final = frozenset({"sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "sign"})
EVEN: Final = frozenset({"cos", "cosh"})
_TRIGONOMETRIC: Final = frozenset({"sin", "cos", "tan"})
_OF_IMAGINARY: Final = {
    "sin": "sinh",
    "tan": "tanh",
    "sinh": "sin",
    "tanh": "tan",
    "asin": "asinh",
    "atan": "atanh",
    "asinh": "asin",
    "atanh": "atan",
}
"""name(I*u) = I*other(u); cos(I*u) = cosh(u) and conversely."""


_QUARTER_TURN: Final = multiply(HALF, IMAGINARY_UNIT, PI)


def _root(sign: Expression, arg: Expression) -> Expression:
    """sqrt(1 + sign*arg**2)."""
    return power(add(ONE, multiply(sign, power(arg, integer(2)))), HALF)


def _acosh_root(arg: Expression) -> Expression:
    """sqrt(arg - 1)*sqrt(arg + 1), which is on the right branch everywhere, unlike sqrt(arg**2 - 1)."""
    return multiply(power(add(arg, MINUS_ONE), HALF), power(add(arg, ONE), HALF))


_PAIRS: Final[dict[tuple[str, str], Callable[[Expression], Expression]]] = {
    ("sin", "asin"): lambda u: u,
    ("sin", "acos"): lambda u: _root(MINUS_ONE, u),
    ("sin", "atan"): lambda u: over(u, _root(ONE, u)),
    ("cos", "acos"): lambda u: u,
    ("cos", "asin"): lambda u: _root(MINUS_ONE, u),
    ("cos", "atan"): lambda u: over(ONE, _root(ONE, u)),
    ("tan", "atan"): lambda u: u,
    ("tan", "asin"): lambda u: over(u, _root(MINUS_ONE, u)),
    ("tan", "acos"): lambda u: over(_root(MINUS_ONE, u), u),
    ("sinh", "asinh"): lambda u: u,
    ("sinh", "acosh"): _acosh_root,
    ("sinh", "atanh"): lambda u: over(u, _root(MINUS_ONE, u)),
    ("cosh", "acosh"): lambda u: u,
    ("cosh", "asinh"): lambda u: _root(ONE, u),
    ("cosh", "atanh"): lambda u: over(ONE, _root(MINUS_ONE, u)),
    ("tanh", "atanh"): lambda u: u,
    ("tanh", "asinh"): lambda u: over(u, _root(ONE, u)),
    ("tanh", "acosh"): lambda u: over(_acosh_root(u), u),
}
_INVERTED: Final = frozenset(inner for _, inner in _PAIRS)
_INVERTIBLE: Final = frozenset(outer for outer, _ in _PAIRS)


def _function(name: str, arg: Expression) -> Expression:
    """A function with no other rules than those for values, signs, inverses, pi and I."""
    op = arg.op
    if op == SYMBOL:
        return node_of(name, (arg,))
    if not arg.names:
        value = VALUES[name].get(arg) if name in VALUES else None
        if value is not None:
            return value
        inner = LOGARITHMS.get((name, arg))
        if inner is not None:
            return node_of("ln", (inner,))
        if name == "atanh" and arg in (ONE, MINUS_ONE):
            raise Undefined(f"atanh has no value at {arg.value}")
    if op in ("mul", "add", INTEGER, RATIONAL) and leads_negative(arg):
        if name in ODD:
            return negative(_function(name, negative(arg)))
        if name in EVEN:
            return _function(name, negative(arg))
    if op in _INVERTIBLE and name in _INVERTED and is_constant(arg):
        value = inverted_at_constant(name, arg)
        if value is not None:
            return value
    if op in _INVERTED:
        pair = _PAIRS.get((name, op))
        if pair:
            return pair(arg.args[0])
    if op == "mul" or arg is IMAGINARY_UNIT:
        rest = without_imaginary_unit(arg)
        if rest is not None and (name not in _INVERTED or is_real(rest)):
            return _at_imaginary(name, arg, rest)
    if arg.names & PI_BIT and name in _TRIGONOMETRIC:
        return _at_pi(name, arg)
    return node_of(name, (arg,))


def _at_imaginary(name: str, arg: Expression, rest: Expression) -> Expression:
    """A function of arg = I*rest, where `rest` is real if it is an inverse one."""
    if name in _OF_IMAGINARY:
        return multiply(IMAGINARY_UNIT, _function(_OF_IMAGINARY[name], rest))
    if name in EVEN:
        return _function("cosh" if name == "cos" else "cos", rest)
    if name == "acos":
        return add(multiply(HALF, PI), negative(_function("asin", arg)))
    return node_of(name, (arg,))


def _at_pi(name: str, arg: Expression) -> Expression:
    """sin, cos or tan of an argument in which pi occurs."""
    fraction, rest = multiple_of_pi(arg)
    if not fraction:
        return node_of(name, (arg,))
    if rest is ZERO:
        value, sign, reduced = at_fraction_of_pi(name, fraction)
        if value is None:
            value = node_of(name, (scaled(reduced.as_integer_ratio(), PI),))
        return value if sign == 1 else negative(value)
    turns = half_turns(fraction)
    if not turns:
        return node_of(name, (arg,))
    left = add(rest, scaled((fraction - turns * (fraction.__class__(1, 2))).as_integer_ratio(), PI))
    if name == "tan":
        return negative(over(_function("cos", left), _function("sin", left))) if turns % 2 else _function("tan", left)
    other, sign = ("sin", "cos")[(turns + (name == "cos")) % 2], 1
    if (turns + (name == "cos")) % 4 >= 2:
        sign = -1
    value = _function(other, left)
    return value if sign == 1 else negative(value)


def _sign(arg: Expression) -> Expression:
    """The sign: what is known to be positive is left out."""
    if is_positive(arg):
        return ONE
    if is_constant(arg) and is_real(arg) and is_positive(negative(arg)):
        return MINUS_ONE
    if arg.op == "sign":
        return arg
    if leads_negative(arg):
        return negative(_sign(negative(arg)))
    if arg.op == "mul":
        kept = [factor for factor in arg.args if not is_positive(factor)]
        if len(kept) < len(arg.args):
            return _sign(multiply(*kept))
    return _function("sign", arg)


def _logarithm(arg: Expression) -> Expression:
    """ln(exp(u)) of a real u is u, ln(1/n) is -ln(n); the logarithm of a negative number has the imaginary part pi."""
    op = arg.op
    if op == "exp" and is_real(arg.args[0]):
        return arg.args[0]
    if op in (INTEGER, RATIONAL):
        top, bottom = ratio(arg)
        if top < 0:
            return add(multiply(IMAGINARY_UNIT, PI), _logarithm(number(-top, bottom)))
        if top == 0:
            raise Undefined("ln has no value at 0")
        if arg is ONE:
            return ZERO
        if top == 1:
            return negative(node_of("ln", (number(bottom),)))
    elif op != SYMBOL and is_constant(arg):
        return _logarithm_of_constant(arg)
    return node_of("ln", (arg,))


def _logarithm_of_constant(arg: Expression) -> Expression:
    if is_real(arg) and is_positive(negative(arg)):
        return add(multiply(IMAGINARY_UNIT, PI), _logarithm(negative(arg)))
    rest = without_imaginary_unit(arg)
    if rest is not None and is_number(rest):
        if ratio(rest)[0] < 0:
            return add(negative(_QUARTER_TURN), _logarithm(negative(rest)))
        return add(_QUARTER_TURN, _logarithm(rest))
    return node_of("ln", (arg,))


def _to_power(exponent: Expression) -> Callable[[Expression], Expression]:
    return lambda base: power(base, exponent)


_FUNCTIONS: Final = ("asin", "acos", "atan", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
_UNARY: Final[Mapping[str, Callable[[Expression], Expression]]] = MappingProxyType(
    {
        "exp": exponential,
        "ln": _logarithm,
        "abs": absolute,
        "sign": _sign,
        "sqrt": _to_power(HALF),
        "cbrt": _to_power(rational(1, 3)),
        "inv": _to_power(MINUS_ONE),
        "sq": _to_power(integer(2)),
        "cb": _to_power(integer(3)),
        "sec": lambda u: power(_function("cos", u), MINUS_ONE),
        "csc": lambda u: power(_function("sin", u), MINUS_ONE),
        "cot": lambda u: over(_function("cos", u), _function("sin", u)),
        "sech": lambda u: power(_function("cosh", u), MINUS_ONE),
        "csch": lambda u: power(_function("sinh", u), MINUS_ONE),
        "coth": lambda u: over(_function("cosh", u), _function("sinh", u)),
        "asec": lambda u: _function("acos", power(u, MINUS_ONE)),
        "acsc": lambda u: _function("asin", power(u, MINUS_ONE)),
        "acot": lambda u: _function("atan", power(u, MINUS_ONE)) if u is not ZERO else multiply(HALF, PI),
        "asech": lambda u: _function("acosh", power(u, MINUS_ONE)),
        "acsch": lambda u: _function("asinh", power(u, MINUS_ONE)),
        "acoth": lambda u: _function("atanh", power(u, MINUS_ONE)) if u is not ZERO else _QUARTER_TURN,
    }
    | {f"pow{exponent}": _to_power(integer(exponent)) for exponent in range(2, 6)}
    | {name: partial(_function, name) for name in _FUNCTIONS}
)
RULES: Final[Mapping[str, Callable[..., Expression]]] = MappingProxyType(
    {
        **_UNARY,
        "add": add,
        "mul": multiply,
        "sub": lambda left, right: add(left, negative(right)),
        "div": over,
        "pow": power,
        "rac": lambda base, root: power(base, power(root, MINUS_ONE)),
    }
)
"""Operator -> what builds it; those that stand for unknown functions are missing."""
_CONSTANTS: Final = {"pi": PI, "E": E, "I": IMAGINARY_UNIT}


def apply(name: str, arg: Expression) -> Expression:
    """The unary operator `name` of a canonical expression.

    Values at constants for which SymPy has one in radicals and multiples of pi, a function of its inverse, and signs
    (pulled out of odd functions, dropped in even ones) are worked out.

    Raises:
      ValueError: `name` is no unary operator, or an unknown function.
      TooLarge: above the limits.
      Undefined: ln(0), atanh(1), tan(pi/2).
    """
    rule = _UNARY.get(name)
    if rule is None:
        raise ValueError(f"{name!r} is no unary operator that is known: {', '.join(_UNARY)}")
    return rule(arg)


def build(op: str, args: tuple[Expression, ...]) -> Expression:
    """The canonical form of an operator of the table applied to canonical operands.

    Raises:
      ValueError: the operator stands for an unknown function or derivative, which have no canonical form.
      TooLarge: above the limits.
      Undefined: a division by zero, or a logarithm of zero.
    """
    rule = RULES.get(op)
    if rule is None:
        known = "; unknown functions are written Y, Y' and Y''" if op in OPERATORS else ""
        raise ValueError(f"{op} has no canonical form{known}")
    return rule(*args)


def canonicalise(expr: Expression) -> Expression:
    """The canonical form of a raw expression.

    Equal to `expr` wherever that is defined, at real values of the symbols; but acot and acoth, which have values at
    0, become functions of a reciprocal, which has none there.

    Raises:
      TooLarge: above the limits.
      Undefined: a division by zero, or a logarithm of zero.
      ValueError: an unknown function or derivative other than Y, Y', Y''.
    """
    built: dict[Expression, Expression] = {}
    for item in postorder(expr):
        args = item.args
        if args:
            built[item] = build(item.op, tuple([built[arg] for arg in args]))
        elif item.op == CONSTANT:
            built[item] = _CONSTANTS[str(item.value)]
        else:
            built[item] = item if item.op == SYMBOL else number(*ratio(item))
    return built[expr]
