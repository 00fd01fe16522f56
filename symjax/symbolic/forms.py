"""Ways to write a quotient of polynomials over kernels: factored, expanded, term by term.

Before it is written, a quotient is freed of common factors, and squares of sines and cosines (of one argument, where
the kernels really stand for these) are replaced by each other where that makes it shorter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator

from flint import fmpz_mpoly

from symjax.symbolic.canonical import add, multiply
from symjax.symbolic.expression import Expression
from symjax.symbolic.factored import Quotient
from symjax.symbolic.kernels import Kernels

Form = tuple[int, Callable[[], Expression]]
"""(about how many tokens, what builds it)."""


def forms(kernels: Kernels, quotient: Quotient, limit: int = sys.maxsize) -> Iterator[Form]:
    """Several ways to write `quotient`, each with an estimate of its length; not all of those with `limit` or more.

    Raises:
      GaveUp: above the limits.
    """
    for reduced in reductions(kernels, quotient):
        yield _product_form(kernels, reduced, limit)
        factored = factor(kernels, reduced)
        if factored != reduced:
            yield _product_form(kernels, factored, limit)
        yield from _expanded_forms(kernels, factored, limit)


def _parts(kernels: Kernels, quotient: Quotient) -> tuple[dict[int, int], dict[int, int]]:
    """(powers of generators, powers of polynomials)."""
    count = kernels.field.generators
    generators = {index: exponent for index, exponent in quotient.powers.items() if index < count}
    return generators, {index: exponent for index, exponent in quotient.powers.items() if index >= count}


def _product_form(kernels: Kernels, quotient: Quotient, limit: int) -> Form:
    """The product of the powers as they are; a polynomial that alone takes `limit` tokens or more is not measured."""
    generators, polynomials = _parts(kernels, quotient)
    lengths = [_monomial_length(kernels, generators)]
    for index, exponent in polynomials.items():
        key = index, 1
        if key not in kernels.lengths:
            polynomial = kernels.field.polynomial(index)
            if _fewest_tokens(polynomial) >= limit:
                return limit, lambda: kernels.expression(quotient)
            kernels.lengths[key] = polynomial_length(kernels, polynomial)
        lengths.append(_power_length(kernels.lengths[key], exponent))
    return _joined(quotient.top, quotient.bottom, lengths), lambda: kernels.expression(quotient)


def _fewest_tokens(polynomial: fmpz_mpoly) -> int:
    """Tokens that the sum of the terms takes at least."""
    return 2 * len(polynomial) - 1


def _expanded_forms(kernels: Kernels, quotient: Quotient, limit: int) -> Iterator[Form]:
    """The numerator multiplied out over the denominator as it is, and term by term over a denominator without sums."""
    field = kernels.field
    above = {index: exponent for index, exponent in quotient.powers.items() if exponent > 0}
    below = {index: exponent for index, exponent in quotient.powers.items() if exponent < 0}
    if not any(index >= field.generators for index in above):
        return
    top = quotient.top * field.expand(above)
    if _fewest_tokens(top) >= limit:
        return
    bottom = Quotient(1, quotient.bottom, below)
    length = _product_form(kernels, bottom, limit)[0]
    if len(above) > 1 or max(above.values()) > 1:
        yield (
            _joined(1, 1, [polynomial_length(kernels, top), length]),
            lambda: multiply(kernels.polynomial(top), kernels.expression(bottom)),
        )
    if not any(index >= field.generators for index in below) and (below or quotient.bottom > 1):
        terms = [field.multiply((Quotient(coefficient, 1, powers), bottom)) for coefficient, powers in field.terms(top)]
        length = sum(_product_form(kernels, term, limit)[0] for term in terms) + len(terms) - 1
        yield length, lambda: add(*map(kernels.expression, terms))


def _joined(top: int, bottom: int, lengths: Iterable[int]) -> int:
    """Tokens of a product of factors with these numbers of tokens and of a number; factors of length 0 are left out."""
    found = [length for length in lengths if length]
    if bottom != 1:
        found.append(3 + len(str(abs(top))) + len(str(bottom)))
    elif top != 1 or not found:
        found.append(1 + len(str(abs(top))))
    return sum(found) + len(found) - 1


def _power_length(base: int, exponent: int) -> int:
    return base if exponent == 1 else base + 2 + len(str(abs(exponent)))


def _monomial_length(kernels: Kernels, powers: dict[int, int]) -> int:
    """Tokens of a product of powers of generators; 0 for the empty one."""
    lengths = [kernels.length(index, exponent) for index, exponent in powers.items()]
    return sum(lengths) + max(0, len(lengths) - 1)


def polynomial_length(kernels: Kernels, polynomial: fmpz_mpoly) -> int:
    """About how many tokens a polynomial takes as the sum of its terms."""
    lengths, count = kernels.lengths, kernels.field.generators
    total = _fewest_tokens(polynomial)
    for exponents, coefficient in zip(polynomial.monoms(), polynomial.coeffs(), strict=True):
        factors = 0
        for index in range(count):
            exponent = exponents[index]
            if exponent:
                factors += 1
                key = index, int(exponent)
                total += lengths[key] if key in lengths else kernels.length(*key)
        number = int(coefficient)
        if number != 1 or not factors:
            factors += 1
            total += 1 + len(str(abs(number)))
        total += factors - 2
    return total


def factor(kernels: Kernels, quotient: Quotient) -> Quotient:
    """The quotient with its polynomials factored over the rationals."""
    field = kernels.field
    generators, polynomials = _parts(kernels, quotient)
    if not polynomials:
        return quotient
    found = [Quotient(quotient.top, quotient.bottom, generators)]
    for index, exponent in polynomials.items():
        found.extend(Quotient(1, 1, {part: count * exponent}) for part, count in field.factors(index))
    return field.multiply(found)


def cancelled(kernels: Kernels, quotient: Quotient) -> Quotient:
    """The quotient with nothing shared between a polynomial above and a polynomial, or the base of a root, below."""
    field = kernels.field
    generators, polynomials = _parts(kernels, quotient)
    for root in [index for index, exponent in generators.items() if exponent < 0 and field.is_root(index)]:
        for above in [index for index, exponent in polynomials.items() if exponent == 1]:
            found = field.over(field.polynomial(above), 1, {root: quotient.powers[root]})
            if found.powers.get(root) != quotient.powers[root]:
                rest = {index: e for index, e in quotient.powers.items() if index not in (above, root)}
                return cancelled(kernels, field.multiply((found, Quotient(quotient.top, quotient.bottom, rest))))
    for below in [index for index, exponent in polynomials.items() if exponent < 0]:
        for above in [index for index, exponent in polynomials.items() if exponent > 0]:
            left, right = field.polynomial(above), field.polynomial(below)
            shared = left.gcd(right)
            if len(shared) > 1:
                rest = {index: e for index, e in quotient.powers.items() if index not in (above, below)}
                parts = [Quotient(quotient.top, quotient.bottom, rest)]
                for polynomial, exponent in ((left, polynomials[above]), (right, polynomials[below])):
                    for part in (shared, divmod(polynomial, shared)[0]):
                        parts.append(field.power(field.register(part), exponent))
                return cancelled(kernels, field.multiply(parts))
    return quotient


def reductions(kernels: Kernels, quotient: Quotient) -> Iterator[Quotient]:
    """The quotient with common factors cancelled, as it is and by sin**2 + cos**2 = 1, each value once."""
    seen = [cancelled(kernels, quotient)]
    yield seen[0]
    choices = [_fewest] if kernels.pairs else []
    if choices and _may_cancel(kernels, seen[0]):
        choices += (_sines, _cosines)
    for choice in choices:
        reduced = cancelled(kernels, choice(kernels, seen[0]))
        if reduced not in seen:
            seen.append(reduced)
            yield reduced


def _may_cancel(kernels: Kernels, quotient: Quotient) -> bool:
    """Whether a sine or cosine stands below the line, and a sum above it."""
    field = kernels.field
    if not any(index >= field.generators and exponent > 0 for index, exponent in quotient.powers.items()):
        return False
    paired = {index for pair in kernels.pairs for index in pair[:2]}
    for index, exponent in quotient.powers.items():
        if exponent < 0:
            degrees = field.polynomial(index).degrees()
            if any(degrees[other] for other in paired):
                return True
    return False


def _fewest(kernels: Kernels, quotient: Quotient) -> Quotient:
    """Each polynomial with the squares that leave it the fewest terms."""
    generators, polynomials = _parts(kernels, quotient)
    parts = [Quotient(quotient.top, quotient.bottom, generators)]
    for index, exponent in polynomials.items():
        polynomial = kernels.field.polynomial(index)
        for pair in kernels.pairs:
            options = [polynomial, *(exchange(kernels, polynomial, pair, side) for side in (0, 1))]
            polynomial = min(options, key=len)
        parts.append(kernels.field.power(_registered(kernels, polynomial), exponent))
    return kernels.field.multiply(parts)


def _registered(kernels: Kernels, polynomial: fmpz_mpoly) -> Quotient:
    return kernels.field.over(polynomial, 1, {})


def _sines(kernels: Kernels, quotient: Quotient) -> Quotient:
    """Everything with squares of cosines replaced by sines."""
    return _without(kernels, quotient, 1)


def _cosines(kernels: Kernels, quotient: Quotient) -> Quotient:
    """Everything with squares of sines replaced by cosines."""
    return _without(kernels, quotient, 0)


def _without(kernels: Kernels, quotient: Quotient, side: int) -> Quotient:
    field = kernels.field
    parts = [Quotient(quotient.top, quotient.bottom, {})]
    for index, exponent in quotient.powers.items():
        pair = next((pair for pair in kernels.pairs if pair[side] == index), None)
        if pair is not None:
            step = 2 * kernels.step(index)
            whole, rest = divmod(exponent, step)
            parts.append(Quotient(1, 1, {index: rest} if rest else {}))
            if whole:
                square = exchange(kernels, field.polynomial(index) ** step, pair, side)
                parts.append(field.power(_registered(kernels, square), whole))
        elif index >= field.generators:
            polynomial = field.polynomial(index)
            for each in kernels.pairs:
                polynomial = exchange(kernels, polynomial, each, side)
            parts.append(field.power(_registered(kernels, polynomial), exponent))
        else:
            parts.append(Quotient(1, 1, {index: exponent}))
    return field.multiply(parts)


def exchange(kernels: Kernels, polynomial: fmpz_mpoly, pair: tuple[int, int, int], side: int) -> fmpz_mpoly:
    """The polynomial with the squares of the sine (side 0) or cosine (side 1) of `pair` replaced by the other's."""
    field = kernels.field
    gone, kept, sign = pair[side], pair[1 - side], pair[2]
    step = 2 * kernels.step(gone)
    if polynomial.degrees()[gone] < step:
        return polynomial
    rows: dict[int, dict[tuple[int, ...], int]] = {}
    for coefficient, powers in field.terms(polynomial):
        count, rest = divmod(powers.get(gone, 0), step)
        rows.setdefault(count, {})[field.exponents(powers | {gone: rest})] = coefficient
    other = field.polynomial(kept) ** (2 * kernels.step(kept))
    # sin**2 = 1 - cos**2 and back; sinh**2 = cosh**2 - 1; cosh**2 = 1 + sinh**2
    square = other - 1 if sign < 0 and side == 0 else other + 1 if sign < 0 else 1 - other
    most = max(rows)
    total = field.from_terms(rows[most])
    for count in range(most - 1, -1, -1):
        total = field.product(total, square)
        if count in rows:
            total += field.from_terms(rows[count])
    return total
