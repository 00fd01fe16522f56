"""Is an answer right?  Points first, in certified balls; exact algebra where they agree.

*Proved*: the equation holds identically near a stated base point.  *Refuted*: at every usable point of a stated
schedule a ball excludes zero.  Everything else is *undetermined*, with what is known; what is no problem or no answer
at all is *unparsable*.  Work is counted and no clock is read, so a verdict is the same everywhere.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from flint import acb, arb

from symjax.symbolic.balls import UNDEFINED
from symjax.symbolic.equality.equation import Equation, Problem, UnreadableError
from symjax.symbolic.equality.evaluation import Ball, Setting, Values, is_candidate, scale
from symjax.symbolic.equality.germs import RADIUS_BITS
from symjax.symbolic.equality.independence import solution_kind
from symjax.symbolic.equality.points import Point, complex_point, real_point
from symjax.symbolic.equality.prover import vanishes
from symjax.symbolic.equality.search import promising
from symjax.symbolic.equality.work import GaveUpError, OutOfWorkError, Work
from symjax.symbolic.expression import Expression, free_symbols
from symjax.symbolic.operators import SYMBOLS

Kind = Literal["proved", "refuted", "undetermined", "unparsable"]

BUDGET: Final = 300_000
"""Units of work for one verdict, of which right answers need some hundreds to thousands."""
REAL_POINTS: Final = 6
MIXED_POINTS: Final = 4
SEARCHED_POINTS: Final = 6
"""Points of each sort, of many tried in double precision, that get a certified look where branches matter."""
COMPLEX_POINTS: Final = 4
INTEGRAL_POINTS: Final = 2
"""Mixed points, and complex ones, for integrals, which hold on an interval or not at all."""
REAL_DRAWS: Final = 24
"""Points looked at, at most, to find usable real ones."""
FRUITLESS_DRAWS: Final = 12
"""Points after which the search stops if none was usable."""
MAX_PROOFS: Final = 2
MAX_ZEROS: Final = 4
MAX_DIGITS: Final = 1200
MAX_WRITTEN: Final = 8
SHOWN_FAILURES: Final = 3


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A verdict on an answer, and what it stands on, ready for JSON."""

    kind: Kind
    evidence: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class _Witness:
    """A point at which a ball excludes zero."""

    point: Point
    setting: Setting
    bits: int
    ball: Ball


@dataclasses.dataclass(frozen=True)
class _Zero:
    """A point at which nothing excludes zero: `digits` of the largest term cancel."""

    point: Point
    setting: Setting
    digits: int


def judge(
    problem: Expression | Problem, answer: Expression, *, strict: bool = False, budget: int = BUDGET
) -> Judgement:
    """Whether `answer` solves `problem`, both raw, as written.

    Args:
      problem: an expression in x, Y, Y', Y'' and further symbols that is to be zero; `Y' - f` for an integral.  Of
        many answers to one problem, those after the first cost less if it is a `Problem`; verdicts are the same.
      answer: an expression for Y, which may hold constants a0 to a9.
      strict: the first real point at which an antiderivative certainly fails refutes it, even if it holds elsewhere.
      budget: units of work, about a third of a microsecond each.
    """
    work = Work(budget)
    if isinstance(problem, Expression):
        problem = Problem(problem)
    problem.shared.trim()
    try:
        equation = Equation.build(problem, answer, work)
    except UnreadableError as error:
        return Judgement("unparsable", {"reason": str(error)})
    except GaveUpError as error:
        return Judgement("undetermined", {"reason": f"too large: {error}"})
    return _Judge(equation, work, strict=strict and problem.is_integral).verdict()


class _Judge:
    """One verdict in the making."""

    def __init__(self, equation: Equation, work: Work, *, strict: bool) -> None:
        self._equation = equation
        self._work = work
        self._strict = strict
        self._problem = equation.problem
        shared = self._problem.shared
        self._values = Values(equation.graph, work, equation.residual, shared=shared)
        self._unknowns = Values(equation.graph, work, *equation.unknowns.values(), shared=shared)
        held = self._problem.symbols | free_symbols(equation.answer)
        self._names = tuple(name for name in SYMBOLS if name == "x" or name in held)
        self._witnesses: list[_Witness] = []
        self._zeros: list[_Zero] = []
        self._unclear = 0
        self._not_real: list[Point] = []
        self._proofs = 0
        self._reason = ""

    def verdict(self) -> Judgement:
        """The verdict; spends the budget at most."""
        try:
            for stage in (self._real_stage, self._mixed_stage, self._search_stage, self._complex_stage):
                found = stage()
                if found is not None:
                    return found
            if self._zeros:
                return self._undetermined(self._reason)
            return self._refuted()
        except OutOfWorkError as error:
            return self._undetermined(str(error))

    def _real_stage(self) -> Judgement | None:
        usable = 0
        for place in range(REAL_DRAWS):
            if usable == REAL_POINTS or (not usable and place == FRUITLESS_DRAWS):
                break
            point = real_point(place)
            found, was_usable = self._look(point, "real")
            usable += was_usable
            if not was_usable:
                self._not_real.append(point)
            if found is not None:
                return found
        return None

    def _mixed_stage(self) -> Judgement | None:
        """Real points at which values on the way may be complex."""
        wanted = INTEGRAL_POINTS if self._problem.is_integral else MIXED_POINTS
        fresh = (real_point(REAL_DRAWS + place) for place in range(2 * wanted))
        points = itertools.chain(self._not_real, fresh) if self._not_real else fresh
        return self._stage(points, wanted, "complex" if self._not_real else "real")

    def _search_stage(self) -> Judgement | None:
        """Points, among many, at which the equation nearly holds in double precision."""
        if self._problem.is_integral or not self._equation.is_branched:
            return None
        points = itertools.chain.from_iterable(
            promising(self._values, sequence, self._work, at_most=SEARCHED_POINTS)
            for sequence in (real_point, complex_point)
        )
        return self._stage(points, 2 * SEARCHED_POINTS, "complex")

    def _complex_stage(self) -> Judgement | None:
        wanted = INTEGRAL_POINTS if self._problem.is_integral else COMPLEX_POINTS
        return self._stage((complex_point(place) for place in range(2 * wanted)), wanted, "complex")

    def _stage(self, points: Iterable[Point], wanted: int, setting: Setting) -> Judgement | None:
        usable = 0
        for point in points:
            found, was_usable = self._look(point, setting)
            usable += was_usable
            if found is not None or usable == wanted:
                return found
        return None

    def _look(self, point: Point, setting: Setting) -> tuple[Judgement | None, bool]:
        """(the verdict, if it is decided now; whether the equation has a value there)."""
        count = len(self._witnesses)
        found, was_usable = self._try(point, setting)
        if found is None and len(self._witnesses) > count:
            found = self._failed_once(self._witnesses[-1])
        return found, was_usable

    def _failed_once(self, witness: _Witness) -> Judgement | None:
        """The refutation by a new witness alone, where one is enough: without branches, or for a strict judge."""
        if self._equation.is_branched and (witness.point.imaginary or not self._strict):
            return None
        found = self._refuted(first=witness)
        return found if found.kind == "refuted" else None

    def _try(self, point: Point, setting: Setting) -> tuple[Judgement | None, bool]:
        """(the verdict, if this point decides it as a zero; whether the equation has a value there)."""
        bits, ball, known = 64, self._values.root_at(point, 64, kind=setting), None
        if ball is not None and ball.contains(0):
            bits, known = 256, self._values.at(point, 256, kind=setting)
            ball = None if known is None else known[self._equation.residual]
        if ball is None:
            return None, False
        if known is None or not ball.contains(0):
            self._witnesses.append(_Witness(point, setting, bits, ball))
            return None, True
        if not is_candidate(self._equation.graph, known, self._equation.residual):
            self._unclear += 1
            return None, True
        return self._zero(point, setting, known), True

    def _zero(self, point: Point, setting: Setting, known: Mapping[int, Ball]) -> Judgement | None:
        """What a candidate for zero decides."""
        beside = self._values.at(point.beside, 256, kind=setting)
        if beside is not None and not beside[self._equation.residual].contains(0):
            self._witnesses.append(_Witness(point.beside, setting, 256, beside[self._equation.residual]))
            return None
        written, answer = self._written(point)
        if not (written.is_finite() and answer.is_finite()):
            self._reason = "the equation as written, or the answer, is undefined where it agrees"
            return None
        if not written.contains(0):
            return self._undetermined("two evaluations of the equation disagree")
        if self._proofs < MAX_PROOFS:
            self._proofs += 1
            equation = self._equation
            self._reason = vanishes(equation.graph, equation.residual, point, self._work)
            if not self._reason:
                return self._proved(point, is_real=setting == "real" and bool(answer.imag.is_zero()))
        for bits in (1024, 4096):
            finer = self._values.at(point, bits, kind=setting)
            if finer is None:
                return None
            ball = finer[self._equation.residual]
            if not ball.contains(0):
                self._witnesses.append(_Witness(point, setting, bits, ball))
                return None
            known = finer
        self._zeros.append(_Zero(point, setting, self._digits(known)))
        return self._undetermined(self._reason) if len(self._zeros) == MAX_ZEROS else None

    def _written(self, point: Point) -> tuple[acb, acb]:
        """The residual and the answer as written; the derivatives are those of the graph.

        The graph's are right where the answer has a value on the graph too, because signs have that where they are
        constant: of real functions.
        """
        equation = self._equation
        known = self._unknowns.at(point, 256, kind="complex")
        if known is None:
            return UNDEFINED, UNDEFINED
        slopes = {name: known[node] for name, node in equation.unknowns.items() if name != "Y"}
        return self._problem.as_written(equation.answer, point, slopes)

    def _digits(self, known: Mapping[int, Ball]) -> int:
        """Decimal digits of the largest term that cancel in the residual."""
        largest = scale(self._equation.graph, known, self._equation.residual)
        size = known[self._equation.residual].abs_upper()
        if size == 0:
            return MAX_DIGITS
        if largest is None:
            return 0
        bits = float((size / largest).log() / arb(2).log())
        return min(MAX_DIGITS, max(0, int(-bits * 0.30103)))

    def _proved(self, point: Point, *, is_real: bool) -> Judgement:
        evidence: dict[str, Any] = {
            "point": point.describe(self._names),
            "radius": f"2^-{RADIUS_BITS}",
            "values": "real" if is_real else "complex",
        }
        if point.imaginary:
            evidence["warning"] = "holds near a complex point"
        equation = self._equation
        if equation.constants or not self._problem.is_integral:
            evidence["constants"] = list(equation.constants)
            evidence["solution"] = solution_kind(equation, point, self._work)
        try:
            evidence |= self._elsewhere(point)
        except OutOfWorkError:
            evidence["warning"] = "the budget ended before other points were tried"
        return Judgement("proved", evidence)

    def _elsewhere(self, base: Point) -> dict[str, Any]:
        """How the equation fares at the first real points other than the base."""
        agrees, place = 0, 0
        seen = {id(witness.point) for witness in self._witnesses}
        while agrees + len(self._witnesses) < REAL_POINTS - 1 and place < FRUITLESS_DRAWS:
            point = real_point(place)
            place += 1
            if point is base or id(point) in seen:
                continue
            ball = self._values.root_at(point, 64, kind="real")
            if ball is None:
                continue
            if ball.contains(0):
                agrees += 1
            else:
                self._witnesses.append(_Witness(point, "real", 64, ball))
        result: dict[str, Any] = {"agrees_at": agrees, "fails_at": len(self._witnesses)}
        if self._witnesses:
            shown = self._witnesses[:SHOWN_FAILURES]
            result["failing_points"] = [witness.point.describe(self._names) for witness in shown]
            if all(not witness.point.imaginary for witness in shown) and base.imaginary:
                result["warning"] = "fails at all real points tried"
        return result

    def _refuted(self, first: _Witness | None = None) -> Judgement:
        """The refutation that the witnesses, or one of them, allow; undetermined where they allow none."""
        for witness in self._witnesses[:MAX_WRITTEN] if first is None else (first,):
            ball = self._values.root_at(witness.point, 256, kind=witness.setting)
            if ball is None:
                continue
            written, answer = self._written(witness.point)
            if not (written.is_finite() and answer.is_finite()):
                continue
            if not written.overlaps(acb(ball)):
                return self._undetermined("two evaluations of the equation disagree")
            kinds = [w.setting == "real" for w in self._witnesses]
            evidence = {
                "point": witness.point.describe(self._names),
                "residual": witness.ball.str(12),
                "bits": witness.bits,
                "points": len(self._witnesses),
                "real_points": sum(kinds),
            }
            if not self._equation.is_branched:
                evidence["holds"] = "nowhere"
            if self._unclear:
                evidence["unclear_points"] = self._unclear
            return Judgement("refuted", evidence)
        if self._witnesses:
            return self._undetermined("the equation as written, or the answer, is undefined wherever it was tried")
        return self._undetermined(
            "no point where values are large enough to compare" if self._unclear else "undefined at all points tried"
        )

    def _undetermined(self, reason: str) -> Judgement:
        evidence: dict[str, Any] = {"reason": reason, "zeros": len(self._zeros), "fails_at": len(self._witnesses)}
        if self._zeros:
            evidence["digits"] = min(zero.digits for zero in self._zeros)
            evidence["points"] = [zero.point.describe(self._names) for zero in self._zeros]
            if all(zero.point.imaginary for zero in self._zeros) and self._witnesses:
                evidence["warning"] = "fails at all real points tried"
        return Judgement("undetermined", evidence)
