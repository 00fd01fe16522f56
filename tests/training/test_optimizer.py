from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax import models
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
        ({"algorithm": "sgd"}, "unknown algorithm 'sgd'; known algorithms: adamw, muon"),
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


def test_muon_takes_every_matrix_of_the_layers_and_nothing_else():
    sizes = {"num_encoder_layers": 1, "num_decoder_layers": 1, "width": 8, "num_heads": 2, "mlp_width": 16}
    model = nnx.eval_shape(
        lambda: models.load(
            "tree_transformer",
            problem_vocabulary_size=5,
            answer_vocabulary_size=6,
            problem_code_depth=3,
            answer_code_sizes=(2, 3),
            max_problem_length=4,
            max_answer_length=5,
            rngs=nnx.Rngs(0),
            positions="seed",
            **sizes,
        )
    )
    params = nnx.to_pure_dict(nnx.split(model)[1])
    leaves = jax.tree_util.tree_leaves_with_path(params)
    names = {jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves}
    taken = jax.tree_util.tree_leaves_with_path(
        optimizers.matrices(params), is_leaf=lambda x: hasattr(x, "output_axis")
    )
    found = {jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in taken}
    assert found == {name for name in names if "/" in name and name.endswith("kernel")} - {"output/kernel"}


def test_muon_steps_are_orthogonal_for_each_matrix_of_a_kernel():
    shapes = {"query_key_value": (8, 3, 2, 4), "query": (8, 2, 4), "up": (8, 8)}
    params = {"attention": {name: {"kernel": jnp.zeros(shape)} for name, shape in shapes.items()}}
    random = np.random.default_rng(0)
    grads = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape), jnp.float32), params)
    optimizer = optimizers.make_optimizer(
        num_steps=10, algorithm="muon", learning_rate=0.1, schedule="constant", warmup_steps=0
    )
    updates = optimizer.update(grads, optimizer.init(params), params)[0]["attention"]
    pieces = np.moveaxis(np.asarray(updates["query_key_value"]["kernel"]).reshape(8, 3, 8), 1, 0)
    for matrix in (*pieces, updates["query"]["kernel"].reshape(8, 8), updates["up"]["kernel"]):
        values = np.linalg.svd(matrix, compute_uv=False)
        assert values.max() / values.min() < 2.5  # five Newton-Schulz steps bring all of them into [0.7, 1.2]
        assert np.sqrt(np.mean(np.square(matrix))) == pytest.approx(0.1 * 0.2, rel=0.3)
