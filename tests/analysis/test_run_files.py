from __future__ import annotations

import pytest

from symjax.analysis.run_files import RunFiles


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "kind": "train", "loss": 2.0}\n{"step": 2, "kind": "tr')
    assert RunFiles.read(tmp_path).series("train", "loss") == [(1, 2.0)]


def test_a_broken_line_in_the_middle_is_an_error(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1,\n{"step": 2}\n')
    with pytest.raises(ValueError, match=r"metrics.jsonl has a line that is not JSON"):
        RunFiles.read(tmp_path)


def test_series_are_of_one_kind_and_skip_null(tmp_path):
    lines = ['{"step": 1, "kind": "train", "loss": 2}', '{"step": 2, "kind": "train", "loss": null}']
    lines += ['{"step": 2, "kind": "validation", "loss": 3.5}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    run = RunFiles.read(tmp_path)
    assert run.series("train", "loss") == [(1, 2)]
    assert run.series("validation", "loss") == [(2, 3.5)]
    assert run.series("validation", "none") == []


def test_a_file_that_is_no_object_is_named(tmp_path):
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"config.json holds a list, not an object"):
        RunFiles.read(tmp_path)
