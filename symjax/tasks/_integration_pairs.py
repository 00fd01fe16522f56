"""Integrands with their antiderivatives, drawn at random: forward and backward.

Everything here works on canonical expressions and counts nodes instead of seconds, so that a pair is a function of
the options and of the random numbers.  How the pairs are drawn follows Lample and Charton (Deep Learning for Symbolic
Mathematics, 2020, section 3 and appendix); what is theirs by SymPy is ours by rules.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping

from symjax.symbolic.agreement import compared
from symjax.symbolic.arithmetic import add
from symjax.symbolic.conventions import operator_count
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ZERO, Expression, occurs
from symjax.symbolic.integration import Table, integrate
from symjax.symbolic.limits import TooLarge, Undefined
from symjax.symbolic.programs import Column
from symjax.symbolic.simplify import simplify
from symjax.symbolic.tree_sampling import TreeSampler, draw_count
from symjax.tasks import Rejection

FORWARD, BACKWARD, PARTS = "forward", "backward", "parts"
LEAST_FORWARD, LEAST_BACKWARD = 3, 4
"""Operators that trees usually have at least."""

Facts = Mapping[str, int | bool | str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """A canonical integrand, a canonical antiderivative, and what is known of how they were made."""

    integrand: Expression
    antiderivative: Expression
    facts: Facts = dataclasses.field(default_factory=dict)


def forward(rng: random.Random, sampler: TreeSampler, *, max_operators: int, budget: int) -> Pair | Rejection:
    """A random integrand with the antiderivative that the rules find within `budget` nodes."""
    count = draw_count(rng, min(LEAST_FORWARD, max_operators), max_operators)
    integrand = drawn_function(rng, sampler, count, keep_constant=0.5)
    if isinstance(integrand, Rejection):
        return integrand
    answer = antiderivative_of(integrand, budget)
    if answer is None:
        return Rejection("unsolved", f"the rules find no antiderivative within {budget} nodes")
    return Pair(integrand=integrand, antiderivative=answer)


def backward(
    rng: random.Random, sampler: TreeSampler, *, max_operators: int, simplified_fraction: float
) -> Pair | Rejection:
    """A random antiderivative with its derivative, which is simplified with probability `simplified_fraction`."""
    count = draw_count(rng, min(LEAST_BACKWARD, max_operators), max_operators)
    answer = drawn_function(rng, sampler, count, keep_constant=0.0)
    if isinstance(answer, Rejection):
        return answer
    simplified = rng.random() < simplified_fraction
    try:
        integrand = derivative(answer)
        if simplified:
            integrand = simplify(integrand)
    except TooLarge as error:
        return Rejection("too_large", str(error))
    except Undefined as error:
        return Rejection("undefined", str(error))
    if integrand is ZERO:
        return Rejection("constant", "the derivative is 0")
    return Pair(integrand=integrand, antiderivative=answer, facts={"simplified": simplified})


def drawn_function(
    rng: random.Random, sampler: TreeSampler, count: int, *, keep_constant: float, fewest: float = 0.5
) -> Expression | Rejection:
    """A random canonical function of x from a tree of `count` operators.

    A constant summand is dropped, but for the share `keep_constant` of the trees.  Rejected are trees that are not
    defined, lose x, or keep less than the share `fewest` of their operators.
    """
    kept = keep_constant > 0 and rng.random() < keep_constant
    try:
        expr = sampler.canonical(rng, count)
        if not kept:
            expr = without_constant(expr)
    except TooLarge as error:
        return Rejection("too_large", str(error))
    except Undefined as error:
        return Rejection("undefined", str(error))
    if not holds_x(expr):
        return Rejection("constant", "x does not occur")
    if fewest and operator_count(expr) < fewest * count:
        return Rejection("few_operators", f"of {count} operators less than {fewest:.0%} are left")
    return expr


def antiderivative_of(integrand: Expression, budget: int, known: Table | None = None) -> Expression | None:
    """A short antiderivative without a constant summand, as the rules find it within `budget` nodes.

    They may look up what is `known` wherever they arrive.
    """
    try:
        answer = integrate(integrand, budget=budget, table=known)
        return None if answer is None else without_constant(simplify(without_constant(answer)))
    except (TooLarge, Undefined, OverflowError):  # the last from python-flint 0.9, where it cannot order factors
        return None


def refusal(pair: Pair) -> Rejection | bool:
    """Why the pair must not be written; or, if it may, whether the antiderivative is real somewhere.

    The derivative of the antiderivative, by a way that shares nothing with how the pair was made, must agree with
    the integrand at two points, and differ at none.
    """
    found = checked(pair.antiderivative, pair.integrand)
    return found if isinstance(found, Rejection) else found[0]


def checked(antiderivative: Expression, integrand: Expression) -> Rejection | tuple[bool, Column]:
    """What `refusal` says, with the integrand's values for `fingerprint.of_values`."""
    found, values = compared(antiderivative, integrand)
    if found.differing:
        return Rejection("differs", "the derivative of the antiderivative is not the integrand")
    if not found.accepted:
        return Rejection("undefined", f"the derivative could be compared at {found.agreeing} points only")
    return found.real, values


def without_constant(expr: Expression) -> Expression:
    """`expr` without the summands that do not hold x; `expr` itself if that is all of it."""
    if expr.op != "add" or not holds_x(expr):
        return expr
    kept = [term for term in expr.args if holds_x(term)]
    return expr if len(kept) == len(expr.args) else add(*kept)


def holds_x(expr: Expression) -> bool:
    """Whether x occurs."""
    return occurs("x", expr)
