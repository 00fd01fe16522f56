"""The manifest of a data set, `dataset.json`, and the examples that it lists.  No JAX, no Grain.

The manifest is written last, so a folder that has one is complete.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
from collections.abc import Iterator, Mapping
from typing import Any, Self

from symjax.data.records import PARTIAL, SCHEMA, Block, RecordError, ShardInfo, ShardReader, Signature, decode
from symjax.tasks import Example, Task

MANIFEST = "dataset.json"
SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a data set says of itself.

    Attributes:
      directory: the folder.
      hash: changes with the configuration, the counts and the bytes of any file.
      signature: what the ids mean.
      files: split -> its shards in order.
      max_problem_length, max_answer_length: tokens of the longest problem and answer of any split, `<eos>` not counted.
      content: the whole JSON object.
    """

    directory: pathlib.Path
    hash: str
    signature: Signature
    files: Mapping[str, tuple[ShardInfo, ...]]
    max_problem_length: int
    max_answer_length: int
    content: Mapping[str, Any]

    @classmethod
    def read(cls, directory: str | os.PathLike[str]) -> Self:
        """The manifest in `directory`.

        Raises:
          RecordError: there is none (the folder is no finished data set), or it cannot be read.
        """
        path = pathlib.Path(directory) / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RecordError(
                f"{path} does not exist, so {directory} is no finished data set; make it with python -m data_gen"
            ) from None
        except (OSError, ValueError) as error:
            raise RecordError(f"{path} cannot be read ({error}); generate the data set again") from None
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != SCHEMA:
            raise RecordError(
                f"{path} has record schema {schema}, this program reads schema {SCHEMA}; generate the data set again"
            )
        try:
            return cls(
                directory=pathlib.Path(directory),
                hash=content["hash"],
                signature=Signature(**content["signature"]),
                files={
                    split: tuple(ShardInfo(**file) for file in content["splits"][split]["files"]) for split in SPLITS
                },
                max_problem_length=content["lengths"]["problem"]["max"],
                max_answer_length=content["lengths"]["answer"]["max"],
                content=content,
            )
        except (KeyError, TypeError) as error:
            raise RecordError(
                f"{path} is no manifest of symjax (missing {error}); generate the data set again"
            ) from None

    def count(self, split: str) -> int:
        """Number of examples of `split`."""
        return sum(file.count for file in self.shards(split))

    def shards(self, split: str) -> tuple[ShardInfo, ...]:
        """The shards of `split`.

        Raises:
          RecordError: there is no such split.
        """
        if split not in self.files:
            raise RecordError(f"{self.directory} has no split {split!r}; it has: {', '.join(self.files)}")
        return self.files[split]

    def require(self, task: Task) -> None:
        """Raises a RecordError unless the data set was made by `task` with the same options."""
        Signature.of(task).require(self.signature, str(self.directory))
        made, wanted = self.content["config"]["task_options"], plain(task.options)
        if "imported" in self.content["config"]:
            self._require_room(task, made.get("code_depth", 0))
            return
        for name in sorted(set(made) | set(wanted)):
            if made.get(name) != wanted.get(name):
                raise RecordError(
                    f"{self.directory} was made with task option {name}={made.get(name)!r}, this run has "
                    f"{wanted.get(name)!r}; use the same options, or another data set"
                )

    def _require_room(self, task: Task, code_depth: int) -> None:
        """Raises a RecordError unless `task` takes what was imported, whatever its other options say."""
        for option, holds, takes in (
            ("max_problem_tokens", self.max_problem_length, task.max_problem_length),
            ("max_answer_tokens", self.max_answer_length + 1, task.max_answer_length),
            ("code_depth", code_depth, task.code_depth),
        ):
            if holds > takes:
                raise RecordError(
                    f"{self.directory} was imported with room for {option} {holds}, this run has {takes}; "
                    f"raise the task's {option}, or import with --option={option}={takes}"
                )

    def readers(self, split: str) -> list[ShardReader]:
        """Readers of the shards of `split`, in order; sizes and entries are checked against the manifest."""
        return [
            ShardReader(self.directory / file.name, signature=self.signature, info=file) for file in self.shards(split)
        ]

    def blocks(self, split: str) -> Iterator[Block]:
        """Blocks of `split` in order.

        Raises:
          RecordError: a shard is missing, truncated or damaged, or holds fewer or more examples than listed.
        """
        for reader, file in zip(self.readers(split), self.shards(split), strict=True):
            found = 0
            for block in reader:
                found += len(block)
                yield block
            if found != file.count:
                raise RecordError(
                    f"{reader.path} holds {found} examples instead of {file.count}; "
                    "delete the data set and generate it again"
                )


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest's content with its hash, and with the versions and whatever else the hash must leave out."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    names = ("symjax", "numpy", "python-flint", "array-record")
    versions = {name: importlib.metadata.version(name) for name in names}
    return {**content, "hash": digest, "versions": {"python": platform.python_version(), **versions}}


def write_manifest(path: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes a manifest beside its place and renames it there.

    Raises:
      OSError: it cannot be written.
    """
    partial = path.with_name(path.name + PARTIAL)
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def plain(value: Any) -> Any:
    """`value` as it comes back from JSON: tuples are lists, keys are strings."""
    return json.loads(json.dumps(dict(value) if isinstance(value, Mapping) else value))


def load_examples(directory: str | os.PathLike[str], split: str, task: Task, limit: int | None = None) -> list[Example]:
    """The first `limit` examples of `split` (all of them for None), in the order of the files.

    Raises:
      RecordError: no such data set or split, made by another task, or damaged.
    """
    manifest = Manifest.read(directory)
    manifest.require(task)
    examples: list[Example] = []
    for block in manifest.blocks(split):
        for stored in block.examples():
            if limit is not None and len(examples) >= limit:
                return examples
            examples.append(decode(stored, task))
    return examples
