"""Blocks -> rows of padded arrays with position codes, many examples at a time.  No JAX, no Grain."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
from jaxtyping import Int, Int32, Int64

from symjax.data.blocks import Block
from symjax.tasks import Task
from symjax.tokenization.grammar import answer_codes, compile_grammar
from symjax.tokenization.vocabulary import EOS_ID, PAD_ID

Plan = list[tuple[int, Int[np.ndarray, "B"]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """Examples as padded ids.

    Attributes:
      problems: ids, `<pad>` behind.
      targets: answer ids, `<eos>`, then `<pad>`.
      problem_lengths, target_lengths: tokens, `<eos>` included.
      indices: attempts that drew the examples.
      origins: (block of the stream, row in it) of each example.
    """

    problems: Int32[np.ndarray, "rows S"]
    problem_lengths: Int32[np.ndarray, "rows"]
    targets: Int32[np.ndarray, "rows T"]
    target_lengths: Int32[np.ndarray, "rows"]
    indices: Int64[np.ndarray, "rows"]
    origins: Int64[np.ndarray, "rows 2"]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, order: Int[np.ndarray, "chosen"]) -> Rows:
        """The rows with those numbers, in that order."""
        return Rows(**{field.name: getattr(self, field.name)[order] for field in dataclasses.fields(self)})

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Self:
        """All rows of the parts, in order."""
        columns = {field.name: [getattr(part, field.name) for part in parts] for field in dataclasses.fields(cls)}
        for name in ("problems", "targets"):
            columns[name] = _same_width(columns[name])
        return cls(**{name: np.concatenate(column) for name, column in columns.items()})


def _same_width(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    width = max(part.shape[1] for part in parts)
    return [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=PAD_ID) for part in parts]


def _pad(ids: np.ndarray, lengths: np.ndarray, extra: int = 0) -> np.ndarray:
    """Joined rows as one padded array, `extra` columns wider than the longest row."""
    width = int(lengths.max(initial=1)) + extra
    padded = np.full((len(lengths), width), PAD_ID, np.int32)
    padded[np.arange(width) < lengths[:, None]] = ids
    return padded


class Encoder:
    """Makes rows of the blocks of a task, and arrays of rows."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._grammar = compile_grammar(task.grammar(), task.answer_vocabulary)

    def rows(self, blocks: Sequence[tuple[int, Block]], carried: Rows | None = None) -> Rows:
        """The rows of `carried`, then those of the (number, block) pairs."""
        problem_lengths = _joined([block.problem_lengths for _, block in blocks])
        answer_lengths = _joined([block.answer_lengths for _, block in blocks])
        targets = _pad(np.concatenate([block.answer_ids for _, block in blocks]), answer_lengths, extra=1)
        targets[np.arange(len(targets)), answer_lengths] = EOS_ID
        rows = Rows(
            problems=_pad(np.concatenate([block.problem_ids for _, block in blocks]), problem_lengths),
            problem_lengths=problem_lengths,
            targets=targets,
            target_lengths=answer_lengths + 1,
            indices=np.concatenate([block.indices for _, block in blocks]).astype(np.int64),
            origins=np.concatenate([_origins(number, len(block)) for number, block in blocks]),
        )
        return rows if carried is None else Rows.join([carried, rows])

    def arrays(self, rows: Rows) -> dict[str, np.ndarray]:
        """The fields of a Batch of all rows, padded to the longest."""
        places = np.arange(rows.targets.shape[1])
        return {
            "inputs": rows.problems,
            "input_codes": self._task.problem_codes(rows.problems),
            "input_lengths": rows.problem_lengths,
            "targets": rows.targets,
            "target_codes": answer_codes(self._grammar, rows.targets),
            "target_lengths": rows.target_lengths,
            "weights": (places < rows.target_lengths[:, None]).astype(np.float32),
            "example_ids": rows.indices,
        }


def _joined(lengths: Sequence[np.ndarray]) -> Int32[np.ndarray, "rows"]:
    return np.concatenate(lengths).astype(np.int32)


def _origins(number: int, count: int) -> Int64[np.ndarray, "rows 2"]:
    return np.stack([np.full(count, number, np.int64), np.arange(count, dtype=np.int64)], axis=1)


def cut(
    rows: Rows, shapes: Sequence[tuple[int, int]], batch_size: int, *, key: tuple[int, int]
) -> tuple[Plan, Int[np.ndarray, "rest"]]:
    """(bucket, rows) of each batch in a random order, and the rows that fill no batch.

    The order follows from `key` alone, by a bit generator whose stream NumPy keeps stable.
    """
    random = np.random.Philox(key=np.array(key, np.uint64))
    order = np.argsort(random.random_raw(len(rows)), kind="stable")
    fits = [(rows.problem_lengths <= s) & (rows.target_lengths <= t) for s, t in shapes]
    bucket = np.argmax(fits, axis=0)[order]
    plan, rest = [], []
    for number in range(len(shapes)):
        members = order[bucket == number]
        full = len(members) // batch_size * batch_size
        plan.extend((number, chosen) for chosen in members[:full].reshape(-1, batch_size))
        rest.append(members[full:])
    shuffled = np.argsort(random.random_raw(max(1, len(plan)))[: len(plan)], kind="stable")
    return [plan[place] for place in shuffled], np.concatenate(rest)
