"""The verdict that Lample and Charton's evaluation gives, for comparison with published figures only.

An answer is right when SymPy simplifies its difference from the reference answer to 0, or simplifies the problem with
the answer put in for f(x) to 0, each within a second.  All else is wrong there, what does not finish included; here
that is told apart.
"""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from symjax.symbolic.expression import Expression, raw
from symjax.symbolic.reference_steps import SympySteps
from symjax.symbolic.series import Refusal

SECONDS = 1.0
"""Time limit of each of the two attempts."""

ReferenceKind = Literal["right", "wrong", "timeout"]


class ReferenceVerdicts:
    """Verdicts of the reference system, in a watched process; use it as a context manager, or call `close`."""

    def __init__(self, *, seconds: float = SECONDS, steps: SympySteps | None = None) -> None:
        self._steps = steps or SympySteps(seconds=seconds)

    def __call__(self, problem: Expression, hypothesis: Expression, reference: Expression) -> ReferenceKind:
        """What the reference system says; "timeout", wrong there, where an attempt did not finish and none succeeds.

        Args:
          problem: raw, in x, Y, Y', Y'' and constants; to be 0.
          hypothesis: the answer to judge.
          reference: the right answer.
        """
        lost = False
        for name, exprs in (("is_zero", (raw("sub", hypothesis, reference),)), ("solves", (problem, hypothesis))):
            found = self._steps.call(name, *exprs)
            if found is True:
                return "right"
            lost |= isinstance(found, Refusal) and found.reason == "time_limit"
        return "timeout" if lost else "wrong"

    def close(self) -> None:
        """Ends the worker."""
        self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def reference_verdict(problem: Expression, hypothesis: Expression, reference: Expression) -> ReferenceKind:
    """One verdict, with a worker of its own; `ReferenceVerdicts` keeps one for many."""
    with ReferenceVerdicts() as verdicts:
        return verdicts(problem, hypothesis, reference)
