"""A run folder as one self-contained page, `report.html`: no network, no other file, mathematics as MathML.

Reads only what the run wrote, never a model or a data set, so it can be made again anywhere and at any time.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jinja2

from symjax import tasks
from symjax.analysis import charts, figures
from symjax.analysis.examples import example_cards
from symjax.analysis.run_files import Evaluation, RunFiles
from symjax.tasks import Task


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
    environment.filters |= {
        name: getattr(figures, name) for name in ("minus", "number", "interval", "place", "powers", "title_of")
    }
    environment.tests["share"] = figures.is_share
    return environment


def _context(run: RunFiles) -> dict[str, Any]:
    """Everything that the template shows."""
    options = (run.config or {}).get("task") or {}
    task = _load_task(options)
    return {
        "name": run.folder.resolve().name,
        "task_name": options.get("name") or next((found.summary["task"] for found in run.evaluations), None),
        "curves": charts.training_charts(run),
        "evaluations": [_evaluation(found, task) for found in run.evaluations],
        "imported": "imported" in ((run.manifest or {}).get("config") or {}),
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
    leaves: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    try:
        return tasks.load(leaves.pop("name"), **leaves)
    except (TypeError, ValueError):
        return None


def _facts(run: RunFiles) -> list[tuple[str, str]]:
    """What the page says of the run under its title."""
    provenance = dict(run.provenance or {})
    for found in run.evaluations[:1]:
        provenance |= found.summary.get("provenance", {})
    facts = [("Data set", provenance.get("dataset")), ("Devices", provenance.get("devices"))]
    facts.append(("Checkpoint", f"step {provenance['checkpoint_step']:,}" if "checkpoint_step" in provenance else None))
    commit = provenance.get("commit") or ""
    facts.append(("Commit", commit[:12] + commit[40:]))
    facts.append(("JAX", (provenance.get("versions") or {}).get("jax")))
    facts.append(("Time", _time(run)))
    return [(name, value) for name, value in facts if value and value != "unknown"]


def _time(run: RunFiles) -> str | None:
    """Wall time of the training and of the first evaluation."""
    trained = run.metrics[-1].get("seconds") if run.metrics else None
    evaluated = sum((run.evaluations[0].summary.get("seconds") or {}).values()) if run.evaluations else None
    parts = [
        f"{seconds:,.0f} s of {what}" for what, seconds in (("training", trained), ("evaluation", evaluated)) if seconds
    ]
    return ", ".join(parts) or None


def _evaluation(found: Evaluation, task: Task | None) -> dict[str, Any]:
    """One evaluation as the template shows it."""
    summary = found.summary
    rows = found.rows()
    names = charts.predictors(summary)
    count, unseen = (summary["predictors"][charts.MODEL][key]["count"] for key in ("all", "label_unseen"))
    return {
        "name": found.name,
        "summary": summary,
        "predictors": names,
        "headline": summary["metrics"][0],
        "about": f"about_{tasks.names().get(summary['task'], summary['task'])}.html.jinja",
        "groups": [
            (key, title, {name: summary["predictors"][name][key] for name in names})
            for key, title in (("all", "All items"), ("label_unseen", "Items whose label never occurs in training"))
            if key == "all" or 0 < unseen < count
        ],
        "all_unseen": unseen == count,
        "charts": charts.summary_charts(summary, rows),
        "slices": {
            name: values
            for name, values in summary["predictors"][charts.MODEL]["all"]["slices"].items()
            if not charts.is_ordinal(values)
        },
        "slice_metrics": _slice_metrics(summary),
        "examples": example_cards(rows, task, error=charts.first_error(summary), heads=charts.part_names(summary)),
    }


def _slice_metrics(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The metrics of the table of slices: the first, two more shares that are no part of another, two others."""
    first, *others = summary["metrics"]
    shares = [metric for metric in others if figures.is_share(metric) and not metric["name"][-1].isdigit()]
    sizes = [metric for metric in others if not metric["higher_is_better"]]
    return [first, *shares[:2], *sizes[:2]]
