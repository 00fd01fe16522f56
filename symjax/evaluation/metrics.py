"""Per-example measures -> figures with intervals, for all items, for label-unseen ones and for every slice.

Knows no task: a task declares its metrics and measures its own answers.  A row is one judged example, a dictionary
with `verdict` (a verdict's kind), `measures` (metric name -> float; NaN or absent: does not apply to this item),
`slices` (slice name -> value), `operators` and `label_unseen`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from symjax.tasks import Metric

Row = Mapping[str, Any]

LEVEL = 0.95
VERDICTS = {
    "proved": ("proved",),
    "proved_or_undetermined": ("proved", "undetermined"),
    "refuted": ("refuted",),
    "undetermined": ("undetermined",),
    "unparsable": ("unparsable",),
}
"""Rate -> the verdicts that it counts.  What is solved lies between the first two."""

_CELLS = 4_000_000
"""Resampling weights held at once; bounds memory at 8 bytes each."""


def summarise(rows: Sequence[Row], metrics: Sequence[Metric], *, bootstrap: int = 1000, seed: int = 0) -> dict:
    """`{"all": table, "label_unseen": table}`, JSON-able once `plain` has seen it.

    A table holds `count` (items), `metrics` and `verdicts` (name -> `value`, `low`, `high`, `count`: the items that
    the figure is made of), and on its first level `slices` (name -> value -> table) and `operators` (name -> table).
    Figures without a single item are absent.  `low` and `high` bound the central 95 % of `bootstrap` resamplings of
    the items (0: no intervals).  A rate that is 0 or 1 on every item has nothing to resample: its open side is the
    exact binomial bound, 1 - 0.05^(1/n) from 0.  Equal inputs give equal output, and predictors judged on the same
    items are resampled alike.
    """
    unseen = [row for row in rows if row["label_unseen"]]
    return {
        "all": _sliced_table(rows, metrics, bootstrap, seed),
        "label_unseen": _sliced_table(unseen, metrics, bootstrap, seed),
    }


def rate(flags: Sequence[bool], *, bootstrap: int = 1000, seed: int = 0) -> dict | None:
    """Share of true flags as `value`, `low`, `high`, `count`; None without flags."""
    return _figures(np.asarray(flags, float)[:, None], ["mean"], [True], bootstrap, seed)[0]


def plain(value: Any) -> Any:
    """`value` with every float JSON-able: NaN becomes None, an infinity the string "inf" or "-inf"."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _sliced_table(rows: Sequence[Row], metrics: Sequence[Metric], bootstrap: int, seed: int) -> dict:
    """The table of `rows` with the tables of every slice and operator in it."""
    table = _table(rows, metrics, bootstrap, seed)
    names = sorted({name for row in rows for name in row["slices"]})
    by_slice = {
        name: _groups([row for row in rows if name in row["slices"]], lambda row, name=name: (row["slices"][name],))
        for name in names
    }
    table["slices"] = {
        name: {value: _table(group, metrics, bootstrap, seed) for value, group in groups.items()}
        for name, groups in by_slice.items()
    }
    operators = _groups(rows, lambda row: row["operators"])
    table["operators"] = {name: _table(group, metrics, bootstrap, seed) for name, group in operators.items()}
    return table


def _groups(rows: Sequence[Row], keys: Callable[[Row], Sequence[str]]) -> dict[str, list[Row]]:
    """Rows by key, keys in natural order (numbers by size); a row with several keys is in several groups."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        for key in keys(row):
            groups.setdefault(key, []).append(row)
    return {key: groups[key] for key in sorted(groups, key=_natural)}


def _natural(key: str) -> tuple[bool, int, str]:
    """Sort key: what begins with a number first and by that number, then the rest by name."""
    number = re.match(r"\d+", key)
    return (number is None, int(number[0]) if number else 0, key)


def _table(rows: Sequence[Row], metrics: Sequence[Metric], bootstrap: int, seed: int) -> dict:
    """Count, metric figures and verdict rates of `rows`."""
    if not rows:
        return {"count": 0, "metrics": {}, "verdicts": {}}
    kinds = [row["verdict"] for row in rows]
    columns = [[row["measures"].get(metric.name, math.nan) for row in rows] for metric in metrics]
    columns += [[float(kind in counted) for kind in kinds] for counted in VERDICTS.values()]
    statistics = [metric.statistic for metric in metrics] + ["mean"] * len(VERDICTS)
    is_rate = [bool(metric.higher_is_better) for metric in metrics] + [True] * len(VERDICTS)
    figures = _figures(np.array(columns, float).T, statistics, is_rate, bootstrap, seed)
    named = dict(zip([metric.name for metric in metrics], figures, strict=False))
    rates = dict(zip(VERDICTS, figures[len(metrics) :], strict=True))
    return {
        "count": len(rows),
        "metrics": {name: figure for name, figure in named.items() if figure is not None},
        "verdicts": rates,
    }


def _figures(
    values: Float[np.ndarray, "n M"], statistics: Sequence[str], is_rate: Sequence[bool], bootstrap: int, seed: int
) -> list[dict | None]:
    """One figure a column.  Columns over the same items share their resamplings."""
    figures: list[dict | None] = [None] * values.shape[1]
    applies = ~np.isnan(values)
    for pattern in np.unique(applies, axis=1).T:
        items = np.flatnonzero(pattern)
        columns = np.flatnonzero((applies == pattern[:, None]).all(axis=0)).tolist()
        if not len(items):
            continue
        chosen = values[items][:, columns]
        kinds = [statistics[column] for column in columns]
        points = _statistics(np.ones((1, len(items)), np.int32), chosen, kinds)[0]
        low, high = _interval(chosen, kinds, points, bootstrap, seed)
        for place, column in enumerate(columns):
            bounds = (low[place], high[place])
            if is_rate[column] and bootstrap:
                bounds = _open_side(chosen[:, place], bounds)
            figure = {"value": points[place], "low": bounds[0], "high": bounds[1], "count": len(items)}
            figures[column] = {name: value if name == "count" else float(value) for name, value in figure.items()}
    return figures


def _interval(
    values: Float[np.ndarray, "n M"],
    statistics: Sequence[str],
    points: Float[np.ndarray, "M"],
    bootstrap: int,
    seed: int,
) -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "M"]]:
    """Percentile bootstrap bounds of every column, items drawn with replacement; the points themselves for 0 draws.

    Bounds are order statistics, without interpolation, so that an infinite resample stays one.
    """
    if not bootstrap:
        return points, points
    n = len(values)
    rng = np.random.default_rng((seed, n))
    block = max(1, _CELLS // n)
    resampled = []
    for start in range(0, bootstrap, block):
        draws = rng.integers(n, size=(min(block, bootstrap - start), n))
        draws += np.arange(len(draws))[:, None] * n
        counts = np.bincount(draws.ravel(), minlength=len(draws) * n).astype(np.int32)
        resampled.append(_statistics(counts.reshape(len(draws), n), values, statistics))
    ranked = np.sort(np.concatenate(resampled), axis=0)
    tail = (1 - LEVEL) / 2
    return ranked[int(tail * (bootstrap - 1))], ranked[math.ceil((1 - tail) * (bootstrap - 1))]


def _statistics(
    counts: Int[np.ndarray, "R n"], values: Float[np.ndarray, "n M"], statistics: Sequence[str]
) -> Float[np.ndarray, "R M"]:
    """The statistic of every column when item i occurs `counts[r, i]` times."""
    result = _means(counts, values)
    for column, statistic in enumerate(statistics):
        if statistic == "root_mean":
            result[:, column] = np.sqrt(result[:, column])
        elif statistic == "median":
            result[:, column] = _medians(counts, values[:, column])
    return result


def _means(counts: Int[np.ndarray, "R n"], values: Float[np.ndarray, "n M"]) -> Float[np.ndarray, "R M"]:
    """Weighted means; infinite where an infinite value is drawn."""
    finite = np.isfinite(values)
    weights = counts.astype(float)
    means = weights @ np.where(finite, values, 0.0) / values.shape[0]
    for column in np.flatnonzero(~finite.all(axis=0)):
        drawn = counts[:, ~finite[:, column]].any(axis=1)
        means[drawn, column] = np.inf
    return means


def _medians(counts: Int[np.ndarray, "R n"], values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "R"]:
    """Weighted medians: the mean of the two middle items when their number is even."""
    order = np.argsort(values, kind="stable")
    reached = counts[:, order].cumsum(axis=1, dtype=np.int32)
    n = len(values)
    lower = values[order][(reached <= (n - 1) // 2).sum(axis=1)]
    upper = values[order][(reached <= n // 2).sum(axis=1)]
    with np.errstate(invalid="ignore"):  # infinity less infinity, which is not taken
        return np.where(lower == upper, lower, lower + (upper - lower) / 2)


def _open_side(values: Float[np.ndarray, "n"], bounds: tuple[float, float]) -> tuple[float, float]:
    """`bounds`, or the exact one-sided binomial bound where every item is 0 or every item is 1."""
    gap = 1 - (1 - LEVEL) ** (1 / len(values))
    if (values == 0).all():
        return 0.0, gap
    if (values == 1).all():
        return 1 - gap, 1.0
    return bounds
