"""Canonical sums, and numbers times canonical expressions.

Operands are canonical; so are results.
"""

from __future__ import annotations

from symjax.symbolic.expression import INTEGER, ONE, RATIONAL, ZERO, Expression
from symjax.symbolic.limits import Ratio, node_of, number, plus, times
from symjax.symbolic.ordering import NUMBERS, in_order, ratio

Key = Expression | tuple[Expression, ...]
"""What terms that differ by a rational factor share: the factors of a product, or the term itself."""


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
        if term.op in NUMBERS:
            numbers.append(number(*times(coefficient, ratio(term))))
        else:
            own, key = _parts(term)
            terms.append(_term(times(coefficient, own), key))
    return node_of("add", (*numbers, *in_order(terms)))


def _parts(term: Expression) -> tuple[Ratio, Key]:
    """(coefficient, key) of a term that is no number."""
    if term.op != "mul":
        return (1, 1), term
    args = term.args
    if args[0].op not in NUMBERS:
        return (1, 1), args
    rest = args[1:]
    return ratio(args[0]), rest if len(rest) > 1 else args[-1]


def _term(coefficient: Ratio, key: Key) -> Expression:
    """The term with a coefficient that is not 0."""
    if not isinstance(key, tuple):
        return scaled(coefficient, key)
    return node_of("mul", key if coefficient[0] == coefficient[1] else (number(*coefficient), *key))


def add(*args: Expression) -> Expression:
    """The sum of canonical expressions: flat, like terms collected, number first, then in SymPy's order.

    Raises:
      TooLarge: above the limits.
    """
    terms: dict[Key, Expression] = {}
    sums: dict[Key, Ratio] = {}
    total: Ratio = (0, 1)
    for arg in args:
        for term in arg.args if arg.op == "add" else (arg,):
            op = term.op
            if op == INTEGER or op == RATIONAL:  # noqa: SIM109 (the innermost loop)
                total = plus(total, ratio(term))
                continue
            key = _parts(term)[1] if op == "mul" else term
            known = terms.get(key)
            if known is None:
                terms[key] = term
            else:
                sums[key] = plus(sums.get(key) or _parts(known)[0], _parts(term)[0])
    if sums:
        found = [
            _term(sums[key], key) if key in sums else term
            for key, term in terms.items()
            if key not in sums or sums[key][0]
        ]
    else:
        found = list(terms.values())
    if len(found) > 1:
        found = in_order(found)
    if total[0]:
        found.insert(0, number(*total))
    return ZERO if not found else found[0] if len(found) == 1 else node_of("add", tuple(found))


def joined(coefficient: Ratio, factors: list[Expression]) -> Expression:
    """The product of a number and of other factors, each of which has its own base."""
    if not coefficient[0] or not factors:
        return number(*coefficient)
    if len(factors) == 1:
        return scaled(coefficient, factors[0])
    factors = in_order(factors)
    if coefficient[0] == coefficient[1]:
        return node_of("mul", tuple(factors))
    return node_of("mul", (number(*coefficient), *factors))
