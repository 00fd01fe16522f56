"""Values and derivatives along x at a point, by forward-mode differentiation over complex balls.

Every node carries its value and its first (and second) derivative.  Nothing here is shared with the symbolic derivative
but the table of elementary functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from flint import acb, fmpq

from symjax.symbolic.balls import ARGUMENT_BOUND, FUNCTIONS, UNDEFINED, leaf
from symjax.symbolic.expression import INTEGER, Expression, X
from symjax.symbolic.programs import halves_of

Jet = tuple[acb, *tuple[acb, ...]]
"""A value alone, for what does not depend on x; or a value and its derivatives by x."""

_EXACT, _LEAF, _X, _SUM, _PRODUCT, _POWER, _FUNCTION, _UNARY, _BINARY = range(9)

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

    def __call__(self, values: Mapping[str, acb], order: int, given: Sequence[Jet] = ()) -> list[Jet] | None:
        """The jets of `nodes` at the precision in force; None if one of the values is undefined.

        Args:
          values: of the symbols.
          order: 1 or 2, of the highest derivative.
          given: jets of the first nodes, where they are known.
        """
        known: list[Jet] = list(given)
        for kind, what, args in self._steps[len(given) :]:
            if kind == _FUNCTION:
                inner = known[args[0]]
                u = inner[0]
                if abs(u) > ARGUMENT_BOUND:
                    return None
                value = what[0](u)
                if len(inner) == 1:
                    jet = (value,)
                else:
                    slope = what[1](u, value)
                    jet = _chain(inner, value, slope, what[2](u, value, slope) if order > 1 else None)
            elif kind == _PRODUCT:
                jet = known[args[0]]
                for arg in args[1:]:
                    jet = _product(jet, known[arg])
            elif kind == _SUM:
                jet = _sum([known[arg] for arg in args])
            elif kind == _POWER:
                jet = _power(known[args[0]], known[args[1]], *what)
            elif kind == _EXACT:
                jet = what
            elif kind == _LEAF:
                jet = (leaf(what, values),)
            elif kind == _X:
                jet = (values["x"], acb(1)) if order == 1 else (values["x"], acb(1), acb(0))
            elif kind == _UNARY:
                jet = _unary(what, known[args[0]])
            else:
                jet = what(known[args[0]], known[args[1]])
            if not jet[0].is_finite():
                return None
            known.append(jet)
        return known


def _step(node: Expression, places: Mapping[Expression, int]) -> _Step:
    """What computes the jet of `node`."""
    op, args = node.op, tuple([places[arg] for arg in node.args])
    if not args:
        if node is X:
            return _X, None, ()
        return (_EXACT, (acb(node.value),), ()) if isinstance(node.value, int) else (_LEAF, node, ())
    if op == "add":
        return _SUM, None, args
    if op == "mul":
        return _PRODUCT, None, args
    if op == "pow":
        whole = node.args[1].value if node.args[1].op == INTEGER else None
        return _POWER, (whole, halves_of(node.args[1])), args
    if len(args) > 1:
        return _BINARY, _BINARY_RULES.get(op, lambda *_: (UNDEFINED,)), args
    if op in _DERIVATIVES and op not in ("abs", "sign"):
        return _FUNCTION, (FUNCTIONS[op], *_DERIVATIVES[op]), args
    return _UNARY, op, args


def _sum(terms: Sequence[Jet]) -> Jet:
    value, *others = [term[0] for term in terms]
    for other in others:
        value = value + other
    moving = [term for term in terms if len(term) > 1]
    if not moving:
        return (value,)
    slopes = moving[0]
    slope = slopes[1]
    for term in moving[1:]:
        slope = slope + term[1]
    if len(slopes) == 2:
        return value, slope
    curvature = slopes[2]
    for term in moving[1:]:
        curvature = curvature + term[2]
    return value, slope, curvature


def _product(left: Jet, right: Jet) -> Jet:
    if len(right) == 1:
        left, right = right, left
    if len(left) == 1:
        factor = left[0]
        return (factor * right[0], *(factor * part for part in right[1:]))
    value, slope = left[0] * right[0], left[1] * right[0] + left[0] * right[1]
    if len(left) == 2:
        return value, slope
    return value, slope, left[2] * right[0] + 2 * left[1] * right[1] + left[0] * right[2]


def _chain(inner: Jet, value: acb, slope: acb, curvature: acb | None) -> Jet:
    """The jet of a function with this value and these derivatives at inner[0]."""
    if len(inner) == 2:
        return value, slope * inner[1]
    assert curvature is not None
    return value, slope * inner[1], slope * inner[2] + curvature * inner[1] * inner[1]


def _power(base: Jet, exponent: Jet, whole: object = None, halves: int = 0) -> Jet:
    """base**exponent; `whole` is the exponent where it is an integer, and `halves` twice it where that is one."""
    u, e = base[0], exponent[0]
    if e.is_zero() and len(exponent) == 1:
        return (acb(1),)
    value = u.sqrt() ** halves if halves else u ** (whole if isinstance(whole, int) else e)
    if len(base) == len(exponent) == 1:
        return (value,)
    if len(exponent) > 1:
        logarithm = _product(exponent, _unary("ln", base))
        return _chain(logarithm, value, value, value)
    if isinstance(whole, int):
        slope, curvature = whole * u ** (whole - 1), None
        if len(base) > 2:
            curvature = acb(0) if whole == 1 else whole * (whole - 1) * u ** (whole - 2)
        return _chain(base, value, slope, curvature)
    slope = e * value / u
    return _chain(base, value, slope, (e - 1) * slope / u if len(base) > 2 else None)


def _unary(op: str, inner: Jet) -> Jet:
    """An elementary function of a jet."""
    exponent = _POWERS.get(op)
    if exponent is not None:
        halves = int(exponent.p) if exponent.q == 2 else 0
        return _power(inner, (acb(exponent),), int(exponent.p) if exponent.q == 1 else None, halves)
    parts = _COMPOSED.get(op)
    if parts is not None:
        return _unary(parts[1], _unary(parts[0], inner))
    function, u = FUNCTIONS.get(op), inner[0]
    if function is None or abs(u) > ARGUMENT_BOUND:
        return (UNDEFINED,)
    value = function(u)
    if len(inner) == 1:
        return (value,)
    if op in ("abs", "sign") and 0 not in u.imag:
        return (UNDEFINED,)
    rule = _DERIVATIVES.get(op)
    if rule is None:
        return (UNDEFINED,)
    slope = rule[0](u, value)
    return _chain(inner, value, slope, rule[1](u, value, slope) if len(inner) > 2 else None)


_BINARY_RULES: Final[Mapping[str, Callable[[Jet, Jet], Jet]]] = MappingProxyType(
    {
        "sub": lambda left, right: _sum([left, _product((acb(-1),), right)]),
        "div": lambda left, right: _product(left, _unary("inv", right)),
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
