"""Examples <-> blocks of bytes: what one entry of a shard file holds.  No JAX.

A block is `SJX`, the schema version (one byte), the length of a JSON header (uint32), the header, then the columns
that it lists, little-endian: attempt indices (int64), lengths of problems and answers (uint16), their ids joined
(uint8, or uint16 for vocabularies beyond 256 tokens), and one JSON text each for exact answers and metadata.  Equal
examples give equal bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from jaxtyping import Int, UInt

from symjax.tasks import Example, Task

SCHEMA = 1
BLOCK_SIZE = 256
MAX_ROW = 0xFFFF
"""Tokens of a problem or an answer that a record can hold."""

_MAGIC = b"SJX" + bytes([SCHEMA])


class RecordError(ValueError):
    """A file or block that cannot be used; the message names it and says what to do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """What the ids of a block mean: the task, and the hashes of its two vocabularies."""

    task: str
    problem_vocabulary: str
    answer_vocabulary: str

    @classmethod
    def of(cls, task: Task) -> Self:
        """The signature of examples of `task`."""
        return cls(
            task=task.name,
            problem_vocabulary=task.problem_vocabulary.hash,
            answer_vocabulary=task.answer_vocabulary.hash,
        )

    def require(self, other: Signature, source: str) -> None:
        """Raises a RecordError that names `source` unless `other`, found there, is the same."""
        for field in dataclasses.fields(self):
            wanted, found = getattr(self, field.name), getattr(other, field.name)
            if wanted != found:
                raise RecordError(
                    f"{source} was written with {field.name.replace('_', ' ')} {found}, this program has {wanted}; "
                    "use the task options it was made with, or generate the data set again in another folder"
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredExample:
    """An example as ids.  `index` is the attempt that drew it, or -1 where there was none."""

    index: int
    problem: Sequence[int]
    answer: Sequence[int]
    exact: tuple[str, ...] = ()
    metadata: Mapping[str, Any]


def encode(example: Example, index: int, task: Task) -> StoredExample:
    """`example` in the ids of `task`.

    Raises:
      KeyError: a token is not in the task's vocabulary.
    """
    return StoredExample(
        index=index,
        problem=task.problem_vocabulary.encode(example.problem),
        answer=task.answer_vocabulary.encode(example.answer),
        exact=example.exact,
        metadata=example.metadata,
    )


def decode(stored: StoredExample, task: Task) -> Example:
    """`stored` in the tokens of `task`."""
    problem, answer = task.problem_vocabulary.tokens, task.answer_vocabulary.tokens
    return Example(
        problem=tuple([problem[number] for number in stored.problem]),
        answer=tuple([answer[number] for number in stored.answer]),
        exact=stored.exact,
        metadata=stored.metadata,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """Examples of one entry; ids of all rows are joined, row after row.  Text columns are read when asked for."""

    signature: Signature
    indices: Int[np.ndarray, "rows"]
    problem_lengths: UInt[np.ndarray, "rows"]
    problem_ids: UInt[np.ndarray, "problem_tokens"]
    answer_lengths: UInt[np.ndarray, "rows"]
    answer_ids: UInt[np.ndarray, "answer_tokens"]
    exact_text: bytes
    metadata_text: bytes

    def __len__(self) -> int:
        return len(self.indices)

    @functools.cached_property
    def exact(self) -> list[list[str]]:
        """Exact answers, a list of strings for each row."""
        return json.loads(self.exact_text)

    @functools.cached_property
    def metadata(self) -> list[dict[str, Any]]:
        """Metadata of each row."""
        return json.loads(self.metadata_text)

    def examples(self) -> Iterator[StoredExample]:
        """The rows in order."""
        problems = _split(self.problem_ids, self.problem_lengths)
        answers = _split(self.answer_ids, self.answer_lengths)
        columns = zip(self.indices.tolist(), problems, answers, self.exact, self.metadata, strict=True)
        for index, problem, answer, exact, metadata in columns:
            yield StoredExample(index=index, problem=problem, answer=answer, exact=tuple(exact), metadata=metadata)


def _split(joined: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    ids, ends = joined.tolist(), np.cumsum(lengths, dtype=np.int64).tolist()
    return [ids[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def pack_block(examples: Sequence[StoredExample], signature: Signature) -> bytes:
    """The examples as bytes; equal examples give equal bytes.

    Raises:
      RecordError: a problem or answer has more than 65,535 tokens, or an id beyond 65,535.
    """
    return pack_columns(
        signature,
        indices=np.array([example.index for example in examples], "<i8"),
        problem_lengths=_lengths([example.problem for example in examples]),
        problem_ids=_joined([example.problem for example in examples]),
        answer_lengths=_lengths([example.answer for example in examples]),
        answer_ids=_joined([example.answer for example in examples]),
        exact_text=json.dumps([list(example.exact) for example in examples], separators=(",", ":")).encode(),
        metadata_text=json.dumps(
            [dict(example.metadata) for example in examples], separators=(",", ":"), sort_keys=True
        ).encode(),
    )


def pack_columns(
    signature: Signature, *, exact_text: bytes, metadata_text: bytes, **columns: Int[np.ndarray, "..."]
) -> bytes:
    """A block of columns that are there already: the arrays and texts of a `Block`, of the types that files hold."""
    texts = {"exact": exact_text, "metadata": metadata_text}
    header = dataclasses.asdict(signature) | {
        "columns": [[name, columns[name].dtype.str, len(columns[name])] for name in _COLUMNS],
        "texts": [[name, len(text)] for name, text in texts.items()],
    }
    head = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    body = [columns[name].tobytes() for name in _COLUMNS]
    return b"".join([_MAGIC, struct.pack("<I", len(head)), head, *body, *texts.values()])


_COLUMNS = ("indices", "problem_lengths", "problem_ids", "answer_lengths", "answer_ids")


def _lengths(rows: Sequence[Sequence[int]]) -> np.ndarray:
    lengths = [len(row) for row in rows]
    if max(lengths, default=0) > MAX_ROW:
        raise RecordError(f"an example has {max(lengths)} tokens; a record holds {MAX_ROW} at most")
    return np.array(lengths, "<u2")


def _joined(rows: Sequence[Sequence[int]]) -> np.ndarray:
    ids = [number for row in rows for number in row]
    largest = max(ids, default=0)
    if largest > 0xFFFF:
        raise RecordError(f"token id {largest} does not fit a record; vocabularies end at 65536 tokens")
    return np.array(ids, "|u1" if largest <= 0xFF else "<u2")


def unpack_block(data: bytes, source: str = "block") -> Block:
    """The block in `data`.

    Raises:
      RecordError: not a block, of another schema version, or cut short; the message begins with `source`.
    """
    if data[:3] != _MAGIC[:3] or len(data) < 8:
        raise RecordError(f"{source} holds no symjax records (foreign file?); give the folder of a symjax data set")
    if data[:4] != _MAGIC:
        raise RecordError(
            f"{source} has record schema {data[3]}, this program reads schema {SCHEMA}; generate the data set again"
        )
    try:
        start = 8 + struct.unpack_from("<I", data, 4)[0]
        header = json.loads(data[8:start])
        columns, texts = {}, {}
        for name, dtype, count in header["columns"]:
            columns[name] = np.frombuffer(data, np.dtype(dtype), count, start)
            start += columns[name].nbytes
        for name, length in header["texts"]:
            texts[f"{name}_text"] = data[start : start + length]
            start += length
        signature = Signature(**{field.name: header[field.name] for field in dataclasses.fields(Signature)})
        block = Block(signature=signature, **columns, **texts)
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{source} is damaged ({error}); generate the data set again") from None
    if start != len(data):
        raise RecordError(f"{source} is damaged: {len(data)} bytes instead of {start}; generate the data set again")
    return block
