"""Values and derivatives along x at some points, by forward-mode differentiation over complex balls.

Every node carries its values and its first (and second) derivatives, at all points at once.  Nothing here is shared
with the symbolic derivative but the table of elementary functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import add, mul, truediv
from types import MappingProxyType
from typing import Any, Final

from flint import acb, fmpq

from symjax.symbolic.balls import FUNCTIONS, UNDEFINED, leaf
from symjax.symbolic.expression import SYMBOL, Expression, X
from symjax.symbolic.programs import Column, apply_within_bound, fixed_exponent, remember, settled, undefined

Jet = tuple[Column, *tuple[Column, ...]]
"""Values alone, for what does not depend on x; or values and their derivatives by x."""

_EXACT, _SYMBOL, _LEAF, _X, _SUM, _PRODUCT, _POWER, _FUNCTION, _UNARY, _BINARY = range(10)

_Step = tuple[int, Any, tuple[int, ...]]
"""(kind; what it is applied to or by; places of the operands)."""


class Slopes:
    """The jets of an expression and of all its parts.

    Attributes:
      nodes: the distinct nodes, operands first; the last one is the expression.
    """

    def __init__(self, nodes: Sequence[Expression]) -> None:
        """How to compute the jets of `nodes`, which come with their operands first."""
        self.nodes = nodes
        places = {node: place for place, node in enumerate(nodes)}
        self._steps = [_step(node, places) for node in nodes]

    def __call__(
        self,
        values: Mapping[str, Column],
        order: int,
        given: Sequence[Jet] = (),
        stop: int | None = None,
        memo: dict[Expression, Jet] | None = None,
    ) -> list[Jet]:
        """The jets of `nodes` at some points, at the precision in force.

        A point at which a node has no value has none at the nodes that follow, the last one included.

        Args:
          values: of the symbols, of x at least.
          order: 1 or 2, of the highest derivative.
          given: jets of the first nodes, where they are known.
          stop: how many nodes to compute, those that are given included; all of them by default.
          memo: jets of small nodes with these `values`, to this order and at this precision, read and extended.
        """
        known, lost = list(given), undefined(given[-1][0]) if given else frozenset()
        points = len(values["x"])
        for kind, what, args in self._steps[len(given) : stop]:
            if memo is not None and not lost:
                jet = memo.get(self.nodes[len(known)])
                if jet is not None:
                    known.append(jet)
                    continue
            if kind == _FUNCTION:
                jet = _function(known[args[0]], order, *what)
            elif kind == _PRODUCT:
                jet = known[args[0]]
                for arg in args[1:]:
                    jet = _product(jet, known[arg])
            elif kind == _SUM:
                jet = _sum([known[arg] for arg in args])
            elif kind == _POWER:
                exponent, whole, halves = what
                jet = _power(known[args[0]], known[args[1]] if len(args) > 1 else ([exponent] * points,), whole, halves)
            elif kind == _X:
                ones, zeros = [acb(1)] * points, [acb(0)] * points
                jet = (values["x"], ones) if order == 1 else (values["x"], ones, zeros)
            elif kind == _SYMBOL:
                jet = (values.get(what) or [UNDEFINED] * points,)
            elif kind == _UNARY:
                jet = _unary(what, known[args[0]])
            elif kind == _BINARY:
                jet = what(known[args[0]], known[args[1]])
            else:
                jet = ([what if kind == _EXACT else leaf(what, {})] * points,)
            if lost or not all(map(acb.is_finite, jet[0])):
                column, lost = settled(jet[0], lost)
                jet = column, *jet[1:]
            known.append(jet)
        if memo is not None and not lost:
            remember(memo, self.nodes[len(given) :], known[len(given) :])
        return known


def _step(node: Expression, places: Mapping[Expression, int]) -> _Step:
    """What computes the jet of `node`."""
    op = node.op
    if op == "pow" and (fixed := fixed_exponent(node.args[1])):
        whole, halves = fixed
        return _POWER, (acb(whole or fmpq(halves, 2)), whole or None, halves), (places[node.args[0]],)
    args = tuple([places[arg] for arg in node.args])
    if not args:
        if node is X:
            return _X, None, ()
        if op == SYMBOL:
            return _SYMBOL, node.value, ()
        return (_EXACT, acb(node.value), ()) if isinstance(node.value, int) else (_LEAF, node, ())
    if op == "add":
        return _SUM, None, args
    if op == "mul":
        return _PRODUCT, None, args
    if op == "pow":
        return _POWER, (None, None, 0), args
    if len(args) > 1:
        return _BINARY, _BINARY_RULES.get(op, lambda left, _: _nowhere(left)), args
    if op in _DERIVATIVES and op not in ("abs", "sign"):
        return _FUNCTION, (FUNCTIONS[op], *_DERIVATIVES[op]), args
    return _UNARY, op, args


def _nowhere(like: Jet) -> Jet:
    """The jet of what has no value at any of the points of another jet."""
    return ([UNDEFINED] * len(like[0]),)


def _sum(terms: Sequence[Jet]) -> Jet:
    moving = [term for term in terms if len(term) > 1]
    value = _total([term[0] for term in terms])
    return value, *[_total([term[place] for term in moving]) for place in range(1, len(moving[0]) if moving else 1)]


def _total(columns: Sequence[Column]) -> Column:
    total = columns[0]
    for column in columns[1:]:
        total = list(map(add, total, column))
    return total


def _times(left: Column, right: Column) -> Column:
    return list(map(mul, left, right))


def _product(left: Jet, right: Jet) -> Jet:
    if len(right) == 1:
        left, right = right, left
    if len(left) == 1:
        factor = left[0]
        return _times(factor, right[0]), *[_times(factor, part) for part in right[1:]]
    value = _times(left[0], right[0])
    slope = list(map(add, _times(left[1], right[0]), _times(left[0], right[1])))
    if len(left) == 2:
        return value, slope
    curvature = [l2 * r0 + 2 * l1 * r1 + l0 * r2 for l0, l1, l2, r0, r1, r2 in zip(*left, *right, strict=True)]
    return value, slope, curvature


def _quotient(left: Jet, right: Jet) -> Jet:
    _, *derivatives = _product(left, _unary("inv", right))
    return list(map(truediv, left[0], right[0])), *derivatives


def _chain(inner: Jet, value: Column, slope: Column, curvature: Column | None) -> Jet:
    """The jet of a function with these values and derivatives at inner[0]."""
    if len(inner) == 2:
        return value, _times(slope, inner[1])
    assert curvature is not None
    second = [s * u2 + c * u1 * u1 for s, c, u1, u2 in zip(slope, curvature, *inner[1:], strict=True)]
    return value, _times(slope, inner[1]), second


def _power(base: Jet, exponent: Jet, whole: object = None, halves: int = 0) -> Jet:
    """base**exponent; `whole` is the exponent where it is an integer, and `halves` twice it where that is one."""
    bases, exponents = base[0], exponent[0]
    if halves:
        value = [u.sqrt() ** halves for u in bases]
    elif isinstance(whole, int) and whole:
        value = [u**whole for u in bases]
    else:
        value = [acb(1) if e.is_zero() else u**e for u, e in zip(bases, exponents, strict=True)]
    if len(exponent) > 1:
        logarithm = _product(exponent, _unary("ln", base))
        return _chain(logarithm, value, value, value)
    if len(base) == 1 or all(map(acb.is_zero, exponents)):
        return (value,)
    if isinstance(whole, int):
        slope, curvature = [whole * u ** (whole - 1) for u in bases], None
        if len(base) > 2:
            curvature = [acb(0) if whole == 1 else whole * (whole - 1) * u ** (whole - 2) for u in bases]
        return _chain(base, value, slope, curvature)
    slope = [e * v / u for e, v, u in zip(exponents, value, bases, strict=True)]
    curvature = None
    if len(base) > 2:
        curvature = [(e - 1) * s / u for e, s, u in zip(exponents, slope, bases, strict=True)]
    return _chain(base, value, slope, curvature)


def _function(
    inner: Jet,
    order: int,
    function: Callable[[acb], acb],
    slope: Callable[[acb, acb], acb],
    curvature: Callable[[acb, acb, acb], acb],
) -> Jet:
    """A function, with its derivatives, of a jet."""
    arguments = inner[0]
    value = apply_within_bound(function, arguments)
    if len(inner) == 1:
        return (value,)
    slopes = list(map(slope, arguments, value))
    return _chain(inner, value, slopes, list(map(curvature, arguments, value, slopes)) if order > 1 else None)


def _unary(op: str, inner: Jet) -> Jet:
    """An elementary function of a jet."""
    exponent = _POWERS.get(op)
    if exponent is not None:
        halves = int(exponent.p) if exponent.q == 2 else 0
        whole = int(exponent.p) if exponent.q == 1 else None
        return _power(inner, ([acb(exponent)] * len(inner[0]),), whole, halves)
    parts = _COMPOSED.get(op)
    if parts is not None:
        return _unary(parts[1], _unary(parts[0], inner))
    rule, function = _DERIVATIVES.get(op), FUNCTIONS.get(op)
    if function is None or rule is None:
        return _nowhere(inner)
    jet = _function(inner, len(inner) - 1, function, *rule)
    if op in ("abs", "sign") and len(inner) > 1:
        value = [v if 0 in u.imag else UNDEFINED for u, v in zip(inner[0], jet[0], strict=True)]
        return value, *jet[1:]
    return jet


_BINARY_RULES: Final[Mapping[str, Callable[[Jet, Jet], Jet]]] = MappingProxyType(
    {
        "sub": lambda left, right: _sum([left, _product(([acb(-1)] * len(right[0]),), right)]),
        "div": lambda left, right: _quotient(left, right),
        "rac": lambda base, root: _power(base, _unary("inv", root)),
    }
)

_POWERS: Final = {
    "sqrt": fmpq(1, 2),
    "cbrt": fmpq(1, 3),
    "inv": fmpq(-1),
    "sq": fmpq(2),
    "cb": fmpq(3),
    "pow2": fmpq(2),
    "pow3": fmpq(3),
    "pow4": fmpq(4),
    "pow5": fmpq(5),
}

_COMPOSED: Final = {  # operator -> what is applied first, then what to that
    "sec": ("cos", "inv"),
    "csc": ("sin", "inv"),
    "cot": ("tan", "inv"),
    "sech": ("cosh", "inv"),
    "csch": ("sinh", "inv"),
    "coth": ("tanh", "inv"),
    "asec": ("inv", "acos"),
    "acsc": ("inv", "asin"),
    "acot": ("inv", "atan"),
    "asech": ("inv", "acosh"),
    "acsch": ("inv", "asinh"),
    "acoth": ("inv", "atanh"),
}

_Rule = tuple[Callable[[acb, acb], acb], Callable[[acb, acb, acb], acb]]
_DERIVATIVES: Final[Mapping[str, _Rule]] = MappingProxyType(  # (u, value) -> slope; (u, value, slope) -> curvature
    {
        "exp": (lambda _u, v: v, lambda _u, v, _s: v),
        "ln": (lambda u, _v: 1 / u, lambda _u, _v, s: -s * s),
        "sin": (lambda u, _v: u.cos(), lambda _u, v, _s: -v),
        "cos": (lambda u, _v: -u.sin(), lambda _u, v, _s: -v),
        "tan": (lambda _u, v: 1 + v * v, lambda _u, v, s: 2 * v * s),
        "asin": (lambda u, _v: 1 / (1 - u * u).sqrt(), lambda u, _v, s: u * s * s * s),
        "acos": (lambda u, _v: -1 / (1 - u * u).sqrt(), lambda u, _v, s: u * s * s * s),
        "atan": (lambda u, _v: 1 / (1 + u * u), lambda u, _v, s: -2 * u * s * s),
        "sinh": (lambda u, _v: u.cosh(), lambda _u, v, _s: v),
        "cosh": (lambda u, _v: u.sinh(), lambda _u, v, _s: v),
        "tanh": (lambda _u, v: 1 - v * v, lambda _u, v, s: -2 * v * s),
        "asinh": (lambda u, _v: 1 / (1 + u * u).sqrt(), lambda u, _v, s: -u * s * s * s),
        "acosh": (lambda u, _v: 1 / ((u - 1).sqrt() * (u + 1).sqrt()), lambda u, _v, s: -u * s * s * s),
        "atanh": (lambda u, _v: 1 / (1 - u * u), lambda u, _v, s: 2 * u * s * s),
        "abs": (lambda u, v: u / v, lambda _u, _v, _s: acb(0)),
        "sign": (lambda _u, _v: acb(0), lambda _u, _v, _s: acb(0)),
    }
)
