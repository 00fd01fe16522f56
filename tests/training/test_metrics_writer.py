from __future__ import annotations

import json
import math

import pytest

from symjax.training.metrics_writer import MetricsWriter, keep_until, read_metrics


def write(folder, steps, resume_step=0):
    writer = MetricsWriter(folder, resume_step=resume_step)
    for step in steps:
        writer.write(step, "train", {"loss": 1.0 / step})
    writer.close()


def test_lines_are_objects_with_step_and_kind(tmp_path):
    writer = MetricsWriter(tmp_path)
    writer.write(3, "validation", {"loss": 0.5, "rmse": math.nan, "rate": None})
    writer.close()
    assert read_metrics(tmp_path / "metrics.jsonl") == [
        {"step": 3, "kind": "validation", "loss": 0.5, "rmse": None, "rate": None}
    ]
    assert list((tmp_path / "tensorboard").iterdir())


def test_resumed_file_equals_an_unbroken_one(tmp_path):
    write(tmp_path / "unbroken", range(1, 9))
    write(tmp_path / "resumed", range(1, 7))
    path = tmp_path / "resumed" / "metrics.jsonl"
    with path.open("a") as file:
        file.write('{"step": 7, "lo')
    write(tmp_path / "resumed", range(5, 9), resume_step=4)
    assert path.read_bytes() == (tmp_path / "unbroken" / "metrics.jsonl").read_bytes()


def test_only_a_last_line_may_be_cut_short(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        read_metrics(path)
    keep = path.read_text()
    with pytest.raises(ValueError, match="line 2"):
        keep_until(path, 3)
    assert path.read_text() == keep


def test_numbers_survive_exactly(tmp_path):
    write(tmp_path, [3, 7])
    assert [line["loss"] for line in read_metrics(tmp_path / "metrics.jsonl")] == [1 / 3, 1 / 7]
    keep_until(tmp_path / "metrics.jsonl", 3)
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["loss"] == 1 / 3


def test_inactive_writer_touches_nothing(tmp_path):
    writer = MetricsWriter(tmp_path, active=False)
    writer.write(1, "train", {"loss": 1.0})
    writer.close()
    assert not list(tmp_path.iterdir())
