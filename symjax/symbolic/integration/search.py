"""The order in which the rules are tried, and the limits within which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from symjax.symbolic.agreement import agrees
from symjax.symbolic.arithmetic import add, multiply
from symjax.symbolic.budget import OutOfBudget, node_budget
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ONE, Expression, X
from symjax.symbolic.integration import angles, inversion, substitution, table
from symjax.symbolic.integration.ansatz import ansatz
from symjax.symbolic.integration.field import TooWide
from symjax.symbolic.integration.views import (
    Key,
    depends,
    expand,
    kernels,
    level,
    replace,
    split_constant,
    subexpressions,
    terms,
    weight,
)
from symjax.symbolic.limits import TooLarge, Undefined, number, split

DEFAULT_BUDGET: Final = 600
MAX_DEPTH: Final = 14
MAX_LEVEL: Final = 2
MAX_WEIGHT: Final = 4
"""Most kernels inside each other, and most kernels, for which a system is set up; beyond, hardly any has a solution."""
MAX_JOINT_WEIGHT: Final = 4
"""Most kernels in terms that are tried as a whole after the first of them had no integral."""
MAX_NESTING: Final = 60
"""Deepest nesting of operators in an integrand; what is deeper is given up at once."""

_WITH_ROOTS: Final = frozenset({"asin", "acos", "asinh", "acosh"})


class Table(Protocol):
    """Known antiderivatives by integrand: a dictionary, or anything that looks them up."""

    def get(self, integrand: Expression, /) -> Expression | None:
        """An antiderivative of `integrand` if one is known."""
        ...


def integrate(
    expr: Expression, *, budget: int = DEFAULT_BUDGET, table: Table | Mapping[Expression, Expression] | None = None
) -> Expression | None:
    """An antiderivative of the canonical `expr` by x, canonical and not simplified; None where the rules find none.

    What is returned has been checked in certified balls: its derivative agrees with `expr` at two points, on both sides
    of 0 where there are values, and differs at none that was looked at.  The result depends on the arguments only, not
    on what was computed before.

    Args:
      expr: canonical; other symbols are constants.
      budget: canonical nodes that may be built; of the random integrands that are solved half need 13, 99 % below
        160.  It also limits linear systems without a solution, to 3 + budget // 100.
      table: looked up for `expr` and for every integrand that the rules arrive at, constant factors taken out.

    Raises:
      ValueError: `budget` is negative.
    """
    if expr.depth > MAX_NESTING:
        return None
    try:
        with node_budget(budget) as spent:
            found = Search(spent.count, table).integral(expr)
    except (OutOfBudget, TooLarge, Undefined):
        return None
    if found is None:
        return None
    found = add(*(term for term in terms(found) if depends(term)))
    return found if agrees(found, expr).accepted else None


class Search:
    """One integration: what has been tried, and how deep it is."""

    def __init__(self, budget: int, known: Table | Mapping[Expression, Expression] | None = None) -> None:
        self._found: dict[Expression, Expression | None] = {}
        self._depth = 0
        self._known = known
        self._failures = 2 + budget // 100

    def integral(self, expr: Expression) -> Expression | None:
        """An antiderivative, not checked; None where there is none to be found.

        Raises:
          OutOfBudget: the budget in force is spent.
        """
        if not depends(expr):
            return multiply(expr, X)
        constant, rest = split_constant(expr)
        if rest not in self._found:
            if self._depth >= MAX_DEPTH:
                return None
            self._found[rest] = None  # a rule that comes back to its own integrand fails
            self._depth += 1
            try:
                self._found[rest] = self._of_rest(rest)
            finally:
                self._depth -= 1
        found = self._found[rest]
        return None if found is None else found if constant is ONE else multiply(constant, found)

    def _of_rest(self, expr: Expression) -> Expression | None:
        known = self._known.get(expr) if self._known is not None else None
        if known is not None:
            return known
        if expr.op == "add":
            return self._of_sum(expr)
        for rule in RULES:
            found = self.tried(rule, expr)
            if found is not None:
                return found
        return None

    def tried(self, rule: Rule, expr: Expression) -> Expression | None:
        """What `rule` makes of `expr`; None where it fails or what it builds is too large or nowhere defined."""
        try:
            return rule(self, expr)
        except (TooLarge, Undefined, TooWide):
            return None

    def _of_sum(self, expr: Expression) -> Expression | None:
        """Term by term, the largest first; a term that has no integral alone is tried with those that share kernels."""
        found: list[Expression] = []
        ordered = sorted(expr.args, key=lambda term: -term.size)
        for place, term in enumerate(ordered):
            part = self.integral(term)
            if part is None:
                linked, others = _linked(term, ordered[place + 1 :])
                part = self._jointly(linked)
                if part is None:
                    return None
                rest = self.integral(add(*others))
                return None if rest is None else add(*found, part, rest)
            found.append(part)
        return add(*found)

    def _jointly(self, terms: list[Expression]) -> Expression | None:
        """The integral of terms as a whole."""
        whole = add(*terms)
        if len(terms) < 2 or weight(whole) > MAX_JOINT_WEIGHT:
            return None
        return self.tried(substitution.by_inner_derivative, whole) or self.tried(_by_ansatz, whole)

    def by_ansatz(self, expr: Expression) -> Expression | None:
        """What `ansatz` finds; nothing more once that many systems as the budget allows had no solution.

        Raises:
          TooWide, TooLarge, Undefined: see `ansatz`.
        """
        if self._failures < 0 or level(expr) > MAX_LEVEL or weight(expr) > MAX_WEIGHT:
            return None
        self._failures -= 1
        found = ansatz(expr)
        self._failures += found is not None
        return found


def _linked(term: Expression, others: list[Expression]) -> tuple[list[Expression], list[Expression]]:
    """`term` with the others that share kernels with it, directly or through each other, and the ones that do not.

    Where none does, two terms of one kernel each are linked: the derivative of ln(x)*atan(x) has such terms.
    """
    linked, known = [term], _reach(term)
    left = [(other, _reach(other)) for other in others]
    while True:
        near = [(other, keys) for other, keys in left if keys & known]
        if not near and len(linked) == 1 and len(known) == 1:
            near = [(other, keys) for other, keys in left if len(keys) == 1][:1]
        if not near:
            return linked, [other for other, _ in left]
        taken = {other for other, _ in near}
        left = [(other, keys) for other, keys in left if other not in taken]
        for other, keys in near:
            linked.append(other)
            known |= keys


def _reach(term: Expression) -> frozenset[Key]:
    """The kernels of `term`, and the roots in the derivatives of its inverse functions."""
    found = kernels(term)
    for node in subexpressions(term):
        if node.op in _WITH_ROOTS:
            found |= kernels(derivative(node))
    return found


Rule = Callable[[Search, Expression], Expression | None]


def _by_ansatz(search: Search, expr: Expression) -> Expression | None:
    return search.by_ansatz(expr)


def _by_expansion(search: Search, expr: Expression) -> Expression | None:
    expanded = expand(expr)
    return None if expanded is expr else search.integral(expanded)


def _by_logarithms(search: Search, expr: Expression) -> Expression | None:
    """The integral with positive numbers taken out of logarithms, if that leaves fewer of them."""
    images: dict[Expression, Expression] = {}
    nodes = [node for node in subexpressions(expr) if node.op == "ln"]
    for node in nodes:
        (top, bottom), rest = split(node.args[0])
        if rest is not node.args[0] and top > 0:
            images[node] = add(apply("ln", number(top, bottom)), apply("ln", rest))
    if not images or len(nodes) < 2:
        return None
    rewritten = replace(expr, images)
    return search.integral(rewritten) if weight(rewritten) < weight(expr) else None


def _by_table(search: Search, expr: Expression) -> Expression | None:
    del search
    return table.of_linear(expr)


RULES: Final[tuple[Rule, ...]] = (
    _by_table,
    _by_logarithms,
    substitution.by_inner_derivative,
    _by_ansatz,
    _by_expansion,
    angles.by_common_angle,
    angles.by_half_angle,
    angles.by_exponential,
    inversion.by_inverse,
)
