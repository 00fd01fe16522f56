"""Predictors that stand beside the model: constants, the nearest training problem, and the reference itself.

A figure means nothing alone.  Constant answers show what the metric gives away for free, the nearest neighbour shows
what memory alone reaches, and the reference answer, rounded as labels are, shows the best that any model can score.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from symjax.tasks import Example, Task, Tokens

NEAREST = "nearest_neighbour"
ROUNDING = "rounding_floor"

_BLOCK = 8192
"""Training problems compared at once: their bit vectors stay in the cache."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The training example nearest to each of some problems.

    Attributes:
      places: index into the training examples.
      distances: token edit distance to it.
      training: training examples looked at; fewer than there are when capped.
    """

    places: Int[np.ndarray, "Q"]
    distances: Int[np.ndarray, "Q"]
    training: int


def baseline_answers(
    task: Task, examples: Sequence[Example], training: Sequence[Example], *, max_training: int = 0
) -> tuple[dict[str, list[Tokens]], Neighbours | None]:
    """Answers to `examples` by baseline name: the task's constants, `nearest_neighbour`, `rounding_floor`.

    Without training examples only the last is there, and no neighbours.  `max_training` caps the training examples
    that the neighbour is sought among, the first ones staying; 0 takes all.
    """
    answers: dict[str, list[Tokens]] = {}
    neighbours = None
    if training:
        for name, answer in task.trivial_answers(training).items():
            answers[name] = [answer] * len(examples)
        pool = training[:max_training] if max_training else training
        vocabulary = task.problem_vocabulary
        neighbours = nearest(
            [vocabulary.encode(example.problem) for example in examples],
            [vocabulary.encode(example.problem) for example in pool],
            vocabulary_size=len(vocabulary),
        )
        answers[NEAREST] = [pool[place].answer for place in neighbours.places]
    answers[ROUNDING] = [example.answer for example in examples]
    return answers, neighbours


def nearest(queries: Sequence[Sequence[int]], training: Sequence[Sequence[int]], *, vocabulary_size: int) -> Neighbours:
    """For each query the training sequence at the least edit distance, the first of them where several are.

    Insertions, deletions and substitutions of ids count 1.  Cost: 60,000 training sequences of 8 ids take a few
    milliseconds a query.

    Raises:
      ValueError: there are no training sequences.
    """
    if not len(training):
        raise ValueError("there are no training problems to be nearest to; give at least one")
    buckets = _buckets(training)
    found: dict[tuple[int, ...], tuple[int, int]] = {}
    for query in map(tuple, queries):
        if query not in found:
            found[query] = _nearest_to(query, buckets, vocabulary_size)
    pairs = np.array([found[tuple(query)] for query in queries], np.int64).reshape(-1, 2)
    return Neighbours(places=pairs[:, 1], distances=pairs[:, 0], training=len(training))


@dataclasses.dataclass(frozen=True)
class _Bucket:
    """Distinct training sequences of one length, as columns, and where each first occurs; at most `_BLOCK`."""

    ids: Int[np.ndarray, "L n"]
    places: Int[np.ndarray, "n"]


def _buckets(sequences: Sequence[Sequence[int]]) -> dict[int, list[_Bucket]]:
    """Buckets by length."""
    first: dict[tuple[int, ...], int] = {}
    for place, sequence in enumerate(sequences):
        first.setdefault(tuple(sequence), place)
    by_length: dict[int, list[tuple[int, ...]]] = {}
    for sequence in first:
        by_length.setdefault(len(sequence), []).append(sequence)
    buckets: dict[int, list[_Bucket]] = {}
    for length, group in by_length.items():
        for start in range(0, len(group), _BLOCK):
            block = group[start : start + _BLOCK]
            ids = np.ascontiguousarray(np.array(block, np.int32).reshape(len(block), length).T)
            places = np.array([first[sequence] for sequence in block])
            buckets.setdefault(length, []).append(_Bucket(ids, places))
    return buckets


def _nearest_to(query: tuple[int, ...], buckets: dict[int, list[_Bucket]], vocabulary_size: int) -> tuple[int, int]:
    """(distance, place) of the nearest; lengths that differ more than the best distance cannot hold it."""
    best = (sys.maxsize, 0)
    for length in sorted(buckets, key=lambda length: abs(length - len(query))):
        if abs(length - len(query)) > best[0]:
            break
        for bucket in buckets[length]:
            distances = edit_distances(query, bucket.ids, vocabulary_size=vocabulary_size)
            least = int(distances.min())
            best = min(best, (least, int(bucket.places[distances == least].min())))
    return best


def edit_distances(
    query: Sequence[int], columns: Int[np.ndarray, "L n"], *, vocabulary_size: int
) -> Int[np.ndarray, "n"]:
    """Edit distance of `query` to every column.

    Myers' bit vectors (Journal of the ACM 46, 1999) in Hyyro's form for whole sequences: a column of the dynamic
    programme is two words of one bit a query token, so one pass over the L rows serves all columns.  Queries of more
    than 64 tokens take the plain dynamic programme, rows times tokens slower.
    """
    if not len(query):
        return np.full(columns.shape[1], columns.shape[0], np.int32)
    if len(query) > 64:
        return _plain_distances(query, columns)
    word = next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if np.iinfo(kind).bits >= len(query))
    matches = np.zeros(vocabulary_size, word)
    for place, token in enumerate(query):
        matches[token] |= word(1 << place)
    last, one = word(1 << (len(query) - 1)), word(1)
    up = np.full(columns.shape[1], np.iinfo(word).max, word)
    down = np.zeros_like(up)
    distances = np.full(columns.shape[1], len(query), np.int32)
    for ids in columns:
        row = matches[ids]
        diagonal = (((row & up) + up) ^ up) | row | down
        rises = down | ~(diagonal | up)
        falls = up & diagonal
        distances += (rises & last) != 0
        distances -= (falls & last) != 0
        rises = (rises << one) | one
        falls = falls << one
        up = falls | ~(diagonal | rises)
        down = rises & diagonal
    return distances


def _plain_distances(query: Sequence[int], columns: Int[np.ndarray, "L n"]) -> Int[np.ndarray, "n"]:
    """Edit distance of `query` to every column, one cell of the dynamic programme after the other."""
    length, n = columns.shape
    above = [np.full(n, place, np.int32) for place in range(len(query) + 1)]
    for row in range(length):
        current = [np.full(n, row + 1, np.int32)]
        for place, token in enumerate(query):
            substituted = above[place] + (columns[row] != token)
            current.append(np.minimum(np.minimum(above[place + 1], current[place]) + 1, substituted))
        above = current
    return above[-1]
