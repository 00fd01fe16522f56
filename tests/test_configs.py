"""Every config and preset: parses, fits its constructors, and `:tiny` runs through `main.py`."""

from __future__ import annotations

import importlib.util
import pathlib

import jax
import pytest

from symjax.assembly import set_up
from tests.small_run import ROOT, command, finish

FILES = sorted(path for path in (ROOT / "configs").glob("*.py") if not path.name.startswith("_"))


def load(path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PRESETS = [(path, preset) for path in FILES for preset in load(path).PRESETS]


@pytest.mark.parametrize(("path", "preset"), PRESETS, ids=lambda value: getattr(value, "stem", value or "default"))
def test_preset_fits_its_constructors(path, preset, tmp_path):
    module = load(path)
    config = module.get_config(preset)
    with jax.numpy_dtype_promotion("standard"):
        setup = set_up(config, tmp_path / "runs" / "run")
    assert config.is_locked
    assert sum(map(len, module.PRESETS[preset].values())) <= 40
    assert setup.manifest.parent.parent == tmp_path / "data"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tiny_is_there_and_others_are_refused(path):
    module = load(path)
    assert {"", "tiny"} <= set(module.PRESETS)
    with pytest.raises(ValueError, match="unknown preset 'huge'; known presets: "):
        module.get_config("huge")


def test_runs_of_all_seeds_share_their_data(tmp_path):
    module = load(FILES[0])
    found = []
    for seed in (0, 1):
        config = module.get_config("tiny")
        config.seed = seed
        with jax.numpy_dtype_promotion("standard"):
            found.append(set_up(config, tmp_path / "runs" / str(seed)).manifest)
    assert found[0] == found[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tiny_runs_two_steps_through_main(path, tmp_path):
    steps = ["--config.train.num_steps=2", "--config.train.log_every=1", "--config.evals.num_examples=8"]
    steps += ["--config.evals.solver_examples=1", "--config.evals.solver_seconds=1.0"]
    steps += ["--config.evals.reference_verdicts=1"]
    steps += ["--config.dataset.num_examples=300", "--config.dataset.shard_attempts=400"]
    process = command(None, *steps, config=f"{path}:tiny", flags=(), cwd=tmp_path)
    output = finish(process)
    assert "step 2/2" in output
    assert "1 compilation(s)" in output
    run_dir = tmp_path / "runs" / f"{path.stem}-tiny"
    assert (run_dir / "report.html").exists()
    assert len(list((tmp_path / "data").iterdir())) == 1
