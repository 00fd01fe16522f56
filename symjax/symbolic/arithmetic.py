"""Canonical sums, products, powers and exponentials.

Operands are canonical; so are results.  Nothing is rewritten that does not hold in the complex plane, with principal
branches and real symbols, wherever the operands are defined; where they are not, the result may be (x/x is 1).
Sizes are limited: above 400 bits in a number or 1500 nodes in an expression, `TooLarge` is raised.
"""

from __future__ import annotations

from typing import Final

from symjax.symbolic.expression import (
    INTEGER,
    ONE,
    PI,
    RATIONAL,
    ZERO,
    Expression,
    integer,
    rational,
    raw,
)
from symjax.symbolic.leading_signs import leads_negative
from symjax.symbolic.limits import (
    Ratio,
    TooLarge,
    node_of,
    number,
    plus,
    split,
    times,
)
from symjax.symbolic.ordering import NUMBERS, is_constant, is_number, ratio
from symjax.symbolic.radicals import numbers_merged, power_of_number
from symjax.symbolic.signs import is_nonnegative, is_positive, is_real
from symjax.symbolic.sums import add, joined, scaled

_MAX_ROUNDS: Final = 100

MINUS_ONE: Final = integer(-1)
HALF: Final = rational(1, 2)
E: Final = raw("exp", ONE)
IMAGINARY_UNIT: Final = raw("pow", MINUS_ONE, HALF)
_PI_I: Final = raw("mul", PI, IMAGINARY_UNIT)


def multiply(*args: Expression) -> Expression:
    """The product of canonical expressions: flat, powers of one base collected, number first, then in SymPy's order.

    Exponents of one base are added when they differ by a rational factor, as SymPy does: exp(x)*exp(2*x) is
    exp(3*x), x*x**x stays.  A number times a sum is the sum of the products.

    Raises:
      TooLarge: above the limits.
    """
    for _ in range(_MAX_ROUNDS):
        factors: list[Expression] = []
        groups: dict[Expression, int] = {}
        coefficient: Ratio = (1, 1)
        numeric = 0
        for arg in args:
            for factor in arg.args if arg.op == "mul" else (arg,):
                op = factor.op
                if op == INTEGER or op == RATIONAL:  # noqa: SIM109 (the innermost loop)
                    coefficient = times(coefficient, ratio(factor))
                    continue
                factors.append(factor)
                if op == "pow":
                    base = factor.args[0]
                    if base.op in NUMBERS:
                        numeric += 1
                else:
                    base = E if op == "exp" else factor
                groups[base] = groups.get(base, 0) + 1
        if numeric < 2 and len(groups) == len(factors):
            return joined(coefficient, factors)
        powers, settled = [], True
        if numeric > 1:
            powers = [factor for factor in factors if factor.op == "pow" and factor.args[0].op in NUMBERS]
            factors = [factor for factor in factors if factor.op != "pow" or factor.args[0].op not in NUMBERS]
            coefficient, powers, settled = numbers_merged(coefficient, powers)
        factors, alone = _merged(factors, groups)
        factors += powers
        if settled and alone:
            return joined(coefficient, factors)
        args = (number(*coefficient), *factors)
    raise TooLarge("a product does not settle")


def _merged(factors: list[Expression], groups: dict[Expression, int]) -> tuple[list[Expression], bool]:
    """The factors with powers of one base collected, and whether none of them can meet another one again.

    `groups` says how many factors have a base.
    """
    alone = []
    powers: dict[tuple[Expression, Expression], Expression | Ratio] = {}
    for factor in factors:
        base, exponent = base_and_exponent(factor)
        if groups[base] == 1:
            alone.append(factor)
            continue
        coefficient, rest = split(exponent)
        key = base, rest
        known = powers.get(key)
        if known is None:
            powers[key] = factor
        else:
            before = known if isinstance(known, tuple) else split(base_and_exponent(known)[1])[0]
            powers[key] = plus(before, coefficient)
    settled = True
    for (base, rest), found in powers.items():
        if not isinstance(found, tuple):
            alone.append(found)
        elif found[0]:
            exponent = scaled(found, rest)
            factor = exponential(exponent) if base is E else power(base, exponent)
            settled = settled and factor.op not in NUMBERS and base_and_exponent(factor)[0] is base
            alone.append(factor)
    return alone, settled


def base_and_exponent(expr: Expression) -> tuple[Expression, Expression]:
    """(base, exponent) of a power or an exponential; (expr, 1) of anything else."""
    if expr.op == "pow":
        return expr.args[0], expr.args[1]
    return (E, expr.args[0]) if expr.op == "exp" else (expr, ONE)


def power(base: Expression, exponent: Expression) -> Expression:
    """base**exponent of canonical expressions.

    Whole powers go into products and powers; positive numbers and other factors known to be non-negative come out
    of roots; roots of integers are reduced; a root of an even power of a real number is one of its absolute value.

    Raises:
      TooLarge: above the limits.
      Undefined: zero to a negative power.
    """
    if exponent is ONE:
        return base
    if exponent is ZERO or base is ONE:
        return ONE
    op = base.op
    if op == "pow":
        return _power_of_power(base, exponent)
    if op == "mul":
        if exponent.op == INTEGER:
            return multiply(*[power(factor, exponent) for factor in base.args])
        if exponent.op == RATIONAL:
            return _root_of_product(base, exponent)
    elif op == "exp":
        if exponent.op == INTEGER or is_real(base.args[0]):
            return exponential(multiply(base.args[0], exponent))
    elif op in NUMBERS:
        return power_of_number(base, exponent)
    elif op == "abs" and exponent.op == INTEGER and is_real(base.args[0]):
        return _power_of_absolute(base, exponent)
    return node_of("pow", (base, exponent))


def negative(expr: Expression) -> Expression:
    """-expr."""
    return multiply(MINUS_ONE, expr)


def over(top: Expression, bottom: Expression) -> Expression:
    """top/bottom.

    Raises:
      TooLarge, Undefined: see `power`.
    """
    return multiply(top, power(bottom, MINUS_ONE))


def _power_of_power(base: Expression, exponent: Expression) -> Expression:
    inner, first = base.args
    if exponent.op == INTEGER:
        return power(inner, multiply(first, exponent))
    if is_number(first):
        top, bottom = ratio(first)
        if abs(top) < bottom:
            return power(inner, multiply(first, exponent))
        if bottom == 1 and top % 2 == 0 and is_real(inner):
            return power(absolute(inner), multiply(first, exponent))
        if top == -1 and exponent.op == RATIONAL and ratio(exponent)[1] == 2 and is_constant(inner):
            positive = negative(inner)
            if is_positive(positive):
                return multiply(
                    power(MINUS_ONE, exponent),
                    power(positive, multiply(first, exponent)),
                )
    if is_nonnegative(inner) and is_real(first):
        return power(inner, multiply(first, exponent))
    return node_of("pow", (base, exponent))


def _power_of_absolute(base: Expression, exponent: Expression) -> Expression:
    """|u|**n of a real u: u**n for even n, u**(n - 1)*|u| for odd ones, as SymPy has it."""
    inner, whole = base.args[0], ratio(exponent)[0]
    if whole % 2 == 0:
        return power(inner, exponent)
    if whole == -1:
        return node_of("pow", (base, exponent))
    return multiply(power(inner, integer(whole - 1)), base)


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
        return node_of("pow", (base, exponent))
    left = multiply(sign, *inside)
    return multiply(
        *outside,
        node_of("pow", (left, exponent)) if left.op in ("mul", "add") else power(left, exponent),
    )


def absolute(arg: Expression) -> Expression:
    """|arg|: factors of known sign come out of a product, odd powers of real numbers become powers of |base|.

    Raises:
      TooLarge: above the limits.
    """
    if is_nonnegative(arg):
        return arg
    op = arg.op
    if is_number(arg) or (leads_negative(arg) and op in ("mul", "add")):
        return absolute(negative(arg))
    if is_constant(arg) and is_real(arg) and is_positive(negative(arg)):
        return negative(arg)
    if op == "pow" and (arg.args[1].op == INTEGER or is_number(arg.args[0])) and is_real(arg.args[1]):
        return power(absolute(arg.args[0]), arg.args[1])
    if op == "mul":
        known, unknown = [], []
        for factor in arg.args:
            value = absolute(factor)
            left = value.op == "abs" or (value.op == "pow" and value.args[0].op == "abs")
            (unknown if left else known).append(factor if left else value)
        if known and unknown:
            return multiply(*known, absolute(multiply(*unknown)))
        if not unknown:
            return multiply(*known)
    return node_of("abs", (arg,))


def exponential(arg: Expression) -> Expression:
    """exp(arg): logarithms, and constants times a logarithm, in the exponent become powers; so do whole multiples of
    pi*I/2.

    Raises:
      TooLarge: above the limits.
    """
    if arg is ZERO:
        return ONE
    op = arg.op
    if op == "ln":
        return arg.args[0]
    if op == "mul":
        return _exponential_of_product(arg)
    if op == "add":
        taken = [term for term in arg.args if term.op == "ln" or (term.op == "mul" and _leaves_exponent(term))]
        if taken:
            kept = [term for term in arg.args if term not in taken]
            return multiply(*[exponential(term) for term in taken], exponential(add(*kept)))
    return node_of("exp", (arg,))


def _leaves_exponent(product: Expression) -> bool:
    """Whether exp(product) is no exponential."""
    return exponential(product).op != "exp"


def _exponential_of_product(arg: Expression) -> Expression:
    """exp(c*ln(u)) is u**c for a constant c; exp(k*pi*I/2) is a power of I."""
    logarithms = [factor for factor in arg.args if factor.op == "ln"]
    if len(logarithms) == 1:
        others = [factor for factor in arg.args if factor.op != "ln"]
        if all(is_constant(factor) for factor in others):
            return power(logarithms[0].args[0], multiply(*others))
    if arg.args[-1] is IMAGINARY_UNIT and split(arg)[1] is _PI_I:
        top, bottom = split(arg)[0]
        if bottom <= 2:
            return power(IMAGINARY_UNIT, integer(2 * top // bottom % 4))
    return node_of("exp", (arg,))
