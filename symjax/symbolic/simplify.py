"""Short forms of canonical expressions: common factors taken out, or a quotient of polynomials over kernels.

Nothing here searches for long: all limits are counts, and where they are met the shortest form so far is kept.
What comes out equals what went in wherever that is defined, except that x**(a - 1) may become x**a/x, undefined where x
is 0; where a factor is cancelled, it is defined elsewhere too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from math import gcd, lcm
from typing import Final, cast

from symjax.symbolic.arithmetic import E, add, base_and_exponent, multiply, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.conventions import token_length
from symjax.symbolic.expression import ONE, ZERO, Expression
from symjax.symbolic.factored import GaveUp
from symjax.symbolic.forms import Form, forms
from symjax.symbolic.kernels import TANGENTS, Kernels
from symjax.symbolic.limits import Ratio, TooLarge, Undefined, number, split
from symjax.symbolic.ordering import is_number, ratio

_SLACK: Final = 2
"""How much shorter than estimated a form may turn out to be, and is built for that."""
_LONGEST_WITHOUT_TANGENTS: Final = 80
"""Tokens above which tangents stay: there quotients of sines and cosines are the shorter form of 6 % of the
derivatives, and finding them takes a tenth of the time in which integrals are drawn backward."""


def simplify(expr: Expression) -> Expression:
    """The shortest in tokens of `expr`, of it with common factors taken out, and of its forms as a quotient.

    Of forms of one length the one named first is taken, so that nothing is rewritten without need.
    """
    nodes = list(_structure(expr))
    if len(nodes) == 1:
        return expr
    best = _shortest(expr, _factored_form(nodes))
    return _shortest(best, quotient_forms(expr, nodes, token_length(best) + _SLACK))


def _shortest(best: Expression, others: Iterable[Form]) -> Expression:
    """The first of the shortest expressions, as far as they are to be had within the limits."""
    length = token_length(best)
    try:
        for estimate, build in others:
            if estimate < length + _SLACK:
                other = build()
                if token_length(other) < length:
                    best, length = other, token_length(other)
    except (GaveUp, TooLarge, Undefined):
        pass
    return best


def _factored_form(nodes: list[Expression]) -> Iterator[Form]:
    if any(item.op == "add" for item in nodes):
        yield 0, lambda: _factored(nodes, only_shorter=True)


def quotient_forms(
    expr: Expression, nodes: Iterable[Expression] | None = None, limit: int = sys.maxsize
) -> Iterator[Form]:
    """The ways to write `expr` as a quotient, and, of at most 80 tokens, with tangents as sines over cosines as well.

    Shortest estimate first, for each of the two.  `nodes` are those of `expr` down to its kernels, if they are known.
    Forms whose estimate is `limit` or more are of no use, and some of them are left out.

    Raises:
      GaveUp, TooLarge, Undefined: above the limits.
    """
    replaced = any(item.op in TANGENTS for item in nodes or _structure(expr))
    for tangents in (False, True) if replaced and token_length(expr) <= _LONGEST_WITHOUT_TANGENTS else (False,):
        kernels = Kernels(expr, tangents=tangents)
        yield from sorted(forms(kernels, kernels.quotient(expr), limit), key=lambda form: form[0])


def _structure(expr: Expression) -> Iterator[Expression]:
    """The nodes of `expr` down to its kernels, operands first, each once."""
    seen: set[Expression] = set()
    stack: list[Expression | None] = [expr]
    while stack:
        item = stack.pop()
        if item is None:  # what lies below it is done
            yield cast(Expression, stack.pop())
        elif item not in seen:
            seen.add(item)
            if item.op in ("add", "mul"):
                stack += (item, None, *item.args)
            elif item.op == "pow":
                stack += (item, None, item.args[0])
            else:
                yield item


def common_factors(expr: Expression) -> Expression:
    """`expr` with the common factors of each sum above its kernels taken out, innermost sums first.

    Taken out is the smallest exponent of each base, and the rational content where it does not stand alone.

    Raises:
      TooLarge: above the limits on canonical expressions.
    """
    return _factored(list(_structure(expr)), only_shorter=False)


def _factored(nodes: list[Expression], *, only_shorter: bool) -> Expression:
    """`common_factors` of the last of `nodes`, the others of which are those above its kernels, operands first."""
    built: dict[Expression, Expression] = {}
    for item in nodes:
        op = item.op
        args = item.args[:1] if op == "pow" else item.args if op in _BUILDERS else ()
        found = item
        if any(built[arg] is not arg for arg in args):
            found = _BUILDERS[op](*(built[arg] for arg in args), *item.args[len(args) :])
        if op == "add":
            other = extract(found)
            if not only_shorter or token_length(other) < token_length(found):
                found = other
        built[item] = found
    return built[nodes[-1]]


_BUILDERS: Final = {"add": add, "mul": multiply, "pow": power}

Powers = dict[tuple[Expression, Expression], Ratio]
"""(base, rest of the exponent) -> coefficient of the exponent."""


def extract(total: Expression) -> Expression:
    """A sum as the product of the common factors of its terms and what is left of it; anything else as it is."""
    if total.op != "add":
        return total
    rows = [_row(term) for term in total.args]
    common = _common([powers for _, powers in rows])
    if not common:
        return total
    top = gcd(*(coefficient[0] for coefficient, _ in rows))
    if all(coefficient[0] < 0 for coefficient, _ in rows):
        top = -top
    bottom = lcm(*(coefficient[1] for coefficient, _ in rows))
    rest = []
    for coefficient, powers in rows:
        left = dict(powers)
        for key, exponent in common.items():
            left[key] = _minus(left.get(key, (0, 1)), exponent)
        factor = number(coefficient[0] // top * (bottom // coefficient[1]))
        rest.append(multiply(factor, *_factors(left)))
    return multiply(number(top, bottom), *_factors(common), add(*rest))


def _row(term: Expression) -> tuple[Ratio, Powers]:
    """(coefficient, powers) of one term."""
    coefficient, powers = (1, 1), {}
    for factor in term.args if term.op == "mul" else (term,):
        if is_number(factor):
            coefficient = ratio(factor)
        else:
            base, exponent = base_and_exponent(factor)
            if base is ZERO:  # 0**x has values where 0**-x has none
                base, exponent = factor, ONE
            scale, rest = split(exponent)
            powers[base, rest] = scale
    return coefficient, powers


def _common(rows: list[Powers]) -> Powers:
    """The smallest exponent of each base, 0 where a row has none; zeros are left out."""
    common = dict(rows[0])
    for row in rows[1:]:
        for key in common:
            other = row.get(key, (0, 1))
            if _less(other, common[key]):
                common[key] = other
        for key, exponent in row.items():
            if key not in common and exponent[0] < 0:
                common[key] = exponent
    return {key: exponent for key, exponent in common.items() if exponent[0]}


def _less(left: Ratio, right: Ratio) -> bool:
    return left[0] * right[1] < right[0] * left[1]


def _minus(left: Ratio, right: Ratio) -> Ratio:
    top, bottom = left[0] * right[1] - right[0] * left[1], left[1] * right[1]
    divisor = gcd(top, bottom)
    return top // divisor, bottom // divisor


def _factors(powers: Powers) -> Iterator[Expression]:
    for (base, rest), exponent in powers.items():
        if exponent[0]:
            scaled = multiply(number(*exponent), rest)
            yield apply("exp", scaled) if base is E else power(base, scaled)
