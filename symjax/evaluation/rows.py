"""One row is one judged answer; a part is a file of rows, one JSON object a line.

Fields: `id` (example id), `problem`, `target`, `exact`, `prediction` (token lists), `score`, `verdict`, `evidence`,
`seconds` (of the verdict), `measures`, `slices`, `operators`, `label_unseen`, `metadata`.  NaN is written as null,
infinities as "inf" and "-inf".
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from symjax.tasks import Example, HasBaselines, Metric, Task, Tokens, Verdict

SOLVED = (
    Metric(name="solved", statistic="mean", higher_is_better=True, title="problems solved: answers proved right"),
    Metric(
        name="particular", statistic="mean", higher_is_better=True,
        title="right, but a particular solution where a general one is asked for",
    ),
)  # fmt: skip
"""Metrics of tasks whose answers are right or wrong by their verdict alone; evidence tells which solution it is."""

REFERENCE_RIGHT = Metric(
    name="reference_right", statistic="mean", higher_is_better=True,
    title="right by the check of Lample and Charton's evaluation",
)  # fmt: skip


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """The metrics of rows of `task`: what is solved first, for tasks where that follows from the verdict."""
    return (*SOLVED, *task.metrics, REFERENCE_RIGHT) if isinstance(task, HasBaselines) else tuple(task.metrics)


def measures_of(task: Task, example: Example, answer: Tokens, verdict: Verdict) -> dict[str, float]:
    """The measures of an answer, what follows from its verdict included."""
    measures = task.measure(example, answer)
    if not isinstance(task, HasBaselines):
        return measures
    proved, particular = verdict.kind == "proved", verdict.evidence.get("solution") == "particular"
    return {"solved": float(proved and not particular), "particular": float(proved and particular)} | measures


def row_of(task: Task, number: int, example: Example, answer: Tokens, score: float, verdict: Verdict) -> dict[str, Any]:
    """Everything known of one answer: one line of a part once `metrics.plain` has seen it."""
    return {
        "id": number,
        "problem": example.problem,
        "target": example.answer,
        "exact": example.exact,
        "prediction": answer,
        "score": score,
        "verdict": verdict.kind,
        "evidence": verdict.evidence,
        "seconds": verdict.seconds,
        "measures": measures_of(task, example, answer, verdict),
        "slices": task.slices(example),
        "operators": task.operators(example),
        "label_unseen": bool(example.metadata.get("label_unseen", False)),
        "metadata": dict(example.metadata),
    }


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The rows of one part; measures are floats again, NaN where the file has null."""
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        row["measures"] = {name: math.nan if value is None else float(value) for name, value in row["measures"].items()}
    return rows


def example_of(row: Mapping[str, Any]) -> Example:
    """The example that a row is about."""
    return Example(
        problem=tuple(row["problem"]),
        answer=tuple(row["target"]),
        exact=tuple(row["exact"]),
        metadata=row["metadata"],
    )


def part_path(folder: pathlib.Path, index: int) -> pathlib.Path:
    """Where process `index` writes its rows."""
    return folder / f"part-{index:05d}.jsonl"


def write_beside(path: pathlib.Path, chunks: Iterable[str]) -> None:
    """Writes a temporary file and renames it, so that `path` is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise OSError(error.errno, f"could not write the evaluation ({error.strerror})", str(path)) from error
