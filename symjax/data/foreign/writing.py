"""Columns -> the files of the splits, in blocks made from arrays."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64, UInt8

from symjax.data.blocks import BLOCK_SIZE, Signature, pack_columns
from symjax.data.foreign.columns import Columns
from symjax.data.foreign.distinct import LABEL_UNSEEN
from symjax.data.manifest import SPLITS
from symjax.data.records import FILE_FORMATS, PARTIAL, ShardInfo, ShardWriter

TRAIN = SPLITS.index("train")
_SPLIT_FILE = re.compile(
    rf"({'|'.join(SPLITS)})-\d{{5,}}-of-\d{{5,}}\.({'|'.join(FILE_FORMATS)})({re.escape(PARTIAL)})?"
)


def is_split_file(path: pathlib.Path) -> bool:
    """Whether the name is one of those that `SplitFiles` gives, finished or not."""
    return _SPLIT_FILE.fullmatch(path.name) is not None


class SplitFiles:
    """Writes the rows of every split, `<split>-00000-of-000NN.<format>`, as a context manager.

    Args:
      directory: where to.
      signature: of the task.
      counts: rows of each split, in the order of SPLITS.
      per_file: rows of a file.
      file_format: as in `ShardWriter`.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        signature: Signature,
        counts: Int64[np.ndarray, "splits"],
        *,
        per_file: int,
        file_format: str,
    ) -> None:
        self._splits = [
            _Split(directory, name, int(count), per_file, signature, file_format)
            for name, count in zip(SPLITS, counts, strict=True)
        ]

    def add(self, columns: Columns, flags: UInt8[np.ndarray, "rows"]) -> None:
        """Appends rows to their splits; `flags` are theirs, of `distinct`."""
        present = np.unique(columns.splits).tolist()
        for split in present:
            mask = columns.splits == split
            unseen = (flags[mask] & LABEL_UNSEEN) > 0 if split != TRAIN else None
            self._splits[split].add(columns.keep(mask), unseen)

    def close(self) -> dict[str, list[ShardInfo]]:
        """The files of each split, all in place."""
        return {name: split.close() for name, split in zip(SPLITS, self._splits, strict=True)}

    def __enter__(self) -> SplitFiles:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            for split in self._splits:
                split.discard()


class _Split:
    """The files of one split."""

    def __init__(
        self,
        directory: pathlib.Path,
        name: str,
        count: int,
        per_file: int,
        signature: Signature,
        file_format: str,
    ) -> None:
        number = max(1, -(-count // per_file))
        self._paths = [directory / f"{name}-{place:05}-of-{number:05}.{file_format}" for place in range(number)]
        self._per_file, self._format, self._signature = per_file, file_format, signature
        self._files: list[ShardInfo] = []
        self._waiting: list[tuple[Columns, np.ndarray | None]] = []
        self._held = self._written = 0
        self._writer = self._open()

    def _open(self) -> ShardWriter:
        return ShardWriter(self._paths[len(self._files)], self._signature, file_format=self._format)

    def add(self, columns: Columns, unseen: np.ndarray | None) -> None:
        self._waiting.append((columns, unseen))
        self._held += len(columns)
        if self._held >= BLOCK_SIZE:
            self._flush(BLOCK_SIZE)

    def close(self) -> list[ShardInfo]:
        if self._held:
            self._flush(1)
        self._files.append(self._writer.close())
        return self._files

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._writer.discard()

    def _flush(self, least: int) -> None:
        """Writes what is waiting in blocks, as long as there are `least` rows."""
        columns = Columns.join([part for part, _ in self._waiting])
        unseen = None
        if self._waiting[0][1] is not None:
            unseen = np.concatenate([flags for _, flags in self._waiting if flags is not None])
        start = 0
        for start, stop in self._cuts(len(columns), least):
            self._write(columns.slice(start, stop), None if unseen is None else unseen[start:stop])
        rest = columns.slice(self._taken, len(columns))
        self._waiting = [(rest, None if unseen is None else unseen[self._taken :])] if len(rest) else []
        self._held = len(rest)

    def _cuts(self, rows: int, least: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of each block; a block ends where its file is full."""
        self._taken = 0
        while rows - self._taken >= least:
            stop = min(rows, self._taken + BLOCK_SIZE, self._taken + self._per_file - self._written)
            yield self._taken, stop
            self._taken = stop

    def _write(self, columns: Columns, unseen: np.ndarray | None) -> None:
        if self._written == self._per_file:
            self._files.append(self._writer.close())
            self._writer, self._written = self._open(), 0
        self._writer.add_block(packed(columns, self._signature, unseen), len(columns))
        self._written += len(columns)


def packed(columns: Columns, signature: Signature, unseen: np.ndarray | None = None) -> bytes:
    """The rows as one block, `label_unseen` in their metadata where `unseen` is given."""
    return pack_columns(
        signature,
        indices=columns.numbers.astype("<i8"),
        problem_lengths=columns.problems.lengths.astype("<u2"),
        problem_ids=columns.problems.ids,
        answer_lengths=columns.answers.lengths.astype("<u2"),
        answer_ids=columns.answers.ids,
        exact_text=b"[" + b",".join([b"[]"] * len(columns)) + b"]",
        metadata_text=_metadata(columns, unseen),
    )


def _metadata(columns: Columns, unseen: np.ndarray | None) -> bytes:
    """The metadata of the rows, as `pack_block` would write it."""
    counts = columns.counts.tolist()
    if columns.extras or unseen is not None:
        rows = []
        for row, count in enumerate(counts):
            facts = dict(columns.extras.get(row, {})) | ({"count": count} if count >= 0 else {})
            rows.append(facts | ({} if unseen is None else {"label_unseen": bool(unseen[row])}))
        return json.dumps(rows, separators=(",", ":"), sort_keys=True).encode()
    return b"[" + b",".join([b'{"count":%d}' % count if count >= 0 else b"{}" for count in counts]) + b"]"
