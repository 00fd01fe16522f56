"""Canonical sums, products, powers and exponentials.

Operands are canonical; so are results.  Nothing is rewritten that does not hold in the complex plane, with principal
branches and real symbols, wherever the operands are defined; where they are not, the result may be (x/x is 1).
Sizes are limited: above 400 bits in a number or 1500 nodes in an expression, `TooLarge` is raised.
"""

from __future__ import annotations

from math import gcd, prod
from typing import Final

from symjax.symbolic.expression import (
    INTEGER,
    ONE,
    ZERO,
    Expression,
    integer,
    rational,
    raw,
    unchecked,
)
from symjax.symbolic.limits import Ratio, TooLarge, Undefined, factors_of, node, number, plus, split, whole_power
from symjax.symbolic.ordering import is_constant, is_nonnegative, is_number, is_real, leads_negative, ratio, sort_key

_MAX_ROUNDS: Final = 100

MINUS_ONE: Final = integer(-1)
HALF: Final = rational(1, 2)
E: Final = raw("exp", ONE)


def _scaled(coefficient: Ratio, rest: Expression) -> Expression:
    """coefficient * rest, where `rest` has no coefficient of its own."""
    if coefficient == (1, 1):
        return rest
    factor = number(*coefficient)
    if rest is ONE or factor is ZERO:
        return factor
    if rest.op == "add":
        return add(*(multiply(factor, arg) for arg in rest.args))
    return node("mul", factor, *(rest.args if rest.op == "mul" else (rest,)))


def add(*args: Expression) -> Expression:
    """The sum of canonical expressions: flat, like terms collected, number first, then in SymPy's order.

    Raises:
      TooLarge: above the limits.
    """
    terms: dict[Expression, Ratio] = {}
    stack = list(reversed(args))
    while stack:
        arg = stack.pop()
        if arg.op == "add":
            stack.extend(reversed(arg.args))
            continue
        coefficient, rest = split(arg)
        terms[rest] = plus(terms[rest], coefficient) if rest in terms else coefficient
    constant = number(*terms.pop(ONE, (0, 1)))
    found = sorted((_scaled(coefficient, rest) for rest, coefficient in terms.items() if coefficient[0]), key=sort_key)
    if constant is not ZERO:
        found.insert(0, constant)
    return ZERO if not found else found[0] if len(found) == 1 else node("add", *found)


def multiply(*args: Expression) -> Expression:
    """The product of canonical expressions: flat, powers of one base collected, number first, then in SymPy's order.

    Exponents of one base are added when they differ by a rational factor, as SymPy does: exp(x)*exp(2*x) is
    exp(3*x), x*x**x stays.  A number times a sum is the sum of the products.

    Raises:
      TooLarge: above the limits.
    """
    factors = list(args)
    for _ in range(_MAX_ROUNDS):
        product = _Product()
        for factor in factors:
            product.take(factor)
        factors, settled = product.collect()
        if settled:
            return _joined(factors)
    raise TooLarge("a product does not settle")


def _joined(factors: list[Expression]) -> Expression:
    """The product of a number and of other factors, each of which has its own base."""
    coefficient, *rest = factors
    if coefficient is ZERO or not rest:
        return coefficient
    rest.sort(key=sort_key)
    if coefficient is ONE:
        return rest[0] if len(rest) == 1 else node("mul", *rest)
    if len(rest) == 1:
        return _scaled(ratio(coefficient), rest[0])
    return node("mul", coefficient, *rest)


class _Product:
    """Factors of a product while they are being collected.

    `powers` maps (base, rest of the exponent) to the exponent's coefficient and the factor as it came, if it is the
    only one; `radicals` maps prime numbers, and -1, to rational exponents.
    """

    def __init__(self) -> None:
        self.coefficient: Ratio = (1, 1)
        self.powers: dict[tuple[Expression, Expression], tuple[Ratio, Expression | None]] = {}
        self.radicals: dict[int, Ratio] = {}

    def take(self, factor: Expression) -> None:
        """Enter one factor."""
        if factor.op == "mul":
            for arg in factor.args:
                self.take(arg)
        elif is_number(factor):
            self.scale(*ratio(factor))
        else:
            base, exponent = base_and_exponent(factor)
            coefficient, rest = split(exponent)
            if rest is ONE and is_number(base):
                self._take_radical(ratio(base), coefficient)
                return
            key = base, rest
            known = self.powers.get(key)
            self.powers[key] = (coefficient, factor) if known is None else (plus(known[0], coefficient), None)

    def scale(self, top: int, bottom: int) -> None:
        """Enter a number."""
        self.coefficient = ratio(number(self.coefficient[0] * top, self.coefficient[1] * bottom))

    def _take_radical(self, base: Ratio, exponent: Ratio) -> None:
        for value, sign in ((base[0], 1), (base[1], -1)):
            for prime, count in factors_of(value).items():
                added = (sign * count * exponent[0], exponent[1])
                self.radicals[prime] = plus(self.radicals.get(prime, (0, 1)), added)

    def collect(self) -> tuple[list[Expression], bool]:
        """The number and the other factors, and whether none of them can meet another one again."""
        found, settled = self._radicals(), True
        self._merge_bases()
        for (base, rest), (coefficient, factor) in self.powers.items():
            if factor is None and coefficient[0]:
                factor = (
                    power(base, _scaled(coefficient, rest))
                    if base is not E
                    else exponential(_scaled(coefficient, rest))
                )
                settled = settled and not is_number(factor) and base_and_exponent(factor)[0] is base
            if factor is not None:
                found.append(factor)
        return [number(*self.coefficient), *found], settled

    def _merge_bases(self) -> None:
        """2**x * 3**x is 6**x: positive numbers under one symbolic exponent become one base."""
        groups: dict[tuple[Ratio, Expression], list[Expression]] = {}
        for (base, rest), (coefficient, _) in self.powers.items():
            if is_number(base) and ratio(base)[0] > 0:
                groups.setdefault((coefficient, rest), []).append(base)
        for (coefficient, rest), bases in groups.items():
            if len(bases) > 1:
                for base in bases:
                    del self.powers[base, rest]
                top, bottom = (prod(ratio(base)[side] for base in bases) for side in (0, 1))
                merged = number(top, bottom), rest
                known = self.powers.get(merged, ((0, 1), None))[0]
                self.powers[merged] = plus(known, coefficient), None

    def _radicals(self) -> list[Expression]:
        """Roots of integers, one for each denominator of an exponent; whole powers go into the coefficient."""
        by_denominator: dict[int, dict[int, int]] = {}
        found = []
        for prime, (top, bottom) in self.radicals.items():
            whole, part = divmod(top, bottom)
            if prime == -1:
                whole %= 2
            self.scale(*ratio(whole_power((prime, 1), whole)))
            if part and prime == -1:
                found.append(node("pow", MINUS_ONE, rational(part, bottom)))
            elif part:
                by_denominator.setdefault(bottom, {})[prime] = part
        for bottom, exponents in by_denominator.items():
            divisor = gcd(*exponents.values())
            base = number(prod(prime ** (part // divisor) for prime, part in exponents.items()))
            found.append(node("pow", base, rational(divisor, bottom)))
        return found


def base_and_exponent(expr: Expression) -> tuple[Expression, Expression]:
    """(base, exponent) of a power or an exponential; (expr, 1) of anything else."""
    if expr.op == "pow":
        return expr.args[0], expr.args[1]
    return (E, expr.args[0]) if expr.op == "exp" else (expr, ONE)


def power(base: Expression, exponent: Expression) -> Expression:
    """base**exponent of canonical expressions.

    Whole powers go into products and powers; positive numbers and other factors known to be non-negative come out
    of roots; roots of integers are reduced.  sqrt(x**2) stays, as there is no absolute value yet.

    Raises:
      TooLarge: above the limits.
      Undefined: zero to a negative power.
    """
    if exponent is ZERO or base is ONE:
        return ONE
    if exponent is ONE:
        return base
    if is_number(base):
        return _power_of_number(base, exponent)
    whole = exponent.op == INTEGER
    if base.op == "exp" and (whole or is_real(base.args[0])):
        return exponential(multiply(base.args[0], exponent))
    if base.op == "pow" and (whole or _folds(*base.args)):
        return power(base.args[0], multiply(base.args[1], exponent))
    if base.op == "mul" and whole:
        return multiply(*(power(factor, exponent) for factor in base.args))
    if base.op == "mul" and is_number(exponent):
        return _root_of_product(base, exponent)
    return node("pow", base, exponent)


def _folds(base: Expression, exponent: Expression) -> bool:
    """Whether (base**exponent)**anything is base**(exponent*anything)."""
    if is_number(exponent):
        top, bottom = ratio(exponent)
        if abs(top) < bottom:
            return True
    return is_nonnegative(base) and is_real(exponent)


def _power_of_number(base: Expression, exponent: Expression) -> Expression:
    if not is_number(exponent):
        if ratio(base)[0] == 1 and leads_negative(exponent):
            return node("pow", number(ratio(base)[1]), multiply(MINUS_ONE, exponent))
        return node("pow", base, exponent)
    top, bottom = ratio(exponent)
    if bottom == 1:
        return whole_power(ratio(base), top)
    if base is ZERO:
        if top < 0:
            raise Undefined("division by zero")
        return ZERO
    product = _Product()
    product.take(unchecked("pow", (base, exponent)))
    return _joined(product.collect()[0])


def _root_of_product(base: Expression, exponent: Expression) -> Expression:
    """A power with a broken exponent of a product: what is known to be non-negative comes out."""
    outside, inside, sign = [], [], ONE
    for factor in base.args:
        if is_number(factor):
            top, bottom = ratio(factor)
            sign = MINUS_ONE if top < 0 else ONE
            outside.extend([power(number(abs(top), bottom), exponent)] if (abs(top), bottom) != (1, 1) else [])
        elif is_nonnegative(factor):
            outside.append(power(factor, exponent))
        else:
            inside.append(factor)
    if not outside:
        return node("pow", base, exponent)
    left = multiply(sign, *inside)
    return multiply(*outside, node("pow", left, exponent) if left.op in ("mul", "add") else power(left, exponent))


def exponential(arg: Expression) -> Expression:
    """exp(arg): logarithms, and constants times a logarithm, in the exponent become powers.

    Raises:
      TooLarge: above the limits.
    """
    if arg is ZERO:
        return ONE
    if arg.op == "ln":
        return arg.args[0]
    if arg.op == "mul":
        logarithms = [factor for factor in arg.args if factor.op == "ln"]
        others = [factor for factor in arg.args if factor.op != "ln"]
        if len(logarithms) == 1 and all(is_constant(factor) for factor in others):
            return power(logarithms[0].args[0], multiply(*others))
    if arg.op == "add":
        kept = [term for term in arg.args if exponential(term).op == "exp"]
        if len(kept) < len(arg.args):
            taken = [exponential(term) for term in arg.args if term not in kept]
            return multiply(*taken, exponential(add(*kept)))
    return node("exp", arg)
