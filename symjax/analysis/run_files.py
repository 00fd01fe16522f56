"""What a run folder holds, read for the report.  Everything may be missing; what is there must be readable."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One folder of `evaluation/`: its name, its summary, and its rows if they are asked for."""

    name: str
    summary: Mapping[str, Any]
    parts: Sequence[pathlib.Path]

    def rows(self) -> list[Json]:
        """Every row of every part.

        Raises:
          ValueError: a line is not JSON.
        """
        return [row for part in self.parts for row in _lines(part, complete=True)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFiles:
    """A run folder.  `config`, `manifest` and `provenance` are None, the others empty, where there is no such file."""

    folder: pathlib.Path
    config: Json | None
    manifest: Json | None
    provenance: Json | None
    metrics: Sequence[Json]
    evaluations: Sequence[Evaluation]

    @classmethod
    def read(cls, run_dir: str | os.PathLike[str]) -> RunFiles:
        """The files of `run_dir`; evaluations of the test split first.

        Raises:
          FileNotFoundError: there is no such folder.
          ValueError: a file is not the JSON that it should be.
        """
        folder = pathlib.Path(run_dir)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder; name the folder of a run")
        evaluations = [
            Evaluation(
                name=path.parent.name, summary=_object(path) or {}, parts=sorted(path.parent.glob("part-*.jsonl"))
            )
            for path in sorted(folder.glob("evaluation/*/summary.json"))
        ]
        return cls(
            folder=folder,
            config=_object(folder / "config.json"),
            manifest=_object(folder / "dataset.json"),
            provenance=_object(folder / "provenance.json"),
            metrics=_lines(folder / "metrics.jsonl", complete=False),
            evaluations=sorted(evaluations, key=lambda found: (found.summary.get("suite") != "test", found.name)),
        )

    def series(self, kind: str, name: str) -> list[tuple[float, float]]:
        """(step, value) of every finite value of a metric of one kind of line ("train", "validation")."""
        return [
            (line["step"], line[name])
            for line in self.metrics
            if line.get("kind") == kind and isinstance(line.get(name), int | float)
        ]


def _object(path: pathlib.Path) -> Json | None:
    """The JSON object in `path`, None if there is no such file."""
    if not path.exists():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); remove it, or make it again") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}, not an object; remove it, or make it again")
    return value


def _lines(path: pathlib.Path, *, complete: bool) -> list[Json]:
    """The JSON objects of `path`, one a line; unless `complete`, a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    lines = [line for line in (lines if complete else lines[:-1]) if line]
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise ValueError(f"{path} has a line that is not JSON ({error}); evaluate or train again") from error
