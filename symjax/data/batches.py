"""Records -> batches of padded arrays, ready for the device.

Training reads blocks in a fresh random order each epoch (Grain's shuffle), takes `window` of them at a time, shuffles
their examples, sorts them into buckets of one padded shape each, and cuts batches.  What does not fill a batch is
carried into the next window, so every example occurs once an epoch.  All of that is planned on every host alike and
each host makes only its own rows: N processes train on the same batches as one.

The position is a few numbers, and restores the stream exactly.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import grain
import jax
import numpy as np
from jaxtyping import Array, Float, Int

from symjax.data.blocks import Block, RecordError, decode
from symjax.data.manifest import Manifest, load_examples
from symjax.data.rows import Encoder, Rows, cut
from symjax.tasks import Example, Task

__all__ = ["Batch", "TrainingBatches", "evaluation_batches", "load_examples", "make_dataset", "require_same_pipeline"]

PIPELINE_VERSION = 1


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Problems and answers of B examples.

    Attributes:
      inputs: problem ids, `<pad>` behind.
      input_codes: path codes, see `tokenization.tree_paths`.
      input_lengths: tokens of each problem.
      targets: answer ids, `<eos>`, then `<pad>`; no `<bos>`.
      target_codes: (group, place) of each target, 0 for `<eos>` and `<pad>`.
      target_lengths: tokens of each answer, `<eos>` included.
      weights: 1 for targets that count, 0 for padding and for rows that only fill a batch up.
      example_ids: attempt that drew the example, int64; -1 for rows that only fill a batch up.
    """

    inputs: Int[Array | np.ndarray, "B S"]
    input_codes: Int[Array | np.ndarray, "B S C"]
    input_lengths: Int[Array | np.ndarray, "B"]
    targets: Int[Array | np.ndarray, "B T"]
    target_codes: Int[Array | np.ndarray, "B T 2"]
    target_lengths: Int[Array | np.ndarray, "B"]
    weights: Float[Array | np.ndarray, "B T"]
    example_ids: Int[Array | np.ndarray, "B"]


def make_dataset(
    directory: str | os.PathLike[str],
    split: str,
    task: Task,
    *,
    seed: int,
    process_index: int,
    process_count: int,
    batch_size: int = 64,
    window: int = 16,
    buckets: Sequence[tuple[int, int]] = (),
    prefetch: int = 8,
) -> TrainingBatches:
    """The endless stream of this process's rows of shuffled batches.

    Args:
      directory, split: a finished data set and one of its splits.
      task: with the options that the data set was made with.
      seed: of the order.
      process_index, process_count: which rows of every batch this process makes.
      batch_size: examples of a batch, all processes together.
      window: blocks of up to 256 examples that are shuffled together.
      buckets: (problem, answer with `<eos>`) lengths; a batch holds examples of the first bucket, by area, that fits
        them.  Every bucket is one compiled shape; none means one, of the longest problem and answer of the data set.
      prefetch: batches made ahead in a background thread; 0 for none.

    Raises:
      RecordError: no such data set or split, made by another task, without examples, or in a damaged or sequential
        file.
      ValueError: a batch that does not divide over the processes, or a value below its least.
    """
    check_options(seed=seed, batch_size=batch_size, window=window, buckets=buckets, prefetch=prefetch)
    if batch_size % process_count:
        raise ValueError(
            f"batch_size {batch_size} does not divide over {process_count} processes; use a multiple of {process_count}"
        )
    if not 0 <= process_index < process_count:
        raise ValueError(f"process_index is {process_index}; with {process_count} processes it must be below that")
    manifest = Manifest.read(directory)
    manifest.require(task)
    shapes = _shapes(manifest, buckets)
    return TrainingBatches(
        blocks=grain.MapDataset.source(_Blocks(manifest, split)).seed(seed).shuffle().repeat(),
        encoder=Encoder(task),
        shapes=shapes,
        seed=seed,
        window=window,
        batch_size=batch_size,
        share=slice(*(batch_size // process_count * (process_index + end) for end in (0, 1))),
        prefetch=prefetch,
        fingerprint={
            "pipeline": PIPELINE_VERSION,
            "data": manifest.hash,
            "split": split,
            "seed": seed,
            "batch_size": batch_size,
            "window": window,
            "buckets": [list(shape) for shape in shapes],
        },
    )


def check_options(
    *, seed: int, batch_size: int, window: int, buckets: Sequence[tuple[int, int]], prefetch: int
) -> None:
    """Raises a ValueError for an option of `make_dataset` that no data set could fit."""
    counts = (("batch_size", batch_size, 1), ("window", window, 1), ("prefetch", prefetch, 0), ("seed", seed, 0))
    for name, value, least in counts:
        if value < least:
            raise ValueError(f"{name} is {value}; it must be {least} or more")
    if any(not isinstance(shape, Sequence) or len(shape) != 2 or min(shape) < 1 for shape in buckets):
        raise ValueError(f"buckets {tuple(buckets)} must be pairs of lengths of 1 or more")


def require_same_pipeline(before: Mapping[str, Any], now: Mapping[str, Any], source: str) -> None:
    """Raises a ValueError that names `source` and the first difference: a position fits the stream it is of, only."""
    for name in sorted(set(before) | set(now)):
        if before.get(name) != now.get(name):
            raise ValueError(
                f"{source} was made with the input {name}={before.get(name)!r}, this run has {now.get(name)!r}; "
                "restore what it was, or start in a new folder"
            )


def _shapes(manifest: Manifest, buckets: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The buckets by area, one that fits everything last."""
    largest = (manifest.max_problem_length, manifest.max_answer_length + 1)
    shapes = sorted(
        {(int(problem), int(answer)) for problem, answer in buckets}, key=lambda shape: (shape[0] * shape[1], shape)
    )
    if not any(shape[0] >= largest[0] and shape[1] >= largest[1] for shape in shapes):
        shapes.append(largest)
    return tuple(shapes)


class _Blocks:
    """Blocks of a split by number, as Grain's random-access source."""

    def __init__(self, manifest: Manifest, split: str) -> None:
        if not manifest.count(split):
            raise RecordError(f"{manifest.directory} has no examples in split {split!r}; generate more examples")
        self._readers = manifest.readers(split)
        sequential = [reader.path for reader in self._readers if not reader.random_access]
        if sequential:
            raise RecordError(
                f"{sequential[0]} can only be read in order; to train, generate with file_format=arrayrecord"
            )
        self._places = [(reader, number) for reader in self._readers for number in range(len(reader))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Block:
        reader, place = self._places[number]
        return reader[place]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingBatches:
    """An endless, restorable stream of batches; see `make_dataset`.

    Attributes:
      share: rows of every batch that this process makes.
      fingerprint: what a position depends on, JSON-able; the same for every process and any number of them.
    """

    blocks: grain.MapDataset[Block]
    encoder: Encoder
    shapes: tuple[tuple[int, int], ...]
    seed: int
    window: int
    batch_size: int
    share: slice
    prefetch: int
    fingerprint: Mapping[str, Any]

    def __iter__(self) -> grain.DatasetIterator[Batch]:
        """A fresh iterator with `get_state()` and `set_state(state)`.

        The state is that of the last batch handed out, whatever has been made ahead, and restores in any process of
        any number of them.
        """
        stream = _StreamIterator(self)
        if not self.prefetch:
            return stream
        iterator = _Prefetched(stream, self.prefetch)
        atexit.register(_close, weakref.ref(iterator))
        return iterator


class _Prefetched(grain.experimental.ThreadPrefetchDatasetIterator[Batch]):
    """Grain's, quiet when the interpreter ends: modules that its `close` needs are gone by then."""

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if not finalizing():
            super().__del__()


def _close(reference: weakref.ref[_Prefetched]) -> None:
    """Ends the prefetching thread while the modules that it needs are still there."""
    iterator = reference()
    if iterator is not None:
        iterator.close()


class _StreamIterator(grain.DatasetIterator[Batch]):
    """Window after window; a state is the window, the batch in it, and which examples were carried into it."""

    def __init__(self, batches: TrainingBatches) -> None:
        super().__init__()
        self._batches = batches
        self._window, self._place = 0, 0
        self._carried: Rows | None = None
        self._carried_origins: list[int] = []  # flat, since prefetching copies the state of every batch
        self._opened: _Window | None = None

    def __next__(self) -> Batch:
        while self._opened is None or self._place == len(self._opened.plan):
            if self._opened is not None:
                self._carried, self._window, self._place = self._opened.rest, self._window + 1, 0
                self._carried_origins = self._carried.origins.ravel().tolist()
            self._opened = _Window(self._batches, self._window, self._carried)
        self._place += 1
        return self._opened.batch(self._place - 1)

    def get_state(self) -> dict[str, Any]:
        return {"window": self._window, "batch": self._place, "carried": self._carried_origins}

    def set_state(self, state: dict[str, Any]) -> None:
        self._window, self._place = int(state["window"]), int(state["batch"])
        self._carried_origins = [int(number) for number in state["carried"]]
        self._carried = self._read(list(zip(*[iter(self._carried_origins)] * 2, strict=True)))
        self._opened = _Window(self._batches, self._window, self._carried) if self._place else None

    def _read(self, origins: Sequence[tuple[int, int]]) -> Rows | None:
        """The examples at (block of the stream, row), in that order."""
        if not origins:
            return None
        numbers = sorted({block for block, _ in origins})
        rows = self._batches.encoder.rows([(number, self._batches.blocks[number]) for number in numbers])
        place = {tuple(origin): index for index, origin in enumerate(rows.origins.tolist())}
        return rows.take(np.array([place[origin] for origin in origins]))


class _Window:
    """The examples of some blocks, and the batches that they make.

    Attributes:
      plan: bucket and rows of each batch.
      rest: rows that fill no batch.
    """

    def __init__(self, batches: TrainingBatches, number: int, carried: Rows | None) -> None:
        self._batches = batches
        first = number * batches.window
        rows = batches.encoder.rows(
            [(place, batches.blocks[place]) for place in range(first, first + batches.window)], carried
        )
        self.plan, rest = cut(rows, batches.shapes, batches.batch_size, key=(batches.seed, number))
        self.rest = rows.take(rest)
        own = [chosen[batches.share] for _, chosen in self.plan]
        self._own = rows.take(np.concatenate(own)) if own else self.rest

    @functools.cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        return self._batches.encoder.arrays(self._own)

    def batch(self, place: int) -> Batch:
        """Batch `place` of the plan, this process's rows."""
        size = self._batches.share.stop - self._batches.share.start
        rows = slice(place * size, (place + 1) * size)
        return _fit(
            {name: array[rows] for name, array in self._arrays.items()}, self._batches.shapes[self.plan[place][0]]
        )


def _fit(arrays: Mapping[str, np.ndarray], shape: tuple[int, int]) -> Batch:
    """A batch of that padded shape."""
    widths = {"inputs": 0, "input_codes": 0, "targets": 1, "target_codes": 1, "weights": 1}
    fitted = {}
    for name, array in arrays.items():
        if name in widths:
            width = shape[widths[name]]
            missing = width - array.shape[1]
            if missing > 0:
                array = np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2))
            array = array[:, :width]
        fitted[name] = np.ascontiguousarray(array)
    return Batch(**fitted)


def evaluation_batches(
    directory: str | os.PathLike[str],
    split: str,
    task: Task,
    *,
    batch_size: int,
    limit: int | None = None,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[tuple[Batch, list[Example]]]:
    """This process's batches of `split` in order, all of one padded shape, each with its examples.

    Over all processes every example occurs once, and every process makes the same number of batches.  Rows that only
    fill a batch up are copies with weights 0 and example id -1; they have no entry in the list.

    Args:
      batch_size: rows of this process's batches.
      limit: the first so many examples of the split only, all processes together.

    Raises:
      RecordError: no such data set or split, made by another task, or damaged.
    """
    manifest = Manifest.read(directory)
    manifest.require(task)
    encoder, (shape,) = Encoder(task), _shapes(manifest, ())
    total = manifest.count(split) if limit is None else min(limit, manifest.count(split))
    waiting: list[Rows] = []
    examples: list[Example] = []
    given = 0
    for block in manifest.blocks(split):
        waiting.append(encoder.rows([(0, block)]))
        examples.extend(decode(stored, task) for stored in block.examples())
        while given < total and len(examples) >= min(batch_size * process_count, total - given):
            rows = Rows.join(waiting)
            count = min(batch_size * process_count, total - given)
            share = np.arange(batch_size * process_index, batch_size * (process_index + 1))
            arrays = encoder.arrays(rows.take(np.where(share < count, share, 0)))
            arrays["weights"] = arrays["weights"] * (share < count)[:, None].astype(np.float32)
            arrays["example_ids"] = np.where(share < count, arrays["example_ids"], -1)
            yield _fit(arrays, shape), [examples[row] for row in share if row < count]
            waiting, examples = [rows.take(np.arange(count, len(rows)))], examples[count:]
            given += count
        if given == total:
            return
