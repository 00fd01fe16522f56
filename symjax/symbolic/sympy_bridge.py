"""Expressions <-> SymPy.  SymPy is imported when a function is called, never with this module.

SymPy rewrites while it builds, which can take without limit on a few innocent-looking inputs: call this in a
watched process wherever the input is not known to be harmless.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from symjax.symbolic.expression import CONSTANT, INTEGER, RATIONAL, SYMBOL, Expression, integer, postorder, raw, symbol
from symjax.symbolic.operators import OPERATORS

if TYPE_CHECKING:
    import sympy

MAX_DEPTH: Final = 200
_OWN_POWERS: Final = {"sq": Fraction(2), "cb": Fraction(3), "sqrt": Fraction(1, 2), "cbrt": Fraction(1, 3)}
_POWERS: Final = {value: name for name, value in _OWN_POWERS.items()}
_EXPONENTS: Final = _OWN_POWERS | {
    "inv": Fraction(-1),
    "pow2": Fraction(2),
    "pow3": Fraction(3),
    "pow4": Fraction(4),
    "pow5": Fraction(5),
}
_UNKNOWN: Final = ("f", "g", "h")


class UnknownToTable(ValueError):  # noqa: N818 (reads as a sentence where it is raised)
    """A SymPy expression holds something that the operator table does not have."""


def to_sympy(expr: Expression, *, evaluate: bool = True) -> sympy.Expr:
    """The SymPy expression; symbols are plain `Symbol(name)`, complex as far as SymPy knows.

    Args:
      expr: raw or canonical.
      evaluate: let SymPy rewrite while building (for computing); False keeps the form as written (for display).

    Raises:
      ValueError: nested deeper than 200 operators, which SymPy, being recursive, does not bear.
    """
    import sympy

    if expr.depth > MAX_DEPTH:
        raise ValueError(f"the expression is {expr.depth} operators deep; SymPy takes at most {MAX_DEPTH}")
    built: dict[Expression, Any] = {}
    for node in postorder(expr):
        if node.op == INTEGER:
            built[node] = sympy.Integer(node.value)
        elif node.op == RATIONAL and isinstance(node.value, tuple):
            built[node] = sympy.Rational(*node.value)
        elif node.op == SYMBOL:
            built[node] = sympy.Symbol(str(node.value))
        elif node.op == CONSTANT:
            built[node] = getattr(sympy.S, {"pi": "Pi", "E": "Exp1", "I": "ImaginaryUnit"}[str(node.value)])
        else:
            built[node] = _builder(node.op, evaluate)(*(built[arg] for arg in node.args))
    return built[expr]


@functools.cache
def _builder(op: str, evaluate: bool) -> Callable[..., Any]:
    """The function that builds `op` in SymPy."""
    import sympy

    def product(*args: Any) -> Any:
        return sympy.Mul(*args, evaluate=evaluate)

    def power(base: Any, exponent: Any) -> Any:
        return sympy.Pow(base, exponent, evaluate=evaluate)

    def total(*args: Any) -> Any:
        return sympy.Add(*args, evaluate=evaluate)

    if op in _EXPONENTS:
        exponent = sympy.Rational(*_EXPONENTS[op].as_integer_ratio())
        return lambda base: power(base, exponent)
    if op == "sub":
        return lambda left, right: total(left, product(sympy.S.NegativeOne, right))
    if op == "div":
        return lambda left, right: product(left, power(right, sympy.S.NegativeOne))
    if op in ("add", "mul", "pow"):
        return {"add": total, "mul": product, "pow": power}[op]
    if op == "rac":
        return lambda base, root: power(base, power(root, sympy.S.NegativeOne))
    if op == "derivative":
        return lambda inner, variable: sympy.Derivative(inner, variable, evaluate=False)
    if op in _UNKNOWN:
        return sympy.Function(op)
    function = getattr(sympy, OPERATORS[op].sympy)
    return lambda arg: function(arg, evaluate=evaluate)


def from_sympy(sympy_expr: sympy.Basic) -> Expression:
    """The raw expression, in SymPy's own order of arguments.

    Sums and products nest to the right, as prefix tokens do; powers with exponents 2, 3, 1/2, 1/3 become `sq`,
    `cb`, `sqrt`, `cbrt`, and 1/u becomes `div 1 u`; a rational number becomes a quotient of integers; E, pi and I
    become exp(1), acos(-1) and sqrt(-1).  So `to_sympy(from_sympy(s)) == s` wherever SymPy builds `s` itself.

    Raises:
      UnknownToTable: floats, infinities, undefined values, and functions that the operator table does not have.
    """
    done: list[Expression] = []
    stack: list[tuple[Any, bool]] = [(sympy_expr, False)]
    while stack:
        node, visited = stack.pop()
        leaf = None if visited else _leaf(node)
        if leaf is not None:
            done.append(leaf)
        elif visited:
            args = [done.pop() for _ in node.args][::-1]
            done.append(_operation(node, args))
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))
    return done[0]


def _leaf(node: Any) -> Expression | None:
    """Numbers, constants and symbols; None for what has operands."""
    import sympy

    if node.is_Rational:
        top = integer(int(node.p))
        return top if node.q == 1 else raw("div", top, integer(int(node.q)))
    if node is sympy.E:
        return raw("exp", integer(1))
    if node is sympy.pi:
        return raw("acos", integer(-1))
    if node is sympy.I:
        return raw("sqrt", integer(-1))
    if node.is_Symbol:
        return symbol(node.name)
    if not node.args:
        raise UnknownToTable(f"{str(node)[:80]} ({type(node).__name__}) is not in the operator table")
    return None


@functools.cache
def _functions() -> dict[str, str]:
    """SymPy class name -> operator, for the functions of one argument."""
    return {
        row.sympy: row.name for row in OPERATORS.values() if row.arity == 1 and row.name not in (*_EXPONENTS, *_UNKNOWN)
    }


def _operation(node: Any, args: list[Expression]) -> Expression:
    if node.is_Add or node.is_Mul:
        op, expr = ("add" if node.is_Add else "mul"), args[-1]
        for arg in args[-2::-1]:
            expr = raw(op, arg, expr)
        return expr
    if node.is_Pow:
        exponent = node.exp
        if exponent.is_Rational:
            value = Fraction(int(exponent.p), int(exponent.q))
            if value in _POWERS:
                return raw(_POWERS[value], args[0])
            if value == -1:
                return raw("div", integer(1), args[0])
        return raw("pow", *args)
    name = _functions().get(type(node).__name__)
    if name is None or len(args) != 1:
        raise UnknownToTable(f"{str(node)[:80]} ({type(node).__name__}) is not in the operator table")
    return raw(name, args[0])
