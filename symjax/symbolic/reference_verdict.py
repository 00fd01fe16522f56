"""The verdict that Lample and Charton's evaluation gives, for comparison with published figures only.

An answer is right when SymPy simplifies its difference from the reference answer to 0, or simplifies the problem with
the answer put in for f(x) to 0, each within a second.  All else is wrong there, what does not finish included; here
that is told apart.
"""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from symjax.processes import Failure
from symjax.symbolic.expression import Expression, raw
from symjax.symbolic.reference_steps import LOST, SympySteps
from symjax.symbolic.series import Refusal

SECONDS = 1.0
"""Limit of each of the two attempts, in CPU time."""

ReferenceKind = Literal["right", "wrong"] | Failure


class ReferenceVerdicts:
    """Verdicts of the reference system, in a watched process; use it as a context manager, or call `close`."""

    def __init__(self, *, seconds: float = SECONDS, steps: SympySteps | None = None) -> None:
        self._steps = steps or SympySteps(seconds=seconds)

    def __call__(self, problem: Expression, hypothesis: Expression, reference: Expression) -> ReferenceKind:
        """What the reference system says; where no attempt succeeds and one was lost, why it was: wrong there as well.

        Args:
          problem: raw, in x, Y, Y', Y'' and constants; to be 0.
          hypothesis: the answer to judge.
          reference: the right answer.
        """
        verdict: ReferenceKind = "wrong"
        for name, exprs in (("is_zero", (raw("sub", hypothesis, reference),)), ("solves", (problem, hypothesis))):
            found = self._steps.call(name, *exprs)
            if found is True:
                return "right"
            if isinstance(found, Refusal) and found.reason in LOST:
                verdict = found.reason
        return verdict

    def close(self) -> None:
        """Ends the worker."""
        self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
