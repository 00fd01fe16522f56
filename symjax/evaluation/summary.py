"""Judged rows -> every figure of an evaluation: of the model, and of the predictors beside it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from symjax.evaluation import baselines, metrics
from symjax.evaluation.options import EvaluateOptions
from symjax.evaluation.rows import REFERENCE_RIGHT, example_of, measures_of, metrics_of
from symjax.tasks import Example, HasReferenceVerdict, Metric, Rejection, Task, Tokens

SCHEMA = 1
MODEL = "model"


def summarised(
    task: Task,
    rows: Sequence[dict[str, Any]],
    training: Sequence[Example],
    validity: Sequence[bool] | None,
    options: EvaluateOptions,
) -> dict[str, Any]:
    """Figures of the model and of every baseline."""
    examples = [example_of(row) for row in rows]
    answers, neighbours = baselines.baseline_answers(task, examples, training, max_training=options.max_training)
    judged = {MODEL: rows}
    for name, given in answers.items():
        triples = zip(rows, examples, given, strict=True)
        judged[name] = [_rejudged(task, row, example, answer) for row, example, answer in triples]
    solver = _solver(task, rows, examples, judged, options)
    reference = _reference_verdicts(task, rows, examples, options.reference_verdicts)
    shown = [metric for metric in metrics_of(task) if metric in task.metrics or _has(metric, judged.values())]
    summary: dict[str, Any] = {
        "schema": SCHEMA,
        "task": task.name,
        "suite": options.suite,
        "decoder": options.decoder,
        "options": dataclasses.asdict(options),
        "counts": {
            "examples": len(rows),
            "label_unseen": sum(row["label_unseen"] for row in rows),
            "training": len(training),
        },
        "metrics": [dataclasses.asdict(metric) for metric in shown],
        "predictors": {
            name: metrics.summarise(group, shown, bootstrap=options.bootstrap) for name, group in judged.items()
        },
        "well_formed_without_grammar": metrics.rate(validity, bootstrap=options.bootstrap) if validity else None,
        "nearest_neighbour": None,
        "solver": solver,
        "reference_verdicts": reference,
    }
    if neighbours is not None:
        distances = neighbours.distances.tolist()
        summary["nearest_neighbour"] = {
            "training_examples": neighbours.training,
            "mean_distance": sum(distances) / len(distances),
            "identical_problems": distances.count(0),
        }
    return summary


def _rejudged(task: Task, row: Mapping[str, Any], example: Example, answer: Tokens) -> dict[str, Any]:
    """The row with another answer's verdict and measures."""
    verdict = task.verify(example.problem, answer, example.answer)
    measures = measures_of(task, example, answer, verdict)
    return {**row, "verdict": verdict.kind, "evidence": verdict.evidence, "measures": measures}


def _has(metric: Metric, groups: Iterable[Sequence[Mapping[str, Any]]]) -> bool:
    """Whether any row has the measure; particular solutions are looked for where evidence tells them apart."""
    if metric.name == "particular":
        return any("solution" in row["evidence"] for rows in groups for row in rows)
    return any(metric.name in row["measures"] for rows in groups for row in rows)


def _solver(
    task: Task,
    rows: Sequence[dict[str, Any]],
    examples: Sequence[Example],
    judged: dict[str, Sequence[dict[str, Any]]],
    options: EvaluateOptions,
) -> dict[str, Any] | None:
    """What SymPy makes of the first problems, added to `judged` by its name; None where it is not asked.

    An answer that it does not give counts as one that does not parse.  `model_solved` is the model's rate on the same
    problems.
    """
    first = examples[: options.solver_examples]
    given = baselines.solver_answers(task, first, seconds=options.solver_seconds) if first else None
    if given is None:
        return None
    triples = zip(rows, first, [() if isinstance(answer, Rejection) else answer for answer in given], strict=False)
    judged[baselines.SOLVER] = [_rejudged(task, row, example, answer) for row, example, answer in triples]
    reasons = Counter(answer.reason for answer in given if isinstance(answer, Rejection))
    flags = {
        name: [row["measures"]["solved"] == 1 for row in group[: len(first)]]
        for name, group in (("solved", judged[baselines.SOLVER]), ("model_solved", rows))
    }
    return {
        "problems": len(first),
        "seconds": options.solver_seconds,
        "unanswered": dict(sorted(reasons.items())),
        **{name: metrics.rate(found, bootstrap=options.bootstrap) for name, found in flags.items()},
    }


def _reference_verdicts(
    task: Task, rows: Sequence[dict[str, Any]], examples: Sequence[Example], limit: int
) -> dict[str, dict[str, int]] | None:
    """Our verdict -> what the check of published figures says -> number, of the first answers; None where not asked.

    The rows are given the measure.
    """
    if not limit or not isinstance(task, HasReferenceVerdict):
        return None
    counts: dict[str, Counter[str]] = {}
    with task.reference_verdicts() as judge:
        for row, example in zip(rows[:limit], examples, strict=False):
            found = judge(example.problem, tuple(row["prediction"]), example.answer)
            counts.setdefault(row["verdict"], Counter())[found] += 1
            row["measures"][REFERENCE_RIGHT.name] = float(found == "right")
    return {verdict: dict(sorted(found.items())) for verdict, found in sorted(counts.items())}
