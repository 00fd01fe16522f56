"""A run folder as one self-contained page, `report.html`: no network, no other file, mathematics as MathML.

Reads only what the run wrote, never a model or a data set, so it can be made again anywhere and at any time.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from symjax import tasks
from symjax.analysis import figures, plots
from symjax.analysis.examples import example_cards
from symjax.analysis.plots import Line, Point
from symjax.analysis.run_files import Evaluation, RunFiles
from symjax.tasks import Task

MODEL = "model"
NEAREST = "nearest_neighbour"
FLOOR = "rounding_floor"
_ORDER = (MODEL, NEAREST)

Summary = Mapping[str, Any]


def write_report(run_dir: str | os.PathLike[str]) -> pathlib.Path:
    """Path of the `report.html` written into `run_dir`; equal files give equal bytes.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: a file of the run cannot be read.
    """
    run = RunFiles.read(run_dir)
    page = _environment().get_template("report.html.jinja").render(_context(run))
    path = run.folder / "report.html"
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(page, encoding="utf-8")
    os.replace(beside, path)
    return path


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("symjax.analysis"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": figures.number, "interval": figures.interval, "title_of": figures.title_of}
    environment.tests["share"] = figures.is_share
    return environment


def _context(run: RunFiles) -> dict[str, Any]:
    """Everything that the template shows."""
    options = (run.config or {}).get("task") or {}
    task = _load_task(options)
    return {
        "name": run.folder.resolve().name,
        "task_name": options.get("name") or next((found.summary["task"] for found in run.evaluations), None),
        "curves": [Markup(chart) for chart in _curves(run)],
        "evaluations": [_evaluation(found, task) for found in run.evaluations],
        "facts": _facts(run),
        "files": [
            {"title": title, "name": name, "text": json.dumps(value, indent=2, ensure_ascii=False)}
            for title, name, value in (
                ("Resolved configuration", "config.json", run.config),
                ("Data set", "dataset.json", run.manifest),
                ("Provenance", "provenance.json", run.provenance),
            )
            if value is not None
        ],
    }


def _load_task(options: Mapping[str, Any]) -> Task | None:
    """The run's task, None if this version does not know it; then examples are shown as tokens."""
    if "name" not in options:
        return None
    try:
        return tasks.load(**{key: tuple(value) if isinstance(value, list) else value for key, value in options.items()})
    except (TypeError, ValueError):
        return None


def _facts(run: RunFiles) -> list[tuple[str, str]]:
    """What the page says of the run under its title."""
    provenance = dict(run.provenance or {})
    for found in run.evaluations[:1]:
        provenance |= found.summary.get("provenance", {})
    facts = [("Data set", provenance.get("dataset")), ("Devices", provenance.get("devices"))]
    facts.append(("Checkpoint", f"step {provenance['checkpoint_step']:,}" if "checkpoint_step" in provenance else None))
    facts.append(("Commit", (provenance.get("commit") or "")[:12]))
    facts.append(("JAX", (provenance.get("versions") or {}).get("jax")))
    return [(name, value) for name, value in facts if value]


def _curves(run: RunFiles) -> list[str]:
    """Loss, score and learning rate over the steps, as far as they were logged."""
    charts = []
    for name in ("cross_entropy", "loss"):
        lines = [Line(name=kind, points=run.series(kind, name)) for kind in ("train", "validation")]
        lines = [line for line in lines if line.points]
        if lines:
            values = [value for line in lines for _, value in line.points]
            log = min(values) > 0 and max(values) > 20 * min(values)
            charts.append(plots.curves(lines, ylabel=f"{name.replace('_', '-')} (nats per token)", log=log))
            break
    scores = [
        Line(name=title, points=run.series("validation", name))
        for name, title in (("proved", "proved right"), ("token_accuracy", "tokens right, given those before"))
    ]
    scores = [line for line in scores if line.points]
    if scores:
        charts.append(plots.curves(scores, ylabel="validation items", percent=True))
    return charts


def _evaluation(found: Evaluation, task: Task | None) -> dict[str, Any]:
    """One evaluation as the template shows it."""
    summary = found.summary
    names = _predictors(summary)
    return {
        "name": found.name,
        "summary": summary,
        "predictors": names,
        "headline": summary["metrics"][0],
        "groups": [
            (key, title, {name: summary["predictors"][name][key] for name in names})
            for key, title in (("all", "All items"), ("label_unseen", "Items whose label never occurs in training"))
            if summary["predictors"][MODEL][key]["count"]
        ],
        "charts": [Markup(chart) for chart in _charts(summary)],
        "slices": {
            name: values
            for name, values in summary["predictors"][MODEL]["all"]["slices"].items()
            if not _is_ordinal(values)
        },
        "examples": example_cards(found.rows(), task, error=_first_error(summary), heads=_heads(summary)),
    }


def _predictors(summary: Summary) -> list[str]:
    """The model, the nearest neighbour, the constants, the rounding floor."""
    names = [name for name in _ORDER if name in summary["predictors"]]
    names += [name for name in summary["predictors"] if name not in (*_ORDER, FLOOR)]
    return names + [FLOOR] * (FLOOR in summary["predictors"])


def _first_error(summary: Summary) -> Mapping[str, Any] | None:
    """The first metric of which less is better."""
    return next((metric for metric in summary["metrics"] if not metric["higher_is_better"]), None)


def _charts(summary: Summary) -> list[str]:
    """The score by numbered parts of the answer, then score and error by size and by operator."""
    headline, error = summary["metrics"][0], _first_error(summary)
    charts = [_parts_chart(summary, names) for names in _numbered(summary)]
    shown = [metric for metric in (headline, error) if metric is not None]
    for name, values in summary["predictors"][MODEL]["all"]["slices"].items():
        if _is_ordinal(values):
            charts += [_ordinal_chart(summary, name, metric) for metric in shown]
    charts += [_operator_chart(summary, metric) for metric in shown]
    return [chart for chart in charts if chart]


def _is_ordinal(values: Mapping[str, Any]) -> bool:
    """Whether the values of a slice are numbers or ranges of numbers, of which a chart can be made."""
    return all(re.match(r"\d", value) for value in values)


def _numbered(summary: Summary) -> list[list[str]]:
    """Metrics whose names differ by a number only, such as one for each degree."""
    groups: dict[str, list[str]] = {}
    for metric in summary["metrics"]:
        stem = re.fullmatch(r"(.*)_\d+", metric["name"])
        if stem and figures.is_share(metric):
            groups.setdefault(stem[1], []).append(metric["name"])
    return [names for names in groups.values() if len(names) > 1]


def _heads(summary: Summary) -> list[str]:
    """What the parts of an answer are called: the first numbered metrics."""
    return [name.replace("_", " ") for name in next(iter(_numbered(summary)), [])]


def _parts_chart(summary: Summary, names: Sequence[str]) -> str:
    """Scores of every predictor but the floor, by the number in the metrics' names."""
    stem = names[0].rpartition("_")[0].replace("_", " ")
    series = {}
    for predictor in _predictors(summary):
        found = summary["predictors"][predictor]["all"]["metrics"]
        if predictor != FLOOR:
            points = [_point(int(name.rpartition("_")[2]), found[name]) for name in names if name in found]
            series[figures.title_of(predictor)] = points
    return plots.by_place(series, xlabel=stem, ylabel="exact", percent=True)


def _ordinal_chart(summary: Summary, slice_name: str, metric: Mapping[str, Any]) -> str:
    """One metric by the values of a slice: the model beside the nearest neighbour."""
    series = {}
    for predictor in _ORDER:
        values = summary["predictors"].get(predictor, {}).get("all", {}).get("slices", {}).get(slice_name, {})
        points = [
            _point(value, table["metrics"][metric["name"]])
            for value, table in values.items()
            if metric["name"] in table["metrics"]
        ]
        if points:
            series[figures.title_of(predictor)] = points
    if not series:
        return ""
    label = f"{slice_name} of the problem"
    return plots.by_place(series, xlabel=label, ylabel=metric["title"], **_scale_of(metric, series))


def _operator_chart(summary: Summary, metric: Mapping[str, Any]) -> str:
    """One metric of the model by the operators that occur in the problem, best first."""
    operators = summary["predictors"][MODEL]["all"]["operators"]
    points = [
        _point(name, table["metrics"][metric["name"]])
        for name, table in operators.items()
        if metric["name"] in table["metrics"]
    ]
    if not points:
        return ""
    points.sort(key=lambda point: point.value, reverse=bool(metric["higher_is_better"]))
    return plots.by_name(points, xlabel=metric["title"], **_scale_of(metric, {"": points}))


def _scale_of(metric: Mapping[str, Any], series: Mapping[str, Sequence[Point]]) -> dict[str, bool]:
    """Percent for shares, a logarithm where values span more than a factor of 20."""
    values = [point.value for points in series.values() for point in points]
    share = figures.is_share(metric)
    return {"percent": share, "log": not share and min(values) > 0 and max(values) > 20 * min(values)}


def _point(place: float | str, figure: Mapping[str, Any]) -> Point:
    value, low, high = (float(figure[key]) for key in ("value", "low", "high"))
    return Point(place=place, value=value, low=low, high=high, count=figure["count"])
