"""Text files of Lample and Charton's system -> a data set, in bounded memory.

Everything is written in a folder `importing/` or beside its final place; the manifest comes last.  An import that was
interrupted begins anew, and ends in the same bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from symjax.data.foreign.layouts import Source, sources
from symjax.data.foreign.passes import BAD_LINES, Options, Passes
from symjax.data.foreign.writing import is_split_file
from symjax.data.manifest import MANIFEST, plain, seal, write_manifest
from symjax.data.records import SCHEMA, Signature, check_format
from symjax.tasks import Task

STAGING = "importing"
LOCK = ".lock"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of the lines: read = kept + duplicate + bad.

    Attributes:
      manifest: of the data set.
      reasons: of the bad ones -> number.
      leaks: "text" and, if asked for, "fingerprint" -> "train-test" and so on -> `problems` that both have.
    """

    manifest: pathlib.Path
    read: int
    kept: int
    duplicate: int
    bad: int
    reasons: Mapping[str, int]
    leaks: Mapping[str, Any]

    @property
    def line(self) -> str:
        """The counts in one line."""
        return f"read {self.read}, kept {self.kept}, duplicate {self.duplicate}, bad {self.bad}"


class ImportRefused(ValueError):  # noqa: N818 (named for what happened)
    """The files or the folder cannot be used; the message says why and what to do."""


def import_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    task: Task,
    output_dir: str | os.PathLike[str],
    split: str = "",
    layout: str = "",
    by_fingerprint: bool = False,
    validation_fraction: float = 0.0,
    test_fraction: float = 0.0,
    examples_per_file: int = 262_144,
    file_format: str = "arrayrecord",
    workers: int = 1,
    log: TextIO | None = None,
) -> Imported:
    """What became of the lines of the files, which are a data set afterwards.

    Texts are kept as they are: a row's ids give the text of its line.  Of equal lines of a split the first stays.
    Every line that cannot be read is in `bad_lines.jsonl`; the first hundred are named in `log` too.

    Args:
      paths: plain or gzip; the same files in the same order give the same bytes.
      task: of an expression task; its limits are those of the lines.
      output_dir: the data set's folder.
      split: of all files; empty for what their names say (.train, .valid, .test), and train where they say nothing.
      layout: "prefix" (counts in front or not) or "infix" of all files; empty to look.
      by_fingerprint: report problems that are the same function in two splits, not the same text only; slow.
      validation_fraction, test_fraction: shares of the problems in files without a split of their own.
      examples_per_file: of a split.
      file_format: as in `ShardWriter`.
      workers: processes that compute fingerprints.
      log: for what is wrong with lines and files; standard error if None.

    Raises:
      ImportRefused: nothing can be kept, or the folder holds something else.
      OSError: a file cannot be read or written.
      ValueError: a value that does not fit.
    """
    options = Options(
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        examples_per_file=examples_per_file,
        file_format=file_format,
    )
    _check(options)
    found, directory = sources(paths, split=split, layout=layout), pathlib.Path(output_dir)
    config = _config(task, options, by_fingerprint=by_fingerprint)
    _refuse_other(directory)
    with _only_one(directory):
        if (directory / MANIFEST).exists():
            return _finished(directory, config, found)
        staging = _claim(directory)
        with Passes(task, staging, found, options, log or sys.stderr) as passes:
            content = passes.run(directory, by_fingerprint=by_fingerprint, workers=workers)
        _place_bad_lines(directory, staging, bad=content["lines"]["bad"])
        if not content["lines"]["kept"]:
            shutil.rmtree(staging)
            raise ImportRefused(f"no line of {_names(found)} can be kept: {_outcome(directory, content).line}")
        write_manifest(directory / MANIFEST, seal(_described(task, config, content)))
        shutil.rmtree(staging)
        return _outcome(directory, content)


def _check(options: Options) -> None:
    check_format(options.file_format)
    if options.examples_per_file < 1:
        raise ValueError(f"examples_per_file is {options.examples_per_file}; it must be 1 or more")
    shares = options.validation_fraction, options.test_fraction
    if min(shares) < 0 or sum(shares) >= 1:
        raise ValueError(
            f"validation_fraction {shares[0]} and test_fraction {shares[1]} must be 0 or more, and below 1 together"
        )


def _config(task: Task, options: Options, *, by_fingerprint: bool) -> dict[str, Any]:
    """What defines the data set beside the files."""
    imported = {"format": "facebook", "leaks": "fingerprint" if by_fingerprint else "text"}
    return {
        "task_name": task.name,
        "task_options": plain(task.options),
        "imported": imported | dataclasses.asdict(options),
    }


def _described(task: Task, config: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's content."""
    vocabularies = {"problem": task.problem_vocabulary, "answer": task.answer_vocabulary}
    return {
        "schema": SCHEMA,
        "config": dict(config),
        "signature": dataclasses.asdict(Signature.of(task)),
        "vocabularies": {
            side: {"hash": vocabulary.hash, "tokens": list(vocabulary.tokens)}
            for side, vocabulary in vocabularies.items()
        },
        **content,
    }


def _outcome(directory: pathlib.Path, content: Mapping[str, Any]) -> Imported:
    return Imported(manifest=directory / MANIFEST, leaks=content["leaks"], **content["lines"])


def _names(found: Sequence[Source]) -> str:
    return ", ".join(source.name for source in found[:3]) + (", ..." if len(found) > 3 else "")


def _finished(directory: pathlib.Path, config: Mapping[str, Any], found: Sequence[Source]) -> Imported:
    """What a data set that is there already says, if it is of these files and options."""
    content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    there = content.get("sources", []) if isinstance(content, dict) else []
    digests = [_digest(source.path) for source in found]
    same = [file["sha256"] for file in there] == digests and content.get("config") == plain(config)
    if not same:
        raise ImportRefused(f"{directory} holds another data set; give another output_dir, or delete that folder")
    return _outcome(directory, content)


def _digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_other(directory: pathlib.Path) -> None:
    """Refuses a folder that holds something, but no import."""
    there = {path.name for path in directory.iterdir()} if directory.is_dir() else set[str]()
    other = sorted(there - {LOCK, BAD_LINES})
    if other and not there & {MANIFEST, STAGING}:
        raise ImportRefused(f"{directory} holds {other[0]}, which is of no import; give another output_dir")


def _claim(directory: pathlib.Path) -> pathlib.Path:
    """An empty folder to work in, and no file of a split that an import which was interrupted left."""
    staging = directory / STAGING
    staging.mkdir(exist_ok=True)
    for path in (*staging.iterdir(), *filter(is_split_file, directory.iterdir())):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return staging


def _place_bad_lines(directory: pathlib.Path, staging: pathlib.Path, *, bad: int) -> None:
    """Puts the list of bad lines beside the data, or removes an old one where there is none."""
    if bad:
        os.replace(staging / BAD_LINES, directory / BAD_LINES)
    else:
        (directory / BAD_LINES).unlink(missing_ok=True)


@contextlib.contextmanager
def _only_one(directory: pathlib.Path) -> Iterator[None]:
    """Refuses while another process imports into the folder; the lock goes with its process."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with open(directory / LOCK, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportRefused(f"another process is importing into {directory}; wait for it") from None
        yield
