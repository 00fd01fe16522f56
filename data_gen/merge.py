"""Shards with marked rows -> the files of the splits and the content of the manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from data_gen.shard import inputs_of
from symjax.data.manifest import SPLITS
from symjax.data.records import SCHEMA, ShardInfo, ShardReader, ShardWriter, Signature, StoredExample
from symjax.tasks import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarkedShard:
    """A shard, and what each of its rows becomes: 0 dropped, else 1 + the split's place in SPLITS."""

    path: pathlib.Path
    marks: UInt8[np.ndarray, "rows"]


def split_of(fingerprint: bytes, validation_fraction: float, test_fraction: float) -> str:
    """The split of a function: its fingerprint's BLAKE2b as a fraction of 1, test lowest, then validation."""
    digest = hashlib.blake2b(fingerprint, digest_size=8, person=b"symjax-split").digest()
    place = int.from_bytes(digest, "big") / 2**64
    if place < test_fraction:
        return "test"
    return "validation" if place < test_fraction + validation_fraction else "train"


def write_splits(
    directory: pathlib.Path,
    task: Task,
    config: Mapping[str, Any],
    shards: Sequence[MarkedShard],
    draws: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest's content, after writing the files of every split in the order of the attempts.

    Validation and test examples are marked `label_unseen`: whether their answer occurs nowhere in train.

    Raises:
      OSError: a file cannot be written.
    """
    labels: set[tuple[int, ...]] = set()
    lengths: dict[str, list[int]] = {"problem": [], "answer": []}
    splits: dict[str, Any] = {}
    for split in SPLITS:
        count = sum(int((shard.marks == 1 + SPLITS.index(split)).sum()) for shard in shards)
        unseen = 0
        with _SplitWriter(directory, split, count, task, config) as writer:
            for example in _rows(shards, 1 + SPLITS.index(split)):
                lengths["problem"].append(len(example.problem))
                lengths["answer"].append(len(example.answer))
                label = tuple(example.answer)
                if split == "train":
                    labels.add(label)
                else:
                    unseen += label not in labels
                    metadata = {**example.metadata, "label_unseen": label not in labels}
                    example = dataclasses.replace(example, metadata=metadata)
                writer.add(example)
            files = writer.close()
        splits[split] = {"count": count, "files": [dataclasses.asdict(file) for file in files]}
        splits[split] |= {"labels": len(labels)} if split == "train" else {"label_unseen": unseen}
    return _manifest(task, config, splits, lengths, draws)


def _rows(shards: Sequence[MarkedShard], mark: int) -> Iterator[StoredExample]:
    """The rows with that mark, in order."""
    for shard in shards:
        start = 0
        for block in ShardReader(shard.path):
            marks = shard.marks[start : start + len(block)]
            start += len(block)
            if (marks == mark).any():
                yield from (example for example, its in zip(block.examples(), marks, strict=True) if its == mark)


class _SplitWriter:
    """Writes `<split>-00000-of-000NN.<format>` files, each renamed into place when it is complete."""

    def __init__(self, directory: pathlib.Path, split: str, count: int, task: Task, config: Mapping[str, Any]) -> None:
        per_file, suffix = config["examples_per_file"], config["file_format"]
        number = max(1, -(-count // per_file))
        self._paths = [directory / f"{split}-{place:05}-of-{number:05}.{suffix}" for place in range(number)]
        self._per_file, self._format, self._signature = per_file, suffix, Signature.of(task)
        self._files: list[ShardInfo] = []
        self._count = 0
        self._writer = self._open()

    def _open(self) -> ShardWriter:
        return ShardWriter(self._paths[len(self._files)], self._signature, file_format=self._format)

    def add(self, example: StoredExample) -> None:
        if self._count == self._per_file:
            self._files.append(self._writer.close())
            self._writer, self._count = self._open(), 0
        self._writer.add(example)
        self._count += 1

    def close(self) -> list[ShardInfo]:
        return [*self._files, self._writer.close()]

    def __enter__(self) -> _SplitWriter:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._writer.discard()


def _manifest(
    task: Task,
    config: Mapping[str, Any],
    splits: Mapping[str, Any],
    lengths: Mapping[str, list[int]],
    draws: Mapping[str, Any],
) -> dict[str, Any]:
    content = {
        "schema": SCHEMA,
        "config": dict(config),
        "signature": dataclasses.asdict(Signature.of(task)),
        "vocabularies": {
            side: {"hash": vocabulary.hash, "tokens": list(vocabulary.tokens)}
            for side, vocabulary in (("problem", task.problem_vocabulary), ("answer", task.answer_vocabulary))
        },
        "splits": dict(splits),
        "lengths": {side: _length_statistics(values) for side, values in lengths.items()},
        "draws": draws["draws"],
    } | ({"inputs": inputs} if (inputs := inputs_of(task)) else {})
    # Versions, rates and checks differ between runs that write the same bytes, so the hash leaves them out.
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    facts = {"versions": _versions(), "rates": draws["rates"], "verified": draws["verified"]}
    return content | {"hash": digest, **facts}


def _length_statistics(values: list[int]) -> dict[str, float]:
    lengths = np.array(values)
    p50, p90, p99 = (int(value) for value in np.percentile(lengths, (50, 90, 99), method="nearest"))
    return {"mean": round(float(lengths.mean()), 3), "p50": p50, "p90": p90, "p99": p99, "max": int(lengths.max())}


def _versions() -> dict[str, str]:
    names = ("symjax", "numpy", "python-flint", "array-record")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}
