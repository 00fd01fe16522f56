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

from symjax.symbolic.equality.evaluation import Step, Values
from symjax.symbolic.equality.graph import CONSTANT, NUMBER, PRODUCT, SUM, SYMBOL
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.work import Work

POINTS: Final = 256
FIRST_PLACE: Final = 1_000
"""Place of the first point in its sequence."""
SMALL: Final = 1e-9
"""A value is promising where it is so small beside the terms that it is made of."""
ROUNDING: Final = 1e-12
"""And this small where only rounding keeps it from zero."""

Array = NDArray[np.complex128]


PointSequence = Callable[[int], Point]


@functools.cache
def _coordinates(sequence: PointSequence, name: str) -> Array:
    points = [sequence(FIRST_PLACE + place) for place in range(POINTS)]
    real = [_float(point.real[name]) for point in points]
    return np.array(real) + 1j * np.array([_float(point.imaginary.get(name, 0)) for point in points])


def promising(values: Values, sequence: PointSequence, work: Work, *, at_most: int) -> list[Point]:
    """Points of a sequence at which the last of `values.steps` is nearly zero, those first where that is rounding.

    Not the nearest first: they are near branch points, where signs are hard to tell.

    Args:
      sequence: real or complex points by their places.
      at_most: how many points to propose.
    """
    work.charge(sum(map(_cost, values.steps)))
    with np.errstate(all="ignore"):
        found = _Search(values, sequence)
        value, size = found.values[-1], found.size(len(found.values) - 1)
        smallness = np.abs(value) / size
        if smallness.ndim == 0:  # a constant: every point is like every other
            return []
        places = np.flatnonzero(smallness < SMALL)
    likely_first = places[np.argsort(smallness[places] > ROUNDING, kind="stable")]
    return [sequence(FIRST_PLACE + int(place)) for place in likely_first[:at_most]]


class _Search:
    """Values of steps in double precision, and the sizes that they would have if nothing cancelled in any sum."""

    def __init__(self, values: Values, sequence: PointSequence) -> None:
        self._steps = values.steps
        self._sequence = sequence
        self._known = values.shared.arrays(sequence)
        self.values: list[Any] = []
        for structure, op, part in self._steps:
            self.values.append(self._remembered(structure, self._value, op, part))

    def _remembered(self, key: Any, find: Callable[..., Any], *args: Any) -> Any:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = find(*args)
        return found

    def _value(self, op: str, part: Any) -> Any:
        if op is SUM:
            constant, terms = part
            total = _float(constant or 0)
            for place, factor in terms:
                total = total + _float(1 if factor is None else factor) * self.values[place]
            return total
        if op is PRODUCT:
            return functools.reduce(np.multiply, [self._power(place, exponent) for place, exponent in part])
        if op is NUMBER:
            return np.complex128(_float(part))
        if op is SYMBOL:
            return _coordinates(self._sequence, part)
        if op is CONSTANT:
            return np.complex128(np.pi if part == "pi" else 1j)
        return FUNCTIONS[op](self.values[part] + 0.0)  # no negative zero, which is on the other side of a cut

    def _power(self, place: int, exponent: Any) -> Any:
        base, power = self.values[place], _float(exponent)
        if power == 1:
            return base
        structure = self._steps[place][0]
        return self._remembered((structure, power), self._new_power, structure, base, power)

    def _new_power(self, structure: int, base: Any, power: float) -> Any:
        if abs(power) < 1 << 20 and power == int(power):
            return base ** int(power) if power > 0 else 1 / base ** int(-power)
        return np.exp(power * self._remembered((structure, "ln"), lambda: np.log(base + 0.0)))

    def size(self, root: int) -> Any:
        """Size of the step `root` if nothing cancelled in it."""
        wanted = {root}
        for place in range(root, -1, -1):
            if place in wanted:
                wanted.update(_sized(self._steps[place]))
        sizes: dict[int, Any] = {}
        for place in sorted(wanted):
            sizes[place] = self._remembered((self._steps[place][0], "size"), self._size, place, sizes)
        return sizes[root]

    def _size(self, place: int, sizes: Mapping[int, Any]) -> Any:
        _, op, part = self._steps[place]
        if op is SUM:
            constant, terms = part
            total = abs(_float(constant or 0))
            for inner, factor in terms:
                total = total + abs(_float(1 if factor is None else factor)) * sizes[inner]
            return total
        if op is PRODUCT:
            magnitudes = [
                np.abs(self._power(inner, exponent)) if exponent < 0 else sizes[inner] ** _float(exponent)
                for inner, exponent in part
            ]
            return functools.reduce(np.multiply, magnitudes)
        return np.abs(self.values[place])


def _sized(step: Step) -> list[int]:
    """Places of the steps of whose sizes the size of `step` is made."""
    _, op, part = step
    if op is SUM:
        return [place for place, _ in part[1]]
    return [place for place, exponent in part if exponent > 0] if op is PRODUCT else []


def _cost(step: Step) -> int:
    """Work of one step at all points."""
    _, op, part = step
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
