"""Many examples as a few arrays: how imported lines travel from the reader to the shards."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Self

import numpy as np
from jaxtyping import Bool, Int, Int64, UInt8, UInt64

NO_COUNT = -1


@dataclasses.dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, joined."""

    ids: UInt8[np.ndarray, "tokens"]
    lengths: Int64[np.ndarray, "rows"]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """Those rows."""
        lengths = np.array([len(row) for row in rows], np.int64)
        return cls(np.array([number for row in rows for number in row], np.uint8), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> Int64[np.ndarray, "rows"]:
        """Where each row begins."""
        return np.cumsum(self.lengths) - self.lengths

    def keep(self, mask: Bool[np.ndarray, "rows"]) -> Ragged:
        """The rows where `mask` is true."""
        return Ragged(self.ids[np.repeat(mask, self.lengths)], self.lengths[mask])

    def take(self, order: Int[np.ndarray, "chosen"]) -> Ragged:
        """The rows with those numbers, in that order."""
        lengths = self.lengths[order]
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return Ragged(self.ids[np.repeat(self.starts[order], lengths) + within], lengths)

    def slice(self, start: int, stop: int) -> Ragged:
        """Rows `start` to `stop`."""
        first, last = int(self.lengths[:start].sum()), int(self.lengths[:stop].sum())
        return Ragged(self.ids[first:last], self.lengths[start:stop])

    @classmethod
    def join(cls, parts: Sequence[Ragged]) -> Self:
        """All rows, in order."""
        return cls(np.concatenate([part.ids for part in parts]), np.concatenate([part.lengths for part in parts]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Examples of some lines.

    Attributes:
      numbers: of the lines, from 0, in the order in which all files are read.
      splits: place of each row's split in `manifest.SPLITS`.
      counts: what a line says of how often it was drawn; `NO_COUNT` where it says nothing.
      problems, answers: ids.
      extras: row -> further metadata.
    """

    numbers: Int64[np.ndarray, "rows"]
    splits: UInt8[np.ndarray, "rows"]
    counts: Int64[np.ndarray, "rows"]
    problems: Ragged
    answers: Ragged
    extras: Mapping[int, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def keep(self, mask: Bool[np.ndarray, "rows"]) -> Columns:
        """The rows where `mask` is true."""
        return self if mask.all() else self.take(np.flatnonzero(mask))

    def take(self, order: Int[np.ndarray, "chosen"]) -> Columns:
        """The rows with those numbers, in that order."""
        extras = {}
        if self.extras:
            extras = {place: self.extras[row] for place, row in enumerate(order.tolist()) if row in self.extras}
        return Columns(
            numbers=self.numbers[order],
            splits=self.splits[order],
            counts=self.counts[order],
            problems=self.problems.take(order),
            answers=self.answers.take(order),
            extras=extras,
        )

    def slice(self, start: int, stop: int) -> Columns:
        """Rows `start` to `stop`."""
        return Columns(
            numbers=self.numbers[start:stop],
            splits=self.splits[start:stop],
            counts=self.counts[start:stop],
            problems=self.problems.slice(start, stop),
            answers=self.answers.slice(start, stop),
            extras={row - start: extra for row, extra in self.extras.items() if start <= row < stop},
        )

    @classmethod
    def join(cls, parts: Sequence[Columns]) -> Self:
        """All rows, in order."""
        extras, start = {}, 0
        for part in parts:
            extras |= {row + start: extra for row, extra in part.extras.items()}
            start += len(part)
        return cls(
            numbers=np.concatenate([part.numbers for part in parts]),
            splits=np.concatenate([part.splits for part in parts]),
            counts=np.concatenate([part.counts for part in parts]),
            problems=Ragged.join([part.problems for part in parts]),
            answers=Ragged.join([part.answers for part in parts]),
            extras=extras,
        )

    def write(self, file: BinaryIO) -> None:
        """Appends the rows to an open file."""
        extras = json.dumps([[row, dict(extra)] for row, extra in self.extras.items()]).encode()
        arrays = (
            self.numbers, self.splits, self.counts, self.problems.lengths, self.answers.lengths,
            self.problems.ids, self.answers.ids,
        )  # fmt: skip
        np.array([len(self), len(self.problems.ids), len(self.answers.ids), len(extras)], np.int64).tofile(file)
        for array, dtype in zip(arrays, _STORED, strict=True):
            array.astype(dtype, copy=False).tofile(file)
        file.write(extras)

    @classmethod
    def read(cls, file: BinaryIO) -> Self:
        """The next rows that `write` appended; EOFError behind the last."""
        sizes = np.fromfile(file, np.int64, 4).tolist()
        if not sizes:
            raise EOFError
        rows, problem_ids, answer_ids, extras = sizes
        numbers, splits, counts, problem_lengths, answer_lengths, problems, answers = (
            np.fromfile(file, dtype, size)
            for dtype, size in zip(_STORED, (*[rows] * 5, problem_ids, answer_ids), strict=True)
        )
        return cls(
            numbers=numbers,
            splits=splits,
            counts=counts,
            problems=Ragged(problems, problem_lengths),
            answers=Ragged(answers, answer_lengths),
            extras=dict(json.loads(file.read(extras))),
        )


_STORED = (np.int64, np.uint8, np.int64, np.int64, np.int64, np.uint8, np.uint8)


class RowHash:
    """128-bit keys of rows of ids, equal for equal rows; two different rows collide with a chance below 2^-100.

    Multilinear in random numbers that depend on place and id, modulo 2^64, twice over.
    """

    def __init__(self, longest: int) -> None:
        import hashlib

        size = longest + 256
        bits = hashlib.shake_256(b"symjax row hash").digest(2 * size * 8)
        numbers = np.frombuffer(bits, "<u8").reshape(2, size)
        self._by_place, self._by_id = numbers[:, 256:], numbers[:, :256] | np.uint64(1)

    def __call__(self, rows: Ragged) -> UInt64[np.ndarray, "rows 2"]:
        """The key of each row; no row is empty."""
        if not len(rows):
            return np.empty((0, 2), np.uint64)
        starts = rows.starts
        place = np.arange(len(rows.ids)) - np.repeat(starts, rows.lengths)
        keys = [
            np.add.reduceat(by_place[place] * by_id[rows.ids], starts)
            for by_place, by_id in zip(self._by_place, self._by_id, strict=True)
        ]
        keys[0] += rows.lengths.astype(np.uint64)
        return np.stack([_mixed(key) for key in keys], axis=1)


def _mixed(values: UInt64[np.ndarray, "rows"]) -> UInt64[np.ndarray, "rows"]:
    """A bijection whose every output bit depends on every input bit (the finaliser of MurmurHash3)."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        values = (values ^ (values >> np.uint64(33))) * np.uint64(factor)
    return values ^ (values >> np.uint64(33))
