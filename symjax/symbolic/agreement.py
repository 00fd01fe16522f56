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
from flint import acb, arb, fmpq

from symjax.symbolic.dual_numbers import Jet, Slopes
from symjax.symbolic.expression import SYMBOL, Expression, bit_of, symbol
from symjax.symbolic.operators import SYMBOLS
from symjax.symbolic.programs import Program, enter

PRECISIONS: Final = (106, 424, 1696)
NARROW: Final = arb(2) ** -64
NEEDED: Final = 2
"""Agreeing points that accept an antiderivative."""

POINTS: Final = tuple((number, 1024) for number in (379, -633, 1341, -1533, 2501, -3331, 117, 4443))
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
    slopes = Slopes(_nodes(antiderivative))
    program = Program(integrand, slopes.nodes)
    others = _others(program.nodes)
    agreeing = undefined = 0
    real = False
    for point in POINTS:
        at = others | {"x": point}
        verdict, value_real = _judge(lambda at=at: _slope_less(program, slopes, at))
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
    program = Program(equation, early=lambda node: not node.names & _UNKNOWN_BITS)
    slopes = Slopes(sorted(_nodes(solution), key=lambda node: bool(node.names & _CONSTANT_BITS)))
    settled = sum(not node.names & _CONSTANT_BITS for node in slopes.nodes)
    order = 2 if UNKNOWNS[2] in program.nodes else 1
    others = _others([*program.nodes, *slopes.nodes])
    counts = {True: 0, False: 0, None: 0}
    real = False
    for point in ODE_POINTS:
        known: _Known = {}
        for constants in CONSTANTS:
            at = {**others, **constants, "x": point}
            verdict, value_real = _judge(
                lambda at=at, known=known: _residual(program, slopes, at, order, settled, known)
            )
            counts[verdict] += 1
            real = real or value_real
    return Agreement(agreeing=counts[True], differing=counts[False], undefined=counts[None], real=real)


_CONSTANT_BITS: Final = bit_of("a8") | bit_of("a9")
_UNKNOWN_BITS: Final = bit_of("Y") | bit_of("Y'") | bit_of("Y''")

_Known = dict[int, tuple[list[Jet], list[acb]]]
"""By precision: what at one x is the same for all constants, of the solution and of the equation."""

_Found = tuple[acb, acb, Callable[[], arb]]
"""The answer's value, what should be zero, and what says by which size zero is measured."""


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
            if difference.is_zero() or abs(difference) < NARROW * scale():
                return True, real
        return None, real
    finally:
        flint.ctx.prec = before


def _slope_less(integrand: Program, slopes: Slopes, point: Mapping[str, tuple[int, int]]) -> _Found | None:
    """The difference between the derivative and the integrand; None where one of them is undefined."""
    given = _balls(point)
    jets = slopes(given, 1)
    values = None if jets is None else integrand(given, [jet[0] for jet in jets])
    if jets is None or values is None:
        return None
    value, jet = values[integrand.place], jets[-1]
    slope = jet[1] if len(jet) > 1 else acb(0)
    return (jet[0], slope - value, lambda: abs(value)) if slope.is_finite() else None


def _residual(
    equation: Program,
    slopes: Slopes,
    point: Mapping[str, tuple[int, int]],
    order: int,
    settled: int,
    known: _Known,
) -> _Found | None:
    """What the solution leaves of the equation; None where one of them is undefined."""
    given = _balls(point)
    early_jets, early_values = known.get(flint.ctx.prec, ((), ()))
    jets = slopes(given, order, early_jets)
    if jets is None:
        return None
    jet = jets[-1] + (acb(0),) * (order + 1 - len(jets[-1]))
    given |= {str(name.value): value for name, value in zip(UNKNOWNS, jet, strict=False)}
    values = equation(given, early_values) if all(part.is_finite() for part in jet) else None
    if values is None:
        return None
    known[flint.ctx.prec] = jets[:settled], values[: equation.early]
    return jet[0], values[equation.place], lambda: _scale(equation, values)


def _scale(equation: Program, values: Sequence[acb]) -> arb:
    """The largest term of the sum that cancels, times the factors around it; 0 where no sum does."""
    factor, place = arb(1), equation.place
    while (kind := equation.operation(place))[0] == "mul":
        small = [arg for arg in kind[1] if 0 in values[arg]]
        if len(small) != 1:
            return arb(0)
        for arg in kind[1]:
            if arg != small[0]:
                factor *= abs(values[arg])
        place = small[0]
    if kind[0] not in ("add", "sub"):
        return arb(0)
    largest = arb(0)
    for arg in kind[1]:
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
    return {name: _ball(*value) for name, value in point.items()}


@functools.cache
def _ball(numerator: int, denominator: int) -> acb:
    """The number, whose denominator is a power of two, so that it is exact at any precision."""
    return acb(fmpq(numerator, denominator))
