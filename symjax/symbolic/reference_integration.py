"""Integrals by SymPy: the slow reference beside the generators and the rules.

What is done follows the published description of Lample and Charton's generators, with two differences that make an
example depend on its own draws only: a step that is lost ends the attempt under its name, and a product counts as
known in integration by parts when SymPy integrates it, not when the process happened to meet it before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from symjax.symbolic.expression import Expression, occurs, postorder, raw
from symjax.symbolic.reference_steps import LOST, SympySteps
from symjax.symbolic.series import Refusal

Coin = Callable[[], bool]
Pair = tuple[Expression, Expression]
"""Integrand and antiderivative, raw, in the words of the published data."""


class IntegrationReference:
    """Pairs of integrand and antiderivative, and antiderivatives, by SymPy.

    Use it as a context manager, or call `close`.

    Args:
      seconds: time limit of one call of SymPy; a pair takes a few.
      steps: what makes the calls.
    """

    def __init__(self, *, seconds: float = 10.0, steps: SympySteps | None = None) -> None:
        self._steps = steps or SympySteps(seconds=seconds)

    def fwd(self, tree: Expression, coin: Coin) -> Pair | Refusal:
        """A drawn function and its antiderivative, which is found.

        Reasons: "constant", "undefined", "complex", "few_operators"; "unsolved", "piecewise", "not_elementary",
        "sympy_error"; and those of a lost call.
        """
        function = self._function(tree, drop_constant=coin())
        if isinstance(function, Refusal):
            return function
        answer = self.integrate(function)
        return answer if isinstance(answer, Refusal) else (function, answer)

    def bwd(self, tree: Expression, coin: Coin) -> Pair | Refusal:
        """A drawn function as the antiderivative of its derivative, which is simplified or not."""
        simplify = coin()
        answer = self._function(tree, drop_constant=True)
        if isinstance(answer, Refusal):
            return answer
        integrand = self._steps.expression("derivative", answer)
        if simplify and isinstance(integrand, Expression):
            integrand = self._steps.expression("simplify", integrand)
        if isinstance(integrand, Refusal):
            return integrand
        return integrand, answer

    def ibp(self, tree: Expression, other: Expression, coin: Coin) -> Pair | Refusal:
        """Of two drawn functions F and G: F g by the known f G, or f G by the known F g; else "unknown_product"."""
        drop = coin()
        functions = _all(self._function(one, drop_constant=drop, least=0) for one in (tree, other))
        if isinstance(functions, Refusal):
            return functions
        slopes = _all(map(self._simplified_slope, functions))
        if isinstance(slopes, Refusal):
            return slopes
        (big_f, big_g), (small_f, small_g) = functions, slopes
        for known, posed in (((small_f, big_g), (big_f, small_g)), ((big_f, small_g), (small_f, big_g))):
            integral = self.integrate(raw("mul", *known))
            if isinstance(integral, Expression):
                difference = raw("sub", raw("mul", big_f, big_g), integral)
                return self._simplified_pair(raw("mul", *posed), difference)
            if integral.reason in LOST:
                return integral
        return Refusal("unknown_product", "SymPy integrates neither f G nor F g")

    def integrate(self, integrand: Expression) -> Expression | Refusal:
        """An elementary antiderivative, without additive constant."""
        return self._steps.expression("integrate", integrand)

    def solve(self, problem: Expression) -> Expression | Refusal:
        """An answer to the problem Y' - f."""
        return self.integrate(problem.args[1])

    def _function(self, tree: Expression, *, drop_constant: bool, least: int | None = None) -> Expression | Refusal:
        """The drawn function as SymPy writes it: of x, with half of the drawn operators or more."""
        found = self._steps.expression("build", tree)
        if isinstance(found, Expression) and drop_constant and found.op == "add":
            found = self._steps.expression("without_constant", found)
        if isinstance(found, Refusal):
            return found
        if not occurs("x", found):
            return Refusal("constant", "the function does not depend on x")
        wanted = operators(tree) if least is None else least
        if 2 * operators(found) < wanted:
            return Refusal("few_operators", f"{operators(found)} operators are left of {wanted}")
        return found

    def _simplified_slope(self, function: Expression) -> Expression | Refusal:
        slope = self._steps.expression("derivative", function)
        return slope if isinstance(slope, Refusal) else self._steps.expression("simplify", slope)

    def _simplified_pair(self, integrand: Expression, answer: Expression) -> Pair | Refusal:
        found = self._steps.expression("simplify", integrand)
        if isinstance(found, Refusal):
            return found
        short = self._steps.expression("simplify", answer)
        if isinstance(short, Expression):
            short = self._steps.expression("without_constant", short)
        if isinstance(short, Refusal):
            return short
        if not (occurs("x", found) and occurs("x", short)):
            return Refusal("constant", "nothing that depends on x is left")
        return found, short

    def close(self) -> None:
        """Ends the worker."""
        self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def operators(expr: Expression) -> int:
    """Operators that the tokens of an expression hold, shared ones each time."""
    counts: dict[Expression, int] = {}
    for node in postorder(expr):
        counts[node] = sum(counts[arg] for arg in node.args) + max(
            0, len(node.args) - 1 if len(node.args) > 2 else bool(node.args)
        )
    return counts[expr]


def _all(found: Iterable[Expression | Refusal]) -> list[Expression] | Refusal:
    """All of them, or the first that is refused; those behind are not asked for."""
    exprs: list[Expression] = []
    for one in found:
        if isinstance(one, Refusal):
            return one
        exprs.append(one)
    return exprs


@contextlib.contextmanager
def solver(seconds: float) -> Iterator[IntegrationReference]:
    """SymPy's `integrate`, with so many seconds for each problem."""
    with IntegrationReference(seconds=seconds) as reference:
        yield reference
