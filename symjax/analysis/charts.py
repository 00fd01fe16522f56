"""Which charts the report shows: of the training, and of one evaluation's summary and rows."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from symjax.analysis import figures, plots
from symjax.analysis.plots import Line, Point
from symjax.analysis.run_files import RunFiles

MODEL = "model"
NEAREST = "nearest_neighbour"
BEST = ("rounding_floor", "reference_answer")
"""What the right answer itself is called."""

_ORDER = (MODEL, NEAREST)
_CONFIDENCE_GROUPS = 8

Summary = Mapping[str, Any]
Metric = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart and what it is called."""

    title: str
    svg: Markup


def predictors(summary: Summary) -> list[str]:
    """The model, the nearest neighbour, the constants and whatever else there is, the right answer last."""
    names = [name for name in _ORDER if name in summary["predictors"]]
    names += [name for name in summary["predictors"] if name not in (*_ORDER, *BEST)]
    return names + [name for name in BEST if name in summary["predictors"]]


def first_error(summary: Summary) -> Metric | None:
    """The first metric of which less is better."""
    return next((metric for metric in summary["metrics"] if metric["higher_is_better"] is False), None)


def is_ordinal(values: Mapping[str, Any]) -> bool:
    """Whether the values of a slice are numbers or ranges of numbers, of which a chart can be made."""
    return all(re.match(r"\d", value) for value in values)


def part_names(summary: Summary) -> list[str]:
    """What the parts of an answer are called: the first metrics that differ by a number only."""
    return [name.replace("_", " ") for name in next(iter(_numbered(summary)), [])]


def training_charts(run: RunFiles) -> list[Chart]:
    """Loss and validation scores over the steps, as far as they were logged."""
    found = []
    for name in ("cross_entropy", "loss"):
        lines = [Line(name=kind, points=run.series(kind, name)) for kind in ("train", "validation")]
        lines = [line for line in lines if line.points]
        if lines:
            log = _spans_decades([value for line in lines for _, value in line.points])
            svg = plots.curves(lines, ylabel=f"{name.replace('_', '-')} (nats per token)", log=log)
            found.append(Chart(title="Loss", svg=Markup(svg)))
            break
    scores = [
        Line(name=title, points=run.series("validation", name))
        for name, title in (("proved", "answers proved right"), ("token_accuracy", "tokens right, given those before"))
    ]
    scores = [line for line in scores if line.points]
    if scores:
        svg = plots.curves(scores, ylabel="share", percent=True)
        found.append(Chart(title="Validation", svg=Markup(svg)))
    return found


def summary_charts(summary: Summary, rows: Sequence[Mapping[str, Any]]) -> list[list[Chart]]:
    """Rows of charts: scores by part of the answer and by confidence, then score and error by size and by operator."""
    error = first_error(summary)
    shown = [summary["metrics"][0], *([error] if error is not None else [])]
    found: list[list[Chart | None]] = [
        [*(_parts_chart(summary, names) for names in _numbered(summary)), _confidence_chart(rows)]
    ]
    for name, values in summary["predictors"][MODEL]["all"]["slices"].items():
        if is_ordinal(values):
            found.append([_ordinal_chart(summary, name, metric) for metric in shown])
    found.append([_operator_chart(summary, metric) for metric in shown])
    rows_of_charts = [[chart for chart in row if chart is not None] for row in found]
    return rows_of_charts if error is not None else [[chart for row in rows_of_charts for chart in row]]


def _numbered(summary: Summary) -> list[list[str]]:
    """Metrics whose names differ by a number only, such as one for each degree."""
    groups: dict[str, list[str]] = {}
    for metric in summary["metrics"]:
        stem = re.fullmatch(r"(.*)_\d+", metric["name"])
        if stem and figures.is_share(metric):
            groups.setdefault(stem[1], []).append(metric["name"])
    return [names for names in groups.values() if len(names) > 1]


def _parts_chart(summary: Summary, names: Sequence[str]) -> Chart:
    """Scores of every predictor but the floor, by the number in the metrics' names."""
    stem = names[0].rpartition("_")[0].replace("_", " ")
    series = {}
    for predictor in predictors(summary):
        found = summary["predictors"][predictor]["all"]["metrics"]
        if predictor not in BEST:
            points = [_point(name.rpartition("_")[2], found[name]) for name in names if name in found]
            series[figures.title_of(predictor)] = points
    svg = plots.by_place(series, xlabel=stem, ylabel="exact", percent=True)
    return Chart(title=f"Exact, by {stem}", svg=Markup(svg))


def _confidence_chart(rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    """How often answers are proved, by the probability that the model gives them, in groups of equal size."""
    ranked = sorted((row for row in rows if -math.inf < row["score"] <= 0), key=lambda row: row["score"])
    if len(ranked) < 10 * _CONFIDENCE_GROUPS:
        return None
    points = []
    for place in range(_CONFIDENCE_GROUPS):
        start, stop = (len(ranked) * edge // _CONFIDENCE_GROUPS for edge in (place, place + 1))
        group = ranked[start:stop]
        proved = sum(row["verdict"] == "proved" for row in group)
        low, high = _wilson(proved, len(group))
        middle = math.exp(group[len(group) // 2]["score"])
        points.append(Point(place=f"{middle:.1%}", value=proved / len(group), low=low, high=high, count=len(group)))
    svg = plots.by_place(
        {"Model": points}, xlabel="probability of the answer (median of the group)", ylabel="proved", percent=True
    )
    return Chart(title="Proved, by the model's confidence", svg=Markup(svg))


def _wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, JASA 22, 1927)."""
    z = 1.959964
    middle = (hits + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * math.sqrt(hits * (count - hits) / count + z * z / 4)
    return middle - half, middle + half


def _ordinal_chart(summary: Summary, slice_name: str, metric: Metric) -> Chart | None:
    """One metric by the values of a slice: the model beside the nearest neighbour."""
    series = {}
    for predictor in _ORDER:
        values = summary["predictors"].get(predictor, {}).get("all", {}).get("slices", {}).get(slice_name, {})
        points = [
            _point(figures.place(value), table["metrics"][metric["name"]])
            for value, table in values.items()
            if metric["name"] in table["metrics"]
        ]
        if points:
            series[figures.title_of(predictor)] = points
    if not series:
        return None
    title = f"{_capital(metric['title'])}, by {slice_name}"
    svg = plots.by_place(series, xlabel=slice_name, ylabel=metric["title"], **_scale_of(metric, series))
    return Chart(title=title, svg=Markup(svg))


def _operator_chart(summary: Summary, metric: Metric) -> Chart | None:
    """One metric of the model by the operators that occur in the problem, best first."""
    operators = summary["predictors"][MODEL]["all"]["operators"]
    points = [
        _point(name, table["metrics"][metric["name"]])
        for name, table in operators.items()
        if metric["name"] in table["metrics"]
    ]
    if not points:
        return None
    points.sort(key=lambda point: point.value, reverse=bool(metric["higher_is_better"]))
    svg = plots.by_name(points, xlabel=metric["title"], **_scale_of(metric, {"": points}))
    return Chart(title=f"{_capital(metric['title'])}, by operator", svg=Markup(svg))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _scale_of(metric: Metric, series: Mapping[str, Sequence[Point]]) -> dict[str, bool]:
    """Percent for shares, a logarithm for values that span decades."""
    values = [bound for points in series.values() for point in points for bound in (point.value, point.high)]
    share = figures.is_share(metric)
    return {"percent": share, "log": not share and _spans_decades(values)}


def _spans_decades(values: Sequence[float]) -> bool:
    """Whether the positive values span a factor of more than 20."""
    positive = [value for value in values if 0 < value < math.inf]
    return bool(positive) and max(positive) > 20 * min(positive)


def _point(place: str, figure: Mapping[str, Any]) -> Point:
    value, low, high = (float(figure[key]) for key in ("value", "low", "high"))
    return Point(place=place, value=value, low=low, high=high, count=figure["count"])
