"""Expressions as straight-line programs over complex balls, for values at many points.

What a program computes is what `balls.evaluate` does, node by node and in one order; an expression is taken apart once
for all points and precisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from flint import acb

from symjax.symbolic.balls import ARGUMENT_BOUND, FUNCTIONS, UNDEFINED, leaf
from symjax.symbolic.expression import INTEGER, SYMBOL, Expression

_ADD, _MUL, _UNARY, _WHOLE, _HALVES, _EXACT, _SYMBOL, _LEAF, _BINARY = range(9)

_RULES: Final[Mapping[str, Callable[[acb, acb], acb]]] = {
    "pow": lambda base, exponent: acb(1) if exponent.is_zero() else base**exponent,
    "sub": lambda left, right: left - right,
    "div": lambda left, right: left / right,
    "rac": lambda base, root: base ** (1 / root),
}

_Step = tuple[int, Any, int, tuple[int, ...]]
"""(kind; the value, the name, the node, the function, or the exponent; place of the first operand; of the others)."""


class Program:
    """The values of an expression and of all its parts.

    Attributes:
      nodes: the distinct nodes, operands first, after those that were given.
      place: of the expression among the nodes; the last one, unless it was given.
      early: how many nodes come before those that are not early.
    """

    def __init__(
        self, expr: Expression, given: Sequence[Expression] = (), early: Callable[[Expression], bool] | None = None
    ) -> None:
        """How to compute `expr`.

        Args:
          expr: what is computed.
          given: nodes whose values will be given.
          early: says of a node that it and everything below it come before the other nodes.
        """
        places = {node: place for place, node in enumerate(given)}
        if early is not None:
            every = dict(places)
            enter(expr, every)
            for node in filter(early, every):
                places.setdefault(node, len(places))
            self.early = len(places)
            for node in every:
                places.setdefault(node, len(places))
        else:
            self.early = len(places)
            enter(expr, places)
        self.nodes: Sequence[Expression] = tuple(places)
        self.place = places[expr]
        self._given = len(given)
        self._steps: list[_Step | None] = [_step(node, places) for node in self.nodes[len(given) :]]

    def __call__(self, values: Mapping[str, acb], given: Sequence[acb] = ()) -> list[acb] | None:
        """The values of `nodes` at the precision in force; None if one of them has none.

        Args:
          values: of the symbols.
          given: of the nodes that were given, and of any number of `nodes` that follow them.
        """
        known: list[acb] = list(given)
        for step in self._steps[len(given) - self._given :]:
            if step is None:
                return None
            kind, what, first, others = step
            if kind == _ADD:
                value = known[first]
                for arg in others:
                    value = value + known[arg]
            elif kind == _MUL:
                value = known[first]
                for arg in others:
                    value = value * known[arg]
            elif kind == _UNARY:
                inner = known[first]
                if abs(inner) > ARGUMENT_BOUND:
                    return None
                value = what(inner)
            elif kind == _WHOLE:
                value = known[first] ** what
            elif kind == _HALVES:  # a third of the time of a general power
                value = known[first].sqrt() ** what
            elif kind == _EXACT:
                value = what
            elif kind == _SYMBOL:
                value = values.get(what, UNDEFINED)
            elif kind == _LEAF:
                value = leaf(what, values)
            else:
                value = what(known[first], known[others[0]])
            if not value.is_finite():
                return None
            known.append(value)
        return known

    def operation(self, place: int) -> tuple[str, tuple[int, ...]]:
        """The operator at a place, and the places of its operands."""
        step = self._steps[place - self._given]
        return self.nodes[place].op, () if step is None else (step[2], *step[3])


def enter(expr: Expression, places: dict[Expression, int]) -> None:
    """Gives the nodes of `expr` that have none a place behind those that have, operands before operators."""
    stack: list[Expression | None] = [expr]
    while stack:
        node = stack.pop()
        if node is None:  # what lies below it has a place
            node = cast(Expression, stack.pop())
        elif node.args and node not in places:
            stack += (node, None, *node.args)
            continue
        if node not in places:
            places[node] = len(places)


def _step(node: Expression, places: Mapping[Expression, int]) -> _Step | None:
    """What computes `node`; None for operators that have no value."""
    op = node.op
    if op == SYMBOL:
        return _SYMBOL, node.value, 0, ()
    if not node.args:
        return (_EXACT, acb(node.value), 0, ()) if isinstance(node.value, int) else (_LEAF, node, 0, ())
    first, *rest = [places[arg] for arg in node.args]
    others = tuple(rest)
    if op in ("add", "mul"):
        return (_ADD if op == "add" else _MUL), None, first, others
    if not others:
        return _UNARY, FUNCTIONS[op], first, others
    exponent = node.args[1].value
    if op == "pow" and node.args[1].op == INTEGER and isinstance(exponent, int) and exponent:
        return _WHOLE, exponent, first, others
    if op == "pow" and (halves := halves_of(node.args[1])):
        return _HALVES, halves, first, others
    rule = _RULES.get(op)
    return None if rule is None else (_BINARY, rule, first, others)


def halves_of(exponent: Expression) -> int:
    """n of an exponent n/2, as a number or as a quotient of integers; 0 for other exponents."""
    value = exponent.value
    if exponent.op == "div":
        top, bottom = (arg.value for arg in exponent.args)
        value = top, bottom
    if isinstance(value, tuple) and value[1] == 2 and isinstance(value[0], int):
        return value[0]
    return 0
