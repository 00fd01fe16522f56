"""A stand-in model and batch, small enough to compile in a second."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

VOCABULARY = 11
WIDTH = 16


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class StandInBatch:
    inputs: np.ndarray
    input_codes: np.ndarray
    input_lengths: np.ndarray
    targets: np.ndarray
    target_codes: np.ndarray
    target_lengths: np.ndarray
    weights: np.ndarray
    example_ids: np.ndarray


class StandInModel(nnx.Module):
    """Bag of the problem plus the token before; dropout so that keys matter."""

    def __init__(self, rngs: nnx.Rngs, dropout: float = 0.0):
        self.problem = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.answer = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.place = nnx.Embed(6, WIDTH, rngs=rngs)
        self.hidden = nnx.Dict(up=nnx.Linear(WIDTH, 2 * WIDTH, rngs=rngs))
        self.layers = nnx.List([nnx.Linear(2 * WIDTH, 2 * WIDTH, rngs=rngs) for _ in range(2)])
        self.out = nnx.Linear(2 * WIDTH, VOCABULARY, rngs=rngs)
        self.dropout = nnx.Dropout(dropout)

    def __call__(self, batch, *, key=None):
        shifted = jnp.pad(batch.targets[:, :-1], ((0, 0), (1, 0)), constant_values=1)
        x = self.problem(batch.inputs).mean(1, keepdims=True) + self.answer(shifted) + self.place(jnp.arange(6))[None]
        x = nnx.relu(self.hidden.up(x))
        for layer in self.layers:
            x = x + nnx.relu(layer(x))
        return self.out(self.dropout(x, deterministic=key is None, rngs=key))


def make_batch(size: int = 8, seed: int = 0) -> StandInBatch:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 7, size)
    targets = rng.integers(3, VOCABULARY, (size, 6)).astype(np.int32)
    real = np.arange(6) < lengths[:, None]
    return StandInBatch(
        inputs=rng.integers(3, VOCABULARY, (size, 5)).astype(np.int32),
        input_codes=np.zeros((size, 5, 4), np.int8),
        input_lengths=np.full(size, 5, np.int32),
        targets=np.where(real, targets, 0).astype(np.int32),
        target_codes=np.zeros((size, 6, 2), np.int8),
        target_lengths=lengths.astype(np.int32),
        weights=real.astype(np.float32),
        example_ids=np.arange(size, dtype=np.int64),
    )


def split_model(dropout: float = 0.0):
    graphdef, params = nnx.split(StandInModel(nnx.Rngs(0), dropout))
    return graphdef, nnx.to_pure_dict(params)


def arithmetic(params):
    """The same parameters on every version and machine: no random generator."""

    def fill(path, leaf):
        number = sum(map(ord, jax.tree_util.keystr(path))) % 97
        return jnp.asarray(np.sin(np.arange(leaf.size) * 0.7 + number).reshape(leaf.shape) * 0.3, jnp.float32)

    return jax.tree_util.tree_map_with_path(fill, params)


@pytest.fixture
def stand_in():
    return SimpleNamespace(split=split_model, batch=make_batch, arithmetic=arithmetic, vocabulary_size=VOCABULARY)


@pytest.fixture(autouse=True)
def _standard_promotion():
    """Optax itself raises floats to integer powers, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield
