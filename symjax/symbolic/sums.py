"""Canonical sums, and numbers times canonical expressions.

Operands are canonical; so are results.
"""

from __future__ import annotations

from symjax.symbolic.expression import INTEGER, ONE, RATIONAL, ZERO, Expression
from symjax.symbolic.limits import Ratio, node_of, number, plus, split, times
from symjax.symbolic.ordering import in_order, ratio


def scaled(coefficient: Ratio, rest: Expression) -> Expression:
    """coefficient * rest, where `rest` is canonical and has no coefficient of its own."""
    if coefficient[0] == coefficient[1]:
        return rest
    factor = number(*coefficient)
    if rest is ONE or factor is ZERO:
        return factor
    op = rest.op
    if op == "mul":
        return node_of("mul", (factor, *rest.args))
    if op == "add":
        return _distributed(coefficient, rest)
    return node_of("mul", (factor, rest))


def _distributed(coefficient: Ratio, total: Expression) -> Expression:
    """A number times a sum."""
    numbers, terms = [], []
    for term in total.args:
        own, rest = split(term)
        (numbers if rest is ONE else terms).append(scaled(times(coefficient, own), rest))
    return node_of("add", (*numbers, *in_order(terms)))


def add(*args: Expression) -> Expression:
    """The sum of canonical expressions: flat, like terms collected, number first, then in SymPy's order.

    Raises:
      TooLarge: above the limits.
    """
    terms: dict[Expression, Expression] = {}
    sums: dict[Expression, Ratio] = {}
    total: Ratio = (0, 1)
    for arg in args:
        for term in arg.args if arg.op == "add" else (arg,):
            op = term.op
            if op == INTEGER or op == RATIONAL:  # noqa: SIM109 (the innermost loop)
                total = plus(total, ratio(term))
                continue
            rest = split(term)[1] if op == "mul" else term
            known = terms.get(rest)
            if known is None:
                terms[rest] = term
            else:
                sums[rest] = plus(sums.get(rest) or split(known)[0], split(term)[0])
    if sums:
        found = [
            scaled(sums[rest], rest) if rest in sums else term
            for rest, term in terms.items()
            if rest not in sums or sums[rest][0]
        ]
    else:
        found = list(terms.values())
    if len(found) > 1:
        found = in_order(found)
    if total[0]:
        found.insert(0, number(*total))
    return ZERO if not found else found[0] if len(found) == 1 else node_of("add", tuple(found))
