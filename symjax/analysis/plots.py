"""Charts as inline SVG that takes its colours and its type from the page around it, light or dark.

Matplotlib draws in stand-in colours, each of which is replaced by a variable of the page's style sheet.
"""

from __future__ import annotations

import dataclasses
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

INK, MUTED, RULE = "#0a0b01", "#0a0b02", "#0a0b03"
SERIES = ("#0a0b11", "#0a0b12", "#0a0b13", "#0a0b14", "#0a0b15")
_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule"} | {
    colour: f"--series-{place}" for place, colour in enumerate(SERIES, start=1)
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 8.5,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "legend.fontsize": 8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
_MARKERS = ("o", "s", "D", "^", "v")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """One figure of a chart: its place (a number or a name), value, interval and the items behind it."""

    place: float | str
    value: float
    low: float
    high: float
    count: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: its name, and (step, value) pairs by step."""

    name: str
    points: Sequence[tuple[float, float]]


def curves(lines: Sequence[Line], *, ylabel: str, percent: bool = False, log: bool = False) -> str:
    """Curves over training steps, each with its last value at its end."""
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(5.4, 3.0)
        for colour, line in zip(SERIES, lines, strict=False):
            steps, values = zip(*line.points, strict=True)
            few = len(steps) <= 40
            axes.plot(steps, values, color=colour, lw=1.6, label=line.name, marker="o" if few else None, ms=2.5)
        axes.set_xlabel("training step")
        axes.set_ylabel(ylabel)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        _scale(axes, percent=percent, log=log)
        _label_ends(axes, lines, percent=percent)
        if len(lines) > 1:
            axes.legend(loc="best")
        return _svg(figure, f"{ylabel} over training steps: {', '.join(line.name for line in lines)}")


def by_place(
    series: Mapping[str, Sequence[Point]], *, xlabel: str, ylabel: str, percent: bool = False, log: bool = False
) -> str:
    """Values with intervals at each place on the horizontal axis, one marker a series, counts under the places.

    Counts are those of the first series: all series are of the same items.  On a logarithmic axis a zero is written
    at the bottom.
    """
    first = next(iter(series.values()))
    places = [point.place for point in first]
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(5.4, 3.2)
        floor = _floor([point for points in series.values() for point in points], log=log)
        shift = 0.5 / len(series)
        for rank, (name, points) in enumerate(series.items()):
            middle = (rank - (len(series) - 1) / 2) * shift
            found = [point for point in points if point.place in places and math.isfinite(point.value)]
            centres = [places.index(point.place) + middle for point in found]
            style = {"color": SERIES[rank % 5], "marker": _MARKERS[rank % 5], "label": name}
            _intervals(axes, centres, found, floor=floor, vertical=True, **style)
        axes.set_xticks(range(len(places)), [f"{point.place}\nn={point.count:,}" for point in first])
        axes.tick_params(axis="x", labelsize=7.5 if len(places) < 11 else 6)
        axes.grid(visible=False, axis="x")
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        _scale(axes, percent=percent, log=log)
        if log:
            axes.set_ylim(bottom=floor)
        if len(series) > 1:
            legend = {"ncols": len(series), "handletextpad": 0.2, "columnspacing": 1.2, "borderaxespad": 0.2}
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), **legend)
        return _svg(figure, f"{ylabel} by {xlabel}: {', '.join(series)}")


def by_name(points: Sequence[Point], *, xlabel: str, percent: bool = False, log: bool = False) -> str:
    """Horizontal bars with intervals, the names on the left with their counts, the first point on top."""
    with mpl.rc_context(_STYLE):
        figure, axes = _canvas(5.4, 0.7 + 0.2 * len(points))
        shown = [point for point in points if math.isfinite(point.value)]
        rows = range(len(shown))
        floor = _floor(shown, log=log)
        if not log:
            axes.barh(rows, [point.value for point in shown], color=SERIES[0], alpha=0.28, height=0.72)
        _intervals(axes, rows, shown, floor=floor, vertical=False, color=SERIES[0], marker="o", label="Model")
        axes.set_yticks(rows, [f"{point.place}  n={point.count:,}" for point in shown])
        axes.invert_yaxis()
        axes.margins(y=0.02)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(xlabel)
        if log:
            axes.set_xscale("log")
            axes.set_xlim(left=floor)
        elif percent:
            axes.set_xlim(0, 1)
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        else:
            axes.set_xlim(left=0)
        return _svg(figure, f"{xlabel} by name: {', '.join(str(point.place) for point in shown)}")


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _floor(points: Sequence[Point], *, log: bool) -> float:
    """The end of a logarithmic axis below every positive value; no end otherwise."""
    positive = [value for point in points for value in (point.value, point.low) if 0 < value < math.inf]
    return min(positive, default=1.0) / 3 if log else -math.inf


def _intervals(
    axes: Axes, centres: Sequence[float], points: Sequence[Point], *, floor: float, vertical: bool, **style: Any
) -> None:
    """Markers with intervals of one series, values below the axis at its end, and infinite bounds left open."""
    values = [max(point.value, floor) for point in points]
    below = [value - max(point.low, floor) for value, point in zip(values, points, strict=True)]
    above = [max(0.0, point.high - value) for value, point in zip(values, points, strict=True)]
    spread = [below, [length if math.isfinite(length) else 0.0 for length in above]]
    style = {"linestyle": "none", "ms": 4 if vertical else 3, "elinewidth": 1.2, "clip_on": False, **style}
    if vertical:
        axes.errorbar(centres, values, yerr=spread, **style)
    else:
        axes.errorbar(values, centres, xerr=spread, **style)
    for centre, point in zip(centres, points, strict=True):
        if point.value < floor:
            place, offset = ((centre, floor), (5, 0)) if vertical else ((floor, centre), (4, -2))
            axes.annotate("0", place, offset, textcoords="offset points", color=style["color"], size=7)


def _label_ends(axes: Axes, lines: Sequence[Line], *, percent: bool) -> None:
    """Writes the last value of each line at its end, the lower ones below and the higher ones above the middle."""
    order = sorted(range(len(lines)), key=lambda rank: lines[rank].points[-1][1])
    for place, rank in enumerate(order):
        step, value = lines[rank].points[-1]
        shown = f"{value:.1%}" if percent else f"{value:.3g}"
        offset = (4, 9 * (place - (len(lines) - 1) / 2))
        axes.annotate(shown, (step, value), offset, textcoords="offset points", va="center", color=SERIES[rank], size=8)


def _scale(axes: Axes, *, percent: bool, log: bool) -> None:
    """Vertical axis: a share from 0 to 100 %, a logarithm, or values from 0."""
    if percent:
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    elif log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def _svg(figure: Figure, label: str) -> str:
    """The figure as an `<svg>` element that fills its column; equal figures give equal text."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": label}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r'<style type="text/css">.*?</style>', "", text)  # would reach beyond this figure
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    escaped = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg", f'<svg role="img" aria-label="{escaped}"', 1).strip()
