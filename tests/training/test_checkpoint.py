from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax.training import optimizer as optimizers
from symjax.training import sharding
from symjax.training import step as steps
from symjax.training.checkpoint import Checkpointer, CheckpointError


@pytest.fixture(params=["adamw", "muon"])
def setting(stand_in, request):
    """A jitted step with dropout, a fresh state, and the state's shapes."""
    graphdef, params = stand_in.split(0.5)
    optimizer = optimizers.make_optimizer(num_steps=20, algorithm=request.param, learning_rate=1e-2, warmup_steps=5)
    mesh = sharding.make_mesh()
    fresh = lambda: steps.init_state(stand_in.arithmetic(params), optimizer, seed=0)  # noqa: E731
    shapes = jax.eval_shape(fresh)
    places = sharding.tree_shardings(shapes, mesh)
    abstract = jax.tree.map(lambda s, p: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=p), shapes, places)
    step = jax.jit(
        steps.make_train_step(graphdef, optimizer),
        donate_argnums=0,
        out_shardings=(places, sharding.replicated(mesh)),
    )
    return step, jax.jit(fresh, out_shardings=places), abstract


def run(step, state, batches):
    losses = []
    for batch in batches:
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    return state, losses


def save(checkpointer, step, state, score=None, **meta):
    metrics = {} if score is None else {"score": score}
    checkpointer.save(step, state, data_state={"place": step}, meta=meta, metrics=metrics)


def test_twenty_steps_equal_ten_saved_restored_and_ten(setting, stand_in, tmp_path):
    step, fresh, abstract = setting
    batches = [stand_in.batch(8, seed) for seed in range(20)]
    whole, losses = run(step, fresh(), batches)
    half, first = run(step, fresh(), batches[:10])
    checkpointer = Checkpointer(tmp_path)
    save(checkpointer, 10, half, window={"count": 0})
    checkpointer.close()
    state, position, meta = Checkpointer(tmp_path).restore(10, abstract)
    assert position == {"place": 10}
    assert meta == {"window": {"count": 0}}
    state, second = run(step, state, batches[10:])
    assert first + second == losses
    jax.tree.map(np.testing.assert_array_equal, state, whole)
    assert step._cache_size() == 1


def test_best_and_latest_both_stay(setting, tmp_path):
    _, fresh, _ = setting
    state = fresh()
    checkpointer = Checkpointer(tmp_path, keep_latest=2)
    for number, score in enumerate([0.1, 0.9, 0.3, None, 0.2], start=1):
        save(checkpointer, number, state, score)
    checkpointer.wait()
    assert checkpointer.best_step == 2
    assert checkpointer.latest_step == 5
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [2, 4, 5]
    assert Checkpointer(tmp_path).best_step == 2


def test_best_is_the_later_of_equals_and_the_latest_where_none_has_a_score(setting, tmp_path):
    _, fresh, _ = setting
    checkpointer = Checkpointer(tmp_path)
    assert checkpointer.best_step is None
    save(checkpointer, 1, fresh())
    assert checkpointer.best_step == 1
    for number in (2, 3):
        save(checkpointer, number, fresh(), 0.5)
    assert checkpointer.best_step == 3


def test_saving_a_step_twice_keeps_the_first(setting, tmp_path):
    _, fresh, abstract = setting
    checkpointer = Checkpointer(tmp_path)
    save(checkpointer, 1, fresh(), which="first")
    save(checkpointer, 1, fresh(), which="second")
    assert checkpointer.restore(1, abstract)[2] == {"which": "first"}


def change(abstract, path, leaf):
    return dataclasses.replace(abstract, params=abstract.params | {path: leaf})


def test_checkpoint_of_another_model_is_refused(setting, tmp_path):
    _, fresh, abstract = setting
    checkpointer = Checkpointer(tmp_path)
    save(checkpointer, 1, fresh())
    bias = abstract.params["out"]["bias"]
    wider = change(abstract, "out", abstract.params["out"] | {"bias": jax.ShapeDtypeStruct((12,), jnp.float32)})
    with pytest.raises(CheckpointError, match=r"params/out/bias is float32\[11\] there and float32\[12\] here"):
        checkpointer.restore(1, wider)
    half = change(abstract, "out", abstract.params["out"] | {"bias": jax.ShapeDtypeStruct(bias.shape, jnp.bfloat16)})
    with pytest.raises(CheckpointError, match=r"float32\[11\] there and bfloat16\[11\] here"):
        checkpointer.restore_params(1, half.params)
    with pytest.raises(CheckpointError, match="params/extra is missing there"):
        checkpointer.restore(1, change(abstract, "extra", bias))


def test_damaged_files_are_named(setting, tmp_path):
    _, fresh, abstract = setting
    checkpointer = Checkpointer(tmp_path)
    save(checkpointer, 1, fresh())
    checkpointer.close()
    largest = max((tmp_path / "1" / "params").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="1 cannot be read"):
        Checkpointer(tmp_path).restore(1, abstract)


KILLED_DURING_A_SAVE = """
import os, signal, sys
import jax.numpy as jnp
from symjax.training.checkpoint import Checkpointer
from symjax.training.step import TrainState

def state(value, size):
    return TrainState(step=jnp.int32(value), params={"a": jnp.full(size, value, jnp.float32)},
                      opt_state={"b": jnp.ones(2)},
                      key=jnp.zeros(2, jnp.uint32))

checkpointer = Checkpointer(sys.argv[1])
checkpointer.save(1, state(1, 3), data_state=None, meta={}, metrics={})
checkpointer.wait()
checkpointer.save(2, state(2, 50_000_000), data_state=None, meta={}, metrics={})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_during_a_save_leaves_the_checkpoint_before(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED_DURING_A_SAVE, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert "1" in os.listdir(tmp_path)
    assert len(os.listdir(tmp_path)) > 1, "the save was not under way; write more"
    checkpointer = Checkpointer(tmp_path)
    checkpointer.remove_unfinished()
    assert os.listdir(tmp_path) == ["1"]
    assert checkpointer.latest_step == 1
    assert checkpointer.restore_params(1, {"a": jax.ShapeDtypeStruct((3,), jnp.float32)})["a"].tolist() == [1, 1, 1]
    state = steps.TrainState(
        step=jnp.int32(2), params={"a": jnp.ones(3)}, opt_state={"b": jnp.ones(2)}, key=jnp.zeros(2, jnp.uint32)
    )
    checkpointer.save(2, state, data_state=None, meta={}, metrics={})
    checkpointer.wait()
    assert checkpointer.latest_step == 2


NO_ROOM = """
import resource, sys
import jax.numpy as jnp
from symjax.training.checkpoint import Checkpointer
from symjax.training.step import TrainState

state = TrainState(step=jnp.int32(1), params={"a": jnp.ones(3)}, opt_state={"b": jnp.ones(2)},
                   key=jnp.zeros(2, jnp.uint32))
checkpointer = Checkpointer(sys.argv[1])
checkpointer.save(1, state, data_state=None, meta={}, metrics={})
checkpointer.wait()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
large = TrainState(step=jnp.int32(2), params={"a": jnp.arange(1_000_000.0)}, opt_state=state.opt_state, key=state.key)
try:
    checkpointer.save(2, large, data_state=None, meta={}, metrics={})
    checkpointer.wait()
except OSError as error:
    print(error)
    sys.exit(5)
"""


def test_no_room_is_one_sentence_and_the_checkpoint_before_stays(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 5, done.stderr
    assert "no checkpoint could be written to" in done.stdout
    assert "make room where" in done.stdout
    assert Checkpointer(tmp_path).latest_step == 1


@pytest.mark.parametrize("options", [{"keep_latest": 0}, {"keep_best": 0}, {"save_every": -1}])
def test_bad_options(options, tmp_path):
    with pytest.raises(ValueError, match="must be at least"):
        Checkpointer(tmp_path, **options)
