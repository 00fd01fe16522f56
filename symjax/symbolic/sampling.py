"""Random raw expression trees.

A sampler is made once and called with a random generator for each tree.  It uses `rng.random()` only, whose
sequence Python keeps stable across versions, so a tree is a pure function of the generator's key.
"""

from __future__ import annotations

import dataclasses
import random
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final

from symjax.symbolic.expression import Expression, integer, symbol, unchecked
from symjax.symbolic.operators import OPERATORS, SEED_SYMBOLS, SYMBOL_WEIGHT, Operator

MAX_DEPTH: Final = 24
MAX_OPERATORS: Final = 200

_Row = tuple[int, Any, int]


@dataclasses.dataclass(frozen=True, slots=True)
class _Choices:
    """Rows to draw from by weight: (arity, operator, families excluded below), or (0, leaf, 0)."""

    cumulative: list[float]
    rows: list[_Row]
    total: float


def _choices(weighted: Sequence[tuple[float, _Row]]) -> _Choices:
    cumulative = list(accumulate(weight for weight, _ in weighted))
    return _Choices(cumulative, [row for _, row in weighted], cumulative[-1])


def _leaves(integers: tuple[int, ...], integer_weight: float) -> list[tuple[float, _Row]]:
    """Weighted leaves: the variable, and the integers, which share `integer_weight` equally."""
    if any(isinstance(value, bool) or not isinstance(value, int) for value in integers):
        raise ValueError(f"integers must be whole numbers, got {integers}")
    if len(set(integers)) != len(integers):
        raise ValueError(f"integers must be distinct, got {integers}")
    if integers and not 0 < integer_weight < float("inf"):
        raise ValueError(f"integer_weight must be positive and finite, got {integer_weight}")
    found: list[tuple[float, _Row]] = [
        (SYMBOL_WEIGHT / len(SEED_SYMBOLS), (0, symbol(name), 0)) for name in SEED_SYMBOLS
    ]
    return found + [(integer_weight / len(integers), (0, integer(value), 0)) for value in integers]


def _families() -> dict[str, int]:
    """Family -> its bit."""
    names = dict.fromkeys(row.family for row in OPERATORS.values() if row.family)
    return {name: 1 << place for place, name in enumerate(names)}


def _operators(excluded: int, bits: dict[str, int], exclusion: bool) -> list[tuple[Operator, int]]:
    """Operators of positive weight outside the `excluded` families, each with the families excluded below it."""
    return [
        (row, excluded | bits[row.family] if exclusion and row.family else excluded)
        for row in OPERATORS.values()
        if row.weight > 0 and not (row.family and bits[row.family] & excluded)
    ]


class SeedSampler:
    """Trees drawn from the root down: each node is a token drawn by weight from operators and leaves together.

    After `max_depth` operators in a row only leaves remain, so depth 3 is three levels of operators, then a leaf;
    a tree may end earlier, and may be a bare leaf.
    """

    def __init__(
        self,
        max_depth: int = 3,
        family_exclusion: bool = True,
        integers: tuple[int, ...] = (),
        integer_weight: float = SYMBOL_WEIGHT,
    ) -> None:
        """Tables of the distribution.

        Args:
          max_depth: largest number of operators between root and leaf, 1..24.
          family_exclusion: below an operator of a family (trigonometric, hyperbolic, exponential, power, with their
            inverses) no other operator of that family occurs.
          integers: integer leaves, beside the variable.
          integer_weight: weight of an integer leaf, shared equally by `integers`; the variable has weight 5.

        Raises:
          ValueError: a value out of its range.
        """
        if not 1 <= max_depth <= MAX_DEPTH:
            raise ValueError(f"max_depth must be between 1 and {MAX_DEPTH}, got {max_depth}")
        leaves = _leaves(tuple(integers), integer_weight)
        bits = _families()
        self._max_depth = max_depth
        self._leaves = _choices(leaves)
        self._tables = [
            _choices(
                [(row.weight, (row.arity, row.name, below)) for row, below in _operators(mask, bits, family_exclusion)]
                + leaves
            )
            for mask in range(1 << len(bits))
        ]

    def __call__(self, rng: random.Random) -> Expression:
        """A random tree."""
        return self._grow(rng.random, self._max_depth, 0)

    def _grow(self, draw: Callable[[], float], depth: int, excluded: int) -> Expression:
        """A random tree of at most `depth` levels of operators; recursion is bounded by `max_depth`."""
        table = self._tables[excluded] if depth else self._leaves
        arity, what, below = table.rows[bisect(table.cumulative, draw() * table.total)]
        if arity == 1:
            return unchecked(what, (self._grow(draw, depth - 1, below),))
        if arity == 2:
            left = self._grow(draw, depth - 1, below)
            return unchecked(what, (left, self._grow(draw, depth - 1, below)))
        return what


class LengthSampler:
    """Trees whose number of operators is uniform in a range, and whose shape is uniform given that number.

    Shapes are all trees of unary and binary nodes with that many operators (Lample and Charton, Deep Learning for
    Symbolic Mathematics, 2020, appendix C); the counts are exact integers.  Operators are then drawn by weight,
    unary and binary ones separately.
    """

    def __init__(
        self,
        min_operators: int = 1,
        max_operators: int = 7,
        family_exclusion: bool = False,
        integers: tuple[int, ...] = (),
        integer_weight: float = SYMBOL_WEIGHT,
    ) -> None:
        """Tables of the distribution.

        Args:
          min_operators: least number of operators, at least 0.
          max_operators: largest number of operators, at most 200.
          family_exclusion: below an operator of a family no other of that family occurs, except where the shape
            asks for an operator and every one of that arity is excluded: then all are allowed again.
          integers: integer leaves, beside the variable.
          integer_weight: weight of an integer leaf, shared equally by `integers`; the variable has weight 5.

        Raises:
          ValueError: a value out of its range.
        """
        if not 0 <= min_operators <= max_operators <= MAX_OPERATORS:
            raise ValueError(
                f"operators must satisfy 0 <= min_operators <= max_operators <= {MAX_OPERATORS}, "
                f"got min_operators {min_operators} and max_operators {max_operators}"
            )
        bits = _families()
        self._range = min_operators, max_operators
        self._leaves = _choices(_leaves(tuple(integers), integer_weight))
        self._tables = [
            {arity: self._of_arity(arity, mask, bits, family_exclusion) for arity in (1, 2)}
            for mask in range(1 << len(bits))
        ]
        self._moves = _shape_thresholds(max_operators)

    @staticmethod
    def _of_arity(arity: int, mask: int, bits: dict[str, int], exclusion: bool) -> _Choices:
        rows = [pair for pair in _operators(mask, bits, exclusion) if pair[0].arity == arity]
        rows = rows or [pair for pair in _operators(0, bits, exclusion) if pair[0].arity == arity]
        return _choices([(row.weight, (row.arity, row.name, below)) for row, below in rows])

    def __call__(self, rng: random.Random) -> Expression:
        """A random tree."""
        draw = rng.random
        least, most = self._range
        remaining = least + int(draw() * (most - least + 1))
        slots, rows = [0], []
        while slots:
            table = self._leaves
            excluded = slots.pop()
            if remaining:
                leaf, unary = self._moves[remaining][len(slots) + 1]
                where = draw()
                if where >= leaf:
                    table = self._tables[excluded][1 if where < unary else 2]
                    remaining -= 1
            row = table.rows[bisect(table.cumulative, draw() * table.total)]
            rows.append(row)
            slots.extend([row[2]] * row[0])
        return _fold(rows)


def _fold(rows: list[_Row]) -> Expression:
    """The tree that `rows` list in prefix order."""
    stack: list[Expression] = []
    for arity, what, _ in reversed(rows):
        if arity == 0:
            stack.append(what)
        elif arity == 1:
            stack.append(unchecked(what, (stack.pop(),)))
        else:
            stack.append(unchecked(what, (stack.pop(), stack.pop())))
    return stack[0]


def shape_counts(operators: int, weights: tuple[int, ...] = (1, 1, 1)) -> list[list[int]]:
    """`counts[n][e]`: ways to grow n operators below e open slots, for n <= `operators`, e <= `operators` + 1.

    With `weights` (L, u, b) of a leaf, a unary and a binary node, each way counts as often as the product of its
    nodes' weights: D(0, n) = 0 for n > 0, D(e, 0) = L^e, D(e, n) = L D(e-1, n) + u D(e, n-1) + b D(e+1, n-1).
    """
    leaf, unary, binary = weights
    width = 2 * operators + 2
    counts = [[leaf**e for e in range(width)]]
    for n in range(1, operators + 1):
        above, row = counts[-1], [0]
        for e in range(1, width - n):
            row.append(leaf * row[e - 1] + unary * above[e] + binary * above[e + 1])
        counts.append(row)
    return [row[: operators + 2] for row in counts]


def _shape_thresholds(operators: int) -> list[list[tuple[float, float]]]:
    """`[n][e]`: the first of e open slots with n operators to place is a leaf below the first number, unary below
    the second, else binary.  Quotients of exact integers, correctly rounded by Python's division."""
    counts = shape_counts(operators)
    moves: list[list[tuple[float, float]]] = [[]]
    for n in range(1, operators + 1):
        row, above = counts[n], counts[n - 1]
        moves.append([(0.0, 0.0)])
        for e in range(1, operators + 1):
            leaf = row[e - 1]
            moves[n].append((leaf / row[e], (leaf + above[e]) / row[e]))
    return moves
