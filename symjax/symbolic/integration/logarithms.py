"""Which logarithms and arctangents an antiderivative may hold, from factors of denominators.

Roots of quadratics have more, in `radicals`.  Every candidate has a derivative that is a quotient of polynomials in the
kernels, so that its coefficient is one more unknown of a linear system.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import isqrt
from typing import Final

from flint import fmpq, fmpq_mpoly

from symjax.symbolic.arithmetic import HALF, MINUS_ONE, add, multiply, negative, over, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ONE, Expression
from symjax.symbolic.integration.field import Field, Kernel, Quotient
from symjax.symbolic.limits import number
from symjax.symbolic.ordering import is_number, ratio

MAX_FACTORS: Final = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Logarithm:
    """A summand that is no quotient of polynomials in the kernels, and its derivative, which is one.

    Attributes:
      build: makes the canonical expression.
      slope: its derivative.
    """

    build: Callable[[], Expression]
    slope: Quotient


def factors_of(field: Field, polynomial: fmpq_mpoly) -> list[tuple[fmpq_mpoly, int]]:
    """Irreducible factors with a kernel that moves, and their multiplicities."""
    if polynomial.is_constant():
        return []
    found = []
    for factor, multiplicity in polynomial.factor()[1]:
        if not field.is_free(factor):
            found.append((factor, int(multiplicity)))
    return found


def logarithms(field: Field, factors: Sequence[fmpq_mpoly]) -> list[Logarithm]:
    """Candidates for an integrand whose denominator has these irreducible factors."""
    found: list[Logarithm] = []
    for factor in factors[:MAX_FACTORS]:
        found.extend(_of_factor(field, factor))
    for kernel in field.kernels:
        if kernel.kind == "function" and kernel.base.op in ("tan", "tanh"):
            found.append(_of_tangent(field, kernel))
        elif kernel.kind == "function" and kernel.base.op in ("cos", "cosh"):
            found.extend(_of_cosine(field, kernel, factors))
    return found


def _of_factor(field: Field, factor: fmpq_mpoly) -> Iterator[Logarithm]:
    """The logarithm of a factor, and arctangents if it is quadratic or an even quartic in a kernel."""
    top, bottom = field.differentiate(factor)
    slope = field.reduced(top, bottom * factor)
    if slope[1].is_constant() and slope[0].is_constant():
        return  # the logarithm of an exponential
    yield Logarithm(lambda: apply("ln", field.expression(factor)), slope)
    degrees = factor.degrees()
    for kernel in field.kernels:
        if kernel.is_constant or kernel.index in field.relations:
            continue
        degree = int(degrees[kernel.index])
        found = (
            _of_quadratic(field, factor, kernel)
            if degree == 2
            else _of_quartic(field, factor, kernel)
            if degree == 4
            else []
        )
        if found:
            yield from found
            return


def _square_part(field: Field, polynomial: fmpq_mpoly) -> tuple[fmpq_mpoly, fmpq_mpoly] | None:
    """(k, g) with polynomial = k * g**2 and k free of x; None if there are none."""
    content, factors = polynomial.factor()
    constant, square = field.context.constant(content), field.one
    for factor, multiplicity in factors:
        if field.is_free(factor):
            constant = constant * factor ** int(multiplicity)
        elif multiplicity % 2:
            return None
        else:
            square = square * factor ** (int(multiplicity) // 2)
    return constant, square


def _of_quadratic(field: Field, factor: fmpq_mpoly, kernel: Kernel) -> list[Logarithm]:
    """atan(w/sqrt(k))/sqrt(k) with w = (2at + b)/g, where the discriminant is -k*g**2; for negative k as logarithms."""
    c, b, a = field.coefficients(factor, kernel.index, 2)
    discriminant = 4 * a * c - b * b
    found = None if discriminant.is_zero() else _square_part(field, discriminant)
    if found is None:
        return []
    constant, square = found
    inner = 2 * a * field.gens[kernel.index] + b
    top, bottom = field.differentiate(inner)
    other, under = field.differentiate(square)
    # w'*g**2/(4*a*factor)
    slope = field.reduced(top * square * under - inner * other * bottom, 4 * a * factor * bottom * under)

    def build() -> Expression:
        w = over(field.expression(inner), field.expression(square))
        return arctangent(w, field.expression(constant))

    return [Logarithm(build, slope)]


def arctangent(w: Expression, k: Expression) -> Expression:
    """What has the derivative w'/(w**2 + k), for constant k."""
    if is_negative(k):
        root = power(negative(k), HALF)
        difference = add(apply("ln", add(w, negative(root))), negative(apply("ln", add(w, root))))
        return over(multiply(HALF, difference), root)
    root = power(k, HALF)
    return over(apply("atan", over(w, root)), root)


def is_negative(expr: Expression) -> bool:
    """Whether `expr` is a negative number node."""
    return is_number(expr) and ratio(expr)[0] < 0


def _of_quartic(field: Field, factor: fmpq_mpoly, kernel: Kernel) -> list[Logarithm]:
    """For t**4 + b*t**2 + q**2, t shifted and q rational: what has slopes (t**2 - q)/factor and (t**2 + q)/factor."""
    parts = field.coefficients(factor, kernel.index, 4)
    if not all(part.is_constant() for part in parts):
        return []
    values = [fraction_of(part) for part in parts]
    shift = values[3] / (4 * values[4])
    d, c, b, a, _ = shifted([value / values[4] for value in values], -shift)
    root = rational_root(d)
    if c != 0 or a != 0 or root is None:
        return []
    top, bottom = field.slopes[field.place(kernel)]
    t = field.gens[kernel.index] + field.context.constant(fmpq(shift.numerator, shift.denominator))
    lead = field.context.constant(fmpq(values[4].numerator, values[4].denominator))
    found = []
    for q in (root, -root):
        value = field.context.constant(fmpq(q.numerator, q.denominator))
        slope = field.reduced((t * t - value) * top * lead * -2, bottom * factor)
        found.append(Logarithm(functools.partial(_quartic, field, t, q, 2 * q - b), slope))
    return found


def _quartic(field: Field, polynomial: fmpq_mpoly, q: Fraction, discriminant: Fraction) -> Expression:
    """(ln(t**2 + q + pt) - ln(t**2 + q - pt))/p with p**2 the discriminant; an arctangent where that is negative."""
    t = field.expression(polynomial)
    square = add(power(t, number(2)), number(*q.as_integer_ratio()))
    if discriminant < 0:
        p = power(number(*(-discriminant).as_integer_ratio()), HALF)
        return over(multiply(number(2), apply("atan", over(multiply(p, t), square))), p)
    p = power(number(*discriminant.as_integer_ratio()), HALF)
    side = multiply(p, t)
    return over(add(apply("ln", add(square, side)), negative(apply("ln", add(square, negative(side))))), p)


def fraction_of(polynomial: fmpq_mpoly) -> Fraction:
    """The value of a constant polynomial."""
    if polynomial.is_zero():
        return Fraction(0)
    value = polynomial.leading_coefficient()
    return Fraction(int(value.p), int(value.q))


def shifted(values: Sequence[Fraction], shift: Fraction) -> list[Fraction]:
    """The coefficients, lowest first, of p(t + shift) for those of p."""
    found = list(values)
    for start in range(len(found) - 1):
        for place in range(len(found) - 2, start - 1, -1):
            found[place] += shift * found[place + 1]
    return found


def rational_root(value: Fraction) -> Fraction | None:
    """The positive square root if it is rational."""
    if value <= 0:
        return None
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    found = Fraction(top, bottom)
    return found if found * found == value else None


def _of_tangent(field: Field, kernel: Kernel) -> Logarithm:
    """ln(cos(u)) for tan(u), ln(cosh(u)) for tanh(u)."""
    circular = kernel.base.op == "tan"
    arg = kernel.base.args[0]
    top, bottom = field.quotient(derivative(arg))
    gen = field.gens[kernel.index]
    return Logarithm(
        lambda: apply("ln", apply("cos" if circular else "cosh", arg)),
        (top * gen * (-1 if circular else 1), bottom),
    )


def _of_cosine(field: Field, kernel: Kernel, factors: Sequence[fmpq_mpoly]) -> Iterator[Logarithm]:
    """The integrals of 1/sin(u), 1/cos(u) and of the hyperbolic ones, times u'."""
    hyperbolic = kernel.base.op == "cosh"
    arg = kernel.base.args[0]
    sine = field.kernel_of("sinh" if hyperbolic else "sin", arg)
    for part, other in ((kernel.base, sine), (sine.base, kernel)):
        gen = field.gens[other.index]
        if gen in factors:
            top, bottom = field.quotient(derivative(arg))
            yield Logarithm(
                functools.partial(_reciprocal, part, hyperbolic, part is kernel.base),
                field.reduced(top, bottom * gen),
            )


def _reciprocal(part: Expression, hyperbolic: bool, of_sine: bool) -> Expression:
    """The integral of 1/sin(u) with part = cos(u), or of 1/cos(u) with part = sin(u), or of the hyperbolic ones."""
    if hyperbolic and not of_sine:
        return apply("atan", part)
    less = add(part, MINUS_ONE) if hyperbolic else add(ONE, negative(part))
    difference = add(apply("ln", less), negative(apply("ln", add(ONE, part))))
    return multiply(HALF if of_sine else negative(HALF), difference)
