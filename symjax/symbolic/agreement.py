"""Certified checks of answers at exact points: F' against f, and a solution put into its differential equation.

Derivatives come from forward-mode differentiation over complex balls: every node carries its value and its first (and
second) derivative.  That shares nothing with the symbolic derivative but the table of elementary functions, so an
error in the one shows up against the other.  What is certified: at a differing point the two sides are different; at
an agreeing one their difference is below 2^-64 of their size.  Agreement at points is evidence, and no proof.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import flint
from flint import acb, arb

from symjax.symbolic.balls import UNDEFINED
from symjax.symbolic.digits import PRECISIONS
from symjax.symbolic.dual_numbers import Jet, Slopes
from symjax.symbolic.expression import SYMBOL, Expression, bit_of
from symjax.symbolic.fingerprint import (
    EQUATION_POINTS,
    INTEGRAND_POINTS,
    OTHERS,
    SHARED_POINTS,
    Prepared,
    equation_program,
)
from symjax.symbolic.operators import UNKNOWNS
from symjax.symbolic.programs import Column, Program, columns, enter

NARROW: Final = arb(2) ** -64
NEEDED: Final = 2
"""Agreeing points that accept an antiderivative."""

POINTS: Final = INTEGRAND_POINTS[:8]
ODE_POINTS: Final = tuple((number, 1024) for number in (379, -633, 1341, 117, -1533, 2501))
CONSTANTS: Final[tuple[Mapping[str, tuple[int, int]], ...]] = (
    MappingProxyType({"a8": (787, 1024), "a9": (-1481, 1024)}),
    MappingProxyType({"a8": (-413, 1024), "a9": (2287, 1024)}),
)


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

    Stops at the second point that agrees and at the first that differs.  Where there are values on both sides of 0, the
    two lie on different sides: an answer with a wrong branch often holds on one of them alone.  A point counts as
    undefined where an absolute value is taken of something that is not real: it has no derivative there.
    """
    return compared(antiderivative, integrand)[0]


def compared(antiderivative: Expression, integrand: Expression) -> tuple[Agreement, Column]:
    """What `agrees` says, and the integrand's values for `fingerprint.of_values`, if all of them were found."""
    slopes = Slopes(_nodes(antiderivative))
    program = Program(integrand, slopes.nodes)
    others = _others(program.nodes)
    agreeing = undefined = 0
    real = False
    shared: list[Column] = []
    for start in range(0, len(POINTS), SHARED_POINTS):
        at = [others | {"x": point} for point in POINTS[start : start + SHARED_POINTS]]
        for verdict, value in _judged(at, lambda points: _slope_less(program, slopes, points, shared)):
            real = real or _is_real(value)
            agreeing, undefined = agreeing + (verdict is True), undefined + (verdict is None)
            if verdict is False or agreeing == NEEDED:
                found = Agreement(agreeing=agreeing, differing=int(not verdict), undefined=undefined, real=real)
                return found, shared[0]
    return Agreement(agreeing=agreeing, differing=0, undefined=undefined, real=real), shared[0]


def satisfies(equation: Expression, solution: Expression) -> Agreement:
    """Whether `solution` solves `equation` = 0, an expression in x, Y, Y', Y'', at six points for each of two sets of
    values of a8 and a9."""
    return checked(equation, solution)[0]


def checked(equation: Expression, solution: Expression) -> tuple[Agreement, Prepared]:
    """What `satisfies` says, and what `fingerprint.of_equation` need not find again."""
    program = equation_program(equation)
    nodes = _nodes(solution)
    early = [node for node in nodes if not node.names & _CONSTANT_BITS]
    slopes = Slopes([*early, *[node for node in nodes if node.names & _CONSTANT_BITS]])
    order = 2 if equation.names & _SECOND_BIT else 1
    points, shared = _equation_points()[0], []
    residual = functools.partial(_residual, program, slopes, order, len(early), shared)
    counts = {True: 0, False: 0, None: 0}
    real = False
    for verdict, value in _judged(points, residual):
        counts[verdict] += 1
        real = real or _is_real(value)
    found = Agreement(agreeing=counts[True], differing=counts[False], undefined=counts[None], real=real)
    return found, Prepared(program, shared)


_CONSTANT_BITS: Final = bit_of("a8") | bit_of("a9")
_SECOND_BIT: Final = bit_of("Y''")
_VALUES: Final[dict[Expression, Column]] = {}
_JETS: Final[Mapping[int, dict[Expression, Jet]]] = MappingProxyType({1: {}, 2: {}})
_JETS_OF_CONSTANTS: Final[Mapping[int, dict[Expression, Jet]]] = MappingProxyType({1: {}, 2: {}})
"""Of small nodes, at the first precision at all the points, without and with a8 and a9; verdicts never depend on it."""


@functools.cache
def _equation_points() -> tuple[Sequence[_Point], dict[str, Column], dict[str, Column], dict[str, Column]]:
    """The points at which equations are checked; their coordinates; those for one set of constants, without and with
    the first points of fingerprints behind them."""
    points = [{**OTHERS, **constants, "x": point} for constants in CONSTANTS for point in ODE_POINTS]
    once = [{**OTHERS, "x": point} for point in (*ODE_POINTS, *EQUATION_POINTS[:SHARED_POINTS])]
    return points, columns(points), columns(once[: len(ODE_POINTS)]), columns(once)


_Point = Mapping[str, tuple[int, int]]
_Found = tuple[Column, Column, Callable[[int, arb], bool]]
"""At some points: the answer's values, what should be zero, and what says whether a size is nothing beside what cancels
there.  The second is not finite at points at which a side has no value."""


def _judged(
    points: Sequence[_Point], compute: Callable[[Sequence[_Point]], _Found]
) -> Sequence[tuple[bool | None, acb]]:
    """For each point, whether both sides agree there (None: not known), and the answer's value if they are finite."""
    before = flint.ctx.prec
    verdicts: list[tuple[bool | None, acb]] = [(None, UNDEFINED)] * len(points)
    left, at = range(len(points)), points
    try:
        for precision in PRECISIONS:
            flint.ctx.prec = precision
            answers, differences, is_nothing = compute(at)
            for row, place in enumerate(left):
                difference = differences[row]
                if difference.is_finite():
                    verdict = False
                    if 0 in difference:
                        verdict = True if difference.is_zero() or is_nothing(row, abs(difference)) else None
                    verdicts[place] = verdict, answers[row]
            left = [place for place in left if verdicts[place][0] is None]
            if not left:
                break
            at = [points[place] for place in left]
        return verdicts
    finally:
        flint.ctx.prec = before


def _is_real(value: acb) -> bool:
    """Whether a defined value may be real."""
    return value.is_finite() and 0 in value.imag


def _slope_less(integrand: Program, slopes: Slopes, points: Sequence[_Point], shared: list[Column]) -> _Found:
    """The differences between the derivative and the integrand; `shared` gets the integrand's values, or nothing where
    the antiderivative lacks a value, and so hides some, and where the integrand has none in another form."""
    given = columns(points)
    jets = slopes(given, 1)
    values = integrand(given, [jet[0] for jet in jets])
    answers, *found = jets[-1]
    wanted = values[integrand.place]
    shared.append(wanted if all(map(acb.is_finite, answers)) and integrand.within_bound(values) else [])
    slope = found[0] if found else [acb(0)] * len(points)
    return (
        answers,
        _where(answers, [left - right for left, right in zip(slope, wanted, strict=True)]),
        (lambda row, size: size < NARROW * abs(wanted[row])),
    )


def _where(answers: Column, differences: Column) -> Column:
    """The differences where the answers are defined."""
    if all(map(acb.is_finite, answers)):
        return differences
    pairs = zip(answers, differences, strict=True)
    return [difference if answer.is_finite() else answer for answer, difference in pairs]


def _residual(
    equation: Program, slopes: Slopes, order: int, settled: int, shared: list[Column], points: Sequence[_Point]
) -> _Found:
    """What the solution leaves of the equation.

    With all of the points, what is the same for all constants is computed once for each x, and once more where the
    fingerprint wants it, for `shared`.
    """
    every, given, once, more = _equation_points()
    early_jets, early = [], []
    if points is every:
        jets = slopes(once, order, stop=settled, memo=_JETS[order])
        early_jets = [(jet[0] * 2, *[part * 2 for part in jet[1:]]) for jet in jets]
        count = len(ODE_POINTS)
        for column in equation(more, stop=equation.starts[0], memo=_VALUES):
            early.append(column[:count] * 2)
            shared.append(column[count:])
        jet = slopes(given, order, early_jets, memo=_JETS_OF_CONSTANTS[order])[-1]
    else:
        given = columns(points)
        jet = slopes(given, order)[-1]
    jet += ([acb(0)] * len(points),) * (order + 1 - len(jet))
    values = equation({**given, **dict(zip(UNKNOWNS, jet, strict=False))}, early)
    differences = values[equation.place]
    for part in jet:
        differences = _where(part, differences)
    kind, places = equation.operation(equation.place)
    if kind == "add":
        return jet[0], differences, functools.partial(_below_a_term, [values[place] for place in places])
    return jet[0], differences, functools.partial(_is_nothing, equation, values)


def _below_a_term(terms: Sequence[Column], row: int, size: arb) -> bool:
    """Whether a size is below 2^-64 of a term."""
    for term in terms:  # noqa: SIM110 (at most points, and nearly always the first one is enough)
        if size < NARROW * abs(term[row]):
            return True
    return False


def _is_nothing(equation: Program, values: Sequence[Column], row: int, size: arb) -> bool:
    """`_below_a_term` of the sum that cancels at a point, times the factors around it."""
    kind, places = equation.operation(equation.place)
    while kind == "mul":
        small = [arg for arg in places if 0 in values[arg][row]]
        if len(small) != 1:
            return False
        for arg in places:
            if arg != small[0]:
                size /= abs(values[arg][row])
        kind, places = equation.operation(small[0])
    return kind in ("add", "sub") and _below_a_term([values[arg] for arg in places], row, size)


def _nodes(expr: Expression) -> tuple[Expression, ...]:
    """The distinct nodes, operands before operators."""
    places: dict[Expression, int] = {}
    enter(expr, places)
    return tuple(places)


def _others(nodes: Iterable[Expression]) -> dict[str, tuple[int, int]]:
    """Values of the symbols beside x that occur."""
    names = (str(node.value) for node in nodes if node.op == SYMBOL)
    return {name: OTHERS[name] for name in names if name in OTHERS}
