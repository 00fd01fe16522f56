"""Differential equations with their general solutions, drawn at random.

A random family of functions is drawn first, then the equation that it solves is found (Lample and Charton, Deep
Learning for Symbolic Mathematics, 2020, sections 3.3 and 3.4).  Everything here works on canonical expressions and
counts nodes instead of seconds, so that an equation is a function of the options and of the random numbers.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

from symjax.symbolic.agreement import Agreement, checked
from symjax.symbolic.budget import OutOfBudget, node_budget
from symjax.symbolic.conventions import operator_count, token_length
from symjax.symbolic.expression import Expression, occurs
from symjax.symbolic.fingerprint import Prepared
from symjax.symbolic.limits import TooLarge, Undefined
from symjax.symbolic.tree_sampling import TreeSampler
from symjax.tasks import Rejection
from symjax.tasks._ode_families import CONSTANTS, VARIABLE, Unsolvable, absorbed, equation_of

LEAST_OPERATORS = {1: 3, 2: 5}
"""Fewest operators that a tree is asked to have, by the order of the equation."""


_DOUBTFUL = 0.5
"""Share of agreeing points below which the other branches are tried."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """An equation, its solution, and how the one holds for the other.

    Attributes:
      equation: canonical, in x, Y, Y' (and Y''); the left side, the right one is 0.
      solution: canonical, in x and a8 (and a9).
      agreement: of the solution with the equation at points.
      expanded: whether the equation is multiplied out.
      prepared: what its fingerprint needs.
    """

    equation: Expression
    solution: Expression
    agreement: Agreement
    expanded: bool
    prepared: Prepared = dataclasses.field(compare=False)


def refusal(agreement: Agreement, agreeing_fraction: float) -> Rejection | None:
    """Why an equation must not be written with its solution: it is satisfied at too few points, or at none."""
    decided = agreement.agreeing + agreement.differing
    if not decided:
        return Rejection("undecided", "equation and solution are defined together at none of the points")
    if not agreement.agreeing or agreement.share < agreeing_fraction:
        return Rejection(
            "seldom_agrees", f"the solution satisfies the equation at {agreement.agreeing} of {decided} points"
        )
    return None


class Draw:
    """Draws equations of one order."""

    def __init__(
        self,
        sampler: TreeSampler,
        *,
        order: int,
        max_operators: int,
        expanded_fraction: float,
        agreeing_fraction: float,
        budget: int,
        max_tokens: int,
    ) -> None:
        """How equations are drawn.

        Args:
          sampler: draws trees.
          order: 1 or 2, of the equations.
          max_operators: most operators of a tree.
          expanded_fraction: share of the equations that are multiplied out; others have common factors taken out.
          agreeing_fraction: smallest share of the points at which a solution must satisfy its equation.
          budget: nodes that may be built for one equation.
          max_tokens: of an equation; longer ones are not checked any further.
        """
        self._sampler = sampler
        self._order = order
        self._names = CONSTANTS[:order]
        self._operators = min(LEAST_OPERATORS[order], max_operators), max_operators
        self._expanded_fraction = expanded_fraction
        self._agreeing_fraction = agreeing_fraction
        self._budget = budget
        self._max_tokens = max_tokens

    def __call__(self, rng: random.Random) -> Problem | Rejection:
        """A random equation with its solution, or why this attempt has none."""
        least, most = self._operators
        count = least + int(rng.random() * (most - least + 1))
        try:
            with node_budget(self._budget):
                family = self._family(rng, count)
                if isinstance(family, Rejection):
                    return family
                expanded = rng.random() < self._expanded_fraction
                return self._problem(family, expanded, lambda: rng.random() < 0.5)
        except TooLarge as error:
            return Rejection("too_large", str(error))
        except Undefined as error:
            return Rejection("undefined", str(error))
        except OutOfBudget as error:
            return Rejection("budget", str(error))
        except Unsolvable as error:
            return Rejection(*error.args)

    def _family(self, rng: random.Random, count: int) -> Expression | Rejection:
        """A random family of functions in its final form."""
        family = absorbed(self._sampler.canonical(rng, count, (VARIABLE, *self._names)), self._names)
        if not occurs(VARIABLE, family):
            return Rejection("no_variable", "x does not occur")
        if not all(occurs(name, family) for name in self._names):
            return Rejection("no_constant", f"not all of {', '.join(self._names)} occur")
        if 2 * operator_count(family) < count:
            return Rejection("few_operators", f"less than half of {count} operators are left")
        return family

    def _problem(self, family: Expression, expanded: bool, coin: Callable[[], bool]) -> Problem | Rejection:
        """The equation of a family.  Where a chosen branch fails at a point, the opposite choices are tried too."""
        choices: list[bool] = []

        def first() -> bool:
            choices.append(coin())
            return choices[-1]

        equation = equation_of(family, self._order, first, expanded, self._max_tokens)
        if token_length(equation) > self._max_tokens:
            return Rejection("too_long", f"the equation takes more than {self._max_tokens} tokens")
        agreement, prepared = checked(equation, family)
        if choices and agreement.differing and agreement.share < _DOUBTFUL:
            found = self._opposite(family, expanded, choices)
            if found is not None and found[1].share > agreement.share:
                equation, agreement, prepared = found
        refused = refusal(agreement, self._agreeing_fraction)
        return refused or Problem(
            equation=equation, solution=family, agreement=agreement, expanded=expanded, prepared=prepared
        )

    def _opposite(
        self, family: Expression, expanded: bool, choices: list[bool]
    ) -> tuple[Expression, Agreement, Prepared] | None:
        """The equation for the opposite of all `choices`."""
        rest = list(reversed(choices))

        def opposite() -> bool:
            return not rest.pop() if rest else False

        try:
            equation = equation_of(family, self._order, opposite, expanded, self._max_tokens)
            if token_length(equation) > self._max_tokens:
                return None
            return equation, *checked(equation, family)
        except (TooLarge, Undefined, Unsolvable):
            return None
