from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax.tokenization.vocabulary import Vocabulary
from symjax.training import optimizer as optimizers
from symjax.training import step as steps


def make(stand_in, *, num_steps=200, dropout=0.0, **options):
    graphdef, params = stand_in.split(dropout)
    optimizer = optimizers.make_optimizer(num_steps=num_steps, learning_rate=1e-2, warmup_steps=0, weight_decay=0.0)
    state = steps.init_state(stand_in.arithmetic(params), optimizer, seed=3)
    return jax.jit(steps.make_train_step(graphdef, optimizer, **options), donate_argnums=0), state


def test_overfits_one_batch(stand_in):
    step, state = make(stand_in)
    batch = stand_in.batch(4)
    for _ in range(200):
        state, metrics = step(state, batch)
    assert float(metrics["loss"]) < 0.01
    assert float(metrics["token_accuracy"]) == 1.0
    assert int(state.step) == 200
    assert step._cache_size() == 1


def test_golden_losses_of_the_first_steps(stand_in):
    """From arithmetic parameters.  If these move, look at the loss, its normalisation and AdamW first."""
    step, state = make(stand_in)
    losses = []
    for _ in range(3):
        state, metrics = step(state, stand_in.batch())
        losses.append(float(metrics["loss"]))
    np.testing.assert_allclose(losses, GOLDEN, rtol=1e-4)


GOLDEN = [2.461603, 2.191316, 2.120221]


def test_micro_batches_give_the_gradient_of_the_batch(stand_in):
    results = []
    for parts in (1, 2, 4):
        step, state = make(stand_in, gradient_accumulation=parts)
        for _ in range(3):
            state, metrics = step(state, stand_in.batch())
        results.append((jax.tree.leaves(state.params), float(metrics["loss"]), float(metrics["gradient_norm"])))
    for params, loss, norm in results[1:]:
        assert loss == pytest.approx(results[0][1], rel=1e-5)
        assert norm == pytest.approx(results[0][2], rel=1e-5)
        for ours, whole in zip(params, results[0][0], strict=True):
            np.testing.assert_allclose(ours, whole, atol=2e-5)


def test_dropout_depends_on_step_and_seed_only(stand_in):
    def loss(seed, number):
        step, state = make(stand_in, dropout=0.5)
        key = jax.random.key_data(jax.random.key(seed))
        _, metrics = step(dataclasses.replace(state, step=jnp.int32(number), key=key), stand_in.batch())
        return float(metrics["loss"])

    assert loss(1, 0) == loss(1, 0)
    assert loss(1, 0) != loss(2, 0)
    assert loss(1, 0) != loss(1, 1)


def test_loss_is_the_weighted_mean_of_real_tokens():
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)), jnp.float32)
    targets = jnp.asarray([[1, 2, 0], [4, 0, 0]])
    weights = jnp.asarray([[1.0, 3.0, 0.0], [0.5, 0.0, 0.0]])
    total, sums = steps.loss_sums(logits, targets, weights)
    probs = jax.nn.softmax(logits)
    expected = -(jnp.log(probs[0, 0, 1]) + 3 * jnp.log(probs[0, 1, 2]) + 0.5 * jnp.log(probs[1, 0, 4]))
    assert float(total) == pytest.approx(float(expected), rel=1e-5)
    assert float(sums["weight"]) == 4.5
    assert float(sums["tokens"]) == 3


def test_label_smoothing_mixes_in_the_uniform_distribution():
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(1, 1, 5)), jnp.float32)
    targets, weights = jnp.asarray([[2]]), jnp.ones((1, 1))
    total, sums = steps.loss_sums(logits, targets, weights, label_smoothing=0.1)
    log_probs = jax.nn.log_softmax(logits)[0, 0]
    assert float(total) == pytest.approx(float(-0.9 * log_probs[2] - 0.1 * log_probs.mean()), rel=1e-5)
    assert float(sums["cross_entropy"]) == pytest.approx(float(-log_probs[2]), rel=1e-5)


def test_token_weights_scale_what_a_class_contributes(stand_in):
    weights = np.ones(stand_in.vocabulary_size, np.float32)
    weights[5] = 0.0
    batch = stand_in.batch()
    step, state = make(stand_in, token_weights=weights)
    _, metrics = step(state, batch)
    assert float(metrics["target_tokens"]) == ((batch.weights > 0) & (batch.targets != 5)).sum()


def test_class_weights_by_pattern():
    vocabulary = Vocabulary.of(["x0", "x1", "+", "-", "E-1", "E0", "0", "1"])
    rules = (("x[0-4]", 14.0), ("[+-]", 10.0), ("E.*", 7.0), ("[0-9]+", 2.0), (".*", 1.0))
    assert steps.class_weights(vocabulary, rules).tolist() == [1, 1, 1, 14, 14, 10, 10, 7, 7, 2, 2]


@pytest.mark.parametrize(
    ("rule", "message"),
    [(("y", 1.0), "matches no answer token"), (("[", 1.0), "not a .* pair"), (("x0", -1), "at least 0"), ("x", "pair")],
)
def test_class_weights_refuse(rule, message):
    with pytest.raises(ValueError, match=message):
        steps.class_weights(Vocabulary.of(["x0"]), (rule,))


def test_label_smoothing_out_of_range(stand_in):
    with pytest.raises(ValueError, match=r"label_smoothing 1\.5 must be"):
        make(stand_in, label_smoothing=1.5)
