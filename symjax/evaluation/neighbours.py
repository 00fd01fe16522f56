"""The training problem at the least token edit distance, exactly, for many problems.

Myers' bit vectors (Journal of the ACM 46, 1999) in Hyyro's form for whole sequences: a column of the dynamic programme
is a few words of one bit a query token, so one pass over the rows serves all training sequences of a block.  Long
sequences are sought in the order of a lower bound, the tokens that the one has and the other lacks, so that most are
never looked at.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt64

WORD = 64
"""Tokens of a query that one word holds."""

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


def nearest(queries: Sequence[Sequence[int]], training: Sequence[Sequence[int]], *, vocabulary_size: int) -> Neighbours:
    """For each query the training sequence at the least edit distance, the first of them where several are.

    Insertions, deletions and substitutions of ids count 1.  Cost: 60,000 training sequences of 8 ids take a few
    milliseconds a query, 20,000 of 70 ids some tenths of a second.

    Raises:
      ValueError: there are no training sequences.
    """
    if not len(training):
        raise ValueError("there are no training problems to be nearest to; give at least one")
    if max(map(len, (*queries, *training)), default=0) > WORD:
        nearest_to = _Ranked(training, vocabulary_size).nearest
    else:
        buckets = _buckets(training)

        def nearest_to(query: tuple[int, ...]) -> tuple[int, int]:
            return _nearest_to(query, buckets, vocabulary_size)

    found: dict[tuple[int, ...], tuple[int, int]] = {}
    for query in map(tuple, queries):
        if query not in found:
            found[query] = nearest_to(query)
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
    """Edit distance of `query`, of at most 64 tokens, to every column, in words as small as the query fits.

    Raises:
      ValueError: the query is longer.
    """
    if not len(query):
        return np.full(columns.shape[1], columns.shape[0], np.int32)
    if len(query) > WORD:
        raise ValueError(f"the query has {len(query)} tokens; at most {WORD} fit a word")
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


class _Ranked:
    """Distinct training sequences with the counts of their tokens."""

    def __init__(self, sequences: Sequence[Sequence[int]], vocabulary_size: int) -> None:
        first: dict[tuple[int, ...], int] = {}
        for place, sequence in enumerate(sequences):
            first.setdefault(tuple(sequence), place)
        self._places = np.array(list(first.values()))
        self._lengths = np.array([len(sequence) for sequence in first], np.int32)
        self._ids = np.zeros((len(first), int(self._lengths.max(initial=1))), np.int32)
        self._counts = np.zeros((len(first), vocabulary_size), np.int16)
        for row, sequence in enumerate(first):
            self._ids[row, : len(sequence)] = sequence
            self._counts[row] = np.bincount(sequence, minlength=vocabulary_size) if sequence else 0
        self._size = vocabulary_size

    def nearest(self, query: tuple[int, ...]) -> tuple[int, int]:
        """(distance, place) of the nearest; the first of several."""
        more = self._counts - np.bincount(query, minlength=self._size).astype(np.int16) if query else self._counts
        surplus = np.maximum(more, 0).sum(axis=1, dtype=np.int32)
        least = np.maximum(surplus, surplus - self._lengths + len(query))  # edits that the counts alone ask for
        order = np.argsort(least, kind="stable")
        best, start, size = (sys.maxsize, 0), 0, 64
        while start < len(order) and least[order[start]] <= best[0]:
            rows = order[start : start + size]
            rows = rows[least[rows] <= best[0]]
            distances = padded_distances(query, self._ids[rows], self._lengths[rows], vocabulary_size=self._size)
            found = int(distances.min())
            best = min(best, (found, int(self._places[rows][distances == found].min())))
            start, size = start + size, min(2 * size, _BLOCK)
        return best


def padded_distances(
    query: Sequence[int],
    ids: Int[np.ndarray, "n L"],
    lengths: Int[np.ndarray, "n"],
    *,
    vocabulary_size: int,
) -> Int[np.ndarray, "n"]:
    """Edit distance of `query` to each row's first `lengths` ids; queries of any length, 64 tokens to a word."""
    if not len(query):
        return lengths.astype(np.int32)
    words = -(-len(query) // WORD)
    matches = np.zeros((words, vocabulary_size), np.uint64)
    for place, token in enumerate(query):
        matches[place // WORD, token] |= np.uint64(1 << place % WORD)
    order = np.argsort(-lengths, kind="stable")
    ends, columns = lengths[order], np.ascontiguousarray(ids[order].T)
    up = [np.full(len(order), np.iinfo(np.uint64).max, np.uint64) for _ in range(words)]
    down = [np.zeros(len(order), np.uint64) for _ in range(words)]
    last = np.uint64((len(query) - 1) % WORD)
    distances = np.full(len(order), len(query), np.int32)
    for row in range(int(ends[0])):
        live = int(np.searchsorted(-ends, -row))  # longer than `row`; the longest come first
        tokens = columns[row, :live]
        rising, falling = np.ones(live, np.uint64), np.zeros(live, np.uint64)
        for word in range(words):
            bit = last if word == words - 1 else np.uint64(WORD - 1)
            rising, falling = _advance(matches[word][tokens], up[word][:live], down[word][:live], rising, falling, bit)
        distances[:live] += rising.astype(np.int32) - falling.astype(np.int32)
    result = np.empty_like(distances)
    result[order] = distances
    return result


def _advance(
    row: UInt64[np.ndarray, "n"],
    up: UInt64[np.ndarray, "n"],
    down: UInt64[np.ndarray, "n"],
    rising: UInt64[np.ndarray, "n"],
    falling: UInt64[np.ndarray, "n"],
    bit: np.uint64,
) -> tuple[UInt64[np.ndarray, "n"], UInt64[np.ndarray, "n"]]:
    """One row of one word, in place: whether its bit `bit` rises and falls, given whether the word before does."""
    one = np.uint64(1)
    vertical = row | down
    row = row | falling
    diagonal = (((row & up) + up) ^ up) | row
    rises = down | ~(diagonal | up)
    falls = up & diagonal
    carried = (rises >> bit) & one, (falls >> bit) & one
    rises = rises << one | rising
    falls = falls << one | falling
    up[:] = falls | ~(vertical | rises)
    down[:] = rises & vertical
    return carried
