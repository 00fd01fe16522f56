"""Which of many rows are duplicates, and what splits share, in bounded memory.

Keys go to files by their first bits; equal keys meet in one file, and one file at a time is sorted in memory.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt64

from symjax.data.manifest import SPLITS

FILES = 128
SAMPLES = 10
"""Pairs of rows that are named for each pair of splits."""

DROPPED, LABEL_UNSEEN = 1, 2
"""Bits of a row's flags."""

_NUMBER_BITS = np.uint64(62)
_PAIRS = tuple(itertools.combinations(range(len(SPLITS)), 2))
_PROBLEM = np.dtype([("problem", "<u8", 2), ("answer", "<u8", 2), ("row", "<u8")])
_KEY = np.dtype([("key", "<u8", 2), ("row", "<u8")])


@dataclasses.dataclass
class Shared:
    """What two splits share: how many keys, and the rows (of the one, of the other) of the first few."""

    count: int = 0
    samples: list[tuple[int, int]] = dataclasses.field(default_factory=list)


Leaks = dict[tuple[int, int], Shared]
"""By places of two splits in SPLITS."""


def no_leaks() -> Leaks:
    """Nothing shared by any two splits."""
    return {pair: Shared() for pair in _PAIRS}


class _Partitions:
    """Records in files by the first bits of their key."""

    def __init__(self, folder: pathlib.Path, dtype: np.dtype, key: str) -> None:
        folder.mkdir(parents=True)
        self._dtype, self._key = dtype, key
        self._paths = [folder / f"{number:03}" for number in range(FILES)]
        self._files = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in self._paths]

    def add(self, records: np.ndarray) -> None:
        """Appends the records."""
        file = (records[self._key][:, 0] >> np.uint64(64 - FILES.bit_length() + 1)).astype(np.uint8)
        records = records[np.argsort(file, kind="stable")]
        ends = np.cumsum(np.bincount(file, minlength=FILES)).tolist()
        for number, (start, end) in enumerate(itertools.pairwise([0, *ends])):
            if end > start:
                data = records[start:end].tobytes()
                while data:  # a full disk may take a part
                    data = data[os.write(self._files[number], data) :]

    def sorted(self, *order: str) -> Iterator[np.ndarray]:
        """The records of one file after the other, sorted by key, then by `order`."""
        self.close()
        for path in self._paths:
            records = np.fromfile(path, self._dtype)
            path.unlink()
            if len(records):
                columns = [records[name][:, 0] if records[name].ndim > 1 else records[name] for name in order[::-1]]
                key = records[self._key]
                yield records[np.lexsort((*columns, key[:, 1], key[:, 0]))]

    def close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files = []


class RowKeys:
    """The keys of all rows, in files of a folder that must not be there yet."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._problems = _Partitions(folder / "problems", _PROBLEM, "problem")
        self._answers = _Partitions(folder / "answers", _KEY, "key")

    def add(
        self,
        numbers: Int64[np.ndarray, "rows"],
        splits: UInt8[np.ndarray, "rows"],
        problems: UInt64[np.ndarray, "rows 2"],
        answers: UInt64[np.ndarray, "rows 2"],
    ) -> None:
        """Takes in rows by number, with their splits and the keys of both sides."""
        rows = _rows(numbers, splits)
        records = np.empty(len(rows), _PROBLEM)
        records["problem"], records["answer"], records["row"] = problems, answers, rows
        self._problems.add(records)
        keys = np.empty(len(rows), _KEY)
        keys["key"], keys["row"] = answers, rows
        self._answers.add(keys)

    def mark_duplicates(self, flags: UInt8[np.ndarray, "numbers"]) -> Leaks:
        """Sets `DROPPED` for rows of a split whose two keys an earlier row of it has; what splits share is returned."""
        leaks = no_leaks()
        for records in self._problems.sorted("answer", "row"):
            same = _same_as_before(records["problem"])
            split = records["row"] >> _NUMBER_BITS
            again = same & _same_as_before(records["answer"])
            again[1:] &= split[1:] == split[:-1]
            flags[_numbers(records["row"][again])] |= DROPPED
            _note_shared(leaks, ~same, records["row"])
        return leaks

    def mark_unseen(self, flags: UInt8[np.ndarray, "numbers"]) -> int:
        """Number of distinct train answers; sets `LABEL_UNSEEN` for other rows whose answer is none of them."""
        labels = 0
        for records in self._answers.sorted("row"):
            starts = np.flatnonzero(~_same_as_before(records["key"]))
            rows = records["row"]
            train = (rows[starts] >> _NUMBER_BITS) == SPLITS.index("train")  # the lowest split comes first
            labels += int(train.sum())
            known = np.repeat(train, np.diff(np.r_[starts, len(rows)]))
            flags[_numbers(rows[~known])] |= LABEL_UNSEEN
        return labels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._problems.close()
        self._answers.close()


class SharedKeys:
    """Finds what splits share by any key, in files of a folder that must not be there yet."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._keys = _Partitions(folder, _KEY, "key")

    def add(
        self,
        numbers: Int64[np.ndarray, "rows"],
        splits: UInt8[np.ndarray, "rows"],
        keys: UInt64[np.ndarray, "rows 2"],
    ) -> None:
        """Takes in rows by number, with their splits and keys."""
        records = np.empty(len(numbers), _KEY)
        records["key"], records["row"] = keys, _rows(numbers, splits)
        self._keys.add(records)

    def leaks(self) -> Leaks:
        """What splits share."""
        leaks = no_leaks()
        for records in self._keys.sorted("row"):
            _note_shared(leaks, ~_same_as_before(records["key"]), records["row"])
        return leaks


def _rows(numbers: Int64[np.ndarray, "rows"], splits: UInt8[np.ndarray, "rows"]) -> UInt64[np.ndarray, "rows"]:
    """Split and number in one word, by which rows sort."""
    return numbers.astype(np.uint64) | splits.astype(np.uint64) << _NUMBER_BITS


def _numbers(rows: UInt64[np.ndarray, "rows"]) -> Int64[np.ndarray, "rows"]:
    return (rows & ((np.uint64(1) << _NUMBER_BITS) - np.uint64(1))).astype(np.int64)


def _same_as_before(keys: UInt64[np.ndarray, "rows 2"]) -> Bool[np.ndarray, "rows"]:
    """Which keys equal the one in front of them."""
    same = np.zeros(len(keys), bool)
    same[1:] = (keys[1:] == keys[:-1]).all(axis=1)
    return same


def _note_shared(leaks: Leaks, opens: Bool[np.ndarray, "rows"], rows: UInt64[np.ndarray, "rows"]) -> None:
    """Adds what groups of rows with one key, each begun by `opens`, tell of the splits that share it."""
    starts = np.flatnonzero(opens)
    splits = (rows >> _NUMBER_BITS).astype(np.uint8)
    present = np.bitwise_or.reduceat(np.uint8(1) << splits, starts)
    ends = np.r_[starts[1:], len(rows)]
    for pair, shared in leaks.items():
        both = np.uint8(1 << pair[0] | 1 << pair[1])
        groups = np.flatnonzero((present & both) == both)
        shared.count += len(groups)
        for group in groups[: SAMPLES - len(shared.samples)].tolist():
            inside = slice(starts[group], ends[group])
            first, other = (int(_numbers(rows[inside][splits[inside] == split]).min()) for split in pair)
            shared.samples.append((first, other))
