"""Maclaurin coefficients by interpolation: slow, and shares no method with `series`.

The function is evaluated with thousands of bits at exact real points on both sides of 0, 2**-150 apart, and the
polynomial through these values is found by exact divided differences.  For an analytic function its coefficients
are right to hundreds of digits; for any other the numbers change with the distance of the points.
"""

from __future__ import annotations

import flint
from flint import acb, arb, fmpq

from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import Expression


def interpolated(
    expr: Expression, *, order: int = 4, log_step: int = 150, precision: int = 6000, half: int = 7
) -> list[acb] | None:
    """Coefficients 0 ... order of the polynomial through the values at j * 2**-log_step, j = -half ... half without 0.

    None where a value is undefined.
    """
    places = [j for j in range(-half, half + 1) if j]
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        values = [evaluate(expr, (j, 2**log_step), precision=precision) for j in places]
        if not all(value.is_finite() for value in values):
            return None
        differences = values
        newton = [differences[0]]
        for width in range(1, len(places)):
            differences = [
                (differences[i + 1] - differences[i]) * fmpq(1, places[i + width] - places[i])
                for i in range(len(differences) - 1)
            ]
            newton.append(differences[0])
        polynomial = [acb(0)] * len(places)
        for place, top in zip(reversed(places), reversed(newton), strict=True):
            shifted = [acb(0), *polynomial[:-1]]
            polynomial = [s - p * place for s, p in zip(shifted, polynomial, strict=True)]
            polynomial[0] = polynomial[0] + top
        return [c * fmpq(2**log_step) ** k for k, c in enumerate(polynomial[: order + 1])]
    finally:
        flint.ctx.prec = before


def differs(values: tuple[fmpq | arb, ...], found: list[acb], tolerance: float = 1e-18) -> bool | None:
    """Whether certified coefficients and interpolated ones differ by more than `tolerance`, relative to the larger
    of the coefficient and 1; None where the interpolated ones are not sharp enough to tell."""
    before = flint.ctx.prec
    flint.ctx.prec = 512
    try:
        open_question = False
        for value, other in zip(values, found, strict=True):
            bound = tolerance * (1 + abs(arb(value)))
            gap = abs(other - value)
            if gap > bound:
                return True
            open_question |= not gap < bound
        return None if open_question else False
    finally:
        flint.ctx.prec = before


def analytic_by_interpolation(expr: Expression, order: int = 4) -> list[acb] | None:
    """The interpolated coefficients where two distances of the points agree on real ones, else None."""
    half = (order + 11) // 2
    wide = interpolated(expr, order=order, half=half, precision=1500 + 330 * half * 2)
    narrow = interpolated(expr, order=order, half=half, log_step=190, precision=2000 + 400 * half * 2)
    if wide is None or narrow is None:
        return None
    for one, two in zip(wide, narrow, strict=True):
        scale = 1e-15 * (1 + abs(two))
        if not abs(one - two) < scale or not abs(two.imag) < scale:
            return None
    return narrow
