"""Is an answer right?  `judge` says proved, refuted or undetermined, and what that stands on."""

from symjax.symbolic.equality.equation import Problem
from symjax.symbolic.equality.judging import Judgement, judge

__all__ = ["Judgement", "Problem", "judge"]
