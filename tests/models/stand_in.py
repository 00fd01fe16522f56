"""Batches of random tokens for models, small and without a task."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from symjax import models

PROBLEM_TOKENS, ANSWER_TOKENS, CODE_DEPTH, CODE_SIZES = 11, 13, 4, (4, 5)
S, T = 7, 6


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batch:
    inputs: jax.Array
    input_codes: jax.Array
    input_lengths: jax.Array
    targets: jax.Array
    target_codes: jax.Array
    target_lengths: jax.Array


def random_batch(size: int = 3, seed: int = 0) -> Batch:
    """Rows of different lengths, the first one full; padding has id 0 and code 0."""
    rng = np.random.default_rng(seed)
    input_lengths, target_lengths = rng.integers(1, S + 1, size), rng.integers(1, T + 1, size)
    input_lengths[0], target_lengths[0] = S, T
    inputs, targets = rng.integers(3, PROBLEM_TOKENS, (size, S)), rng.integers(3, ANSWER_TOKENS, (size, T))
    input_codes = rng.integers(0, 4, (size, S, CODE_DEPTH))
    target_codes = np.stack([rng.integers(1, bound, (size, T)) for bound in CODE_SIZES], axis=-1)
    source, target = np.arange(S) < input_lengths[:, None], np.arange(T) < target_lengths[:, None]
    return Batch(
        inputs=jnp.asarray(inputs * source, jnp.int32),
        input_codes=jnp.asarray(input_codes * source[..., None], jnp.int8),
        input_lengths=jnp.asarray(input_lengths, jnp.int32),
        targets=jnp.asarray(targets * target, jnp.int32),
        target_codes=jnp.asarray(target_codes * target[..., None], jnp.int8),
        target_lengths=jnp.asarray(target_lengths, jnp.int32),
    )


def small(name: str = "tree_transformer", **options: object) -> models.Model:
    """The model `name` with one layer and 16 columns."""
    tiny = {"num_encoder_layers": 1, "num_decoder_layers": 1, "width": 16, "num_heads": 2, "mlp_width": 24}
    return models.load(
        name,
        problem_vocabulary_size=PROBLEM_TOKENS,
        answer_vocabulary_size=ANSWER_TOKENS,
        problem_code_depth=CODE_DEPTH,
        answer_code_sizes=CODE_SIZES,
        max_problem_length=S + 3,
        max_answer_length=T + 3,
        rngs=nnx.Rngs(0),
        **{**tiny, **options},
    )
