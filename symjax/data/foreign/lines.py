"""A text file of any size, plain or gzip, as pieces of whole lines, in constant memory."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import pathlib
import zlib
from collections.abc import Iterator

import numpy as np

from symjax.data.foreign.words import Fault

PIECE_BYTES = 1 << 20
PIECE_LINES = 1 << 14
"""Lines of a piece at most, so that a file of nothing but line ends takes no more memory than another."""

LONGEST_LINE = 1 << 20
"""Bytes; a line beyond is no line of expressions, and is passed over without being held."""

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclasses.dataclass(frozen=True)
class Piece:
    """Whole lines, each ended by a newline; the first of them is line `first` of the file, from 0.

    `faults` are lines that were passed over: the piece then holds none.
    """

    first: int
    data: bytes
    fault: Fault | None = None


class TextFile:
    """The lines of a file, to be read once.

    Attributes:
      bytes, sha256: of the file as it lies there, known when it has been read.
      cut: how the file ends in the middle of something; empty where it does not.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.bytes, self.sha256, self.cut = 0, "", ""

    def head(self, limit: int = 1 << 16) -> bytes:
        """The first bytes of the text, to tell what is in it.

        Raises:
          OSError: it cannot be read.
        """
        with open(self.path, "rb") as file:
            start = file.read(2)
            file.seek(0)
            if start != _GZIP:
                return file.read(limit)
            try:
                with gzip.GzipFile(fileobj=file) as text:
                    return text.read(limit)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                return b""

    def pieces(self) -> Iterator[Piece]:
        """The file's lines in order; a byte order mark in front of the first is none of its text.

        Raises:
          OSError: it cannot be read.
        """
        waiting, line = b"", 0
        for text in self._blocks():
            end = text.rfind(b"\n") + 1
            if not end:
                waiting += text
            else:
                data = waiting + text[:end]
                waiting = text[end:]
                if len(data) - end > LONGEST_LINE:  # its first line was waiting
                    stop = data.index(b"\n") + 1
                    yield _too_long(line)
                    line, data = line + 1, data[stop:]
                for part, lines in _parts(data if line else data.removeprefix(_BYTE_ORDER_MARK)):
                    yield Piece(line, part)
                    line += lines
            if len(waiting) > LONGEST_LINE:
                waiting = waiting[: LONGEST_LINE + 1]  # enough to know
        if len(waiting) > LONGEST_LINE:
            yield _too_long(line)
        elif waiting and self.cut:
            yield Piece(line, b"", Fault("cut", f"the file ends in this line: {self.cut}"))
        elif waiting:
            self.cut = f"line {line + 1} is the last and has no newline; it may have been cut"
            yield Piece(line, (waiting if line else waiting.removeprefix(_BYTE_ORDER_MARK)) + b"\n")
        elif self.cut:
            yield Piece(line, b"", Fault("cut", f"the file ends in front of this line: {self.cut}"))

    def _blocks(self) -> Iterator[bytes]:
        """The text, a block at a time."""
        digest = hashlib.sha256()
        with open(self.path, "rb") as raw:
            file = _Counted(raw, digest)
            compressed = raw.read(2) == _GZIP
            raw.seek(0)
            if not compressed:
                while block := file.read(PIECE_BYTES):
                    yield block
            else:
                yield from self._unpacked(file)
            while file.read(PIECE_BYTES):  # what stands behind a damaged place counts too
                pass
            self.bytes, self.sha256 = file.size, digest.hexdigest()

    def _unpacked(self, file: _Counted) -> Iterator[bytes]:
        """The text of a gzip file as far as it can be read."""
        with gzip.GzipFile(fileobj=file) as text:  # type: ignore[arg-type]  # it asks for `read` only
            while True:
                try:
                    block = text.read1(PIECE_BYTES)
                except EOFError:
                    self.cut = "the gzip data end early"
                    return
                except (gzip.BadGzipFile, zlib.error) as error:
                    self.cut = f"the gzip data are damaged ({error})"
                    return
                if not block:
                    return
                yield block


def _parts(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Whole lines in parts of at most `PIECE_LINES`, each with its number of lines."""
    lines = data.count(b"\n")
    if lines <= PIECE_LINES:
        if data:
            yield data, lines
        return
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))[PIECE_LINES - 1 :: PIECE_LINES] + 1
    start = 0
    for end in (*ends.tolist(), len(data)):
        if end > start:
            part = data[start:end]
            yield part, part.count(b"\n")
        start = end


def _too_long(line: int) -> Piece:
    return Piece(line, b"", Fault("too_long", f"the line has more than {LONGEST_LINE} bytes"))


class _Counted:
    """A file that notes how much was read of it, and the digest."""

    def __init__(self, file: object, digest: object) -> None:
        self._file, self._digest, self.size = file, digest, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)  # type: ignore[attr-defined]
        self._digest.update(data)  # type: ignore[attr-defined]
        self.size += len(data)
        return data
