"""Values of nodes of a graph at exact points, in certified balls, real or complex, at any precision.

A real evaluation has a value only where everything on the way is real.  Values that are undefined, or that need numbers
beyond all measure, are None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.equality.graph import CONSTANT, NUMBER, PRODUCT, SUM, SYMBOL, Exponent, Graph
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.work import Work

Ball = Any
"""arb in real evaluations, acb in complex ones."""

EXPONENT_BOUND: Final = arb(10) ** 6
"""Largest argument of exponentials, in size: towers of them would have more digits than memory."""
ARGUMENT_BOUND: Final = arb(2) ** 4096
AGREEING_BITS: Final = 128
"""A value that is smaller than its largest term by so many bits is a candidate for zero."""

_GROWING: Final = frozenset({"exp", "sinh", "cosh"})
_HALF: Final = fmpq(1, 2)
_UNITS: Final = {64: 1, 256: 2, 1024: 6, 4096: 40}
"""Work of a node, by precision."""


class Values:
    """Values of the nodes below some roots, point by point.

    Args:
      roots: nodes; values of every node below them are worked out.
    """

    def __init__(self, graph: Graph, work: Work, *roots: int) -> None:
        self._work = work
        self.nodes = graph.below(*roots)
        self._varying = _varying(graph, self.nodes)
        self._steps = [(node, graph.ops[node], graph.parts[node]) for node in self.nodes]
        self.symbols = tuple(str(part) for _, op, part in self._steps if op is SYMBOL)

    def at(self, point: Point, precision: int, *, kind: Literal["real", "complex"]) -> dict[int, Ball] | None:
        """The value of every node at `point`; None where one has none (that is real, if `kind` says so)."""
        self._work.charge(len(self._steps) * _UNITS[precision])
        before = flint.ctx.prec
        flint.ctx.prec = precision
        try:
            return self._real(point) if kind == "real" else self._complex(point)
        finally:
            flint.ctx.prec = before

    def _real(self, point: Point) -> dict[int, Ball] | None:
        known: dict[int, Ball] = {}
        for node, op, part in self._steps:
            value = _real_leaf(op, part, point) if op in _LEAVES else _combine(op, part, known, REAL)
            if value is None or not value.is_finite():
                return None
            known[node] = value
        return known

    def _complex(self, point: Point) -> dict[int, Ball] | None:
        known: dict[int, Ball] = {}
        for node, op, part in self._steps:
            if op in _LEAVES:
                value = _complex_leaf(op, part, point)
            elif op in _NOT_ANALYTIC:
                value = self._broken(node, op, known[part], point)
            else:
                value = _combine(op, part, known, COMPLEX)
            if value is None or not value.is_finite():
                return None
            known[node] = value
        return known

    def _broken(self, node: int, op: str, u: acb, point: Point) -> acb | None:
        """abs or sign of a complex number: the derivative knows them for real numbers only, and for constants."""
        if u.imag.is_zero():
            return acb(_REAL_FUNCTIONS[op](u.real))
        if op == "abs" and (node not in self._varying or not point.imaginary):
            return acb(abs(u))
        return u / abs(u) if node not in self._varying else None


def _varying(graph: Graph, nodes: list[int]) -> set[int]:
    """Those of `nodes` that hold a symbol."""
    varying: set[int] = set()
    for node in nodes:
        if graph.ops[node] is SYMBOL or any(inner in varying for inner in graph.operands(node)):
            varying.add(node)
    return varying


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
REAL: Final = (arb, _REAL_FUNCTIONS)
COMPLEX: Final = (acb, _COMPLEX_FUNCTIONS)


def _real_leaf(op: str, part: Any, point: Point) -> arb | None:
    if op is NUMBER:
        return arb(part)
    if op is SYMBOL:
        return None if part in point.imaginary else arb(point.real[part])
    return arb.pi() if part == "pi" else None


def _complex_leaf(op: str, part: Any, point: Point) -> acb:
    if op is NUMBER:
        return acb(part)
    if op is SYMBOL:
        return acb(arb(point.real[part]), arb(point.imaginary.get(part, 0)))
    return acb.pi() if part == "pi" else acb(0, 1)


def _combine(op: str, part: Any, known: Mapping[int, Ball], numbers: tuple[Any, Mapping[str, Any]]) -> Ball | None:
    """The value of a sum, product or function from those of its operands."""
    ball, functions = numbers
    if op is SUM:
        constant, terms = part
        result = ball(constant) if constant != 0 else None
        for inner, factor in terms:
            term = known[inner] if factor == 1 else known[inner] * factor
            result = term if result is None else result + term
        return result
    if op is PRODUCT:
        result = None
        for inner, exponent in part:
            value = known[inner] if exponent == 1 else _power(known[inner], exponent, ball)
            result = value if result is None else result * value
        return result
    u = known[part]
    if (abs(u) > EXPONENT_BOUND) if op in _GROWING else (abs(u) > ARGUMENT_BOUND):
        return None
    return functions[op](u)


def _power(base: Ball, exponent: Exponent, ball: Any) -> Ball:
    """base**exponent; not finite for real powers of negative numbers."""
    if isinstance(exponent, int):
        return 1 / base if exponent == -1 else base**exponent
    if exponent == _HALF:
        return base.sqrt()
    if exponent == -_HALF:
        return base.rsqrt()
    return base ** ball(exponent)


def scale(graph: Graph, known: Mapping[int, Ball], root: int, *, levels: int = 8) -> arb | None:
    """Size that `root` would have if nothing cancelled in it; None where no sum cancels.

    Of a sum, the largest term; of a product, that of the factors.  Only terms and factors whose balls hold zero are
    looked into, so that a value which is small because a function saturates is not mistaken for one that cancels.
    """
    value, op, part = known[root], graph.ops[root], graph.parts[root]
    if not value.contains(0):
        return abs(value).abs_upper()
    if not levels:
        return None
    if op is SUM:
        largest = abs(arb(part[0])).abs_upper()
        for inner, factor in part[1]:
            size = scale(graph, known, inner, levels=levels - 1)
            if size is not None:
                largest = max(largest, size * abs(arb(factor)).abs_upper())
        return largest if largest > 0 else None
    if op is not PRODUCT:
        return None
    result = arb(1)
    for inner, exponent in part:
        size = scale(graph, known, inner, levels=levels - 1)
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
