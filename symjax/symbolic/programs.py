"""Expressions as straight-line programs over complex balls, for values at many points.

What a program computes is what `balls.evaluate` does, node by node and in one order; an expression is taken apart once
for all points and precisions, and every step is taken at all points before the next one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from operator import add, attrgetter, mul
from typing import Any, Final

from flint import acb, fmpq

from symjax.symbolic.balls import ARGUMENT_BOUND, FUNCTIONS, UNDEFINED, leaf
from symjax.symbolic.expression import INTEGER, SYMBOL, Expression

_ADD, _MUL, _UNARY, _WHOLE, _HALVES, _EXACT, _SYMBOL, _LEAF, _BINARY = range(9)

_RULES: Final[Mapping[str, Callable[[acb, acb], acb]]] = {
    "pow": lambda base, exponent: acb(1) if exponent.is_zero() else base**exponent,
    "sub": lambda left, right: left - right,
    "div": lambda left, right: left / right,
    "rac": lambda base, root: base ** (1 / root),
}

Column = list[acb]
"""Values of one node at some points."""

_is_finite: Final = acb.is_finite

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
        self._steps = [_step(node, places) for node in self.nodes[len(given) :]]

    def __call__(
        self, values: Mapping[str, Column], given: Sequence[Column] = (), stop: int | None = None
    ) -> list[Column]:
        """The values of `nodes` at some points, at the precision in force.

        A point at which a node has no value has none at the nodes that follow, the last one included.

        Args:
          values: of the symbols, of x at least.
          given: of the nodes that were given, and of any number of `nodes` that follow them.
          stop: how many nodes to compute, those that are given included; all of them by default.
        """
        known, lost = list(given), undefined(given[-1]) if given else frozenset()
        points = len(values["x"])
        for step in self._steps[len(given) - self._given : None if stop is None else stop - self._given]:
            kind, what, first, others = step
            if kind == _ADD:
                column = known[first]
                for arg in others:
                    column = list(map(add, column, known[arg]))
            elif kind == _MUL:
                column = known[first]
                for arg in others:
                    column = list(map(mul, column, known[arg]))
            elif kind == _UNARY:
                column = apply_within_bound(what, known[first])
            elif kind == _WHOLE:
                column = [base**what for base in known[first]]
            elif kind == _HALVES:  # a third of the time of a general power
                column = [base.sqrt() ** what for base in known[first]]
            elif kind == _SYMBOL:
                column = values.get(what) or [UNDEFINED] * points
            elif kind == _BINARY:
                column = list(map(what, known[first], known[others[0]]))
            else:
                column = [what if kind == _EXACT else leaf(what, {})] * points
            if lost or not all(map(_is_finite, column)):
                column, lost = settled(column, lost)
            known.append(column)
        return known

    def operation(self, place: int) -> tuple[str, tuple[int, ...]]:
        """The operator at a place, and the places of its operands."""
        step = self._steps[place - self._given]
        return self.nodes[place].op, (step[2], *step[3])


def apply_within_bound(function: Callable[[acb], acb], column: Column) -> Column:
    """The function's values, undefined for arguments that are too large to be worth the time."""
    return [UNDEFINED if abs(value) > ARGUMENT_BOUND else function(value) for value in column]


def undefined(column: Column) -> frozenset[int]:
    """The places of the points without a value."""
    return frozenset() if all(map(_is_finite, column)) else settled(column, frozenset())[1]


def settled(column: Column, lost: frozenset[int]) -> tuple[Column, frozenset[int]]:
    """The column undefined at the points that are lost or have no value, and the places of these."""
    lost |= {place for place, value in enumerate(column) if not value.is_finite()}
    return [UNDEFINED if place in lost else value for place, value in enumerate(column)], lost


def columns(points: Sequence[Mapping[str, tuple[int, int]]]) -> dict[str, Column]:
    """The coordinates of points that have the same names, whose denominators are powers of two."""
    return {name: [_ball(*point[name]) for point in points] for name in points[0]}


@functools.cache
def _ball(numerator: int, denominator: int) -> acb:
    """The number, which is exact at any precision where the denominator is a power of two."""
    return acb(fmpq(numerator, denominator))


def enter(expr: Expression, places: dict[Expression, int]) -> None:
    """Gives the nodes of `expr` that have none a place behind those that have, operands before operators."""
    found, seen = [expr], {expr}
    for node in found:
        for arg in node.args:
            if arg not in seen and arg not in places:
                seen.add(arg)
                found.append(arg)
    found.sort(key=_size)  # operands are smaller than what they are operands of
    for node in found:
        if node not in places:
            places[node] = len(places)


_size: Final = attrgetter("size")


def _step(node: Expression, places: Mapping[Expression, int]) -> _Step:
    """What computes `node`."""
    op = node.op
    if op == SYMBOL:
        return _SYMBOL, node.value, 0, ()
    if not node.args:
        return (_EXACT, acb(node.value), 0, ()) if isinstance(node.value, int) else (_LEAF, node, 0, ())
    args = node.args
    first = places[args[0]]
    if len(args) == 1:
        return _UNARY, FUNCTIONS[op], first, ()
    others = (places[args[1]],) if len(args) == 2 else tuple([places[arg] for arg in args[1:]])
    if op in ("add", "mul"):
        return (_ADD if op == "add" else _MUL), None, first, others
    exponent = node.args[1].value
    if op == "pow" and node.args[1].op == INTEGER and isinstance(exponent, int) and exponent:
        return _WHOLE, exponent, first, others
    if op == "pow" and (halves := halves_of(node.args[1])):
        return _HALVES, halves, first, others
    return _BINARY, _RULES.get(op, lambda *_: UNDEFINED), first, others


def halves_of(exponent: Expression) -> int:
    """n of an exponent n/2, as a number or as a quotient of integers; 0 for other exponents."""
    value = exponent.value
    if exponent.op == "div":
        top, bottom = (arg.value for arg in exponent.args)
        value = top, bottom
    if isinstance(value, tuple) and value[1] == 2 and isinstance(value[0], int):
        return value[0]
    return 0
