"""Values of nodes of a graph at exact points, in certified balls, real or complex, at any precision.

A real evaluation has a value only where everything on the way is real.  Values that are undefined, or that need numbers
beyond all measure, are None.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.equality.graph import CONSTANT, NUMBER, PRODUCT, SUM, SYMBOL, Graph, Rational
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.work import Work

Ball = Any
"""arb in real evaluations, acb in complex ones."""

EXPONENT_BOUND: Final = arb(10) ** 18
"""Largest argument of exponentials, in size: towers of them would have more digits than memory."""
AGREEING_BITS: Final = 128
"""A value that is smaller than its largest term by so many bits is a candidate for zero."""

_GROWING: Final = frozenset({"exp", "sinh", "cosh"})
_HALF: Final = fmpq(1, 2)
_UNITS: Final = {64: 1, 256: 3, 1024: 12, 4096: 80}
"""How much more work an operation is at a precision."""


class Values:
    """Values of the nodes below some roots, point by point.

    Args:
      roots: nodes; values of every node below them are worked out.

    Attributes:
      nodes: those nodes, operands before operators.
    """

    def __init__(self, graph: Graph, work: Work, *roots: int) -> None:
        self._work = work
        self.nodes = graph.below(*roots)
        self._steps = _steps(graph, self.nodes)
        self._order = [step[0] for steps in self._steps for step in steps]
        self._costs = list(itertools.accumulate(_cost(step) for steps in self._steps for step in steps))
        self._constants: dict[tuple[str, int], dict[int, Ball] | None] = {}

    def at(self, point: Point, precision: int, *, kind: Literal["real", "complex"]) -> dict[int, Ball] | None:
        """The value of every node at `point`; None where one has none (that is real, if `kind` says so)."""
        before = flint.ctx.prec
        flint.ctx.prec = precision
        try:
            constants = self._constant_values(kind, precision)
            if constants is None:
                return None
            known = list(constants.values())
            numbers = REAL if kind == "real" else COMPLEX
            done = _run(self._steps[1], known, point, numbers)
            self._charge(len(constants), len(known), precision)
            return dict(zip(self._order, known, strict=True)) if done else None
        finally:
            flint.ctx.prec = before

    def _constant_values(self, kind: str, precision: int) -> dict[int, Ball] | None:
        """Values of the nodes that hold no symbol, worked out once."""
        if (kind, precision) not in self._constants:
            known: list[Ball] = []
            numbers = REAL if kind == "real" else COMPLEX
            done = _run(self._steps[0], known, None, numbers)
            self._charge(0, len(known), precision)
            found = dict(zip((step[0] for step in self._steps[0]), known, strict=True)) if done else None
            self._constants[kind, precision] = found
        return self._constants[kind, precision]

    def _charge(self, start: int, end: int, precision: int) -> None:
        """Pays for the steps from `start` to before `end`."""
        cost = (self._costs[end - 1] if end else 0) - (self._costs[start - 1] if start else 0)
        self._work.charge((cost + 4) * _UNITS[precision])


_Step = tuple[int, str, Any]
"""(node, kind or function, what it is made of, by place in the list of values)."""


def _steps(graph: Graph, nodes: list[int]) -> tuple[list[_Step], list[_Step]]:
    """How to work out the nodes that hold no symbol, and then the others."""
    varying: set[int] = set()
    for node in nodes:
        if graph.ops[node] is SYMBOL or any(inner in varying for inner in graph.operands(node)):
            varying.add(node)
    ordered = [node for node in nodes if node not in varying] + [node for node in nodes if node in varying]
    place = {node: count for count, node in enumerate(ordered)}
    steps = [(node, graph.ops[node], _part(graph, node, place)) for node in ordered]
    count = len(nodes) - len(varying)
    return steps[:count], steps[count:]


def _part(graph: Graph, node: int, place: Mapping[int, int]) -> Any:
    op, part = graph.ops[node], graph.parts[node]
    if op is SUM:
        constant = part[0] if part[0] != 0 else None
        return constant, tuple((place[inner], None if factor == 1 else factor) for inner, factor in part[1])
    if op is PRODUCT:
        return tuple((place[inner], exponent) for inner, exponent in part)
    return part if op in _LEAVES else place[part]


def _cost(step: _Step) -> int:
    """Work of one step at 64 bits."""
    _, op, part = step
    if op is SUM:
        return len(part[1])
    if op is PRODUCT:
        return sum(1 if isinstance(exponent, int) else 6 for _, exponent in part)
    return 1 if op in _LEAVES else 4


def _run(steps: list[_Step], known: list[Ball], point: Point | None, numbers: _Numbers) -> bool:
    """Appends the values of `steps` to `known`; False, and nothing more, at the first that has none."""
    ball, functions, leaf = numbers
    for _, op, part in steps:
        if op is SUM:
            constant, terms = part
            value = None if constant is None else ball(constant)
            for place, factor in terms:
                term = known[place] if factor is None else known[place] * factor
                value = term if value is None else value + term
        elif op is PRODUCT:
            value = None
            for place, exponent in part:
                term = known[place] if exponent == 1 else _power(known[place], exponent, ball)
                value = term if value is None else value * term
        elif op in _LEAVES:
            value = leaf(op, part, point)
        else:
            value = known[part]
            if op in _GROWING and abs(value) > EXPONENT_BOUND:
                return False
            value = _of_complex(op, value, point) if op in _NOT_ANALYTIC and ball is acb else functions[op](value)
        if value is None or not value.is_finite():
            return False
        known.append(value)
    return True


def _of_complex(op: str, u: acb, point: Point | None) -> acb | None:
    """abs or sign of a complex number: their derivatives are known for real numbers only, and for constants."""
    if u.imag.is_zero():
        return acb(_REAL_FUNCTIONS[op](u.real))
    if op == "abs":
        return acb(abs(u)) if point is None or not point.imaginary else None
    return u / abs(u) if point is None else None


def _sign(u: arb) -> arb:
    return arb(1) if u > 0 else arb(-1) if u < 0 else arb.nan()


_LEAVES: Final = frozenset({NUMBER, SYMBOL, CONSTANT})
_NOT_ANALYTIC: Final = frozenset({"abs", "sign"})
_NAMES: Final = {"ln": "log"}
_SMOOTH: Final = "exp ln sin cos tan asin atan sinh cosh tanh asinh acosh atanh".split()  # noqa: SIM905
_REAL_FUNCTIONS: Final[Mapping[str, Callable[[arb], arb]]] = {
    **{name: getattr(arb, _NAMES.get(name, name)) for name in _SMOOTH},
    "abs": abs,
    "sign": _sign,
}
_COMPLEX_FUNCTIONS: Final[Mapping[str, Callable[[acb], acb]]] = {
    name: getattr(acb, _NAMES.get(name, name)) for name in _SMOOTH
}


def _real_leaf(op: str, part: Any, point: Point | None) -> arb | None:
    if op is NUMBER:
        return arb(part)
    if op is SYMBOL and point is not None:
        return None if part in point.imaginary else arb(point.real[part])
    return arb.pi() if part == "pi" else None


def _complex_leaf(op: str, part: Any, point: Point | None) -> acb:
    if op is NUMBER:
        return acb(part)
    if op is SYMBOL and point is not None:
        return acb(arb(point.real[part]), arb(point.imaginary.get(part, 0)))
    return acb.pi() if part == "pi" else acb(0, 1)


_Numbers = tuple[Any, Mapping[str, Callable[[Any], Any]], Callable[[str, Any, Point | None], Any]]
REAL: Final[_Numbers] = (arb, _REAL_FUNCTIONS, _real_leaf)
COMPLEX: Final[_Numbers] = (acb, _COMPLEX_FUNCTIONS, _complex_leaf)


def _power(base: Ball, exponent: Rational, ball: Any) -> Ball:
    """base**exponent; not finite for real powers of negative numbers."""
    if isinstance(exponent, int):
        if exponent == -1:
            return 1 / base
        result = base**exponent
        if exponent > 0 and not result.is_finite():  # python-flint has no power of a real ball around zero itself
            result = ball((acb(base) ** exponent).real) if ball is arb else result
        return result
    if exponent == _HALF:
        return base.sqrt()
    if exponent == -_HALF:
        return base.rsqrt()
    return base ** ball(exponent)


def scale(graph: Graph, known: Mapping[int, Ball], root: int) -> arb | None:
    """Size that `root` would have if nothing cancelled in it; None where no sum cancels.

    Of a sum, the largest term; of a product, that of the factors.  Only terms and factors whose balls hold zero are
    looked into, so that a value which is small because a function saturates is not mistaken for one that cancels.
    """
    return _scale(graph, known, root, 8, {})


def _scale(
    graph: Graph, known: Mapping[int, Ball], root: int, levels: int, found: dict[tuple[int, int], arb | None]
) -> arb | None:
    """`scale`, looking so many levels deep; `found` remembers nodes by their levels."""
    value = known[root]
    if not value.contains(0):
        return abs(value).abs_upper()
    if not levels:
        return None
    key = root, levels
    if key not in found:
        found[key] = _inner_scale(graph, known, root, levels, found)
    return found[key]


def _inner_scale(
    graph: Graph, known: Mapping[int, Ball], root: int, levels: int, found: dict[tuple[int, int], arb | None]
) -> arb | None:
    """`_scale` of a node whose ball holds zero."""
    op, part = graph.ops[root], graph.parts[root]
    if op is SUM:
        largest = abs(arb(part[0])).abs_upper()
        for inner, factor in part[1]:
            size = _scale(graph, known, inner, levels - 1, found)
            if size is not None:
                largest = max(largest, size * abs(arb(factor)).abs_upper())
        return largest if largest > 0 else None
    if op is not PRODUCT:
        return None
    result = arb(1)
    for inner, exponent in part:
        size = _scale(graph, known, inner, levels - 1, found)
        if size is None or (exponent < 0 and known[inner].contains(0)):
            return None
        result = result * _power(size, exponent, arb)
    return result


def is_candidate(graph: Graph, known: Mapping[int, Ball], root: int) -> bool:
    """Whether the value of `root` may be zero: exactly, or to `AGREEING_BITS` bits of the terms that cancel."""
    value = known[root]
    if value.is_zero():
        return True
    largest = scale(graph, known, root)
    return largest is not None and bool(abs(value).abs_upper() < largest / arb(2) ** AGREEING_BITS)
