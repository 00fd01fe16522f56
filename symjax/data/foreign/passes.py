"""The passes of an import: read and check, find duplicates and leaks, write the splits.

The rows that are kept lie in a folder of their own in between, as arrays, with the keys of both sides in files beside
them; one byte a line is all that grows in memory with the input, and that is a mapped file.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, TextIO

import numpy as np
from jaxtyping import Int64, UInt8, UInt64

from symjax.data.blocks import MAX_ROW
from symjax.data.foreign import distinct, leaks
from symjax.data.foreign.columns import Columns, Ragged, RowHash
from symjax.data.foreign.infix import InfixReader
from symjax.data.foreign.layouts import INFIX, Source, form_of, longest_number
from symjax.data.foreign.lines import TextFile
from symjax.data.foreign.reading import LineReader, Read
from symjax.data.foreign.words import Fault, Limits
from symjax.data.foreign.writing import TRAIN, SplitFiles
from symjax.data.manifest import SPLITS
from symjax.data.records import Signature
from symjax.tasks import Task

BAD_LINES = "bad_lines.jsonl"
KEPT_BYTES = 31 << 20
"""Below the largest block for which glibc raises its threshold, 32 MiB."""

SHOWN = 100
"""Bad lines that are named in the log; the file has all."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What an import does beside reading; see `importing.import_files`."""

    validation_fraction: float
    test_fraction: float
    examples_per_file: int
    file_format: str


class BadLines:
    """Every line that cannot be read, in a file of JSON lines; the first ones in the log too."""

    def __init__(self, path: pathlib.Path, log: TextIO) -> None:
        self._file = open(path, "w", encoding="utf-8")  # noqa: SIM115 (closed by `close`)
        self._log = log
        self.reasons = collections.Counter[str]()

    def add(self, name: str, line: int, fault: Fault) -> None:
        """Takes in line `line` of file `name`, counted from 1."""
        self.reasons[fault.reason] += 1
        self._file.write(json.dumps({"file": name, "line": line, **dataclasses.asdict(fault)}) + "\n")
        count = self.reasons.total()
        if count <= SHOWN:
            print(f"{name} line {line}: {fault.reason}: {fault.detail}", file=self._log)
        if count == SHOWN:
            print(f"further bad lines are in {BAD_LINES} only", file=self._log)

    def close(self) -> None:
        """Completes the file."""
        self._file.close()


class Passes:
    """One import; as a context manager it closes what it writes to.

    Args:
      task: whose limits the lines must keep.
      staging: an empty folder.
      found, options: what is read, and how.
      log: for what is wrong with lines and files.
    """

    def __init__(
        self, task: Task, staging: pathlib.Path, found: Sequence[Source], options: Options, log: TextIO
    ) -> None:
        self._task, self._staging, self._sources, self._options, self._log = task, staging, found, options, log
        limits = Limits(
            problem_tokens=min(task.max_problem_length, MAX_ROW),
            answer_tokens=min(task.max_answer_length - 1, MAX_ROW),
            problem_levels=task.code_depth - 1,
            number_digits=longest_number(task),
        )
        prefix_lines = LineReader(task.problem_vocabulary, limits, form_of(task))
        self._readers = {False: prefix_lines, True: InfixReader(prefix_lines)}
        self._hash = RowHash(max(limits.problem_tokens, limits.answer_tokens))
        self._files: list[dict[str, Any]] = []
        self._bad = BadLines(staging / BAD_LINES, log)
        self._lines = 0

    def __enter__(self) -> Passes:
        return self

    def __exit__(self, *_: object) -> None:
        self._bad.close()

    def run(self, directory: pathlib.Path, *, by_fingerprint: bool, workers: int) -> dict[str, Any]:
        """What the manifest says beside the task, after writing the files of every split.

        Without a single line that can be kept, none is written.
        """
        _keep_freed_memory()
        with open(self._rows, "wb") as rows, distinct.RowKeys(self._staging / "keys") as keys:
            for source in self._sources:
                self._read(source, rows, keys)
            self._bad.close()
            flags = _mapped(self._staging / "flags", max(1, self._lines))
            shared = {"text": leaks.named(keys.mark_duplicates(flags), self._place_of)}
            labels = keys.mark_unseen(flags)
        tally = _Tally(self._task)
        for columns in self._batches():
            tally.add(columns, flags[columns.numbers])
        if by_fingerprint:
            folder = self._staging / "fingerprints"
            found, without = leaks.by_fingerprint(self._batches(), flags, self._task, folder, workers=workers)
            shared["fingerprint"] = leaks.named(found, self._place_of) | {"without": without}
        content = self._outcome(tally, shared)
        if tally.kept.sum():
            content |= tally.described(self._write(directory, flags, tally.kept), labels)
        return content

    @property
    def _rows(self) -> pathlib.Path:
        return self._staging / "rows"

    def _batches(self) -> Iterator[Columns]:
        """The rows as they were read."""
        with open(self._rows, "rb") as file:
            while True:
                try:
                    columns = Columns.read(file)
                except EOFError:
                    return
                yield columns

    def _read(self, source: Source, rows: BinaryIO, keys: distinct.RowKeys) -> None:
        """Takes in the lines of one file."""
        reader, file, start = self._readers[source.layout == INFIX], TextFile(source.path), self._lines
        kept = 0
        for piece in file.pieces():
            if piece.fault is not None:
                self._bad.add(source.name, piece.first + 1, piece.fault)
                self._lines += 1
                continue
            read = reader.read(piece.data)
            for place, fault in read.faults.items():
                self._bad.add(source.name, piece.first + place + 1, fault)
            if len(read.places):
                kept += len(read.places)
                self._keep(read, source, rows, keys)
            self._lines += read.lines
        if file.cut or not file.bytes:
            print(f"{source.name}: {file.cut or 'the file is empty'}", file=self._log)
        about = {"split": "" if source.split is None else SPLITS[source.split], "layout": source.layout}
        size = {"bytes": file.bytes, "sha256": file.sha256, "lines": self._lines - start, "first_line": start}
        self._files.append({"name": source.name} | about | size | ({"cut": file.cut} if file.cut else {}))

    def _keep(self, read: Read, source: Source, rows: BinaryIO, keys: distinct.RowKeys) -> None:
        problems, answers = self._hash(read.problems), self._hash(read.answers)
        columns = Columns(
            numbers=read.places + self._lines,
            splits=self._splits(source, problems),
            counts=read.counts,
            problems=read.problems,
            answers=read.answers,
            extras=read.extras,
        )
        columns.write(rows)
        keys.add(columns.numbers, columns.splits, problems, answers)

    def _splits(self, source: Source, problems: UInt64[np.ndarray, "rows 2"]) -> UInt8[np.ndarray, "rows"]:
        """The split of each row: the file's, or one by the hash of the problem, so that equal ones stay together."""
        if source.split is not None:
            return np.full(len(problems), source.split, np.uint8)
        place = problems[:, 1].astype(np.float64) / 2.0**64
        test, validation = self._options.test_fraction, self._options.validation_fraction
        splits = np.full(len(problems), TRAIN, np.uint8)
        splits[place < test + validation] = SPLITS.index("validation")
        splits[place < test] = SPLITS.index("test")
        return splits

    def _place_of(self, number: int) -> str:
        """Where a line is, by its number among all."""
        file = next(file for file in reversed(self._files) if file["first_line"] <= number)
        return f"{file['name']} line {number - file['first_line'] + 1}"

    def _write(
        self, directory: pathlib.Path, flags: UInt8[np.ndarray, "lines"], counts: Int64[np.ndarray, "splits"]
    ) -> dict[str, Any]:
        """The files of the splits."""
        signature, options = Signature.of(self._task), self._options
        with SplitFiles(
            directory, signature, counts, per_file=options.examples_per_file, file_format=options.file_format
        ) as splits:
            for columns in self._batches():
                own = flags[columns.numbers]
                mask = (own & distinct.DROPPED) == 0
                splits.add(columns.keep(mask), own[mask])
            return splits.close()

    def _outcome(self, tally: _Tally, shared: Mapping[str, Any]) -> dict[str, Any]:
        """What became of the lines."""
        bad, kept = self._bad.reasons.total(), int(tally.kept.sum())
        return {
            "sources": self._files,
            "lines": {
                "read": self._lines,
                "kept": kept,
                "duplicate": self._lines - kept - bad,
                "bad": bad,
                "reasons": dict(sorted(self._bad.reasons.items())),
            },
            "leaks": dict(shared),
        }


def _keep_freed_memory() -> None:
    """Frees a block that was never touched: glibc then serves smaller ones from memory that it keeps.

    Before, it takes every array of a piece from the system anew, and a fifth of the time goes into clearing pages.
    """
    np.empty(KEPT_BYTES, np.uint8)


def _mapped(path: pathlib.Path, size: int) -> UInt8[np.ndarray, "lines"]:
    """Zeros in a file that has its place on the disk: a mapped page without one would end the process."""
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return np.memmap(path, np.uint8, "r+", shape=size)


class _Tally:
    """Numbers of rows and histograms of lengths of what is kept."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.kept = np.zeros(len(SPLITS), np.int64)
        self._unseen = np.zeros(len(SPLITS), np.int64)
        self._lengths = {
            "problem": np.zeros(task.max_problem_length + 1, np.int64),
            "answer": np.zeros(task.max_answer_length + 1, np.int64),
        }

    def add(self, columns: Columns, flags: UInt8[np.ndarray, "rows"]) -> None:
        kept = (flags & distinct.DROPPED) == 0
        splits = columns.splits[kept]
        self.kept += np.bincount(splits, minlength=len(SPLITS))
        unseen = (flags[kept] & distinct.LABEL_UNSEEN) > 0
        self._unseen += np.bincount(splits[unseen], minlength=len(SPLITS))
        for rows, histogram in zip((columns.problems, columns.answers), self._lengths.values(), strict=True):
            _add_lengths(histogram, rows, kept)

    def described(self, files: Mapping[str, Any], labels: int) -> dict[str, Any]:
        """The manifest's `splits` and `lengths`."""
        splits = {}
        for place, name in enumerate(SPLITS):
            listed = [dataclasses.asdict(file) for file in files[name]]
            splits[name] = {"count": int(self.kept[place]), "files": listed}
            splits[name] |= {"labels": labels} if place == TRAIN else {"label_unseen": int(self._unseen[place])}
        return {"splits": splits, "lengths": {side: _statistics(found) for side, found in self._lengths.items()}}


def _add_lengths(histogram: Int64[np.ndarray, "sizes"], rows: Ragged, kept: np.ndarray) -> None:
    histogram += np.bincount(rows.lengths[kept], minlength=len(histogram))


def _statistics(histogram: Int64[np.ndarray, "sizes"]) -> dict[str, float]:
    """Mean, quantiles and maximum of lengths, as the manifests of generated data sets have them."""
    reached, total = np.cumsum(histogram), int(histogram.sum())
    ranks = {f"p{share}": round(share / 100 * (total - 1)) for share in (50, 90, 99)}
    quantiles = {name: int(np.searchsorted(reached, rank, "right")) for name, rank in ranks.items()}
    mean = float((histogram * np.arange(len(histogram))).sum() / total)
    return {"mean": round(mean, 3), **quantiles, "max": int(np.flatnonzero(histogram)[-1])}
