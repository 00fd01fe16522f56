"""Options of the Transformer: each does what it says."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax.models import tree_transformer
from tests.models.stand_in import CODE_DEPTH, CODE_SIZES, Batch, S, T, random_batch, small


@functools.partial(jax.jit, static_argnums=0)
def forward(graphdef: nnx.GraphDef, params: nnx.State, batch: Batch) -> jax.Array:
    return nnx.merge(graphdef, params)(batch)


def run(model: tree_transformer.TreeTransformer, **changes: jax.Array) -> np.ndarray:
    return np.asarray(forward(*nnx.split(model), dataclasses.replace(random_batch(), **changes)))


def test_remat_changes_no_gradient() -> None:
    batch = random_batch()

    def gradient(remat: bool) -> nnx.State:
        graphdef, params = nnx.split(small(remat=remat))
        jaxpr = jax.make_jaxpr(lambda p: nnx.merge(graphdef, p)(batch))(params)
        assert ("remat" in str(jaxpr) or "checkpoint" in str(jaxpr)) == remat
        return jax.jit(jax.grad(lambda p: jnp.square(nnx.merge(graphdef, p)(batch)).mean()))(params)

    for plain, again in zip(jax.tree.leaves(gradient(False)), jax.tree.leaves(gradient(True)), strict=True):
        np.testing.assert_allclose(again, plain, atol=1e-6)


@pytest.mark.parametrize("activation", ["gelu", "swiglu"])
def test_activations_give_other_logits(activation: str) -> None:
    assert np.abs(run(small(activation=activation)) - run(small())).max() > 1e-2


def test_post_norm_has_no_final_norm_and_runs() -> None:
    model = small(norm="post")
    assert model.encoder_norm is None
    assert np.isfinite(run(model)).all()


def test_shared_embeddings_drop_the_output_projection() -> None:
    shared, apart = small(share_embeddings=True), small()
    assert shared.output is None
    assert apart.parameter_count() - shared.parameter_count() == 16 * 13 + 13
    assert run(shared).std() > 0.3


def test_attention_gain_scales_queries_and_keys_only() -> None:
    plain, loud = small(), small(attention_init_gain=3.0)
    for block, louder in zip(plain.decoder, loud.decoder, strict=True):
        ours, theirs = block.attention.query_key_value.kernel[...], louder.attention.query_key_value.kernel[...]
        np.testing.assert_allclose(theirs[:, :2], 3 * ours[:, :2], rtol=1e-6)
        np.testing.assert_array_equal(theirs[:, 2], ours[:, 2])
        np.testing.assert_allclose(louder.cross.query.kernel[...], 3 * block.cross.query.kernel[...], rtol=1e-6)
        ours, theirs = block.cross.key_value.kernel[...], louder.cross.key_value.kernel[...]
        np.testing.assert_allclose(theirs[:, 0], 3 * ours[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "problem", "answer"),
    [
        ({"positions": "none", "answer_code_embedding": False}, False, False),
        ({"positions": "learned"}, False, True),
        ({"positions": "none", "problem_code_embedding": True}, True, True),
        ({"positions": "seed_fixed", "answer_code_embedding": False}, True, True),
        ({"positions": "seed_fixed", "decoder_positions": "learned", "answer_code_embedding": False}, True, False),
        ({"positions": "sinusoidal", "decoder_positions": "seed", "answer_code_embedding": False}, False, True),
    ],
)
def test_codes_are_read_where_the_options_say(options: dict[str, object], problem: bool, answer: bool) -> None:
    model, batch = small(**options), random_batch()
    before = run(model)
    inputs = run(model, input_codes=(batch.input_codes + 1) % 4)
    outputs = run(model, target_codes=(batch.target_codes + 1) % 4)
    assert (np.abs(inputs - before).max() > 1e-3) == problem
    assert (np.abs(outputs - before).max() > 1e-3) == answer


def test_cross_attention_sees_both_trees() -> None:
    """Only pairs of tree schemes have features in the cross-attention."""
    assert small(positions="seed").decoder[0].cross.tables is not None
    for mixed in ({"positions": "seed", "decoder_positions": "none"}, {"decoder_positions": "seed"}):
        assert small(**mixed).decoder[0].cross.tables is None


def test_untied_absolute_positions_have_a_second_table() -> None:
    tied, untied = (small(positions="seed", tie_absolute=tie) for tie in (True, False))
    # One table (features, heads, 8) more in the encoder and one in the decoder.
    assert untied.parameter_count() - tied.parameter_count() == 16 * (6 + sum(CODE_SIZES) - 1)


def test_longer_paths_tell_more_tokens_apart() -> None:
    deep = jnp.zeros((3, S, CODE_DEPTH), jnp.int8).at[:, 0].set(jnp.array([3, 3, 3, 0], jnp.int8))
    other = deep.at[:, 0, 2].set(0)
    for pos_dim, differs in ((6, False), (7, True)):
        model = small(positions="seed", pos_dim=pos_dim)
        assert (np.abs(run(model, input_codes=deep) - run(model, input_codes=other)).max() > 1e-6) == differs


def test_levels_beyond_path_levels_are_not_seen() -> None:
    batch = random_batch()
    other = batch.input_codes.at[:, :, 2].set((batch.input_codes[:, :, 2] + 1) % 4)
    for levels, differs in ((2, False), (3, True)):
        model = small(positions="seed_fixed", path_levels=levels)
        assert (np.abs(run(model, input_codes=other) - run(model)).max() > 1e-6) == differs


def test_flops_count_the_products() -> None:
    model = small(num_encoder_layers=2, num_decoder_layers=1)
    encoder = S * (4 * 16 * 16 + 2 * 16 * 24 + 2 * S * 16)
    decoder = T * (4 * 16 * 16 + 2 * 16 * 24 + 2 * T * 16) + T * (2 * 16 * 16 + 2 * S * 16) + S * 2 * 16 * 16
    assert model.flops(5, S, T) == 6 * 5 * (2 * encoder + decoder + T * 16 * 13)


def test_rows_longer_than_the_model_are_refused() -> None:
    batch = random_batch()
    long = dataclasses.replace(batch, inputs=jnp.zeros((3, 40), jnp.int32), input_codes=jnp.zeros((3, 40, 4), jnp.int8))
    with pytest.raises(ValueError, match=r"40 tokens.*at most 10"):
        small()(long)
    with pytest.raises(ValueError, match=r"30 tokens.*at most 9"):
        small().start(batch, 30)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("num_heads", 3, "does not divide width 16"),
        ("norm", "middle", "'middle'"),
        ("compute_dtype", "float16", "'float16'"),
        ("dropout", 1.0, "not a rate"),
        ("activation", "tanh", "'tanh'"),
        ("positions", "rope", "'rope'"),
        ("decoder_positions", "rope", "'rope'"),
        ("position_scale", "bert", "'bert'"),
    ],
)
def test_bad_options_are_refused(option: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**{option: value, **({"positions": "seed"} if option == "position_scale" else {})})


def test_every_combination_of_schemes_runs() -> None:
    for encoder, decoder in itertools.product(("learned", "seed"), ("none", "seed_fixed")):
        model = jax.eval_shape(lambda e=encoder, d=decoder: nnx.split(small(positions=e, decoder_positions=d))[1])
        assert jax.tree.leaves(model)
