from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax.training import optimizer as optimizers


def rates(steps, **options):
    optimizer = optimizers.make_optimizer(learning_rate=1.0, **options)
    return [float(optimizer.learning_rate(step)) for step in steps]


def test_constant_after_warmup():
    assert rates([0, 5, 10, 99], num_steps=100, schedule="constant", warmup_steps=10) == [0.0, 0.5, 1.0, 1.0]


def test_cosine_ends_at_the_final_fraction():
    found = rates([10, 55, 100], num_steps=100, schedule="cosine", warmup_steps=10, final_fraction=0.2)
    np.testing.assert_allclose(found, [1.0, 0.6, 0.2], atol=1e-6)


def test_restarts_go_back_to_the_peak_in_longer_cycles():
    options = {"schedule": "cosine_restarts", "warmup_steps": 0, "restart_steps": 10, "restart_factor": 2}
    found = rates([0, 5, 10, 20, 30, 50], num_steps=100, **options)
    np.testing.assert_allclose(found, [1.0, 0.5, 1.0, 0.5, 1.0, 0.5], atol=1e-6)


def test_inverse_square_root():
    found = rates([50, 100, 400], num_steps=1000, schedule="inverse_sqrt", warmup_steps=100)
    np.testing.assert_allclose(found, [0.5, 1.0, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "linear"}, "unknown schedule 'linear'; known schedules: constant, cosine"),
        ({"learning_rate": 0.0}, "learning_rate 0.0 must be above 0"),
        ({"warmup_steps": -1}, "warmup_steps -1"),
        ({"schedule": "cosine_restarts", "restart_steps": 0}, "restart_steps 0"),
        ({"final_fraction": 2.0}, "final_fraction 2.0"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        optimizers.make_optimizer(num_steps=10, **options)


def test_biases_and_scales_do_not_decay():
    params = {"a": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2), "query_bias": jnp.ones(2)}, "scale": jnp.ones(2)}
    assert optimizers.decayed(params) == {"a": {"kernel": True, "bias": False, "query_bias": False}, "scale": False}
    optimizer = optimizers.make_optimizer(num_steps=10, learning_rate=0.1, warmup_steps=0, weight_decay=0.5)
    zeros = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(zeros, optimizer.init(params), params)
    assert float(updates["a"]["kernel"][0, 0]) == pytest.approx(-0.05, rel=1e-3)
    assert float(updates["a"]["bias"][0]) == 0.0


def test_gradients_are_clipped_by_their_norm():
    params, grads = {"kernel": jnp.zeros(4)}, {"kernel": jnp.full(4, 100.0)}

    def moment(clip_norm):
        optimizer = optimizers.make_optimizer(num_steps=10, clip_norm=clip_norm, beta1=0.0)
        state = optimizer.update(grads, optimizer.init(params), params)[1]
        return max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(state) if leaf.shape == (4,))

    assert moment(1.0) == pytest.approx(0.5)
    assert moment(0.0) > 100
