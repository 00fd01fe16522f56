"""Metrics to `metrics.jsonl` and TensorBoard, and what a resumed run does with the lines it wrote before."""

from __future__ import annotations

import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tensorboardX import SummaryWriter

# Fields that depend on the machine and the moment; a resumed run's file equals an unbroken one's without them.
TIMING_FIELDS = ("seconds", "examples_per_second", "tokens_per_second", "model_flops_utilisation")


class MetricsWriter:
    """Appends one JSON object a line, `{"step": .., "kind": .., name: value, ..}`, and the same to TensorBoard.

    Args:
      run_dir: `metrics.jsonl` and `tensorboard/` are made in it.
      resume_step: lines of later steps are dropped, since they are going to be written again, and so is a last line
        that a kill cut short.
      active: False on all processes but the first: nothing is written.
    """

    def __init__(self, run_dir: pathlib.Path, *, resume_step: int = 0, active: bool = True) -> None:
        self._file = self._board = None
        if not active:
            return
        run_dir.mkdir(parents=True, exist_ok=True)
        path = run_dir / "metrics.jsonl"
        keep_until(path, resume_step)
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(run_dir / "tensorboard"), purge_step=resume_step + 1)

    def write(self, step: int, kind: str, values: Mapping[str, Any]) -> None:
        """One line.  `kind` is "train" or "validation"; numbers that are not finite become null."""
        if self._file is None or self._board is None:
            return
        line = {"step": step, "kind": kind, **{name: _json_number(value) for name, value in values.items()}}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in values.items():
            if value is not None:
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Flushes both."""
        if self._file is not None and self._board is not None:
            self._file.close()
            self._board.close()


def read_metrics(path: pathlib.Path) -> list[dict[str, Any]]:
    """The complete lines of a metrics file; a last line cut short by a kill is left out.

    Raises:
      ValueError: a line that is not the last one is not JSON.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    found = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: line {number} is not JSON ({error.msg}); remove or repair that line") from error
    return found


def keep_until(path: pathlib.Path, step: int) -> None:
    """Drops from the metrics file what lies behind `step`; the file is replaced as a whole or not at all."""
    if not path.exists():
        return
    kept = [json.dumps(line) + "\n" for line in read_metrics(path) if line["step"] <= step]
    beside = path.with_suffix(".jsonl.tmp")
    beside.write_text("".join(kept), encoding="utf-8")
    os.replace(beside, path)


def _json_number(value: Any) -> Any:
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    return float(value) if math.isfinite(value) else None
