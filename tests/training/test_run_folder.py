from __future__ import annotations

import subprocess

import pytest

from symjax.training import run_folder


def git(folder, *arguments):
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_provenance_names_the_commit_and_whether_the_code_is_that_of_it(tmp_path, monkeypatch):
    manifest = tmp_path / "taylor-abc" / "dataset.json"
    manifest.parent.mkdir()
    manifest.write_text("{}")
    code = tmp_path / "code.py"
    monkeypatch.setattr(run_folder, "__file__", str(code))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_folder.provenance(manifest)["commit"] == "unknown"
    code.write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-qm", "first")
    git(tmp_path, "tag", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert run_folder.provenance(manifest)["commit"] == head
    code.write_text("2")
    assert run_folder.provenance(manifest)["commit"] == f"{head} and changes"


@pytest.mark.parametrize("change", [{"evals": {"suite": "test"}}, {"data": {"prefetch": 0}}, {"checkpoint": {}}])
def test_what_no_update_depends_on_may_change(change, tmp_path):
    begun = {"evals": {"suite": "validation"}, "data": {"prefetch": 8, "window": 4}, "checkpoint": {"keep_best": 1}}
    run_folder.write_json(tmp_path / "config.json", begun)
    run_folder.check_config(tmp_path, begun | change | {"data": begun["data"] | change.get("data", {})})
    with pytest.raises(ValueError, match=r"was begun with data\.window=4 and this start has 5"):
        run_folder.check_config(tmp_path, begun | {"data": {"prefetch": 8, "window": 5}})


def test_a_run_without_a_readable_config_cannot_go_on(tmp_path):
    with pytest.raises(ValueError, match=r"config\.json cannot be read .* choose another --workdir"):
        run_folder.check_config(tmp_path, {})
