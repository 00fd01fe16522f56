"""Which logarithms, arctangents and arcsines an antiderivative may hold, from factors of denominators."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from flint import fmpq, fmpq_mpoly

from symjax.symbolic.arithmetic import HALF, MINUS_ONE, add, multiply, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ONE, Expression
from symjax.symbolic.integration.field import Field, Kernel, Quotient
from symjax.symbolic.integration.views import negative, over
from symjax.symbolic.limits import number
from symjax.symbolic.ordering import is_number, ratio

MAX_LOGARITHMS: Final = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Logarithm:
    """A summand that is no rational function of the kernels, and its derivative, which is."""

    expr: Expression
    slope: Quotient


def logarithms(field: Field, factors: Sequence[fmpq_mpoly]) -> list[Logarithm]:
    """Candidates for an integrand whose denominator has these irreducible factors."""
    found: list[Logarithm] = []
    seen: list[fmpq_mpoly] = []
    constants = [kernel.index for kernel in field.kernels if kernel.is_constant]
    for factor in (*factors, *_of_slopes(field)):
        moving = any(e for index, e in enumerate(factor.degrees()) if index not in constants)
        if moving and factor not in seen and len(found) < MAX_LOGARITHMS:
            seen.append(factor)
            found.extend(_of_factor(field, factor))
    for kernel in field.kernels:
        if kernel.kind == "root" and kernel.step == 2:
            found.extend(_of_root(field, kernel, seen))
        elif kernel.kind == "function" and kernel.base.op in ("tan", "tanh"):
            name = "cos" if kernel.base.op == "tan" else "cosh"
            slope = field.slopes[field.kernels.index(kernel)]
            square = field.gens[kernel.index] ** 2
            inner = field.reduced(slope[0], slope[1] * (field.one + square if name == "cos" else field.one - square))
            sign = -1 if name == "cos" else 1
            found.append(
                Logarithm(
                    apply("ln", apply(name, kernel.base.args[0])),
                    (inner[0] * field.gens[kernel.index] * sign, inner[1]),
                )
            )
        elif kernel.kind == "function" and kernel.base.op in ("cos", "cosh"):
            found.extend(_of_cosine(field, kernel, factors))
    return found


def _of_slopes(field: Field) -> Iterator[fmpq_mpoly]:
    """Irreducible factors of the denominators of the kernels' derivatives."""
    for _, bottom in field.slopes:
        if not bottom.is_constant():
            for factor, _ in bottom.factor()[1]:
                yield factor


def _of_factor(field: Field, factor: fmpq_mpoly) -> Iterator[Logarithm]:
    """The logarithm of a factor, and the arctangent if it is quadratic in a kernel and its discriminant a square."""
    top, bottom = field.differentiate(factor)
    slope = field.reduced(top, bottom * factor)
    if len(factor) == 1 and slope[0].is_constant() and slope[1].is_constant():
        return
    if not slope[0].is_zero() and not (len(factor) == 1 and _is_exponential(field, factor)):
        yield Logarithm(apply("ln", field.expression(factor)), slope)
    for kernel in field.kernels:
        if not kernel.is_constant and int(factor.degrees()[kernel.index]) == 2 and kernel.index not in field.relations:
            quadratic = _of_quadratic(field, factor, kernel)
            if quadratic is not None:
                yield quadratic
                return


def _is_exponential(field: Field, factor: fmpq_mpoly) -> bool:
    return any(kernel.kind in ("exponential",) and factor.degrees()[kernel.index] for kernel in field.kernels)


def _coefficients(field: Field, polynomial: fmpq_mpoly, index: int, degree: int) -> list[fmpq_mpoly]:
    """The coefficients of a polynomial in one generator, lowest first."""
    parts: list[dict[tuple[int, ...], fmpq]] = [{} for _ in range(degree + 1)]
    for exponents, coefficient in polynomial.to_dict().items():
        key = list(map(int, exponents))
        place, key[index] = key[index], 0
        parts[place][tuple(key)] = coefficient
    return [field.context.from_dict(part) for part in parts]


def _square_part(field: Field, polynomial: fmpq_mpoly) -> tuple[fmpq_mpoly, fmpq_mpoly] | None:
    """(k, g) with polynomial = k * g**2 and k constant; None if there are none."""
    constants = {kernel.index for kernel in field.kernels if kernel.is_constant}
    content, factors = polynomial.factor()
    constant, square = field.context.constant(content), field.one
    for factor, multiplicity in factors:
        if all(index in constants for index, e in enumerate(factor.degrees()) if e):
            constant = constant * factor ** int(multiplicity)
        elif multiplicity % 2:
            return None
        else:
            square = square * factor ** (int(multiplicity) // 2)
    return constant, square


def _of_quadratic(field: Field, factor: fmpq_mpoly, kernel: Kernel) -> Logarithm | None:
    """atan(w/sqrt(k))/sqrt(k) with w = (2at + b)/g, where the discriminant is -k*g**2; for negative k as logarithms."""
    c, b, a = _coefficients(field, factor, kernel.index, 2)
    found = _square_part(field, 4 * a * c - b * b) if 4 * a * c != b * b else None
    if found is None:
        return None
    constant, square = found
    inner = 2 * a * field.gens[kernel.index] + b
    top, bottom = field.differentiate(inner)
    other, under = field.differentiate(square)
    # (inner'*g - inner*g')/(4*a*factor)
    slope = field.reduced(top * square * under - inner * other * bottom, 4 * a * factor * bottom * under)
    root_of = field.expression(constant)
    w = over(field.expression(inner), field.expression(square))
    return Logarithm(_arctangent(w, root_of), slope)


def _arctangent(w: Expression, k: Expression) -> Expression:
    """What has the derivative w'/(w**2 + k), for constant k."""
    if is_number(k) and ratio(k)[0] < 0:
        root = power(negative(k), HALF)
        difference = add(apply("ln", add(w, negative(root))), negative(apply("ln", add(w, root))))
        return over(multiply(HALF, difference), root)
    root = power(k, HALF)
    return over(apply("atan", over(w, root)), root)


def _of_cosine(field: Field, kernel: Kernel, factors: Sequence[fmpq_mpoly]) -> Iterator[Logarithm]:
    """The integrals of 1/sin(u), 1/cos(u) and of the hyperbolic ones, times u'."""
    hyperbolic = kernel.base.op == "cosh"
    arg = kernel.base.args[0]
    sine = field.kernel_of("sinh" if hyperbolic else "sin", arg)
    s, c = field.gens[sine.index], field.gens[kernel.index]
    top, bottom = field.quotient(derivative(arg))
    cosine = kernel.base
    for part, other in ((cosine, s), (sine.base, c)):
        if other not in factors:
            continue
        if hyperbolic and part is not cosine:
            yield Logarithm(apply("atan", part), field.reduced(top, bottom * other))
            continue
        less = add(part, MINUS_ONE) if hyperbolic else add(ONE, negative(part))
        difference = add(apply("ln", less), negative(apply("ln", add(ONE, part))))
        yield Logarithm(
            multiply(HALF if part is cosine else negative(HALF), difference), field.reduced(top, bottom * other)
        )


def _of_root(field: Field, kernel: Kernel, factors: Sequence[fmpq_mpoly]) -> Iterator[Logarithm]:
    """For r = sqrt(quadratic in t): what has the derivatives t'/r and t'/((t - p)*r)."""
    _, value = field.relations[kernel.index]
    for other in field.kernels:
        degree = int(value.degrees()[other.index])
        if other.is_constant or other.index in field.relations or degree not in (1, 2):
            continue
        c, b, a = (*_coefficients(field, value, other.index, degree), field.zero)[:3]
        if not all(_is_free(field, part) for part in (a, b, c)):
            continue
        root = field.expression_of(kernel)
        t = field.expression_of(other)
        top, bottom = field.slopes[field.kernels.index(other)]
        r = field.gens[kernel.index]
        if degree == 2:
            yield Logarithm(
                _over_root(field.expression(a), field.expression(b), field.expression(c), t, root),
                field.reduced(top * r, bottom * value),
            )
        for factor in factors:
            if int(factor.degrees()[other.index]) != 1:
                continue
            low, high = _coefficients(field, factor, other.index, 1)
            if not (_is_free(field, low) and _is_free(field, high)):
                continue
            pole = over(negative(field.expression(low)), field.expression(high))
            found = _over_pole((field.expression(a), field.expression(b), field.expression(c)), pole, t, root)
            if found is not None:
                yield Logarithm(found, field.reduced(top * high * r, bottom * value * factor))
        return


def _is_free(field: Field, polynomial: fmpq_mpoly) -> bool:
    """Whether no moving kernel occurs."""
    degrees = polynomial.degrees()
    return all(kernel.is_constant or int(degrees[kernel.index]) <= 0 for kernel in field.kernels)


def _is_negative(expr: Expression) -> bool:
    return is_number(expr) and ratio(expr)[0] < 0


def _over_root(a: Expression, b: Expression, c: Expression, t: Expression, root: Expression) -> Expression:
    """The integral of 1/root by t, for root = sqrt(a*t**2 + b*t + c)."""
    inner = add(multiply(number(2), a, t), b)
    if _is_negative(a):
        discriminant = add(power(b, number(2)), multiply(number(-4), a, c))
        return negative(over(apply("asin", over(inner, power(discriminant, HALF))), power(negative(a), HALF)))
    if is_number(b) and ratio(b)[0] == 0 and is_number(c) and ratio(c)[0] > 0:
        return over(apply("asinh", multiply(t, power(over(a, c), HALF))), power(a, HALF))
    scale = power(a, HALF)
    return over(apply("ln", add(inner, multiply(number(2), scale, root))), scale)


def _over_pole(
    quadratic: tuple[Expression, Expression, Expression], pole: Expression, t: Expression, root: Expression
) -> Expression | None:
    """The integral of 1/((t - pole)*root) by t, for root = sqrt(a*t**2 + b*t + c) and `quadratic` = (a, b, c)."""
    a, b, c = quadratic
    value = add(multiply(a, power(pole, number(2))), multiply(b, pole), c)
    if is_number(value) and ratio(value)[0] == 0:
        return None
    slope = add(multiply(number(2), a, pole), b)
    distance = add(t, negative(pole))
    inner = add(multiply(number(2), value), multiply(slope, distance))
    if _is_negative(value):
        scale = power(negative(value), HALF)
        return over(apply("atan", over(inner, multiply(number(2), scale, root))), scale)
    scale = power(value, HALF)
    return negative(over(apply("ln", over(add(inner, multiply(number(2), scale, root)), distance)), scale))
