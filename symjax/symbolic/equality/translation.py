"""Raw expressions -> nodes of a graph, with values put in for the unknown function and its derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flint import fmpq

from symjax.symbolic.equality.graph import SUM, Graph, Rational, UndefinedError
from symjax.symbolic.expression import CONSTANT, INTEGER, RATIONAL, SYMBOL, Expression, postorder
from symjax.symbolic.operators import UNKNOWNS

_HALF: Final = fmpq(1, 2)
_POWERS: Final[Mapping[str, Rational]] = {
    "sq": 2,
    "cb": 3,
    "sqrt": _HALF,
    "cbrt": fmpq(1, 3),
    "inv": -1,
    "pow2": 2,
    "pow3": 3,
    "pow4": 4,
    "pow5": 5,
}
_RECIPROCALS: Final = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_OF_RECIPROCALS: Final = {
    "acot": "atan",
    "asec": "acos",
    "acsc": "asin",
    "asech": "acosh",
    "acsch": "asinh",
    "acoth": "atanh",
}
_FUNCTIONS: Final = frozenset(
    "exp ln sin cos tan asin atan sinh cosh tanh asinh acosh atanh abs sign".split()  # noqa: SIM905
)
_QUARTERS: Final[Mapping[str, tuple[int | None, ...]]] = {
    "sin": (0, 1, 0, -1),
    "cos": (1, 0, -1, 0),
    "tan": (0, None, 0, None),
}
"""Values at multiples of pi/2."""


class UnsupportedError(ValueError):
    """The expression holds an operator or a symbol that cannot be judged; the message names it."""


def translate(graph: Graph, expr: Expression, unknowns: Mapping[str, int]) -> int:
    """The node of the raw expression `expr`, in which each unknown of `unknowns` stands for its node.

    Raises:
      UnsupportedError: an unknown function, a derivative, or an unknown that `unknowns` does not have.
      UndefinedError: a part of it has no value anywhere.
    """
    built: dict[Expression, int] = {}
    for item in postorder(expr):
        built[item] = _build(graph, item, [built[arg] for arg in item.args], unknowns)
    return built[expr]


def _build(graph: Graph, item: Expression, args: list[int], unknowns: Mapping[str, int]) -> int:
    if not args:
        return _leaf(graph, item, unknowns)
    if len(args) == 1:
        return _unary(graph, item.op, args[0])
    match item.op:
        case "add":
            return graph.add(*args)
        case "sub":
            return graph.linear(0, [(args[0], 1), (args[1], -1)])
        case "mul":
            return graph.multiply(*args)
        case "div":
            return graph.product([(args[0], 1), (args[1], -1)])
        case "pow":
            return graph.power(args[0], args[1])
        case "rac":
            return graph.power(args[0], graph.product([(args[1], -1)]))
    raise UnsupportedError(f"{item.op} cannot be judged")


def _leaf(graph: Graph, item: Expression, unknowns: Mapping[str, int]) -> int:
    value = item.value
    if item.op == INTEGER and isinstance(value, int):
        return graph.number(value)
    if item.op == RATIONAL and isinstance(value, tuple):
        return graph.number(fmpq(*value))
    if item.op == CONSTANT:
        return graph.function("exp", graph.one) if value == "E" else graph.constant(str(value))
    if item.op == SYMBOL and value in UNKNOWNS:
        if value not in unknowns:
            raise UnsupportedError(f"{value} cannot stand here")
        return unknowns[str(value)]
    return graph.symbol(str(value))


def _unary(graph: Graph, name: str, u: int) -> int:
    if name in _POWERS:
        return graph.product([(u, _POWERS[name])])
    if name in _RECIPROCALS:
        return graph.product([(_circular(graph, _RECIPROCALS[name], u), -1)])
    if name in _OF_RECIPROCALS:
        name, u = _OF_RECIPROCALS[name], graph.product([(u, -1)])
    if name == "acos":  # exactly pi/2 - asin on every branch
        return graph.linear(0, [(graph.constant("pi"), _HALF), (graph.function("asin", u), -1)])
    if name not in _FUNCTIONS:
        raise UnsupportedError(f"{name} cannot be judged")
    return _circular(graph, name, u)


def _circular(graph: Graph, name: str, u: int) -> int:
    """The function `name` of `u`: a number for sines, cosines and tangents of multiples of pi/2."""
    quarters = _quarter_turns(graph, u) if name in _QUARTERS else None
    if quarters is None:
        return graph.function(name, u)
    value = _QUARTERS[name][quarters % 4]
    if value is None:
        raise UndefinedError("it takes the tangent of pi/2 and a multiple of pi")
    return graph.number(value)


def _quarter_turns(graph: Graph, u: int) -> int | None:
    """The n for which `u` is n*pi/2; None where there is none, and for zero, which folds in the graph."""
    part = graph.parts[u]
    if part == "pi":
        return 2
    if graph.ops[u] is not SUM or part[0] != 0 or len(part[1]) != 1:
        return None
    inner, factor = part[1][0]
    count = 2 * fmpq(factor)
    return int(count.p) if graph.parts[inner] == "pi" and count.q == 1 else None
