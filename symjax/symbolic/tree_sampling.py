"""Random expression trees of a given number of operators, uniform over shapes.

Shapes are all trees of unary and binary nodes; operators are then drawn by weight, unary and binary ones separately,
and leaves by probability (Lample and Charton, Deep Learning for Symbolic Mathematics, 2020, appendix C, and the
parameters that its authors publish with their program).  A sampler is made once and called with a random generator
for each tree.  It uses `rng.random()` only, whose sequence Python keeps stable across versions.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import inf
from types import MappingProxyType
from typing import Any, Final

from symjax.symbolic.canonical import RULES, apply, build, canonicalise
from symjax.symbolic.expression import Expression, constant, integer, symbol, unchecked
from symjax.symbolic.operators import COEFFICIENTS, CONSTANTS, OPERATORS, SYMBOLS
from symjax.symbolic.sampling import MAX_OPERATORS, shape_counts

VARIABLES: Final = tuple(name for name in SYMBOLS if name not in COEFFICIENTS)
LEAF_CONSTANTS: Final = tuple(name for name in CONSTANTS if name != "I")
RARE: Final = 1 / 40
"""How often fewer operators are drawn than the least usual number."""

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        # what the authors' README passes to their program
        "readme": MappingProxyType(
            {
                "operators": "add:10,sub:3,mul:10,div:5,sqrt:4,pow2:4,pow3:2,pow4:1,pow5:1,ln:4,exp:4,sin:4,cos:4,"
                "tan:4,asin:1,acos:1,atan:1,sinh:1,cosh:1,tanh:1,asinh:1,acosh:1,atanh:1",
                "leaf_probabilities": (0.75, 0.0, 0.25, 0.0),
                "max_int": 5,
                "positive": True,
                "shape_weights": (1, 1, 1),
            }
        ),
        # section 4.1 of the paper: x and the integers from -5 to 5 but 0, 15 unary and 4 binary operators, all of one
        # weight.  It does not say how often x is drawn; with the README's 3/4 lengths come out as it reports them, with
        # all 11 leaves alike (shape_weights 11, 15, 4) problems would be half as long.
        "paper": MappingProxyType(
            {
                "operators": "add:1,sub:1,mul:1,div:1,sqrt:1,ln:1,exp:1,sin:1,cos:1,tan:1,asin:1,acos:1,atan:1,sinh:1,"
                "cosh:1,tanh:1,asinh:1,acosh:1,atanh:1",
                "leaf_probabilities": (0.75, 0.0, 0.25, 0.0),
                "max_int": 5,
                "positive": False,
                "shape_weights": (1, 1, 1),
            }
        ),
    }
)
"""Named sets of values for the options of `TreeSampler`; its defaults are those of "readme"."""

_README: Final = PRESETS["readme"]

Row = tuple[int, Any]
"""(arity, operator), or (0, leaf)."""


def draw_count(rng: random.Random, least: int, most: int) -> int:
    """A number of operators: uniform in [least, most], but once in 40 uniform below `least`."""
    if least and rng.random() < RARE:
        return int(rng.random() * least)
    return least + int(rng.random() * (most - least + 1))


class TreeSampler:
    """Random trees with a given number of operators."""

    def __init__(
        self,
        *,
        operators: str = _README["operators"],
        leaf_probabilities: tuple[float, ...] = _README["leaf_probabilities"],
        max_int: int = _README["max_int"],
        positive: bool = _README["positive"],
        shape_weights: tuple[int, ...] = _README["shape_weights"],
        variables: int = 1,
        coefficients: int = 0,
        max_operators: int = 15,
    ) -> None:
        """Tables of the distribution.

        Args:
          operators: "name:weight,..."; weights of unary and of binary operators are normalised apart.
          leaf_probabilities: of variables, coefficients, integers and constants (pi, E); in any scale.
          max_int: integers are uniform in 1..max_int.
          positive: whether they stay so; otherwise half of them are negative.
          shape_weights: how much a leaf, a unary and a binary node weigh in the probability of a shape; 1, 1, 1 makes
            shapes uniform, the numbers of leaves and operators make expressions uniform.
          variables: how many of x, y, z, t are drawn.
          coefficients: how many of a0..a9 are drawn.
          max_operators: most operators that a tree will be asked to have.

        Raises:
          ValueError: a value out of its range.
        """
        _check_numbers(max_int, variables, coefficients, max_operators)
        if len(shape_weights) != 3 or any(weight < 1 for weight in shape_weights):
            raise ValueError(f"shape_weights must be three whole numbers of 1 or more, got {shape_weights}")
        self._unary, self._binary = _operator_tables(operators)
        self._kinds = _leaf_table(leaf_probabilities, coefficients)
        self._variables = [symbol(name) for name in VARIABLES[:variables]]
        self._coefficients = [symbol(name) for name in COEFFICIENTS[:coefficients]]
        self._constants = [constant(name) for name in LEAF_CONSTANTS]
        self._integers = [integer(value) for value in range(1, max_int + 1)]
        self._negatives = [] if positive else [integer(-value) for value in range(1, max_int + 1)]
        self._moves = _shape_thresholds(max_operators, tuple(shape_weights))

    def __call__(self, rng: random.Random, operators: int, required: Sequence[str] = ("x",)) -> Expression:
        """A raw tree with `operators` operators; see `rows` for `required`."""
        return raw_tree(self.rows(rng, operators, required))

    def canonical(self, rng: random.Random, operators: int, required: Sequence[str] = ("x",)) -> Expression:
        """The canonical form of the tree that the same call without `canonical` gives.

        Raises:
          TooLarge, Undefined: see `canonical`.
        """
        return canonical_tree(self.rows(rng, operators, required))

    def rows(self, rng: random.Random, operators: int, required: Sequence[str] = ("x",)) -> list[Row]:
        """A tree in prefix order.

        Args:
          operators: how many; at most `max_operators`.
          required: symbols that occur if there is room.  The second and later ones take the place of one leaf each,
            which is where the first one gives way if the tree is too small; the first replaces a leaf only if it has
            not been drawn.
        """
        draw = rng.random
        rows: list[Row] = []
        slots, remaining, leaves, moves = 1, operators, 0, self._moves
        unary, binary = self._unary, self._binary
        while slots:
            if remaining:
                leaf, single = moves[remaining][slots]
                where = draw()
                if where >= leaf:
                    table, arity = (unary, 1) if where < single else (binary, 2)
                    rows.append((arity, table[1][bisect(table[0], draw() * table[2])]))
                    slots += arity - 1
                    remaining -= 1
                    continue
            rows.append((0, None))
            slots -= 1
            leaves += 1
        filled = self._leaves(draw, leaves, required)
        return [row if row[0] else (0, filled.pop()) for row in rows]

    def _leaves(self, draw: Callable[[], float], count: int, required: Sequence[str]) -> list[Expression]:
        """`count` leaves in random order."""
        leaves = [self._leaf(draw) for _ in range(count)]
        if required:
            first, *others = required
            for place, name in enumerate(others[:count]):
                leaves[place] = symbol(name)
            if symbol(first) not in leaves:
                leaves[-1] = symbol(first)
        for place in range(count - 1, 0, -1):
            other = int(draw() * (place + 1))
            leaves[place], leaves[other] = leaves[other], leaves[place]
        return leaves

    def _leaf(self, draw: Callable[[], float]) -> Expression:
        cumulative = self._kinds
        kind = bisect(cumulative, draw() * cumulative[-1])
        if kind == 2:
            integers = self._negatives if self._negatives and draw() < 0.5 else self._integers
            return integers[int(draw() * len(integers))]
        choices = (self._variables, self._coefficients, None, self._constants)[kind]
        assert choices is not None
        return choices[0] if len(choices) == 1 else choices[int(draw() * len(choices))]


def raw_tree(rows: Sequence[Row]) -> Expression:
    """The raw expression that `rows` list in prefix order."""
    stack: list[Expression] = []
    for arity, what in reversed(rows):
        if not arity:
            stack.append(what)
        elif arity == 1:
            stack.append(unchecked(what, (stack.pop(),)))
        else:
            stack.append(unchecked(what, (stack.pop(), stack.pop())))
    return stack[0]


def canonical_tree(rows: Sequence[Row]) -> Expression:
    """The canonical expression that `rows` list in prefix order; what `canonicalise` makes of `raw_tree(rows)`.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    stack: list[Expression] = []
    push, pop = stack.append, stack.pop
    for arity, what in reversed(rows):
        if not arity:
            push(canonicalise(what) if what.op == "constant" else what)
        elif arity == 1:
            push(apply(what, pop()))
        else:
            push(build(what, (pop(), pop())))
    return stack[0]


_DRAWN: Final = tuple(name for name in OPERATORS if name in RULES)


def _check_numbers(max_int: int, variables: int, coefficients: int, max_operators: int) -> None:
    for name, value, least, most in (
        ("max_int", max_int, 1, 10**6),
        ("variables", variables, 1, len(VARIABLES)),
        ("coefficients", coefficients, 0, len(COEFFICIENTS)),
        ("max_operators", max_operators, 0, MAX_OPERATORS),
    ):
        if not least <= value <= most:
            raise ValueError(f"{name} must be between {least} and {most}, got {value}")


def _operator_tables(text: str) -> tuple[tuple[list[float], list[str], float], ...]:
    """(cumulative weights, names, total) of the unary and of the binary operators in "name:weight,..."."""
    weights: dict[str, float] = {}
    for item in text.split(","):
        name, _, weight = item.strip().partition(":")
        if name not in _DRAWN or name in weights:
            raise ValueError(
                f"operators has {item.strip()!r}; it lists name:weight, each name once, out of: {', '.join(_DRAWN)}"
            )
        weights[name] = _weight(item, weight)
    tables = []
    for arity in (1, 2):
        names = [name for name, weight in weights.items() if OPERATORS[name].arity == arity and weight]
        if not names:
            raise ValueError(f"operators {text!r} has no {'unary' if arity == 1 else 'binary'} operator to draw")
        cumulative = list(accumulate(weights[name] for name in names))
        tables.append((cumulative, names, cumulative[-1]))
    return tuple(tables)


def _weight(item: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < 1e9:
        raise ValueError(f"operators has {item.strip()!r}; it lists name:weight, weights are numbers of 0 or more")
    return weight


def _leaf_table(probabilities: tuple[float, ...], coefficients: int) -> list[float]:
    """Cumulative probabilities of variable, coefficient, integer, constant."""
    if len(probabilities) != 4 or any(not value >= 0 for value in probabilities) or not 0 < sum(probabilities) < inf:
        raise ValueError(
            "leaf_probabilities must be four numbers of 0 or more (variable, coefficient, integer, constant), "
            f"not all 0, got {probabilities}"
        )
    if probabilities[1] and not coefficients:
        raise ValueError(f"leaf_probabilities {probabilities} draw coefficients, but coefficients is 0")
    return list(accumulate(probabilities))


def _shape_thresholds(operators: int, weights: tuple[int, ...]) -> list[list[tuple[float, float]]]:
    """`[n][e]`: the first of e open slots with n operators to place is a leaf below the first number, unary below
    the second, else binary.  Quotients of exact integers, correctly rounded by Python's division."""
    leaf, unary, _ = weights
    counts = shape_counts(operators, weights)
    moves: list[list[tuple[float, float]]] = [[]]
    for n in range(1, operators + 1):
        row, above = counts[n], counts[n - 1]
        moves.append([(0.0, 0.0)])
        for e in range(1, operators + 2 - n):
            first = leaf * row[e - 1]
            moves[n].append((first / row[e], (first + unary * above[e]) / row[e]))
    return moves
