"""Which answers the report shows, and how: right and wrong ones evenly spaced, then the worst."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from symjax.tasks import Example, Task

SHOWN = 6

Row = Mapping[str, Any]


def example_cards(
    rows: Sequence[Row], task: Task | None, *, error: Mapping[str, Any] | None, heads: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Groups of cards: `title`, `note` (how they were chosen) and `cards`.  Empty groups are left out.

    Args:
      task: writes the mathematics; without it, tokens are shown.
      error: the metric, less is better, that says which answers are the worst.
      heads: what the parts of an answer are called, where there are as many.
    """
    rows = sorted(rows, key=lambda row: row["id"])
    right = [row for row in rows if row["verdict"] == "proved"]
    wrong = [row for row in rows if row["verdict"] != "proved"]
    groups = [
        ("Right", f"Evenly spaced through all {len(right):,} proved answers, not picked.", _spaced(right)),
        ("Wrong", f"Evenly spaced through all {len(wrong):,} answers that are not proved, not picked.", _spaced(wrong)),
    ]
    if error is not None:
        worst = sorted(wrong, key=lambda row: -_error(row, error["name"]))[:SHOWN]
        groups.append(("Worst", f"The largest {error['name'].replace('_', ' ')} of all.", worst))
    return [
        {"title": title, "note": note, "cards": [_card(row, task, error, heads) for row in chosen]}
        for title, note, chosen in groups
        if chosen
    ]


def _spaced(rows: Sequence[Row]) -> list[Row]:
    """At most `SHOWN` rows at equal distances."""
    count = min(SHOWN, len(rows))
    return [rows[(2 * place + 1) * len(rows) // (2 * count)] for place in range(count)]


def _error(row: Row, name: str) -> float:
    """The row's measure, infinite ones highest, missing ones lowest."""
    value = row["measures"].get(name)
    return -math.inf if value is None else float(value)


def _card(row: Row, task: Task | None, error: Mapping[str, Any] | None, heads: Sequence[str]) -> dict[str, Any]:
    """One answer, ready to show."""
    shown: dict[str, Any] = {key: " ".join(row[key]) for key in ("problem", "target", "prediction")}
    mathml = {}
    if task is not None:
        example = Example(
            problem=tuple(row["problem"]),
            answer=tuple(row["target"]),
            exact=tuple(row["exact"]),
            metadata=row["metadata"],
        )
        mathml = {key: Markup(text) for key, text in task.mathml(example, tuple(row["prediction"])).items()}
    parts = _parts(row)
    return {
        "id": row["id"],
        "verdict": row["verdict"],
        "label_unseen": row["label_unseen"],
        "particular": row["evidence"].get("solution") == "particular",
        "score": row["score"],
        "slices": row["slices"],
        "error": None if error is None else row["measures"].get(error["name"]),
        "error_name": "" if error is None else error["name"].replace("_", " "),
        "tokens": shown,
        "mathml": mathml,
        "parts": parts,
        "evidence": "" if parts else json.dumps(row["evidence"], ensure_ascii=False),
        "heads": heads if len(heads) == len(parts) else range(1, len(parts) + 1),
    }


def _parts(row: Row) -> list[dict[str, Any]]:
    """Target and prediction part by part, where the evidence of the verdict lists them, with the exact value."""
    evidence = row["evidence"]
    target, predicted, agree = (evidence.get(key) for key in ("target", "predicted", "agree"))
    if not all(isinstance(values, list) for values in (target, predicted, agree)):
        return []
    exact = row["exact"] if len(row["exact"]) == len(target) else [None] * len(target)
    return [
        {"target": wanted, "predicted": found, "agrees": same, "exact": full}
        for wanted, found, same, full in zip(target, predicted, agree, exact, strict=True)
    ]
