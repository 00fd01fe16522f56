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
from symjax.symbolic.equality.sharing import Shared
from symjax.symbolic.equality.work import Work

Ball = Any
"""arb in real evaluations, acb in complex ones."""
Setting = Literal["real", "complex"]

EXPONENT_BOUND: Final = arb(10) ** 18
"""Largest argument of exponentials, in size: towers of them would have more digits than memory."""
AGREEING_BITS: Final = 128
"""A value that is smaller than its largest term by so many bits is a candidate for zero."""

_GROWING: Final = frozenset({"exp", "sinh", "cosh"})
_HALF: Final = fmpq(1, 2)
_UNITS: Final = {64: 1, 256: 3, 1024: 12, 4096: 80}
"""How much more work an operation is at a precision."""


Step = tuple[int, str, Any]
"""(structure, see `Shared`; kind or function; what it is made of, by place in the list of values)."""


class Values:
    """Values of the nodes below some roots, point by point.

    Args:
      roots: nodes; values of every node below them are worked out.
      shared: what is known of the same structures in other graphs; values are the same with and without.

    Attributes:
      nodes: those nodes, operands before operators, those without symbols first.
      steps: how each of them is worked out.
    """

    def __init__(self, graph: Graph, work: Work, *roots: int, shared: Shared | None = None) -> None:
        self._work = work
        self.shared = Shared() if shared is None else shared
        below = graph.below(*roots)
        varying: set[int] = set()
        for node in below:
            if graph.ops[node] is SYMBOL or not varying.isdisjoint(graph.inner[node]):
                varying.add(node)
        fixed = [node for node in below if node not in varying]
        self.nodes = fixed + [node for node in below if node in varying]
        self.steps = _steps(graph, self.nodes, self.shared.structures(graph, below))
        self._fixed, self._varying = self.steps[: len(fixed)], self.steps[len(fixed) :]
        self._root = self.nodes.index(roots[0])
        self._costs = list(itertools.accumulate(map(_cost, self.steps)))
        self._fixed_values: dict[tuple[str, int], list[Ball] | None] = {}

    def at(self, point: Point, precision: int, *, kind: Setting) -> dict[int, Ball] | None:
        """The value of every node at `point`; None where one has none (that is real, if `kind` says so)."""
        known = self._known(point, precision, kind)
        return None if known is None else dict(zip(self.nodes, known, strict=True))

    def root_at(self, point: Point, precision: int, *, kind: Setting) -> Ball | None:
        """The value of the first root; None where a node below any root has none."""
        known = self._known(point, precision, kind)
        return None if known is None else known[self._root]

    def _known(self, point: Point, precision: int, kind: Setting) -> list[Ball] | None:
        before = flint.ctx.prec
        flint.ctx.prec = precision
        try:
            if (kind, precision) not in self._fixed_values:
                self._fixed_values[kind, precision] = self._run(self._fixed, [], None, precision, kind)
            fixed = self._fixed_values[kind, precision]
            return None if fixed is None else self._run(self._varying, fixed.copy(), point, precision, kind)
        finally:
            flint.ctx.prec = before

    def _run(
        self, steps: list[Step], known: list[Ball], point: Point | None, precision: int, kind: Setting
    ) -> list[Ball] | None:
        """`known` with the values of `steps` behind it; None if one has none.  Pays for those that have."""
        start = len(known)
        remembered = self.shared.balls(point, precision, kind)
        done = _extend(known, steps, remembered, point, REAL if kind == "real" else COMPLEX)
        cost = (self._costs[len(known) - 1] if known else 0) - (self._costs[start - 1] if start else 0)
        self._work.charge((cost + 4) * _UNITS[precision])
        return known if done else None


def _steps(graph: Graph, nodes: list[int], structures: Mapping[int, int]) -> list[Step]:
    place = {node: count for count, node in enumerate(nodes)}
    return [(structures[node], graph.ops[node], _part(graph, node, place)) for node in nodes]


def _part(graph: Graph, node: int, place: Mapping[int, int]) -> Any:
    op, part = graph.ops[node], graph.parts[node]
    if op is SUM:
        constant = part[0] if part[0] != 0 else None
        return constant, tuple([(place[inner], None if factor == 1 else factor) for inner, factor in part[1]])
    if op is PRODUCT:
        return tuple([(place[inner], exponent) for inner, exponent in part])
    return part if op in _LEAVES else place[part]


def _cost(step: Step) -> int:
    """Work of one step at 64 bits."""
    _, op, part = step
    if op is SUM:
        return len(part[1])
    if op is PRODUCT:
        return sum(1 if isinstance(exponent, int) else 6 for _, exponent in part)
    return 1 if op in _LEAVES else 4


def _extend(
    known: list[Ball], steps: list[Step], remembered: dict[int, Ball], point: Point | None, numbers: _Numbers
) -> bool:
    """Appends the values of `steps` to `known`; False, and nothing more, at the first that has none."""
    for structure, op, part in steps:
        value = remembered.get(structure)
        if value is None:
            value = None if structure in remembered else _value(op, part, known, point, numbers)
            if value is None or not value.is_finite():
                remembered[structure] = None
                return False
            remembered[structure] = value
        known.append(value)
    return True


def _value(op: str, part: Any, known: list[Ball], point: Point | None, numbers: _Numbers) -> Ball | None:
    """The value of one step, which may be none or not finite."""
    ball, functions, leaf = numbers
    value: Ball | None = None
    if op is SUM:
        constant, terms = part
        if constant is not None:
            value = ball(constant)
        for place, factor in terms:
            term = known[place] if factor is None else known[place] * factor
            value = term if value is None else value + term
        return value
    if op is PRODUCT:
        for place, exponent in part:
            term = known[place] if exponent == 1 else _power(known[place], exponent, ball)
            value = term if value is None else value * term
        return value
    if op in _LEAVES:
        return leaf(op, part, point)
    argument = known[part]
    if op in _GROWING and abs(argument) > EXPONENT_BOUND:
        return None
    return _of_complex(op, argument, point) if op in _NOT_ANALYTIC and ball is acb else functions[op](argument)


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
