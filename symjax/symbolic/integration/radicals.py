"""Which logarithms, arcsines and arctangents an antiderivative with square roots of quadratics may hold."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from flint import fmpq_mpoly

from symjax.symbolic.arithmetic import HALF, MINUS_ONE, add, multiply, negative, over, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.expression import ZERO, Expression, integer
from symjax.symbolic.integration.field import Field, Kernel
from symjax.symbolic.integration.logarithms import Logarithm, is_negative
from symjax.symbolic.ordering import is_number, ratio


def radicals(field: Field, factors: Sequence[fmpq_mpoly]) -> list[Logarithm]:
    """Candidates for the square roots in a field, with poles at the factors of a denominator."""
    found: list[Logarithm] = []
    for kernel in field.kernels:
        if kernel.kind == "root" and kernel.step == 2:
            found.extend(_of_root(field, kernel, factors))
    return found


def _of_root(field: Field, kernel: Kernel, factors: Sequence[fmpq_mpoly]) -> Iterator[Logarithm]:
    """For r = sqrt(a*t**2 + b*t + c): what has the slopes t'/r, t'/((t - p)*r) and, where b is 0, t'/((t**2 + g)*r)."""
    _, value = field.relations[kernel.index]
    degrees = value.degrees()
    for other in field.kernels:
        degree = int(degrees[other.index])
        if other.is_constant or other.index in field.relations or degree not in (1, 2):
            continue
        c, b, a = (*field.coefficients(value, other.index, degree), field.zero)[:3]
        if not (field.is_free(a) and field.is_free(b) and field.is_free(c)):
            continue
        top, bottom = field.slopes[field.place(other)]
        top, bottom = top * field.gens[kernel.index], bottom * value
        if degree == 2:
            yield Logarithm(functools.partial(_over_root, field, (a, b, c), other, kernel), field.reduced(top, bottom))
        for factor in factors:
            power_of_t = int(factor.degrees()[other.index])
            parts = field.coefficients(factor, other.index, power_of_t) if power_of_t in (1, 2) else []
            if not parts or not all(field.is_free(part) for part in parts):
                continue
            if power_of_t == 1:
                slope = field.reduced(top * parts[1], bottom * factor)
                yield Logarithm(functools.partial(_over_linear, field, (a, b, c), parts, other, kernel), slope)
            elif b.is_zero() and parts[1].is_zero():
                slope = field.reduced(top * parts[2], bottom * factor)
                yield Logarithm(functools.partial(_over_even, field, (a, b, c), parts, other, kernel), slope)
        return


def _expressions(field: Field, parts: Sequence[fmpq_mpoly]) -> list[Expression]:
    return [field.expression(part) for part in parts]


def _over_root(field: Field, quadratic: Sequence[fmpq_mpoly], of: Kernel, kernel: Kernel) -> Expression:
    """The integral of 1/root by t."""
    a, b, c = _expressions(field, quadratic)
    t, root = field.expression_of(of), field.expression_of(kernel)
    inner = add(multiply(integer(2), a, t), b)
    if is_negative(a):
        discriminant = add(power(b, integer(2)), multiply(integer(-4), a, c))
        return negative(over(apply("asin", over(inner, power(discriminant, HALF))), power(negative(a), HALF)))
    scale = power(a, HALF)
    if b is ZERO and is_number(c) and ratio(c)[0] > 0:
        return over(apply("asinh", multiply(t, power(over(a, c), HALF))), scale)
    return over(apply("ln", add(inner, multiply(integer(2), scale, root))), scale)


def _over_linear(
    field: Field, quadratic: Sequence[fmpq_mpoly], factor: Sequence[fmpq_mpoly], of: Kernel, kernel: Kernel
) -> Expression:
    """The integral of 1/((t - p)*root) by t, where p is the root of the factor."""
    a, b, c = _expressions(field, quadratic)
    t, root = field.expression_of(of), field.expression_of(kernel)
    low, high = _expressions(field, factor)
    pole = negative(over(low, high))
    value = add(multiply(a, power(pole, integer(2))), multiply(b, pole), c)
    slope = add(multiply(integer(2), a, pole), b)
    distance = add(t, negative(pole))
    if value is ZERO:
        return multiply(integer(-2), root, power(multiply(slope, distance), MINUS_ONE))
    inner = add(multiply(integer(2), value), multiply(slope, distance))
    if is_negative(value):
        scale = power(negative(value), HALF)
        return over(apply("atan", over(inner, multiply(integer(2), scale, root))), scale)
    scale = power(value, HALF)
    return negative(over(apply("ln", over(add(inner, multiply(integer(2), scale, root)), distance)), scale))


def _over_even(
    field: Field, quadratic: Sequence[fmpq_mpoly], factor: Sequence[fmpq_mpoly], of: Kernel, kernel: Kernel
) -> Expression:
    """The integral of 1/((t**2 + g)*root) by t, for root = sqrt(a*t**2 + c): atan(k*t/root)/(g*k), k**2 = c/g - a."""
    a, _, c = _expressions(field, quadratic)
    t, root = field.expression_of(of), field.expression_of(kernel)
    low, _, high = _expressions(field, factor)
    g = over(low, high)
    square = add(over(c, g), negative(a))
    if square is ZERO:
        return over(t, multiply(g, root))
    if is_negative(square):
        k = power(negative(square), HALF)
        return over(apply("atanh", over(multiply(k, t), root)), multiply(g, k))
    k = power(square, HALF)
    return over(apply("atan", over(multiply(k, t), root)), multiply(g, k))
