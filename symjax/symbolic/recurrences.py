"""Recurrences over coefficient lists, quadratic in the number of terms.

A list holds the coefficients of u**0, u**1, ... .  Exact zeros are skipped, so the parity of a function stays exact.
Where every coefficient is rational and there is no constant term, FLINT's own power series do the same faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import flint
from flint import fmpq, fmpq_series

from symjax.symbolic.scalars import ZERO, Scalar


def all_rational(terms: Sequence[Scalar]) -> bool:
    """Whether every coefficient is an exact rational."""
    return all(isinstance(x, fmpq) for x in terms)


def rational_function(name: str, h: Sequence[Scalar]) -> list[Scalar]:
    """Coefficients of the function `name` of a rational series without constant term, by FLINT."""
    size = len(h)
    flint.ctx.cap = size
    out = getattr(fmpq_series(cast("Sequence[fmpq]", h), prec=size), name)().coeffs()
    return out + [ZERO] * (size - len(out))


def products(a: Sequence[Scalar], b: Sequence[Scalar], size: int) -> list[Scalar]:
    """The first `size` coefficients of the product of two coefficient lists."""
    out: list[Scalar] = [ZERO] * size
    second = [(j, y) for j, y in enumerate(b[:size]) if y]
    for i, x in enumerate(a[:size]):
        if x:
            for j, y in second:
                if i + j >= size:
                    break
                old = out[i + j]
                out[i + j] = old + x * y if old else x * y
    return out


def quotient(a: Sequence[Scalar], b: Sequence[Scalar], size: int) -> list[Scalar]:
    """The first `size` coefficients of the quotient of two coefficient lists, b[0] nonzero."""
    inverse = 1 / b[0]
    unit = isinstance(inverse, fmpq) and inverse == 1
    tail = [(j, y) for j, y in enumerate(b[:size]) if y][1:]
    out: list[Scalar] = []
    for k in range(size):
        total = a[k]
        for j, y in tail:
            if j > k:
                break
            x = out[k - j]
            if x:
                total = total - x * y if total else -(x * y)
        out.append(total if unit or not total else total * inverse)
    return out


def power_terms(c: Sequence[Scalar], exponent: fmpq, start: Scalar) -> list[Scalar]:
    """Coefficients of (c[0] + c[1]*u + ...)**exponent, c[0] nonzero, beginning with `start`."""
    terms = [(j, y) for j, y in enumerate(c) if y][1:]
    out = [start]
    if not terms:
        return out + [ZERO] * (len(c) - 1)
    inverse = 1 / c[0]
    shifted = exponent + 1
    for k in range(1, len(c)):
        total: Scalar = ZERO
        for j, y in terms:
            if j > k:
                break
            x = out[k - j]
            if x:
                factor = shifted * j - k
                if factor:
                    total = total + y * x * factor
        out.append(total * inverse / k if total else ZERO)
    return out


def slopes(h: Sequence[Scalar]) -> list[tuple[int, Scalar]]:
    """(j, j*h[j]) for the nonzero terms of positive degree."""
    return [(j, y * j) for j, y in enumerate(h) if j and y]


def exp_terms(h: Sequence[Scalar], start: Scalar) -> list[Scalar]:
    """Coefficients of exp(h), beginning with `start`; k*e[k] is the sum of j*h[j]*e[k-j]."""
    terms = slopes(h)
    out = [start]
    for k in range(1, len(h)):
        total: Scalar = ZERO
        for j, y in terms:
            if j > k:
                break
            x = out[k - j]
            if x:
                total = total + y * x if total else y * x
        out.append(total / k if total else ZERO)
    return out


def paired_terms(h: Sequence[Scalar], odd: Scalar, even: Scalar, sign: int) -> tuple[list[Scalar], list[Scalar]]:
    """Coefficients of (sin h, cos h) for sign = -1, (sinh h, cosh h) for +1, beginning with `odd` and `even`."""
    terms = slopes(h)
    first, second = [odd], [even]
    for k in range(1, len(h)):
        up: Scalar = ZERO
        down: Scalar = ZERO
        for j, y in terms:
            if j > k:
                break
            x = second[k - j]
            if x:
                up = up + y * x if up else y * x
            x = first[k - j]
            if x:
                down = down + y * x if down else y * x
        first.append(up / k if up else ZERO)
        second.append(down / (k * sign) if down else ZERO)
    return first, second


def tangent_terms(h: Sequence[Scalar], start: Scalar, sign: int) -> list[Scalar]:
    """Coefficients of tan h for sign = 1, tanh h for -1, beginning with `start`; t' = h' (1 + sign*t**2)."""
    terms = slopes(h)
    out = [start]
    slope = [1 + sign * start * start]
    for k in range(1, len(h)):
        total: Scalar = ZERO
        for j, y in terms:
            if j > k:
                break
            x = slope[k - j]
            if x:
                total = total + y * x if total else y * x
        out.append(total / k if total else ZERO)
        square: Scalar = ZERO
        for i in range(k + 1):
            if out[i] and out[k - i]:
                square = square + out[i] * out[k - i]
        slope.append(square * sign)
    return out


def log_terms(c: Sequence[Scalar], start: Scalar) -> list[Scalar]:
    """Coefficients of ln(c[0] + c[1]*u + ...), c[0] nonzero, beginning with `start`."""
    ratio = quotient([y * j for j, y in enumerate(c)], c, len(c))
    return [start] + [y / j if y else ZERO for j, y in enumerate(ratio) if j]
