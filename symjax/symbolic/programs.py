"""Expressions as straight-line programs over complex balls, for values at many points.

What a program computes is what `balls.evaluate` does, node by node and in one order; an expression is taken apart once
for all points and precisions, and every step is taken at all points before the next one.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add, attrgetter, mul
from typing import Any, Final

from flint import acb, fmpq

from symjax.symbolic.balls import ARGUMENT_BOUND, FUNCTIONS, UNDEFINED, leaf
from symjax.symbolic.expression import SYMBOL, Expression

_CHAIN, _EXACT, _SYMBOL, _LEAF, _UNARY, _WHOLE, _HALVES, _BINARY = range(8)

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
"""(kind; the value, the name, the node, the function, or the exponent; place of the first operand; of the others).

Steps of the kinds up to `_LEAF` have values wherever their operands have, and none where one of these has none."""


class Program:
    """The values of an expression and of all its parts.

    Attributes:
      nodes: the distinct nodes, operands first, after those that were given.
      place: of the expression among the nodes; the last one, unless it was given.
      starts: for each of `late`, how many nodes come before those in which a symbol of it occurs.
    """

    def __init__(self, expr: Expression, given: Sequence[Expression] = (), late: Sequence[int] = ()) -> None:
        """How to compute `expr`.

        Args:
          expr: what is computed.
          given: nodes whose values will be given.
          late: sets of symbols, as bits of `Expression.names`, each of which holds the next one.  Nodes without
            a symbol of the first set come first, then those without one of the second, and so on.  Not with `given`.
        """
        places = {node: place for place, node in enumerate(given)}
        enter(expr, places)
        self.starts: Sequence[int] = ()
        if late:
            places, self.starts = _staged(places, late)
        self.nodes: Sequence[Expression] = tuple(places)
        self.place = places[expr]
        self._given = len(given)
        self._steps = [_step(node, places) for node in self.nodes[len(given) :]]

    def __call__(
        self,
        values: Mapping[str, Column],
        given: Sequence[Column] = (),
        stop: int | None = None,
        memo: dict[Expression, Column] | None = None,
    ) -> list[Column]:
        """The values of `nodes` at some points, at the precision in force.

        A point at which a node has no value has none at the nodes above it, the last one included.

        Args:
          values: of the symbols, of x at least.
          given: of the nodes that were given, and of any number of `nodes` that follow them.
          stop: how many nodes to compute, those that are given included; all of them by default.
          memo: values of small nodes with these `values` at this precision, read and extended.
        """
        known, lost = list(given), undefined(given[-1]) if given else frozenset()
        points = len(values["x"])
        for kind, what, first, others in self._steps[
            len(given) - self._given : None if stop is None else stop - self._given
        ]:
            if memo is not None and not lost:
                column = memo.get(self.nodes[len(known)])
                if column is not None:
                    known.append(column)
                    continue
            if kind <= _LEAF:
                if kind == _CHAIN:
                    column = known[first]
                    for arg in others:
                        column = list(map(what, column, known[arg]))
                elif kind == _SYMBOL:
                    column = values.get(what) or [UNDEFINED] * points
                else:
                    column = [what if kind == _EXACT else leaf(what, {})] * points
                known.append(column)
                continue
            if kind == _UNARY:
                column = apply_within_bound(what, known[first])
            elif kind == _WHOLE:
                column = [base**what for base in known[first]]
            elif kind == _HALVES:  # a third of the time of a general power
                column = [base.sqrt() ** what for base in known[first]]
            else:
                column = list(map(what, known[first], known[others[0]]))
            if lost or not all(map(_is_finite, column)):
                column, lost = settled(column, lost)
            known.append(column)
        if memo is not None and not lost:
            remember(memo, self.nodes[len(given) :], known[len(given) :])
        return known

    def within_bound(self, values: Sequence[Column]) -> bool:
        """Whether the nodes have these values also where what is raised to 1/2 is written as a square root, which is a
        function, and so has none beyond a bound."""
        roots = [node.args[0] for node in self.nodes if node.op == "pow" and halves_of(node.args[1]) == 1]
        return all(abs(value) <= ARGUMENT_BOUND for node in roots for value in values[self.nodes.index(node)])

    def operation(self, place: int) -> tuple[str, tuple[int, ...]]:
        """The operator at a place, and the places of its operands."""
        step = self._steps[place - self._given]
        return self.nodes[place].op, (step[2], *step[3])


MEMO_ENTRIES: Final = 4096
MEMO_SIZE: Final = 8
"""Largest nodes that are remembered: random functions are full of the same few."""


def remember(memo: dict[Expression, Any], nodes: Iterable[Expression], found: Sequence[Any]) -> None:
    """Adds what was found of nodes, so far as they are small; forgets everything before that is too much."""
    if len(memo) > MEMO_ENTRIES:
        memo.clear()
    for node, value in zip(nodes, found, strict=False):
        if node.size <= MEMO_SIZE:
            memo[node] = value


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
    """Gives the nodes of `expr` that have none a place behind those that have, operands before operators.

    Exponents that a program has as numbers are left out.
    """
    found, seen = [expr], {expr}
    for node in found:
        args = node.args
        for arg in args if node.op != "pow" or not fixed_exponent(args[1]) else args[:1]:
            if arg not in seen and arg not in places:
                seen.add(arg)
                found.append(arg)
    found.sort(key=_size)  # operands are smaller than what they are operands of
    for node in found:
        if node not in places:
            places[node] = len(places)


def _staged(nodes: Iterable[Expression], late: Sequence[int]) -> tuple[dict[Expression, int], Sequence[int]]:
    """Places of nodes by the number of sets of symbols that they have one of, and where each such number begins."""
    stages: list[list[Expression]] = [[] for _ in range(len(late) + 1)]
    for node in nodes:
        names = node.names
        stages[sum([names & bits != 0 for bits in late])].append(node)
    starts = list(itertools.accumulate(map(len, stages[:-1])))
    return {node: place for place, node in enumerate(itertools.chain.from_iterable(stages))}, starts


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
    if op == "pow" and (fixed := fixed_exponent(args[1])):
        whole, halves = fixed
        return (_WHOLE, whole, first, ()) if whole else (_HALVES, halves, first, ())
    others = (places[args[1]],) if len(args) == 2 else tuple([places[arg] for arg in args[1:]])
    if op in ("add", "mul"):
        return _CHAIN, add if op == "add" else mul, first, others
    return _BINARY, _RULES.get(op, lambda *_: UNDEFINED), first, others


def fixed_exponent(exponent: Expression) -> tuple[int, int] | None:
    """(n, 0) of an exponent n, and (0, n) of an exponent n/2, where n is not 0; None of other exponents."""
    value = exponent.value
    if isinstance(value, int):
        return (value, 0) if value else None
    if exponent.op == "div" or isinstance(value, tuple):
        halves = halves_of(exponent)
        return (0, halves) if halves else None
    return None


def halves_of(exponent: Expression) -> int:
    """n of an exponent n/2, as a number or as a quotient of integers; 0 for other exponents."""
    value = exponent.value
    if exponent.op == "div":
        top, bottom = (arg.value for arg in exponent.args)
        value = top, bottom
    if isinstance(value, tuple) and value[1] == 2 and isinstance(value[0], int):
        return value[0]
    return 0
