"""A data set -> one text file in the layouts of Lample and Charton's system."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

from symjax.data.blocks import Block
from symjax.data.foreign.infix import infix_line
from symjax.data.foreign.layouts import check_task, split_named
from symjax.data.manifest import SPLITS, Manifest
from symjax.data.records import PARTIAL

COUNTS, PREFIX, INFIX = "counts", "prefix", "infix"
LAYOUTS = (COUNTS, PREFIX, INFIX)


def export_file(
    directory: str | os.PathLike[str], path: str | os.PathLike[str], *, split: str = "", layout: str = ""
) -> int:
    """Number of lines of the file at `path`, which is written beside and renamed.

    Args:
      directory: a finished data set of an expression task.
      path: ends in `.gz` for a compressed file.
      split: empty for the one that the file's name tells (.train, .valid, .test), or else all of them in order.
      layout: "counts" (`count|input<TAB>output`), "prefix" or "infix"; empty for counts where there are some, else
        prefix.

    Raises:
      RecordError: there is no such data set.
      ValueError: no such split or layout, a task without such files, or counts asked for that the data set lacks.
      OSError: the file cannot be written.
    """
    if layout and layout not in LAYOUTS:
        raise ValueError(f"there is no layout {layout!r}; layouts are {', '.join(LAYOUTS)}")
    manifest, path = Manifest.read(directory), pathlib.Path(path)
    check_task(manifest.signature.task)
    place = split_named(path, split)
    blocks = itertools.chain.from_iterable(
        manifest.blocks(name) for name in (SPLITS if place is None else (SPLITS[place],))
    )
    words = [token.encode() for token in manifest.content["vocabularies"]["problem"]["tokens"]]
    partial, count = path.with_name(path.name + PARTIAL), 0
    try:
        with _opened(partial, compressed=path.suffix == ".gz") as file:
            for block in blocks:
                lines = list(_lines(block, words, layout))
                file.writelines(lines)
                count += len(lines)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return count


@contextlib.contextmanager
def _opened(path: pathlib.Path, *, compressed: bool) -> Iterator[BinaryIO]:
    """The file, compressed without a time so that equal lines give equal bytes."""
    with open(path, "wb") as raw:
        if compressed:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
                yield file  # type: ignore[misc]  # it writes bytes
        else:
            yield raw


def _lines(block: Block, words: list[bytes], layout: str) -> Iterator[bytes]:
    for example in block.examples():
        if layout == INFIX:
            problem, answer = (
                tuple(words[number].decode() for number in ids) for ids in (example.problem, example.answer)
            )
            yield infix_line(problem, answer, example.metadata)
            continue
        problem, answer = (b" ".join([words[number] for number in ids]) for ids in (example.problem, example.answer))
        counted = layout != PREFIX and "count" in example.metadata
        if counted:
            yield b"%d|%s\t%s\n" % (example.metadata["count"], problem, answer)
        elif layout != COUNTS:
            yield b"%s\t%s\n" % (problem, answer)
        else:
            raise ValueError(f"example {example.index} has no count; export with --layout=prefix")
