"""Building blocks against plain definitions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax.models import layers


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3), (4, 4)])
def test_product_has_the_gradients_of_a_matrix_product(inputs: int, outputs: int) -> None:
    x, kernel, cotangent = (
        jax.random.normal(jax.random.key(i), shape)
        for i, shape in enumerate(((2, 6, inputs), (inputs, outputs), (2, 6, outputs)))
    )
    out, pullback = jax.vjp(layers.product, x, kernel)
    truth, true_pullback = jax.vjp(jnp.matmul, x, kernel)
    for ours, theirs in zip((out, *pullback(cotangent)), (truth, *true_pullback(cotangent)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_linear_gives_heads_and_keeps_the_type() -> None:
    layer = layers.Linear(8, (2, 3), rngs=nnx.Rngs(0))
    x = jax.random.normal(jax.random.key(0), (4, 5, 8))
    np.testing.assert_allclose(layer(x), jnp.einsum("bld,dhk->blhk", x, layer.kernel[...]), atol=1e-5)
    assert layer(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_linear_keeps_the_variance() -> None:
    x = jax.random.normal(jax.random.key(0), (100, 64))
    assert 0.8 < float(layers.Linear(64, 256, rngs=nnx.Rngs(0))(x).std()) < 1.2


def test_norm_gives_mean_0_and_variance_1() -> None:
    x = 100 + 7 * jax.random.normal(jax.random.key(0), (3, 4, 64))
    y = layers.Norm(64)(x)
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(-1), 1, atol=1e-3)


def test_normalise_has_the_gradients_of_its_definition() -> None:
    def definition(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
        variance = jnp.square(x - x.mean(-1, keepdims=True)).mean(-1, keepdims=True)
        unit = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(variance + 1e-6)
        return unit * scale[None, None] + bias[None, None]

    x, scale, bias = (jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate(((2, 5, 8), (8,), (8,))))
    cotangent = jax.random.normal(jax.random.key(3), x.shape)
    out, pullback = jax.vjp(layers.normalise, x, scale, bias)
    truth, true_pullback = jax.vjp(definition, x, scale, bias)
    for ours, theirs in zip((out, *pullback(cotangent)), (truth, *true_pullback(cotangent)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    x = jnp.ones((200, 200))
    y = layers.dropout(x, 0.25, jax.random.key(0))
    assert abs(float((y == 0).mean()) - 0.25) < 0.01
    assert abs(float(y.mean()) - 1) < 0.02
    assert layers.dropout(x, 0.25, None) is x
