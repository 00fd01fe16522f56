"""Certified checks of answers at exact points: F' against f, and a solution put into its differential equation.

Derivatives come from forward-mode differentiation over complex balls: every node carries its value and its first (and
second) derivative.  That shares nothing with the symbolic derivative but the table of elementary functions, so an
error in the one shows up against the other.  What is certified: at a differing point the two sides are different; at
an agreeing one their difference is below 2^-64 of their size.  Agreement at points is evidence, and no proof.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.balls import ARGUMENT_BOUND, FUNCTIONS, UNDEFINED, leaf
from symjax.symbolic.expression import INTEGER, SYMBOL, Expression, X, symbol
from symjax.symbolic.operators import SYMBOLS
from symjax.symbolic.programs import Program, enter

PRECISIONS: Final = (106, 424, 1696)
NARROW: Final = arb(2) ** -64
NEEDED: Final = 2
"""Agreeing points that accept an antiderivative."""

POINTS: Final = tuple((number, 1024) for number in (379, 1341, -633, 2501, -1533, 117, 4443, -3331))
ODE_POINTS: Final = tuple((number, 1024) for number in (379, -633, 1341, 117, -1533, 2501))
CONSTANTS: Final[tuple[Mapping[str, tuple[int, int]], ...]] = (
    MappingProxyType({"a8": (787, 1024), "a9": (-1481, 1024)}),
    MappingProxyType({"a8": (-413, 1024), "a9": (2287, 1024)}),
)
OTHERS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {name: (1024 + 269 * place, 1024) for place, name in enumerate(SYMBOLS) if name != "x"}
)
"""Values of the symbols that stay the same from point to point."""
UNKNOWNS: Final = tuple(symbol(name) for name in ("Y", "Y'", "Y''"))

Jet = tuple[acb, *tuple[acb, ...]]
"""A value alone, for what does not depend on x; or a value and its derivatives by x."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Agreement:
    """What the points say.

    Attributes:
      agreeing: points at which both sides agree to 2^-64.
      differing: points at which they certifiably differ.
      undefined: points at which a side has no value, or more precision does not decide.
      real: whether the answer has a real value at one of the points or more.
    """

    agreeing: int
    differing: int
    undefined: int
    real: bool

    @property
    def accepted(self) -> bool:
        """Whether two points or more agree and none differs."""
        return self.agreeing >= NEEDED and not self.differing

    @property
    def share(self) -> float:
        """Agreeing points out of the decided ones; 0 without any."""
        return self.agreeing / max(1, self.agreeing + self.differing)


def agrees(antiderivative: Expression, integrand: Expression) -> Agreement:
    """Whether the derivative of `antiderivative` is `integrand`, at up to eight points in x.

    Stops at the second point that agrees and at the first that differs.  A point counts as undefined where an absolute
    value is taken of something that is not real: it has no derivative there.
    """
    nodes = _nodes(antiderivative)
    program = Program(integrand, nodes)
    others = _others(program.nodes)
    agreeing = undefined = 0
    real = False
    for point in POINTS:
        at = others | {"x": point}
        verdict, value_real = _judge(lambda at=at: _slope_less(program, nodes, at))
        real = real or value_real
        if verdict is None:
            undefined += 1
        elif not verdict:
            return Agreement(agreeing=agreeing, differing=1, undefined=undefined, real=real)
        else:
            agreeing += 1
            if agreeing == NEEDED:
                break
    return Agreement(agreeing=agreeing, differing=0, undefined=undefined, real=real)


def satisfies(equation: Expression, solution: Expression) -> Agreement:
    """Whether `solution` solves `equation` = 0, an expression in x, Y, Y', Y'', at six points for each of two sets of
    values of a8 and a9."""
    program, nodes = Program(equation), _nodes(solution)
    order = 2 if UNKNOWNS[2] in program.nodes else 1
    others = _others([*program.nodes, *nodes])
    counts = {True: 0, False: 0, None: 0}
    real = False
    for constants in CONSTANTS:
        for point in ODE_POINTS:
            at = {**others, **constants, "x": point}
            verdict, value_real = _judge(lambda at=at: _residual(program, nodes, at, order))
            counts[verdict] += 1
            real = real or value_real
    return Agreement(agreeing=counts[True], differing=counts[False], undefined=counts[None], real=real)


_Found = tuple[acb, acb, arb]
"""The answer's value, what should be zero, and the size that zero is measured by."""


def _judge(compute: Callable[[], _Found | None]) -> tuple[bool | None, bool]:
    """Whether both sides agree at a point (None: not known), and whether the answer is real there."""
    before, real = flint.ctx.prec, False
    try:
        for precision in PRECISIONS:
            flint.ctx.prec = precision
            found = compute()
            if found is None:
                continue
            answer, difference, scale = found
            real = 0 in answer.imag
            if 0 not in difference:
                return False, real
            if difference.is_zero() or abs(difference) < NARROW * scale:
                return True, real
        return None, real
    finally:
        flint.ctx.prec = before


def _slope_less(integrand: Program, nodes: Sequence[Expression], point: Mapping[str, tuple[int, int]]) -> _Found | None:
    """The difference between the derivative and the integrand; None where one of them is undefined."""
    given = _balls(point)
    jets = _jets(nodes, given, 1)
    values = None if jets is None else integrand(given, [jet[0] for jet in jets])
    if jets is None or values is None:
        return None
    value, jet = values[integrand.place], jets[-1]
    slope = jet[1] if len(jet) > 1 else acb(0)
    return (jet[0], slope - value, abs(value)) if slope.is_finite() else None


def _residual(
    equation: Program, nodes: Sequence[Expression], point: Mapping[str, tuple[int, int]], order: int
) -> _Found | None:
    """What the solution leaves of the equation; None where one of them is undefined."""
    given = _balls(point)
    jets = _jets(nodes, given, order)
    if jets is None:
        return None
    jet = jets[-1] + (acb(0),) * (order + 1 - len(jets[-1]))
    given |= {str(name.value): value for name, value in zip(UNKNOWNS, jet, strict=False)}
    values = equation(given) if all(part.is_finite() for part in jet) else None
    if values is None:
        return None
    return jet[0], values[-1], _scale(equation.nodes[-1], dict(zip(equation.nodes, values, strict=True)))


def _scale(node: Expression, values: Mapping[Expression, acb]) -> arb:
    """The largest term of the sum that cancels, times the factors around it; 0 where no sum does."""
    factor = arb(1)
    while node.op == "mul":
        small = [arg for arg in node.args if 0 in values[arg]]
        if len(small) != 1:
            return arb(0)
        for arg in node.args:
            if arg is not small[0]:
                factor *= abs(values[arg])
        node = small[0]
    if node.op not in ("add", "sub"):
        return arb(0)
    largest = arb(0)
    for arg in node.args:
        largest = largest.max(abs(values[arg]))
    return factor * largest


def _nodes(expr: Expression) -> tuple[Expression, ...]:
    """The distinct nodes, operands before operators."""
    places: dict[Expression, int] = {}
    enter(expr, places)
    return tuple(places)


def _others(nodes: Iterable[Expression]) -> dict[str, tuple[int, int]]:
    """Values of the symbols beside x that occur."""
    names = (str(node.value) for node in nodes if node.op == SYMBOL)
    return {name: OTHERS[name] for name in names if name in OTHERS}


def _balls(point: Mapping[str, tuple[int, int]]) -> dict[str, acb]:
    """The coordinates of a point at the precision in force."""
    return {name: acb(fmpq(*value)) for name, value in point.items()}


def _jets(nodes: Sequence[Expression], values: Mapping[str, acb], order: int) -> list[Jet] | None:
    """The jets of `nodes`, operands first; None where one is undefined."""
    known: dict[Expression, Jet] = {}
    for node in nodes:
        jet = known[node] = _jet(node, known, values, order)
        if not jet[0].is_finite():
            return None
    return list(known.values())


def _jet(node: Expression, known: Mapping[Expression, Jet], values: Mapping[str, acb], order: int) -> Jet:
    """Value and derivatives of a node from those of its operands."""
    args = node.args
    if not args:
        if node is X:
            return (values["x"], acb(1)) if order == 1 else (values["x"], acb(1), acb(0))
        return (leaf(node, values),)
    operands = [known[arg] for arg in args]
    op = node.op
    if len(args) == 1:
        return _unary(op, operands[0])
    if op == "add":
        return _sum(operands)
    if op == "mul":
        result = operands[0]
        for other in operands[1:]:
            result = _product(result, other)
        return result
    if op == "pow":
        return _power(operands[0], operands[1], args[1].value if args[1].op == INTEGER else None)
    rule = _BINARY.get(op)
    return rule(operands[0], operands[1]) if rule else (UNDEFINED,)


def _sum(terms: Sequence[Jet]) -> Jet:
    value = terms[0][0]
    for term in terms[1:]:
        value = value + term[0]
    moving = [term for term in terms if len(term) > 1]
    if not moving:
        return (value,)
    slopes = moving[0][1:]
    for term in moving[1:]:
        slopes = tuple(left + right for left, right in zip(slopes, term[1:], strict=True))
    return (value, *slopes)


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


def _power(base: Jet, exponent: Jet, whole: object = None) -> Jet:
    """base**exponent; `whole` is the exponent where it is an integer."""
    u, e = base[0], exponent[0]
    if e.is_zero() and len(exponent) == 1:
        return (acb(1),)
    value = u ** (whole if isinstance(whole, int) else e)
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
        return _power(inner, (acb(exponent),), int(exponent.p) if exponent.q == 1 else None)
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


_BINARY: Final[Mapping[str, Callable[[Jet, Jet], Jet]]] = MappingProxyType(
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
