"""Differential equations by SymPy: the slow reference beside the generators.

What is done follows the published description of Lample and Charton's generators: the drawn function is solved for
its constant, and differentiated; twice for the second order.  Whether the function satisfies its equation is left for
the task to check.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from symjax.symbolic.expression import Expression, occurs, raw, symbol
from symjax.symbolic.reference_integration import operators
from symjax.symbolic.reference_steps import SympySteps
from symjax.symbolic.series import Refusal

Coin = Callable[[], bool]
Pair = tuple[Expression, Expression]
"""Equation and solution, raw, in the words of the published data."""

_Y: Final = symbol("Y")


class OdeReference:
    """Equations with their solutions, and solutions, by SymPy.

    Use it as a context manager, or call `close`.

    Args:
      seconds: time limit of one call of SymPy; an equation takes a few.
      steps: what makes the calls.
    """

    def __init__(self, *, seconds: float = 10.0, steps: SympySteps | None = None) -> None:
        self._steps = steps or SympySteps(seconds=seconds)

    def first(self, tree: Expression, coin: Coin) -> Pair | Refusal:
        """The equation of first order that a drawn function of x and a8 solves.

        Reasons: "no_constant", "constant", "few_operators", "undefined", "complex", "no_solution" (for the constant),
        "no_derivative", "sympy_error"; and those of a lost call.
        """
        solution = self._solution(tree, ("a8",))
        if isinstance(solution, Refusal):
            return solution
        equation = self._eliminated(raw("sub", _Y, solution), "a8", "1", coin)
        return self._written(equation, solution, coin)

    def second(self, tree: Expression, coin: Coin) -> Pair | Refusal:
        """The equation of second order that a drawn function of x, a8 and a9 solves; reasons as those of `first`."""
        solution = self._solution(tree, ("a8", "a9"))
        if isinstance(solution, Refusal):
            return solution
        equation = self._eliminated(raw("sub", _Y, solution), "a8", "1", coin)
        if isinstance(equation, Expression):
            equation = self._eliminated(equation, "a9", "2", coin)
        return self._written(equation, solution, coin)

    def solve(self, problem: Expression) -> Expression | Refusal:
        """The first explicit solution that `dsolve` gives for a raw equation."""
        found = self._steps.call("dsolve", problem)
        if isinstance(found, Refusal):
            return found
        return found[0] if found else Refusal("unsolved", "an integral is left in every solution")

    def _solution(self, tree: Expression, constants: tuple[str, ...]) -> Expression | Refusal:
        """The drawn function as SymPy writes it, what goes into each constant drawn into it."""
        found = self._steps.expression("build", tree)
        for name in constants:
            if isinstance(found, Expression):
                found = self._steps.expression("absorb", found, words=(name,))
        if isinstance(found, Refusal):
            return found
        for name, reason in (("x", "constant"), *((name, "no_constant") for name in constants)):
            if not occurs(name, found):
                return Refusal(reason, f"the function does not depend on {name}")
        if 2 * operators(found) < operators(tree):
            return Refusal("few_operators", f"{operators(found)} operators are left of {operators(tree)}")
        return found

    def _eliminated(self, equation: Expression, name: str, order: str, coin: Coin) -> Expression | Refusal:
        """What follows from the equation without the constant: solved for it, and differentiated."""
        found = self._steps.call("solve_for", equation, words=(name,))
        if isinstance(found, Refusal):
            return found
        if not found:
            return Refusal("no_solution", f"SymPy does not solve for {name}")
        return self._steps.expression("equation", found[_choice(len(found), coin)], words=(order,))

    def _written(self, equation: Expression | Refusal, solution: Expression, coin: Coin) -> Pair | Refusal:
        """The pair, its equation simplified or not; nothing says yet that the solution satisfies it."""
        if coin() and isinstance(equation, Expression):
            equation = self._steps.expression("simplify", equation)
        return equation if isinstance(equation, Refusal) else (equation, solution)

    def close(self) -> None:
        """Ends the worker."""
        self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _choice(count: int, coin: Coin) -> int:
    """A place below `count`, by as many coins as it takes."""
    while True:
        place = 0
        for _ in range((count - 1).bit_length()):
            place = 2 * place + coin()
        if place < count:
            return place


@contextlib.contextmanager
def solver(seconds: float) -> Iterator[OdeReference]:
    """SymPy's `dsolve`, with so many seconds for each problem."""
    with OdeReference(seconds=seconds) as reference:
        yield reference
