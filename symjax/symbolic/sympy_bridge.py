"""Expressions <-> SymPy.  SymPy is imported when a function is called, never with this module.

There are two sets of conventions.  Our own: symbols of which nothing is known, and squares, cubes and their roots as
operators.  The foreign ones, those of Lample and Charton's system: real symbols, the unknown function as a function,
and the words that it writes for what SymPy prints.

SymPy rewrites while it builds, which can take without limit on a few innocent-looking inputs: call this in a
watched process wherever the input is not known to be harmless.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from symjax.symbolic.expression import (
    CONSTANT,
    INTEGER,
    RATIONAL,
    SYMBOL,
    Expression,
    constant,
    integer,
    postorder,
    raw,
    symbol,
)
from symjax.symbolic.operators import COEFFICIENTS, OPERATORS, UNKNOWNS

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
_FUNCTIONS: Final = ("f", "g", "h")
_UNKNOWNS: Final = tuple(symbol(name) for name in UNKNOWNS)
_HALF: Final = Fraction(1, 2)


class UnknownToTable(ValueError):  # noqa: N818 (reads as a sentence where it is raised)
    """A SymPy expression holds something that the operator table does not have."""


def to_sympy(expr: Expression, *, evaluate: bool = True, foreign: bool = False) -> sympy.Expr:
    """The SymPy expression; symbols are plain `Symbol(name)`, complex as far as SymPy knows.

    Args:
      expr: raw or canonical.
      evaluate: let SymPy rewrite while building (for computing); False keeps the form as written (for display).
      foreign: symbols are real and not zero, coefficients a0.. real, f, g and h real functions without zeros, and
        Y, Y', Y'' are f(x) and its derivatives, so that SymPy writes what it does in foreign files.

    Raises:
      ValueError: nested deeper than 200 operators, which SymPy, being recursive, does not bear; or a derivative by
        something that is no symbol.
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
            built[node] = _symbol(str(node.value), foreign)
        elif node.op == CONSTANT:
            built[node] = getattr(sympy.S, {"pi": "Pi", "E": "Exp1", "I": "ImaginaryUnit"}[str(node.value)])
        else:
            built[node] = _builder(node.op, evaluate, foreign)(*(built[arg] for arg in node.args))
    return built[expr]


def _symbol(name: str, foreign: bool) -> Any:
    import sympy

    if not foreign:
        return sympy.Symbol(name)
    if name in UNKNOWNS:
        x = _symbol("x", foreign=True)
        function = _function("f", foreign=True)(x)
        order = UNKNOWNS.index(name)
        return sympy.Derivative(function, (x, order)) if order else function
    return sympy.Symbol(name, real=True) if name in COEFFICIENTS else sympy.Symbol(name, real=True, nonzero=True)


def _function(name: str, foreign: bool) -> Any:
    """A function of which nothing is known, or little."""
    import sympy

    return sympy.Function(name, real=True, nonzero=True) if foreign else sympy.Function(name)


def _derivative(inner: Any, variable: Any) -> Any:
    import sympy

    if not variable.is_Symbol:
        raise ValueError(f"a derivative by {str(variable)[:80]}, which is no symbol")
    return sympy.Derivative(inner, variable, evaluate=False)


@functools.cache
def _builder(op: str, evaluate: bool, foreign: bool) -> Callable[..., Any]:
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
        return _derivative
    if op in _FUNCTIONS:
        return _function(op, foreign)
    function = getattr(sympy, OPERATORS[op].sympy)
    return lambda arg: function(arg, evaluate=evaluate)


def from_sympy(sympy_expr: sympy.Basic, *, foreign: bool = False) -> Expression:
    """The raw expression, in SymPy's own order of arguments; sums and products nest to the right, as prefix tokens do.

    By our own conventions powers with exponents 2, 3, 1/2, 1/3 become `sq`, `cb`, `sqrt`, `cbrt`, and 1/u becomes
    `div 1 u`; a rational number becomes a quotient of integers; E, pi and I become exp(1), acos(-1) and sqrt(-1).  So
    `to_sympy(from_sympy(s)) == s` wherever SymPy builds `s` itself.

    Args:
      sympy_expr: what SymPy says.
      foreign: write what foreign files have for it: `sqrt` for the exponent 1/2 only and every other power as `pow`,
        the constants as such, f(x) and its derivatives as Y, Y', Y''.

    Raises:
      UnknownToTable: floats, infinities, undefined values, and functions that the operator table does not have.
    """
    done: list[Expression] = []
    stack: list[tuple[Any, bool]] = [(sympy_expr, False)]
    while stack:
        node, visited = stack.pop()
        leaf = None if visited else _leaf(node, foreign)
        if leaf is not None:
            done.append(leaf)
            continue
        operands = _operands(node)
        if visited:
            args = [done.pop() for _ in operands][::-1]
            done.append(_operation(node, args, foreign))
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(operands))
    return done[0]


def _operands(node: Any) -> tuple[Any, ...]:
    """What stands below `node`: of a derivative, the function, then each variable as often as it counts."""
    import sympy

    if not isinstance(node, sympy.Derivative):
        return node.args
    counts = [(variable, count) for variable, count in node.variable_count if count.is_Integer]
    if len(counts) != len(node.variable_count):
        raise UnknownToTable(f"{str(node)[:80]} is a derivative of an order that is no number")
    return (node.expr, *(variable for variable, count in counts for _ in range(int(count))))


def _leaf(node: Any, foreign: bool) -> Expression | None:
    """Numbers, constants and symbols; None for what has operands."""
    import sympy

    if node.is_Rational:
        top = integer(int(node.p))
        return top if node.q == 1 else raw("div", top, integer(int(node.q)))
    if node is sympy.E:
        return constant("E") if foreign else raw("exp", integer(1))
    if node is sympy.pi:
        return constant("pi") if foreign else raw("acos", integer(-1))
    if node is sympy.I:
        return constant("I") if foreign else raw("sqrt", integer(-1))
    if node.is_Symbol:
        return symbol(node.name)
    if not node.args:
        raise UnknownToTable(f"{str(node)[:80]} ({type(node).__name__}) is not in the operator table")
    return None


@functools.cache
def _functions() -> dict[str, str]:
    """SymPy class name -> operator, for the functions of one argument."""
    return {
        row.sympy: row.name
        for row in OPERATORS.values()
        if row.arity == 1 and row.name not in (*_EXPONENTS, *_FUNCTIONS)
    }


def _operation(node: Any, args: list[Expression], foreign: bool) -> Expression:
    import sympy

    if node.is_Add or node.is_Mul:
        op, expr = ("add" if node.is_Add else "mul"), args[-1]
        for arg in args[-2::-1]:
            expr = raw(op, arg, expr)
        return expr
    if node.is_Pow:
        return _power(node, args, foreign)
    if isinstance(node, sympy.Derivative):
        expr = args[0]
        for variable in args[1:]:
            named = foreign and variable is symbol("x") and expr in _UNKNOWNS[:-1]
            expr = _UNKNOWNS[_UNKNOWNS.index(expr) + 1] if named else raw("derivative", expr, variable)
        return expr
    name = type(node).__name__
    if name in _FUNCTIONS and len(args) == OPERATORS[name].arity:
        return _UNKNOWNS[0] if foreign and name == "f" and args[0] is symbol("x") else raw(name, *args)
    op = _functions().get(name)
    if op is None or len(args) != 1:
        raise UnknownToTable(f"{str(node)[:80]} ({name}) is not in the operator table")
    return raw(op, args[0])


def _power(node: Any, args: list[Expression], foreign: bool) -> Expression:
    exponent = node.exp
    if exponent.is_Rational:
        value = Fraction(int(exponent.p), int(exponent.q))
        if value in _POWERS and (value == _HALF or not foreign):
            return raw(_POWERS[value], args[0])
        if value == -1 and not foreign:
            return raw("div", integer(1), args[0])
    return raw("pow", *args)
