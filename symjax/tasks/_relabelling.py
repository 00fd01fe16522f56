"""Audit of labels that a problem has only one of: compute the label again and compare."""

from __future__ import annotations

import time
from collections.abc import Callable

from symjax.tasks import Example, Rejection, Tokens, Verdict

ADDED_LATER = frozenset({"label_unseen"})
"""Metadata that a data set adds to its examples and that no example has by itself."""


def relabelled(example: Example, label: Callable[[Tokens], Example | Rejection]) -> Verdict:
    """Proved where `label` gives the example again, else refuted with the `difference` as evidence."""
    start = time.perf_counter()
    difference = _difference(example, label(example.problem))
    return Verdict(
        kind="refuted" if difference else "proved",
        evidence={"difference": difference} if difference else {},
        seconds=time.perf_counter() - start,
    )


def _difference(stored: Example, again: Example | Rejection) -> str:
    """How the label computed again differs from the stored one; empty where it does not."""
    if isinstance(again, Rejection):
        return f"rejected now as {again.reason}"
    for name in ("answer", "exact"):
        before, after = getattr(stored, name), getattr(again, name)
        if tuple(before) != tuple(after):
            return f"{name} is {' '.join(before)}, now {' '.join(after)}"
    for key in sorted((set(stored.metadata) | set(again.metadata)) - ADDED_LATER):
        before, after = stored.metadata.get(key), again.metadata.get(key)
        if before != after:
            return f"{key} is {before}, now {after}"
    return ""
