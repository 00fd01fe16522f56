"""Expressions as straight-line programs over complex balls, for values at many points.

What a program computes is what `balls.evaluate` does, node by node and in one order; an expression is taken apart once
for all points and precisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flint import acb

from symjax.symbolic.balls import ARGUMENT_BOUND, FUNCTIONS, leaf
from symjax.symbolic.expression import INTEGER, Expression, postorder

_LEAF, _UNARY, _ADD, _MUL, _WHOLE, _BINARY = range(6)

_RULES: Final[Mapping[str, Callable[[acb, acb], acb]]] = {
    "pow": lambda base, exponent: acb(1) if exponent.is_zero() else base**exponent,
    "sub": lambda left, right: left - right,
    "div": lambda left, right: left / right,
    "rac": lambda base, root: base ** (1 / root),
}

_Step = tuple[int, Any, tuple[int, ...]]
"""(kind; the node, the function, or the exponent; places of the operands)."""


class Program:
    """The values of an expression and of all its parts.

    Attributes:
      nodes: the distinct nodes, operands first; the last one is the expression.
    """

    def __init__(self, expr: Expression) -> None:
        self.nodes: Sequence[Expression] = tuple(postorder(expr))
        places = {node: place for place, node in enumerate(self.nodes)}
        self._steps: list[_Step | None] = [_step(node, places) for node in self.nodes]

    def __call__(self, values: Mapping[str, acb]) -> list[acb] | None:
        """The values of `nodes` at the precision in force; None if one of them has none.

        Args:
          values: of the symbols.
        """
        known: list[acb] = []
        for step in self._steps:
            if step is None:
                return None
            kind, what, args = step
            if kind == _LEAF:
                value = leaf(what, values)
            elif kind == _ADD:
                value = known[args[0]]
                for arg in args[1:]:
                    value = value + known[arg]
            elif kind == _MUL:
                value = known[args[0]]
                for arg in args[1:]:
                    value = value * known[arg]
            elif kind == _UNARY:
                inner = known[args[0]]
                if abs(inner) > ARGUMENT_BOUND:
                    return None
                value = what(inner)
            elif kind == _WHOLE:
                value = known[args[0]] ** what
            else:
                value = what(known[args[0]], known[args[1]])
            if not value.is_finite():
                return None
            known.append(value)
        return known


def _step(node: Expression, places: Mapping[Expression, int]) -> _Step | None:
    """What computes `node`; None for operators that have no value."""
    args = tuple(places[arg] for arg in node.args)
    op = node.op
    if not args:
        return _LEAF, node, ()
    if op in ("add", "mul"):
        return (_ADD if op == "add" else _MUL), None, args
    if len(args) == 1:
        return _UNARY, FUNCTIONS[op], args
    exponent = node.args[1].value
    if op == "pow" and node.args[1].op == INTEGER and isinstance(exponent, int) and exponent:
        return _WHOLE, exponent, args
    rule = _RULES.get(op)
    return None if rule is None else (_BINARY, rule, args)
