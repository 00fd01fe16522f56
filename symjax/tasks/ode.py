"""Ordinary differential equations: given an equation of first or second order, its general solution.

A problem is an expression in x, Y, Y' (and Y'') that is to be 0; an answer is a function of x and the constants a8
(and a9).  The words are those of Lample and Charton's data files.  Every label has been put into its equation at exact
points, in certified balls; no clock and no SymPy decides anything, but for the reference engine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from symjax.symbolic import fingerprint
from symjax.symbolic.agreement import Agreement, satisfies
from symjax.symbolic.conventions import foreign_depth, foreign_form
from symjax.symbolic.expression import Expression, free_symbols, postorder
from symjax.symbolic.operators import UNKNOWNS
from symjax.symbolic.tree_sampling import COEFFICIENTS, PRESETS, TreeSampler
from symjax.tasks import Example, Rejection
from symjax.tasks import _expression_display as display
from symjax.tasks._expression_options import checked_options
from symjax.tasks._expression_tasks import UNKNOWN_FUNCTIONS, ExpressionTask
from symjax.tasks._ode_families import CONSTANTS, VARIABLE
from symjax.tasks._ode_problems import LEAST_OPERATORS, Draw, Problem, refusal
from symjax.tasks._ode_reading import read_equation
from symjax.tokenization.foreign import DECIMAL, write_canonical

if TYPE_CHECKING:
    from symjax.symbolic.reference_ode import OdeReference

NAMES = ("ode1", "ode2")

FREE: Final = tuple(name for name in COEFFICIENTS if name not in CONSTANTS)
"""Coefficients that equations may hold."""

_README: Final = PRESETS["readme"]


def make(
    name: str,
    *,
    operators: str = _README["operators"],
    leaf_probabilities: tuple[float, ...] = _README["leaf_probabilities"],
    max_int: int = _README["max_int"],
    positive: bool = _README["positive"],
    shape_weights: tuple[int, ...] = _README["shape_weights"],
    coefficients: int = 0,
    max_operators: int = 15,
    max_problem_tokens: int = 512,
    max_answer_tokens: int = 512,
    code_depth: int = 64,
    real_only: bool = False,
    expanded_fraction: float = 0.75,
    agreeing_fraction: float = 0.2,
    budget: int = 4000,
    engine: str = "rules",
    engine_seconds: float = 10.0,
) -> Ode:
    """The task of first-order or of second-order equations; the defaults are the parameters of the published data.

    Args:
      name: "ode1" or "ode2".
      operators, leaf_probabilities, max_int, positive, shape_weights, coefficients: of random trees; see
        `tree_sampling.TreeSampler`.  Coefficients are a0 to a7: a8 and a9 are the free constants.
      max_operators: most operators of the tree of a solution.
      max_problem_tokens, max_answer_tokens: longer ones are rejected as "too_long".
      code_depth: columns of a problem's path codes: levels of operators, and one for the place in a number.
        Deeper problems are rejected as "too_deep".
      real_only: whether solutions that are real at no point are rejected, as "not_real".
      expanded_fraction: share of the equations that are multiplied out; others are written with common factors
        taken out, where that is shorter.
      agreeing_fraction: smallest share of the points at which a solution must satisfy its equation, out of those where
        both have a value; below 1, equations that hold on some branches only are kept, as in the published data.
      budget: nodes that may be built for one equation; part of what defines a data set.
      engine: "rules", or "sympy", the slow reference, under limits.
      engine_seconds: CPU time that one call of the reference engine may take; with it, a clock decides what is in the
        data.  With "rules" none does.

    Raises:
      ValueError: a value that does not fit, with the rule.
    """
    options = checked_options(locals(), shares=("expanded_fraction", "agreeing_fraction"))
    if coefficients > len(FREE):
        raise ValueError(f"coefficients must be {len(FREE)} or less, for a8 and a9 are the free constants")
    task = Ode(name=name, options=options)
    if options["max_operators"] < task.order:
        raise ValueError(f"max_operators must be {task.order} or more for {name}, got {options['max_operators']}")
    return task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ode(ExpressionTask):
    """See `make`, which checks the options, and `symjax.tasks.Task` for the methods."""

    def __post_init__(self) -> None:
        _ = self._draw  # refuses bad options at once

    @property
    def order(self) -> int:
        """1 or 2, of the equations."""
        return int(self.name[-1])

    @functools.cached_property
    def _sampler(self) -> TreeSampler:
        return TreeSampler(**{key: self.options[key] for key in (*_README, "coefficients", "max_operators")})

    @functools.cached_property
    def _draw(self) -> Draw:
        keys = ("max_operators", "expanded_fraction", "agreeing_fraction", "budget")
        options = {key: self.options[key] for key in keys} | {"max_tokens": self.options["max_problem_tokens"]}
        return Draw(self._sampler, order=self.order, **options)

    @functools.cached_property
    def _engine(self) -> OdeReference:
        from symjax.symbolic.reference_ode import OdeReference

        return OdeReference(seconds=self.options["engine_seconds"])

    @property
    def answer_symbols(self) -> tuple[str, ...]:
        """x, the coefficients that are drawn, and the free constants."""
        return (VARIABLE, *FREE[: self.options["coefficients"]], *CONSTANTS[: self.order])

    def sample(self, rng: random.Random) -> Example | Rejection:
        """A random example; duplicates are the caller's to drop, by `metadata["fingerprint"]`."""
        if self.options["engine"] == "sympy":
            return self._sample_reference(rng)
        found = self._draw(rng)
        if isinstance(found, Rejection):
            return found
        facts = {"generator": self.name, "form": "expanded" if found.expanded else "short"}
        return self._measured(found.agreement, facts, functools.partial(self._example, found))

    def _measured(
        self,
        agreement: Agreement,
        facts: Mapping[str, str],
        example: Callable[[dict[str, int | float | str | bool]], Example | Rejection],
    ) -> Example | Rejection:
        """The example of a checked pair, made of what is told of it."""
        if self.options["real_only"] and not agreement.real:
            return Rejection("not_real", "the solution is real at none of the points")
        return example({**facts, "agreement": round(agreement.share, 3), "real": agreement.real})

    def _example(self, found: Problem, facts: Mapping[str, int | float | str | bool]) -> Example | Rejection:
        """What `example` makes of the pair as it is written, from its canonical sides."""
        written, operators = write_canonical(found.equation)
        answer, _ = write_canonical(found.solution)
        depth = operators if operators < self.code_depth else foreign_depth(found.equation)
        refused = self.too_large(written, answer, depth)
        if refused:
            return refused
        key = fingerprint.of_prepared(found.prepared) or self.fingerprint_of(foreign_form(found.equation))
        return Example(problem=written, answer=answer, metadata={"fingerprint": key, **facts})

    def _sample_reference(self, rng: random.Random) -> Example | Rejection:
        """An example made by SymPy, in the way that the original system does."""

        def coin() -> bool:
            return rng.random() < 0.5

        most = self.options["max_operators"]
        least = min(LEAST_OPERATORS[self.order], most)
        count = least + int(rng.random() * (most - least + 1))
        tree = self._sampler(rng, count, (VARIABLE, *CONSTANTS[: self.order]))
        found = (self._engine.first if self.order == 1 else self._engine.second)(tree, coin)
        if not isinstance(found, tuple):
            return Rejection(found.reason, found.detail)
        agreement = satisfies(*found)
        refused = refusal(agreement, self.options["agreeing_fraction"])
        facts = {"generator": self.name, "engine": "sympy"}
        return refused or self._measured(agreement, facts, lambda told: self.example(*found, told))

    def read_typed(self, text: str) -> Expression | Rejection:
        """The raw left side of an equation, which may hold f(x) or y(x), their derivatives, and one `=`."""
        return read_equation(text, DECIMAL.expression_words)

    def state(self, typed: Expression) -> Expression | Rejection:
        """The equation as it is, if it has the order of the task."""
        functions = [node.op for node in postorder(typed) if node.op in UNKNOWN_FUNCTIONS]
        if functions:
            return Rejection("malformed", f"{functions[0]!r} is unknown; the unknown function is written Y, Y', Y''")
        symbols = free_symbols(typed)
        highest = UNKNOWNS[self.order]
        if highest not in symbols or symbols & set(UNKNOWNS[self.order + 1 :]):
            return Rejection("malformed", f"equations of {self.name} hold {highest}, and no higher derivative of Y")
        foreign = sorted(symbols - {VARIABLE, *UNKNOWNS, *COEFFICIENTS} | symbols & set(CONSTANTS))
        if foreign:
            return Rejection("malformed", f"{foreign[0]!r} has no place in an equation for Y as a function of x")
        return typed

    def solve(self, problem: Expression) -> Expression | Rejection:
        """A solution by the reference engine; "no_solver" with the rules, which make equations and solve none."""
        if self.options["engine"] != "sympy":
            return Rejection("no_solver", "equations are solved with engine='sympy' only")
        with self.reference_solver(self.options["engine_seconds"]) as solve:
            return solve(problem)

    def fingerprint_of(self, problem: Expression) -> str:
        """The key of the highest derivative as a function of x and the lower ones."""
        return fingerprint.of_equation(problem)

    def statement(self, problem: Expression) -> str:
        """The equation."""
        return f"<math><mrow>{display.inner(problem)}<mo>=</mo><mn>0</mn></mrow></math>"

    @contextlib.contextmanager
    def reference_solver(self, seconds: float) -> Iterator[Callable[[Expression], Expression | Rejection]]:
        """SymPy's `dsolve`."""
        from symjax.symbolic import reference_ode

        with reference_ode.solver(seconds) as engine:

            def solve(problem: Expression) -> Expression | Rejection:
                found = engine.solve(problem)
                return found if isinstance(found, Expression) else Rejection(found.reason, found.detail)

            yield solve
