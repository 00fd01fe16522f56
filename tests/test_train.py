"""Runs, small but whole: started, stopped, killed, resumed, refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal

import jax
import numpy as np
import pytest

from symjax import train
from symjax.assembly import set_up
from symjax.training.checkpoint import Checkpointer
from symjax.training.progress import DivergenceError, Interrupted
from symjax.training.run_folder import locked
from tests.small_run import assert_same_run, command, finish, lines, params, small, wait_for


@pytest.fixture(autouse=True)
def _standard_promotion():
    """Optax itself raises floats to integer powers, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_a_run_leaves_what_the_map_of_the_house_says(data):
    run_dir = data / "runs" / "unbroken"
    for name in (
        "config.json",
        "provenance.json",
        "dataset.json",
        "report.html",
        "evaluation/test-greedy/summary.json",
    ):
        assert (run_dir / name).stat().st_size > 0
    found = lines(run_dir)
    assert [line["step"] for line in found if line["kind"] == "train"] == [2, 4, 6, 8, 10, 12]
    assert [line["step"] for line in found if line["kind"] == "validation"] == [6, 12]
    assert all(np.isfinite(line["loss"]) for line in found if line["kind"] == "train")
    assert {"proved", "cross_entropy", "token_accuracy"} <= set(found[-1])
    summary = json.loads((run_dir / "evaluation/test-greedy/summary.json").read_text())
    assert summary["provenance"]["checkpoint_step"] in (6, 12)


def test_the_same_again_changes_nothing_but_the_evaluation(data, tmp_path, capfd):
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    run_dir = tmp_path / "runs" / "unbroken"
    train.train_and_evaluate(small(), run_dir)
    assert_same_run(run_dir, data / "runs" / "unbroken")
    assert "going on at step 12 of 12" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_saves_and_the_same_command_goes_on(name, workdir, data, monkeypatch):
    number = signal.Signals[name]
    say = train.say

    def say_and_signal(message):
        say(message)
        if message.startswith("step  4/"):
            signal.raise_signal(number)

    monkeypatch.setattr(train, "say", say_and_signal)
    with pytest.raises(Interrupted, match=r"saved step 5 of 12 .* the same command goes on") as stop:
        train.train_and_evaluate(small(checkpoint__save_every=0), workdir)
    assert stop.value.signal_number == number
    monkeypatch.setattr(train, "say", say)
    train.train_and_evaluate(small(checkpoint__save_every=0), workdir)
    assert_same_run(workdir, data / "runs" / "unbroken")


def test_kill_during_a_checkpoint_save_then_the_same_command(workdir, data):
    process = command(workdir)
    checkpoints = workdir / "checkpoints"

    def stopped_while_saving():
        if not ((checkpoints / "4").exists() and any(checkpoints.glob("*.orbax-checkpoint-tmp*"))):
            return False
        process.send_signal(signal.SIGSTOP)
        if any(checkpoints.glob("*.orbax-checkpoint-tmp*")):
            return True
        process.send_signal(signal.SIGCONT)
        return False

    wait_for(stopped_while_saving, process)
    process.kill()
    process.communicate()
    assert any(checkpoints.glob("*.orbax-checkpoint-tmp*"))
    assert "going on at step" in finish(command(workdir))
    assert_same_run(workdir, data / "runs" / "unbroken")


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 6, 10])
def test_kill_during_training_then_the_same_command(step, workdir, data):
    process = command(workdir, "--config.checkpoint.save_every=4")
    metrics = workdir / "metrics.jsonl"
    wait_for(lambda: metrics.exists() and f'"step": {step},' in metrics.read_text(), process)
    process.kill()
    process.communicate()
    finish(command(workdir, "--config.checkpoint.save_every=4"))
    assert_same_run(workdir, data / "runs" / "unbroken")


def test_no_number_stops_the_run_and_names_the_last_good_checkpoint(workdir):
    config = small(optimizer__learning_rate=1e20, optimizer__clip_norm=0.0, optimizer__warmup_steps=0)
    with pytest.raises(
        DivergenceError, match=r"is (nan|inf) at step \d+; the last good checkpoint is .*/checkpoints/\d+"
    ):
        train.train_and_evaluate(config, workdir)
    steps = [int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()]
    assert steps
    leaves = jax.tree.leaves(params(workdir, min(steps)))
    assert all(np.isfinite(leaf).all() for leaf in leaves)


def test_parameters_that_are_no_numbers_are_not_saved(workdir, monkeypatch):
    """The step before was good: its loss and its gradient were finite, only the update was not."""
    make = train.make_train_step

    def spoiling(*arguments, **options):
        step = make(*arguments, **options)

        def spoiled(state, batch):
            state, metrics = step(state, batch)
            bad = jax.tree.map(
                lambda leaf: jax.numpy.where(state.step == 4, leaf * np.float32("nan"), leaf), state.params
            )
            return dataclasses.replace(state, params=bad), metrics

        return spoiled

    monkeypatch.setattr(train, "make_train_step", spoiling)
    message = r"a parameter is no number after step 4; the last good checkpoint is .*/checkpoints/2;"
    with pytest.raises(DivergenceError, match=message):
        train.train_and_evaluate(small(checkpoint__save_every=2), workdir)


def test_a_signal_after_the_last_step_ends_the_run_before_the_evaluation(workdir, monkeypatch):
    say = train.say

    def say_and_signal(message):
        say(message)
        if message.startswith("step 1 | validation"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(train, "say", say_and_signal)
    with pytest.raises(Interrupted, match=r"Ctrl-C: saved step 1 of 1 .* the same command goes on"):
        train.train_and_evaluate(small(train__num_steps=1), workdir)
    assert not (workdir / "evaluation").exists()


def test_the_validation_loss_weighs_tokens_as_training_does(workdir):
    """Same parameters: where only exponents count, the loss is that of exponents."""
    losses = []
    for weights in ((), ((".*", 2.0),), (("E.*", 1.0), (".*", 0.0))):
        setup = set_up(small(train__token_weights=weights), workdir)
        losses.append(train.make_validation(setup)(setup.init().params)["cross_entropy"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert abs(losses[2] - losses[0]) > 0.01


def test_patience_ends_training(workdir):
    config = small(optimizer__learning_rate=1e-30, train__patience=1, train__eval_every=2, train__log_every=1)
    train.train_and_evaluate(config, workdir)
    assert lines(workdir)[-1]["step"] == 4


def test_a_run_can_start_from_the_parameters_of_another(workdir, data):
    source = data / "runs" / "unbroken"
    config = small(train__init_from=str(source), optimizer__learning_rate=1e-30, train__num_steps=1)
    train.train_and_evaluate(config, workdir)
    best = Checkpointer(source / "checkpoints").best_step
    jax.tree.map(np.testing.assert_array_equal, params(workdir, 1), params(source, best))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer__learning_rate": 0.5}, r"begun with optimizer.learning_rate=0.005 and this start has 0.5"),
        ({"model__width": 32}, r"begun with model.width=16 and this start has 32"),
        ({"data__batch_size": 16}, r"begun with data.batch_size=8 and this start has 16"),
    ],
)
def test_another_config_in_the_same_folder_is_refused(change, message, data):
    run_dir = data / "runs" / "unbroken"
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=message):
        train.train_and_evaluate(small(**change), run_dir)
    with pytest.raises(ValueError, match=message):
        train.evaluate(small(**change), run_dir)
    assert {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train__num_steps": 0}, "train.num_steps is 0; it must be at least 1"),
        ({"train__token_weights": (("q", 1.0),)}, "'q' matches no answer token"),
        ({"train__label_smoothing": 1.0}, "train.label_smoothing is 1.0; it must be at least 0 and below 1"),
        ({"model__num_heads": 0}, "model.num_heads is 0; it must be at least 1"),
        ({"model__mlp_width": 0}, "model.mlp_width is 0; it must be at least 1"),
        ({"model__num_encoder_layers": -1}, "model.num_encoder_layers is -1; it must be at least 0"),
        ({"train__mesh_model": 2}, "mesh_model 2 does not divide the 1 devices"),
        ({"train__init_from": "/nowhere"}, "/nowhere is no run folder"),
        ({"train__gradient_accumulation": 3}, "in 3 accumulation steps; use a multiple of 3"),
        ({"optimizer__schedule": "linear"}, "unknown schedule 'linear'"),
        ({"evals__decoder": "guess"}, "unknown evals.decoder 'guess'; known decoders: greedy"),
        ({"evals__suite": "exam"}, "unknown evals.suite 'exam'; known suites: train, validation, test"),
        ({"task__layout": "round"}, "taylor has no layout 'round'"),
    ],
)
def test_bad_values_are_refused_before_anything_is_made(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train.train_and_evaluate(small(**change), tmp_path / "runs" / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("start", [train.train_and_evaluate, train.evaluate])
def test_another_data_set_under_the_same_name_is_refused(start, data, tmp_path):
    """Made by another version of the program, say: its test items may be what this model was trained on."""
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    (manifest,) = tmp_path.glob("data/*/dataset.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"hash": "0123"}))
    with pytest.raises(ValueError, match=r"runs/unbroken was made with the input data='.*', this run has '0123'"):
        start(small(), tmp_path / "runs" / "unbroken")


def test_evaluating_what_was_never_trained(tmp_path):
    with pytest.raises(ValueError, match="holds no run; train it first"):
        train.evaluate(small(), tmp_path / "runs" / "run")


def test_evaluation_alone_gives_the_same_summary(data, tmp_path):
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    run_dir = tmp_path / "runs" / "unbroken"
    path = run_dir / "evaluation/test-greedy/summary.json"
    before = json.loads(path.read_text())
    path.unlink()
    train.evaluate(small(), run_dir)
    after = json.loads(path.read_text())
    assert after["predictors"] == before["predictors"]


@pytest.mark.parametrize("start", [train.train_and_evaluate, train.evaluate])
def test_a_workdir_that_is_a_file(start, tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ValueError, match=r"--workdir .*/file is no folder; name one, or a place for a new one"):
        start(small(), path)


def test_two_starts_in_one_folder(workdir, data):
    with locked(workdir), pytest.raises(OSError, match="another process is working in"):
        train.train_and_evaluate(small(), workdir)


def test_the_best_checkpoint_is_that_which_solves_most():
    general, particular = (
        {"proved": proved, "solved": solved, "cross_entropy": 1.0} for proved, solved in ((0.2, 0.2), (0.5, 0.1))
    )
    assert train._score(general) > train._score(particular)
    assert train._score({"proved": 0.3, "cross_entropy": 1.0}) > train._score({"proved": 0.3, "cross_entropy": 2.0})
