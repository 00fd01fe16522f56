"""Budgets of work: counts, never clocks, so that a verdict is the same on every machine and every day."""

from __future__ import annotations


class GaveUpError(Exception):
    """A question was left open; the message says which limit stopped it."""


class OutOfWorkError(GaveUpError):
    """The budget of work is spent."""


class Work:
    """A budget that everything expensive is charged to.

    One unit is about a third of a microsecond: a product of two terms, a node of a graph at 64 bits.
    """

    __slots__ = ("budget", "left")

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.left = budget

    def charge(self, units: int) -> None:
        """Takes `units` off the budget.

        Raises:
          OutOfWorkError: the budget does not allow it.
        """
        self.left -= units
        if self.left < 0:
            raise OutOfWorkError(f"the budget of {self.budget} units of work is spent")

    @property
    def spent(self) -> int:
        """Units charged so far, at most the budget."""
        return self.budget - max(self.left, 0)
