"""Decode a suite, judge every answer, write the rows and the summary, with the baselines beside the model.

`evaluation/<suite>-<decoder>/part-00000.jsonl` holds one line a problem, `summary.json` every figure.  Both are
written beside and renamed, the summary last, so a summary always belongs to finished parts.  Needs no JAX of its own:
`decode` comes closed over its parameters, and arrays are only turned into NumPy.
"""

from __future__ import annotations

import functools
import json
import math
import os
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from symjax import tasks
from symjax.evaluation import metrics
from symjax.evaluation.options import EvaluateOptions
from symjax.evaluation.rows import measures_of, metrics_of, part_path, read_rows, row_of, write_beside
from symjax.evaluation.summary import summarised
from symjax.processes import watched_map
from symjax.tasks import Example, ParseError, Task, Tokens, Verdict
from symjax.tokenization.vocabulary import EOS_ID

PADDING = -1


class DecodedLike(Protocol):
    """What a decoder gives, best candidate first."""

    tokens: Int[np.ndarray, "B K T"]
    scores: Float[np.ndarray, "B K"]


class IdentifiedBatch(Protocol):
    """A batch whose rows say which example they are; -1 for padding."""

    example_ids: Int[np.ndarray, "B"]


Decode = Callable[[Any], DecodedLike]
Batches = Callable[[], Iterator[tuple[Any, list[Example]]]]
Gather = Callable[[list[Any]], list[Any]]


def evaluate(
    *,
    run_dir: str | os.PathLike[str],
    task: Task,
    decode: Decode,
    decode_unconstrained: Decode | None,
    batches: Batches,
    training_examples: Callable[[], list[Example]],
    options: EvaluateOptions,
    provenance: Mapping[str, Any],
    process_index: int = 0,
    process_count: int = 1,
    barrier: Callable[[], None] = lambda: None,
    gather: Gather = lambda items: items,
) -> dict[str, Any]:
    """The summary that `evaluation/<suite>-<decoder>/summary.json` holds; rows and summary are written.

    `summary["predictors"][name]` is what `metrics.summarise` says of the model and of every baseline: all items,
    label-unseen items, every slice.  Only a decoder's best candidate is judged.

    Args:
      decode, decode_unconstrained: batch -> answers, with and without the grammar; the second may be None.
      batches: the problems of this process in order, not more than `num_examples` over all processes, padded rows
        marked by example id -1; called anew for each pass.
      training_examples: what the baselines may know; called in process 0 only.
      provenance: JSON-able; what was evaluated (config, checkpoint step, data set), copied into the summary.
      process_index, process_count: this process writes its own part, and process 0 the summary of all parts; all
        see the same `run_dir`.
      barrier: returns when every process has called it.
      gather: JSON-able items of this process -> those of all processes, in every process alike.

    Returns:
      The summary; an empty dictionary in processes other than 0.

    Raises:
      ValueError: the suite has no example.
    """
    started = time.perf_counter()
    folder = pathlib.Path(run_dir) / "evaluation" / f"{options.suite}-{options.decoder}"
    answered = list(_answers(task, decode, batches(), options.num_examples or math.inf))
    decoded = time.perf_counter()
    rows = [
        row_of(task, number, example, answer, score, verdict)
        for (number, example, answer, score), verdict in zip(answered, _verdicts(task, answered, options), strict=True)
    ]
    verified = time.perf_counter()
    write_beside(part_path(folder, process_index), (json.dumps(metrics.plain(row)) + "\n" for row in rows))
    validity = None
    if decode_unconstrained is not None and options.unconstrained_examples:
        limit = math.ceil(options.unconstrained_examples / process_count)
        validity = gather(_well_formed(task, decode_unconstrained, batches(), limit))
    freely_decoded = time.perf_counter()
    barrier()
    if process_index:
        return {}
    for stale in folder.glob("part-*.jsonl"):
        if stale not in {part_path(folder, index) for index in range(process_count)}:
            stale.unlink()
    rows = [row for index in range(process_count) for row in read_rows(part_path(folder, index))]
    if not rows:
        raise ValueError(f"suite {options.suite!r} has no example; generate more data or evaluate another split")
    summary = summarised(task, rows, training_examples(), validity, options)
    summary["provenance"] = dict(provenance)
    summary["seconds"] = {
        "decode": round(decoded - started, 3),
        "verify": round(verified - decoded, 3),
        "decode_without_grammar": round(freely_decoded - verified, 3),
        "summarise": round(time.perf_counter() - freely_decoded, 3),
    }
    summary = metrics.plain(summary)
    write_beside(folder / "summary.json", [json.dumps(summary, indent=1), "\n"])
    return summary


def validate(
    *,
    task: Task,
    decode: Decode,
    batches: Iterable[tuple[Any, list[Example]]],
    gather: Gather = lambda items: items,
) -> dict[str, float]:
    """Figures of all problems by name, without intervals: metrics, then verdict rates.

    The light form of `evaluate` for use between training steps; writes nothing.  A process may have no problem of its
    own: figures are made of the rows of all of them, which `gather` brings together, so they are the same everywhere.
    """
    own = [
        {"id": number, "verdict": verdict.kind, "measures": measures_of(task, example, answer, verdict)}
        for number, example, answer, _ in _answers(task, decode, iter(batches), math.inf)
        for verdict in (task.verify(example.problem, answer, example.answer),)
    ]
    whole = {"slices": {}, "operators": (), "label_unseen": False}
    rows = [row | whole for row in sorted(gather(own), key=lambda row: row["id"])]
    table = metrics.summarise(rows, metrics_of(task), bootstrap=0)["all"]
    return {name: figure["value"] for part in ("metrics", "verdicts") for name, figure in table[part].items()}


Answered = tuple[int, Example, Tokens, float]


def _decoded(
    decode: Decode, batches: Iterator[tuple[Any, list[Example]]], limit: float
) -> Iterator[tuple[int, Example, list[int], float]]:
    """(example id, example, ids of the best candidate, its score) of the first `limit` problems, no padding.

    The number of calls of `decode` depends on the batches' sizes alone, padding included: processes that decode
    together stay in step.
    """
    rows = given = 0
    for batch, examples in batches:
        if rows >= limit:
            return
        numbers = np.asarray(batch.example_ids)
        rows += len(numbers)
        real = np.flatnonzero(numbers != PADDING)
        if len(examples) == len(numbers):
            examples = [examples[place] for place in real]
        decoded = decode(batch)
        tokens, scores = np.asarray(decoded.tokens), np.asarray(decoded.scores)
        for place, example in zip(real, examples, strict=True):
            if given < limit:
                yield int(numbers[place]), example, tokens[place, 0].tolist(), float(scores[place, 0])
            given += 1


def _answers(
    task: Task, decode: Decode, batches: Iterator[tuple[Any, list[Example]]], limit: float
) -> Iterator[Answered]:
    """(example id, example, answer tokens, score) of the first `limit` problems."""
    for number, example, ids, score in _decoded(decode, batches, limit):
        yield number, example, task.answer_vocabulary.decode(ids), score


def _well_formed(task: Task, decode: Decode, batches: Iterator[tuple[Any, list[Example]]], limit: float) -> list[bool]:
    """Whether each free decode ends and parses."""
    return [
        EOS_ID in ids and not isinstance(task.decode(task.answer_vocabulary.decode(ids)), ParseError)
        for _, _, ids, _ in _decoded(decode, batches, limit)
    ]


def _verdicts(task: Task, answered: Sequence[Answered], options: EvaluateOptions) -> list[Verdict]:
    """One verdict an answer; a worker that is lost leaves `undetermined`, with what happened as evidence."""
    if not options.verify_workers:
        return [task.verify(example.problem, answer, example.answer) for _, example, answer, _ in answered]
    verdicts: dict[int, Verdict] = {}
    outcomes = watched_map(
        functools.partial(_verify_in_worker, task.name, tuple(task.options.items())),
        [(example.problem, answer, example.answer) for _, example, answer, _ in answered],
        workers=options.verify_workers,
        time_limit=options.verify_seconds,
    )
    for place, outcome in outcomes:
        if outcome.failure == "worker_error":
            outcome.get()
        lost = {"failure": outcome.failure, "detail": outcome.detail}
        verdicts[place] = outcome.value or Verdict(kind="undetermined", evidence=lost, seconds=options.verify_seconds)
    return [verdicts[place] for place in range(len(answered))]


def _verify_in_worker(name: str, options: tuple, item: tuple[Tokens, Tokens, Tokens]) -> Verdict:
    """The verdict on (problem, answer, reference) by a task that this process loads once."""
    return _loaded(name, options).verify(*item)


@functools.cache
def _loaded(name: str, options: tuple) -> Task:
    return tasks.load(name, **dict(options))
