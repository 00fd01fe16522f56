"""Where might an equation hold?  Many points at once, in double precision, to find the few worth a certified look.

Equations that were solved with inverse functions and even roots hold on one branch only, and a right answer may fail at
twenty points before it holds at one.  What is found here decides nothing: points are proposed, and balls judge them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from symjax.symbolic.equality.graph import CONSTANT, NUMBER, PRODUCT, SUM, SYMBOL, Graph
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.work import Work

POINTS: Final = 256
FIRST_PLACE: Final = 1_000
"""Place of the first point in its sequence."""
SMALL: Final = 1e-9
"""A value is promising where it is so small beside the terms that it is made of."""

Array = NDArray[np.complex128]


PointSequence = Callable[[int], Point]


@functools.cache
def _coordinates(sequence: PointSequence, name: str) -> Array:
    points = [sequence(FIRST_PLACE + place) for place in range(POINTS)]
    real = [_float(point.real[name]) for point in points]
    return np.array(real) + 1j * np.array([_float(point.imaginary.get(name, 0)) for point in points])


def promising(
    graph: Graph, nodes: list[int], root: int, sequence: PointSequence, work: Work, *, at_most: int
) -> list[Point]:
    """Points of a sequence at which `root` is nearly zero, beginning with those at which it is nearest.

    Args:
      nodes: all nodes below `root` and itself, in order.
      sequence: real or complex points by their places.
      at_most: how many points to propose.
    """
    work.charge(sum(_cost(graph, node) for node in nodes))
    with np.errstate(all="ignore"):
        values, sizes = _evaluate(graph, nodes, sequence)
        smallness = np.abs(values[root]) / sizes[root]
    smallness = np.where(np.isfinite(smallness), smallness, np.inf)
    if smallness.ndim == 0:  # a constant: every point is like every other
        return []
    order = np.argsort(smallness, kind="stable")[:at_most]
    return [sequence(FIRST_PLACE + int(place)) for place in order if smallness[place] < SMALL]


def _evaluate(graph: Graph, nodes: list[int], sequence: PointSequence) -> tuple[dict[int, Any], dict[int, Any]]:
    """Values of the nodes, and the sizes that they would have if nothing cancelled in any sum."""
    values: dict[int, Any] = {}
    sizes: dict[int, Any] = {}
    for node in nodes:
        op, part = graph.ops[node], graph.parts[node]
        if op is SUM:
            constant = _float(part[0])
            terms = [(_float(factor), inner) for inner, factor in part[1]]
            values[node] = sum((factor * values[inner] for factor, inner in terms), constant)
            sizes[node] = sum((abs(factor) * sizes[inner] for factor, inner in terms), abs(constant))
            continue
        if op is PRODUCT:
            powers = [_power(values[inner], _float(exponent)) for inner, exponent in part]
            values[node] = functools.reduce(np.multiply, powers)
            magnitudes = [
                np.abs(power) if exponent < 0 else sizes[inner] ** _float(exponent)
                for power, (inner, exponent) in zip(powers, part, strict=True)
            ]
            sizes[node] = functools.reduce(np.multiply, magnitudes)
            continue
        if op is NUMBER:
            values[node] = np.complex128(_float(part))
        elif op is SYMBOL:
            values[node] = _coordinates(sequence, part)
        elif op is CONSTANT:
            values[node] = np.complex128(np.pi if part == "pi" else 1j)
        else:
            values[node] = FUNCTIONS[op](values[part] + 0.0)  # no negative zero, which is on the other side of a cut
        sizes[node] = np.abs(values[node])
    return values, sizes


def _cost(graph: Graph, node: int) -> int:
    """Work of one node at all points."""
    op, part = graph.ops[node], graph.parts[node]
    if op is SUM:
        return 12 * len(part[1])
    if op is PRODUCT:
        return sum(20 if isinstance(exponent, int) else 150 for _, exponent in part)
    return 4 if op in (NUMBER, SYMBOL, CONSTANT) else 100


def _float(value: Any) -> float:
    """A rational number or an integer as a float, infinite where it is too large."""
    if isinstance(value, int):
        return float(value) if abs(value) < 1 << 1000 else float("inf")
    top, bottom = int(value.p), int(value.q)
    try:
        return top / bottom
    except OverflowError:
        return float("inf")


def _power(base: Any, exponent: float) -> Any:
    if exponent == 1:
        return base
    if exponent == int(exponent) and abs(exponent) < 1 << 20:
        return base ** int(exponent) if exponent > 0 else 1 / base ** int(-exponent)
    return np.exp(exponent * np.log(base + 0.0))


def _asinh(u: Any) -> Any:
    return np.log(u + np.sqrt(u * u + 1))


def _acosh(u: Any) -> Any:
    return np.log(u + np.sqrt(u - 1) * np.sqrt(u + 1))


def _atanh(u: Any) -> Any:
    return (np.log(1 + u) - np.log(1 - u)) / 2


FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "exp": np.exp,
    "ln": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": lambda u: -1j * np.log(1j * u + np.sqrt(1 - u * u)),
    "atan": lambda u: -1j * _atanh(1j * u),
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "abs": lambda u: np.abs(u) + 0j,
    "sign": lambda u: u / np.abs(u),
}
"""On the principal branches of the balls; by formulas, because numpy's own differ on the cuts."""
