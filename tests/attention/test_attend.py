"""Every implementation of attention equals the reference, forward and gradient."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax import attention

B, T, S, H, K, D = 3, 5, 7, 2, 8, 6
OTHERS = [name for name in attention.names() if name != "reference"]


def inputs(keys: int = S) -> tuple[jax.Array, ...]:
    shapes = ((B, T, H, K), (B, keys, H, K), (B, keys, H, D), (B, T, H, D))
    return tuple(jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate(shapes))


CASES = {
    "all": {},
    "keys": {"key_lengths": jnp.array([7, 3, 1])},
    "queries": {"query_lengths": jnp.array([5, 2, 0])},
    "no_key": {"key_lengths": jnp.array([7, 0, 2]), "query_lengths": jnp.array([5, 5, 1])},
    "causal": {"causal": True},
    "causal_keys": {"causal": True, "key_lengths": jnp.array([5, 0, 2])},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", OTHERS)
def test_equals_the_reference(name: str, case: str) -> None:
    q, k, v, cotangent = inputs(T if CASES[case].get("causal") else S)

    def both(implementation: str) -> tuple[jax.Array, ...]:
        def run(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
            return attention.attend(q, k, v, scale=0.3, implementation=implementation, **CASES[case])

        out, pullback = jax.vjp(run, q, k, v)
        return out, *pullback(cotangent)

    for ours, truth in zip(jax.jit(both, static_argnums=0)(name), both("reference"), strict=True):
        np.testing.assert_allclose(ours, truth, rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", attention.names())
def test_is_softmax_over_what_may_be_seen(name: str) -> None:
    q, k, v, _ = inputs()
    out = attention.attend(q, k, v, scale=0.5, key_lengths=jnp.array([7, 3, 1]), implementation=name)
    scores = 0.5 * np.asarray(q)[1, 2, 0] @ np.asarray(k)[1, :3, 0].T
    weights = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(out[1, 2, 0], weights @ np.asarray(v)[1, :3, 0], atol=1e-5)
    np.testing.assert_allclose(out[2], np.broadcast_to(v[2, :1], (T, H, D)), atol=1e-5)


@pytest.mark.parametrize("name", attention.names())
def test_rows_that_see_nothing_are_zero(name: str) -> None:
    q, k, v, _ = inputs()
    lengths = {"key_lengths": jnp.array([7, 0, 2]), "query_lengths": jnp.array([5, 5, 1])}
    out = attention.attend(q * 1e4, k, v, scale=1.0, implementation=name, **lengths)
    assert np.isfinite(out).all()
    assert not out[1].any()
    assert not out[2, 1:].any()
    assert out[2, 0].any()


@pytest.mark.parametrize("name", attention.names())
def test_hidden_keys_have_no_influence(name: str) -> None:
    q, k, v, _ = inputs()
    lengths = {"key_lengths": jnp.array([7, 3, 1])}
    out = attention.attend(q, k, v, scale=1.0, implementation=name, **lengths)
    loud = attention.attend(q, k.at[1, 3:].add(50.0), v.at[1, 3:].add(50.0), scale=1.0, implementation=name, **lengths)
    np.testing.assert_array_equal(out, loud)


def test_bfloat16_stays_bfloat16() -> None:
    q, k, v, _ = (x.astype(jnp.bfloat16) for x in inputs())
    out = attention.attend(q, k, v, scale=0.3)
    assert out.dtype == jnp.bfloat16
    truth = attention.attend(q, k, v, scale=0.3, implementation="reference")
    np.testing.assert_allclose(out.astype(jnp.float32), truth.astype(jnp.float32), atol=0.05)


def test_unknown_implementation_is_refused_with_those_that_exist() -> None:
    q, k, v, _ = inputs()
    with pytest.raises(ValueError, match=r"'flash'.*reference, xla"):
        attention.attend(q, k, v, scale=1.0, implementation="flash")
