"""Integrands with their antiderivatives, drawn at random: by parts.

From two random functions F and G with derivatives f and g: where an antiderivative H of f G is known, F G - H is one
of F g.  What is known comes from a finished table, which nothing is ever added to, and, for a share of the attempts,
from the rules.  The table is asked by values at points, so that every pair is proved by the verifier before it is used.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from symjax.symbolic.arithmetic import MINUS_ONE, add, multiply
from symjax.symbolic.canonical import canonicalise
from symjax.symbolic.conventions import foreign_form
from symjax.symbolic.derivative import derivative
from symjax.symbolic.equality import judge
from symjax.symbolic.expression import ZERO, Expression, symbol, unchecked
from symjax.symbolic.fingerprint import rational_ratio, up_to_factor
from symjax.symbolic.limits import TooLarge, Undefined, number, split
from symjax.symbolic.simplify import simplify
from symjax.symbolic.tree_sampling import TreeSampler, draw_count
from symjax.tasks import Rejection
from symjax.tasks._integration_pairs import (
    LEAST_BACKWARD,
    Pair,
    antiderivative_of,
    drawn_function,
    holds_x,
    without_constant,
)
from symjax.tokenization import prefix


class KnownIntegrals:
    """A read-only table of antiderivatives, which finds integrands in any form, up to a rational factor."""

    def __init__(self, entries: Mapping[str, tuple[str, str]]) -> None:
        """`entries`: `fingerprint.up_to_factor` of an integrand -> prefix tokens of it and of an antiderivative."""
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, integrand: Expression, /) -> Expression | None:
        """The antiderivative of a multiple of what the table has, multiplied accordingly.

        Found by values at points, which terms that are tiny there leave as they are: what becomes of it must be proved.
        """
        key = up_to_factor(integrand)
        found = None if key is None else self._entries.get(key)
        if found is None:
            return None
        known, antiderivative = (canonicalise(prefix.parse(text.split())) for text in found)
        factor = rational_ratio(integrand, known)
        return None if factor is None else multiply(factor, antiderivative)


def by_parts(
    rng: random.Random,
    sampler: TreeSampler,
    table: KnownIntegrals,
    *,
    max_operators: int,
    other_operators: int,
    rules_fraction: float,
    rules_budget: int,
    direct_budget: int,
) -> Pair | Rejection:
    """A product F g with its antiderivative F G - H, or f G with F G - H.

    The fact `direct` says whether the rules solve the product by themselves within `direct_budget` nodes.

    Args:
      max_operators, other_operators: most operators of the trees of F and of G.
      rules_fraction: share of the attempts in which H may come from the rules, within `rules_budget` nodes.
    """
    count = draw_count(rng, min(LEAST_BACKWARD, max_operators), max_operators)
    first = _function(rng, sampler, count)
    if isinstance(first, Rejection):
        return first
    second = _function(rng, sampler, 1 + int(rng.random() * other_operators))
    if isinstance(second, Rejection):
        return second
    budget = rules_budget if rng.random() < rules_fraction else 0
    undivided = rng.random() < 0.5
    try:
        pair = _combine(first, second, table, budget)
        if pair is None:
            return Rejection("unknown_part", "no antiderivative of the other product is known")
        integrand, answer = pair if undivided or pair[0] is ZERO else _without_factor(*pair)
    except TooLarge as error:
        return Rejection("too_large", str(error))
    except Undefined as error:
        return Rejection("undefined", str(error))
    if integrand is ZERO or not holds_x(answer):
        return Rejection("constant", "the product, or its antiderivative, is constant")
    if not is_proved(integrand, answer):
        return Rejection("unproved", "the verifier does not prove what follows from the table")
    direct = antiderivative_of(integrand, direct_budget) is not None
    return Pair(integrand=integrand, antiderivative=answer, facts={"direct": direct})


def is_proved(integrand: Expression, antiderivative: Expression) -> bool:
    """Whether the verifier proves the one to be an antiderivative of the other."""
    question = unchecked("sub", (symbol("Y'"), foreign_form(integrand)))
    return judge(question, foreign_form(antiderivative)).kind == "proved"


def monic(expr: Expression) -> tuple[Expression, Expression]:
    """(number, rest) with expr = number * rest, where the first term of `rest` has the coefficient 1."""
    top, bottom = split(expr.args[0] if expr.op == "add" else expr)[0]
    if (top, bottom) == (1, 1):
        return number(1), expr
    return number(top, bottom), multiply(number(bottom if top > 0 else -bottom, abs(top)), expr)


def _function(rng: random.Random, sampler: TreeSampler, count: int) -> tuple[Expression, Expression] | Rejection:
    """A random function with its derivative."""
    function = drawn_function(rng, sampler, count, keep_constant=0.5, fewest=0)
    if isinstance(function, Rejection):
        return function
    try:
        return function, derivative(function)
    except TooLarge as error:
        return Rejection("too_large", str(error))
    except Undefined as error:
        return Rejection("undefined", str(error))


def _combine(
    first: tuple[Expression, Expression], second: tuple[Expression, Expression], table: KnownIntegrals, budget: int
) -> tuple[Expression, Expression] | None:
    """(integrand, antiderivative), from (F, f) and (G, g)."""
    product = multiply(first[0], second[0])
    for (whole, slope), (other, other_slope) in ((first, second), (second, first)):
        part = _antiderivative(multiply(slope, other), table, budget)
        if part is not None:
            answer = without_constant(add(product, multiply(MINUS_ONE, part)))
            return simplify(multiply(whole, other_slope)), without_constant(simplify(answer))
    return None


def _antiderivative(integrand: Expression, table: KnownIntegrals, budget: int) -> Expression | None:
    """What the table has, or the rules find within `budget` nodes."""
    found = table.get(integrand)
    return antiderivative_of(simplify(integrand), budget) if found is None and budget else found


def _without_factor(integrand: Expression, answer: Expression) -> tuple[Expression, Expression]:
    """Both divided by the numeric factor of the integrand."""
    factor, rest = monic(integrand)
    top, bottom = split(factor)[0]
    return rest, multiply(number(bottom if top > 0 else -bottom, abs(top)), answer)
