"""A limit on how much a computation with canonical expressions may build: a count of nodes, never a time.

What is counted are the distinct canonical nodes that the constructors return while the budget is in force, whatever
existed before, so that a computation runs out at the same place in every process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from symjax.symbolic.expression import Expression


class OutOfBudget(ArithmeticError):  # noqa: N818 (names what is the matter)
    """A computation has built more nodes than it may."""


class Budget:
    """How much of a budget is spent.

    Attributes:
      count: nodes that may be built.
      seen: the distinct nodes built so far; they stay alive for as long as the budget does.
      memo: what computations under this budget remember, by the name of the computation.  A memo that outlives the
        budget would spare constructions, and so make the count depend on what was computed before.
    """

    __slots__ = ("count", "memo", "outer", "seen")

    def __init__(self, count: int, outer: Budget | None) -> None:
        self.count = count
        self.outer = outer
        self.seen: set[Expression] = set()
        self.memo: dict[str, dict[Expression, Expression]] = {}

    def charge(self, node: Expression) -> None:
        """Count `node` unless it was counted before."""
        seen = self.seen
        seen.add(node)
        if len(seen) > self.count:
            raise OutOfBudget(f"more than {self.count} nodes are needed")


class _State:
    """How many budgets are in force in all threads: while there is none, the constructors do not look further."""

    __slots__ = ("active",)

    def __init__(self) -> None:
        self.active = 0


class _Thread(threading.local):
    budget: Budget | None = None


STATE: Final = _State()
_LOCK: Final = threading.Lock()
_THREAD: Final = _Thread()


def current_budget() -> Budget | None:
    """The budget in force in this thread."""
    return _THREAD.budget


def charge(node: Expression) -> None:
    """Count a node that a canonical constructor returns.

    Raises:
      OutOfBudget: it is one too many.
    """
    budget = _THREAD.budget
    if budget is not None:
        budget.charge(node)


@contextmanager
def node_budget(count: int) -> Iterator[Budget]:
    """Lets the block build at most `count` distinct canonical nodes; what a budget inside it builds counts for both.

    Operators count, numbers and symbols do not.

    Raises:
      OutOfBudget: from the constructor that builds one too many.
      ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"a budget must not be negative, got {count}")
    outer = _THREAD.budget
    budget = Budget(count, outer)
    _THREAD.budget = budget
    with _LOCK:
        STATE.active += 1
    try:
        yield budget
    finally:
        _THREAD.budget = outer
        with _LOCK:
            STATE.active -= 1
        if outer is not None:
            outer.seen |= budget.seen
    if outer is not None and len(outer.seen) > outer.count:
        raise OutOfBudget(f"more than {outer.count} nodes are needed")
