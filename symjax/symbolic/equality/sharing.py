"""What the answers to one problem share: nodes numbered by their structure, and what is known of them at points.

Every answer has a graph of its own, so a verdict does not depend on the answers before it.  Nodes of different graphs
that are made alike, in the same order, get the same values to the last bit: they are worked out once.  Work is charged
as if nothing were shared.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

from flint import acb

from symjax.symbolic.equality.graph import PRODUCT, SUM, Graph, key_of, keys_of
from symjax.symbolic.equality.points import Point
from symjax.symbolic.expression import Expression

MAX_STRUCTURES: Final = 1_000
"""Structures kept from one answer to the next; beyond, all are forgotten."""


class Shared:
    """What is known so far."""

    def __init__(self) -> None:
        self._structures: dict[Any, int] = {}
        self._numbers = itertools.count()
        self._balls: dict[Any, tuple[Point | None, dict[int, Any]]] = {}
        self._written: dict[int, tuple[Point, dict[Expression, acb]]] = {}
        self._arrays: dict[Callable[[int], Point], dict[Any, Any]] = {}

    def trim(self) -> None:
        """Forgets everything if it has become much."""
        if len(self._structures) > MAX_STRUCTURES:
            for known in (self._structures, self._balls, self._written, self._arrays):
                known.clear()

    def structures(self, graph: Graph, nodes: list[int]) -> dict[int, int]:
        """The number of the structure of each of `nodes`, which are all below some roots, in order.

        No number is given twice, not even after a `trim`.
        """
        found: dict[int, int] = {}
        known = self._structures
        for node in nodes:
            op, part = graph.ops[node], graph.parts[node]
            if op is SUM:
                key = (SUM, key_of(part[0]), keys_of(tuple([(found[inner], factor) for inner, factor in part[1]])))
            elif op is PRODUCT:
                key = (PRODUCT, keys_of(tuple([(found[inner], exponent) for inner, exponent in part])))
            elif graph.inner[node]:
                key = (op, found[part])
            else:
                key = (op, part if isinstance(part, str) else key_of(part))
            number = known.get(key)
            found[node] = known.setdefault(key, next(self._numbers)) if number is None else number
        return found

    def balls(self, point: Point | None, precision: int, kind: str) -> dict[int, Any]:
        """Balls by structure; None where a structure has no value."""
        return self._balls.setdefault((id(point), precision, kind), (point, {}))[1]

    def written(self, point: Point) -> dict[Expression, acb]:
        """Balls of expressions as written, without unknowns."""
        return self._written.setdefault(id(point), (point, {}))[1]

    def arrays(self, sequence: Callable[[int], Point]) -> dict[Any, Any]:
        """Values in double precision at many points of a sequence, by what was asked."""
        return self._arrays.setdefault(sequence, {})
