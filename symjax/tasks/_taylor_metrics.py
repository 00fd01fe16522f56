"""How far five predicted Taylor coefficients are from the true ones.

Whether a coefficient is right is asked of the rounded decimals, whose tokens a model learns.  How far it is off is
measured against the exact value, so that the reference answer itself scores the error of rounding to five digits,
and not zero: no model can be better.

An answer that does not parse has no coefficient right and is `well_formed` 0; its errors are those of predicting
zero for every coefficient, which keeps every mean finite and is what saying nothing is worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import numpy as np

from symjax.tasks import Metric

POINTS = 100
CLIP = 1e3

Statistic = Literal["mean", "median", "root_mean"]

_ROWS: tuple[tuple[str, Statistic, bool, str], ...] = (
    ("exact", "mean", True, "all five coefficients exact (5 digits)"),
    *((f"degree_{degree}", "mean", True, f"coefficient of x^{degree} exact") for degree in range(5)),
    ("within_1_percent", "mean", True, "all five within 1 %"),
    ("well_formed", "mean", True, "answers that parse"),
    ("sign_accuracy", "mean", True, "coefficients with the right sign (+, 0, -)"),
    ("exponent_accuracy", "mean", True, "nonzero coefficients with the right power of ten"),
    ("polynomial_rmse", "median", False, "median polynomial RMSE on [-1, 1]"),
    ("relative_l2", "median", False, "median relative L2 error of the coefficients"),
    ("mean_asinh_error", "mean", False, "mean asinh error of the coefficients"),
    ("coefficient_squared_error", "root_mean", False, "coefficient RMSE"),
    ("polynomial_squared_error", "root_mean", False, "polynomial RMSE on [-1, 1]"),
    ("coefficient_squared_error_below_1000", "root_mean", False, "coefficient RMSE, targets below 1000"),
    ("polynomial_squared_error_below_1000", "root_mean", False, "polynomial RMSE, targets below 1000"),
)
METRICS = tuple(
    Metric(name=name, statistic=statistic, higher_is_better=higher, title=title)
    for name, statistic, higher, title in _ROWS
)

_POWERS = np.linspace(-1.0, 1.0, POINTS)[:, None] ** np.arange(5)


def measure(predicted: Sequence[Decimal] | None, rounded: Sequence[Decimal], exact: Sequence[str]) -> dict[str, float]:
    """Every measure of `METRICS`; NaN where one does not apply.

    Args:
      predicted: c0..c4, or None for an answer that does not parse.
      rounded: the reference, as its tokens write it.
      exact: the reference in full, "p/q" or decimals.
    """
    hits = [predicted is not None and guess == true for guess, true in zip(predicted or rounded, rounded, strict=True)]
    guesses = predicted or (Decimal(0),) * len(rounded)
    result = {"exact": float(all(hits))}
    result |= {f"degree_{degree}": float(hit) for degree, hit in enumerate(hits)}
    result["within_1_percent"] = float(predicted is not None and _within(guesses, exact, Fraction(1, 100)))
    result["well_formed"] = float(predicted is not None)
    result["sign_accuracy"] = 0.0 if predicted is None else _sign_accuracy(guesses, rounded)
    result["exponent_accuracy"] = 0.0 if predicted is None else _exponent_accuracy(guesses, rounded)
    return result | _errors(
        np.array([float(guess) for guess in guesses]), np.array([float(Fraction(true)) for true in exact])
    )


def _within(guesses: Sequence[Decimal], exact: Sequence[str], tolerance: Fraction) -> bool:
    """Whether every guess is within the relative tolerance; exact zeros must be zero."""
    pairs = [(Fraction(guess), Fraction(true)) for guess, true in zip(guesses, exact, strict=True)]
    return all(abs(guess - true) <= tolerance * abs(true) for guess, true in pairs)


def _sign_accuracy(guesses: Sequence[Decimal], rounded: Sequence[Decimal]) -> float:
    same = [_sign(guess) == _sign(true) for guess, true in zip(guesses, rounded, strict=True)]
    return sum(same) / len(same)


def _sign(value: Decimal) -> int:
    return (value > 0) - (value < 0)


def _exponent_accuracy(guesses: Sequence[Decimal], rounded: Sequence[Decimal]) -> float:
    """Share of the nonzero coefficients whose power of ten is right; NaN without any."""
    pairs = [(guess, true) for guess, true in zip(guesses, rounded, strict=True) if true]
    if not pairs:
        return math.nan
    return sum(bool(guess) and guess.adjusted() == true.adjusted() for guess, true in pairs) / len(pairs)


def _errors(guesses: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """Distances in float64: their own rounding, 1e-16 relative, is far below that of five digits."""
    difference = guesses - exact
    coefficient = float(np.mean(difference**2))
    polynomial = float(np.mean((_POWERS @ difference) ** 2))
    norm = float(np.linalg.norm(exact))
    small = float(np.abs(exact).max()) < CLIP
    return {
        "polynomial_rmse": math.sqrt(polynomial),
        "relative_l2": float(np.linalg.norm(difference)) / norm if norm else math.nan,
        "mean_asinh_error": float(np.mean(np.abs(np.arcsinh(guesses) - np.arcsinh(exact)))),
        "coefficient_squared_error": coefficient,
        "polynomial_squared_error": polynomial,
        "coefficient_squared_error_below_1000": coefficient if small else math.nan,
        "polynomial_squared_error_below_1000": polynomial if small else math.nan,
    }
