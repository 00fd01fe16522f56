"""Blocks of examples <-> shard files.  No JAX, no Grain, no TensorFlow.

A shard is an ArrayRecord file (random access, the default) or a TFRecord file (sequential, for other readers); each
of its entries is a block of up to 256 examples (`blocks` has the format).  The same examples give the same bytes.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import pathlib
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol, Self

from symjax.data.blocks import (
    BLOCK_SIZE,
    SCHEMA,
    Block,
    RecordError,
    Signature,
    StoredExample,
    decode,
    encode,
    pack_block,
    unpack_block,
)

__all__ = [
    "BLOCK_SIZE", "FILE_FORMATS", "PARTIAL", "SCHEMA", "Block", "RecordError", "ShardInfo", "ShardReader",
    "ShardWriter", "Signature", "StoredExample", "check_format", "decode", "encode", "pack_block", "unpack_block",
]  # fmt: skip

FILE_FORMATS = ("arrayrecord", "tfrecord")
PARTIAL = ".partial"

_ARRAYRECORD_WRITE = "group_size:1,zstd:3"
_ARRAYRECORD_READ = "readahead_buffer_size:0,max_parallelism:0"
_CRC_DELTA = 0xA282EAD8
_AGAIN = "delete the data set that it is of, and generate that again"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardInfo:
    """What a manifest keeps of a shard: file name, examples, entries, bytes, SHA-256."""

    name: str
    count: int
    blocks: int
    bytes: int
    sha256: str


class ShardWriter:
    """Writes one shard beside its final place and renames it there when it is closed.

    A file under the final name is therefore complete.  As a context manager, an exception inside leaves the final
    name untouched.

    Args:
      path: the final place; its folder must exist.
      signature: what the ids mean.
      file_format: "arrayrecord" or "tfrecord".

    Raises:
      ValueError: unknown format.
      OSError: the file cannot be written, a full disk included.
    """

    def __init__(self, path: str | os.PathLike[str], signature: Signature, *, file_format: str = "arrayrecord") -> None:
        check_format(file_format)
        self._path = pathlib.Path(path)
        self._partial = self._path.with_name(self._path.name + PARTIAL)
        self._signature = signature
        self._waiting: list[StoredExample] = []
        self._count = self._blocks = 0
        with _as_os_error(self._partial):
            self._sink = _open_sink(self._partial, file_format)

    def add(self, example: StoredExample) -> None:
        """Appends one example."""
        self._waiting.append(example)
        if len(self._waiting) == BLOCK_SIZE:
            self._flush()

    def add_block(self, data: bytes, count: int) -> None:
        """Appends a packed block of `count` examples as an entry of its own, behind what was added before."""
        if self._waiting:
            self._flush()
        with _as_os_error(self._partial):
            self._sink.write(data)
        self._count += count
        self._blocks += 1

    def close(self) -> ShardInfo:
        """Completes the file under its final name."""
        if self._waiting or not self._blocks:
            self._flush()  # an empty shard has one empty block: a file without entries is a broken one
        with _as_os_error(self._partial):
            self._sink.close()
        digest, size = hashlib.sha256(), 0
        with open(self._partial, "rb+") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                size += len(piece)
            os.fsync(file.fileno())
        os.replace(self._partial, self._path)
        return ShardInfo(
            name=self._path.name, count=self._count, blocks=self._blocks, bytes=size, sha256=digest.hexdigest()
        )

    def discard(self) -> None:
        """Gives up: closes and removes what was written."""
        with _as_os_error(self._partial, ignore=True):
            self._sink.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.discard()

    def _flush(self) -> None:
        with _as_os_error(self._partial):
            self._sink.write(pack_block(self._waiting, self._signature))
        self._count += len(self._waiting)
        self._blocks += 1
        self._waiting = []


class _Sink(Protocol):
    def write(self, data: bytes) -> object: ...

    def close(self) -> object: ...


def _open_sink(path: pathlib.Path, file_format: str) -> _Sink:
    if file_format == "arrayrecord":
        from array_record.python.array_record_module import ArrayRecordWriter

        return ArrayRecordWriter(str(path), _ARRAYRECORD_WRITE)
    from tensorboardX.record_writer import RecordWriter

    return RecordWriter(str(path))


class _as_os_error:  # noqa: N801 (used as a statement)
    """ArrayRecord reports a full disk as a RuntimeError; this makes it the OSError that it is."""

    def __init__(self, path: pathlib.Path, *, ignore: bool = False) -> None:
        self._path, self._ignore = path, ignore

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if self._ignore:
            return isinstance(error, RuntimeError | OSError)
        if isinstance(error, RuntimeError):
            full = "No space left" in str(error)
            raise OSError(
                errno.ENOSPC if full else errno.EIO, "no space left on device" if full else str(error), str(self._path)
            ) from None
        return False


def check_format(file_format: str) -> None:
    """Raises a ValueError unless `file_format` is one that can be written."""
    if file_format not in FILE_FORMATS:
        raise ValueError(f"file_format is {file_format!r}; it must be one of {', '.join(FILE_FORMATS)}")


class ShardReader:
    """Blocks of one shard, checked on opening and on reading.

    Args:
      path: a file that ends in `.arrayrecord` or `.tfrecord`.
      signature: what the ids must mean; None reads any.
      info: what the manifest says of the file; entries and bytes must agree.

    Raises:
      RecordError: missing, truncated, empty or foreign file, another schema, task or vocabulary.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, signature: Signature | None = None, info: ShardInfo | None = None
    ) -> None:
        self.path = pathlib.Path(path)
        self._signature = signature
        self.random_access = self.path.suffix == ".arrayrecord"
        if self.path.suffix[1:] not in FILE_FORMATS:
            raise RecordError(f"{self.path} is no shard; shards end in {' or '.join('.' + f for f in FILE_FORMATS)}")
        if not self.path.is_file():
            raise RecordError(f"{self.path} does not exist; {_AGAIN}")
        size = self.path.stat().st_size
        if info is not None and size != info.bytes:
            raise RecordError(f"{self.path} has {size} bytes instead of {info.bytes}: truncated or replaced; {_AGAIN}")
        if self.random_access:
            self._file = _open_arrayrecord(self.path)
            if info is not None and len(self) != info.blocks:
                raise RecordError(f"{self.path} has {len(self)} entries instead of {info.blocks}; {_AGAIN}")

    def __len__(self) -> int:
        """Number of blocks.

        Raises:
          TypeError: a TFRecord file, which must be read through to know.
        """
        if not self.random_access:
            raise TypeError(f"{self.path} is sequential; iterate over it")
        return self._file.num_records()

    def __getitem__(self, number: int) -> Block:
        """Block `number` of an ArrayRecord file."""
        if not 0 <= number < len(self):
            raise IndexError(f"block {number} of {self.path}, which has {len(self)}")
        try:
            data = self._file.read([number])[0]
        except RuntimeError as error:
            raise RecordError(f"{self.path} is damaged ({error}); {_AGAIN}") from None
        return self._checked(data)

    def __iter__(self) -> Iterator[Block]:
        if self.random_access:
            return (self[number] for number in range(len(self)))
        return map(self._checked, _read_tfrecords(self.path))

    def _checked(self, data: bytes) -> Block:
        block = unpack_block(data, str(self.path))
        if self._signature is not None:
            self._signature.require(block.signature, str(self.path))
        return block


def _open_arrayrecord(path: pathlib.Path) -> Any:
    from array_record.python.array_record_module import ArrayRecordReader

    file = ArrayRecordReader(str(path), _ARRAYRECORD_READ)
    if not file.ok() or file.num_records() == 0:
        raise RecordError(f"{path} is no complete ArrayRecord file (truncated, empty or foreign); {_AGAIN}")
    return file


def _read_tfrecords(path: pathlib.Path) -> Iterator[bytes]:
    """Entries of a TFRecord file: length, its masked CRC-32C, data, its masked CRC-32C."""
    with open(path, "rb") as file:
        count = 0
        while head := file.read(12):
            size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
            if len(head) != 12 or struct.unpack("<I", head[8:])[0] != _masked_crc(head[:8]):
                raise RecordError(f"{path} is no complete TFRecord file (truncated or foreign); {_AGAIN}")
            data, check = file.read(size), file.read(4)
            if len(data) != size or len(check) != 4 or struct.unpack("<I", check)[0] != _masked_crc(data):
                raise RecordError(f"{path} is truncated or damaged in entry {count}; {_AGAIN}")
            yield data
            count += 1
    if not count:
        raise RecordError(f"{path} is empty; {_AGAIN}")


def _masked_crc(data: bytes) -> int:
    from tensorboardX.crc32c import crc32c

    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _CRC_DELTA) & 0xFFFFFFFF
