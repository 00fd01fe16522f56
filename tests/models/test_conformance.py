"""What every model owes: the suite runs over all that `models.names()` finds, under every position scheme."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax import models
from symjax.attention import positions
from symjax.tokenization.vocabulary import BOS_ID, PAD_ID
from tests.models.stand_in import ANSWER_TOKENS, Batch, S, T, random_batch, small

CASES = [(name, scheme) for name in models.names() for scheme in positions.NAMES]


@functools.cache
def case(name: str, scheme: str) -> tuple[models.Model, Batch]:
    return small(name, positions=scheme), random_batch()


@functools.cache
def compiled(name: str, scheme: str) -> Callable[[nnx.State, Batch], jax.Array]:
    graphdef, _ = nnx.split(case(name, scheme)[0])
    return jax.jit(lambda params, batch: nnx.merge(graphdef, params)(batch))


def logits(name: str, scheme: str, batch: Batch) -> np.ndarray:
    return np.asarray(compiled(name, scheme)(nnx.state(case(name, scheme)[0]), batch))


def pad(batch: Batch, source: int, target: int) -> Batch:
    """The same rows with more padding."""

    def longer(x: jax.Array, by: int) -> jax.Array:
        return jnp.pad(x, ((0, 0), (0, by), *((0, 0),) * (x.ndim - 2)), constant_values=PAD_ID)

    by = {"inputs": source, "input_codes": source, "targets": target, "target_codes": target}
    return dataclasses.replace(batch, **{name: longer(getattr(batch, name), n) for name, n in by.items()})


def real(batch: Batch) -> np.ndarray:
    """Which target tokens are not padding."""
    return np.arange(batch.targets.shape[1]) < np.asarray(batch.target_lengths)[:, None]


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_logits_have_the_promised_shape_and_are_finite(name: str, scheme: str) -> None:
    out = logits(name, scheme, case(name, scheme)[1])
    assert out.shape == (3, T, ANSWER_TOKENS)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert out.std() > 0.1


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_an_empty_problem_gives_finite_logits(name: str, scheme: str) -> None:
    batch = case(name, scheme)[1]
    empty = dataclasses.replace(batch, input_lengths=batch.input_lengths.at[1].set(0))
    assert np.isfinite(logits(name, scheme, empty)).all()


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_batch_rows_do_not_mix(name: str, scheme: str) -> None:
    batch = case(name, scheme)[1]
    order = jnp.array([2, 0, 1])
    shuffled = jax.tree.map(lambda x: x[order], batch)
    np.testing.assert_allclose(logits(name, scheme, shuffled), logits(name, scheme, batch)[order], atol=2e-5)
    others = jax.tree.map(lambda x, y: x.at[1:].set(y[1:]), batch, random_batch(seed=5))
    np.testing.assert_allclose(logits(name, scheme, others)[0], logits(name, scheme, batch)[0], atol=2e-5)


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_padding_changes_nothing(name: str, scheme: str) -> None:
    batch = case(name, scheme)[1]
    longer = logits(name, scheme, pad(batch, 3, 3))[:, :T]
    np.testing.assert_allclose(longer[real(batch)], logits(name, scheme, batch)[real(batch)], atol=2e-5)
    hidden = np.arange(S) >= np.asarray(batch.input_lengths)[:, None]
    noisy = dataclasses.replace(batch, inputs=jnp.where(hidden, 5, batch.inputs))
    np.testing.assert_allclose(logits(name, scheme, noisy), logits(name, scheme, batch), atol=2e-5)


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_a_target_token_influences_only_what_follows_it(name: str, scheme: str) -> None:
    batch = case(name, scheme)[1]
    before = logits(name, scheme, batch)
    for place in (0, 3):
        changed = dataclasses.replace(
            batch,
            targets=batch.targets.at[0, place].add(1) % ANSWER_TOKENS,
            target_codes=batch.target_codes.at[0, place].set(jnp.array([2, 3], jnp.int8)),
        )
        after = logits(name, scheme, changed)
        np.testing.assert_allclose(after[0, : place + 1], before[0, : place + 1], atol=1e-6)
        assert np.abs(after[0, place + 1 :] - before[0, place + 1 :]).max(axis=-1).min() > 1e-4


@pytest.mark.parametrize("name", models.names())
def test_causality_through_gradients(name: str) -> None:
    """d logits[t] / d embedding is 0 for a token that first appears at t or later."""
    model, batch = small(name, share_embeddings=False), random_batch()
    distinct = dataclasses.replace(batch, targets=jnp.arange(3 * T).reshape(3, T) % 6 + 3)
    graphdef, params = nnx.split(model)

    def logit_sum(params: nnx.State, place: jax.Array) -> jax.Array:
        return nnx.merge(graphdef, params)(distinct)[0, place].sum()

    gradient = jax.jit(jax.grad(logit_sum))
    for place in range(T):
        rows = np.abs(gradient(params, jnp.array(place))["decoder_input"]["embedding"][...]).max(axis=-1)
        seen = {BOS_ID, *np.asarray(distinct.targets)[0, :place].tolist()}
        assert {int(row) for row in np.flatnonzero(rows > 0)} == seen


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_cached_step_equals_full_pass(name: str, scheme: str) -> None:
    model, batch = case(name, scheme)
    if not model.autoregressive:
        pytest.skip("writes all tokens at once")
    tokens = jnp.pad(batch.targets[:, :-1], ((0, 0), (1, 0)), constant_values=BOS_ID)
    codes = jnp.pad(batch.target_codes[:, :-1], ((0, 0), (1, 0), (0, 0)))
    graphdef, params = nnx.split(model)

    @jax.jit
    def stepwise(params: nnx.State, batch: Batch) -> tuple[jax.Array, object]:
        model = nnx.merge(graphdef, params)

        def step(cache: object, at: tuple[jax.Array, jax.Array]) -> tuple[object, jax.Array]:
            out, cache = model.step(cache, *at)
            return cache, out

        start = model.start(batch, T + 2)
        _, out = jax.lax.scan(step, start, (tokens.T, codes.transpose(1, 0, 2)))
        return out.transpose(1, 0, 2), start

    out, start = stepwise(params, batch)
    np.testing.assert_allclose(out, logits(name, scheme, batch), atol=3e-5)
    assert all(leaf.shape[0] == 3 for leaf in jax.tree.leaves(start))


@pytest.mark.parametrize("name", models.names())
def test_the_second_call_does_not_compile(name: str) -> None:
    run = compiled(name, "learned")
    run(nnx.state(case(name, "learned")[0]), random_batch(seed=1))
    once = run._cache_size()
    run(nnx.state(small(name, positions="learned")), random_batch(seed=2))
    assert run._cache_size() == once


@pytest.mark.parametrize("name", models.names())
def test_dropout_needs_a_key_and_follows_it(name: str) -> None:
    model, batch = small(name, dropout=0.3), random_batch()
    graphdef, params = nnx.split(model)
    run = jax.jit(lambda params, key: nnx.merge(graphdef, params)(batch, key=key))
    np.testing.assert_array_equal(run(params, None), run(params, None))
    first, again, other = (run(params, jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - run(params, None)).max() > 1e-3


@pytest.mark.parametrize("name", models.names())
def test_bfloat16_is_close_to_float32_with_parameters_in_float32(name: str) -> None:
    batch = random_batch()
    for scheme in ("learned", "seed"):
        model = small(name, positions=scheme, compute_dtype="bfloat16")
        out = jax.jit(nnx.merge(nnx.split(model)[0], nnx.state(model)).__call__)(batch)
        assert out.dtype == jnp.float32
        assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(model))} == {jnp.dtype("float32")}
        difference = np.abs(out - logits(name, scheme, batch))
        assert 0 < difference.max() < 0.2


@pytest.mark.parametrize("name", models.names())
def test_the_state_is_parameters_only(name: str) -> None:
    _, params, rest = nnx.split(small(name, dropout=0.1), nnx.Param, ...)
    assert jax.tree.leaves(params)
    assert not jax.tree.leaves(rest)


def test_unknown_model_and_option_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown model 'lstm'.*tree_transformer"):
        small("lstm")
    with pytest.raises(ValueError, match="wide"):
        small(wide=3)
