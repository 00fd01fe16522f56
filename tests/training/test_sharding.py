from __future__ import annotations

import os
import re
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from jax.sharding import AbstractMesh, AxisType, Mesh
from jax.sharding import PartitionSpec as P

from symjax import models
from symjax.training import sharding


def mesh_of(data: int, model: int):
    return AbstractMesh((data, model), ("data", "model"), axis_types=(AxisType.Auto,) * 2)


def shapes(tree):
    return jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, np.float32), tree, is_leaf=lambda x: isinstance(x, tuple)
    )


PARAMS = {
    "encoder": {
        0: {
            "attention": {
                "query_key_value": {"kernel": (16, 3, 4, 8), "bias": (3, 4, 8)},
                "output": {"kernel": (32, 16), "bias": (16,)},
                "tables": {"absolute": (4, 15, 6), "query_bias": (4, 8), "key_relation": (6, 4, 8)},
            },
            "mlp": {"up": {"kernel": (16, 64), "bias": (64,)}, "down": {"kernel": (64, 16), "bias": (16,)}},
            "around_mlp": {"norm": {"scale": (16,)}},
        }
    },
    "decoder_input": {"embedding": (11, 16)},
    "output": {"kernel": (16, 11)},
}
SPECS = {
    "encoder/0/attention/query_key_value/kernel": P(None, None, "model", None),
    "encoder/0/attention/query_key_value/bias": P(None, "model", None),
    "encoder/0/attention/output/kernel": P("model", None),
    "encoder/0/attention/output/bias": P(None),
    "encoder/0/attention/tables/absolute": P("model", None, None),
    "encoder/0/attention/tables/query_bias": P("model", None),
    "encoder/0/attention/tables/key_relation": P(None, "model", None),
    "encoder/0/mlp/up/kernel": P(None, "model"),
    "encoder/0/mlp/up/bias": P("model"),
    "encoder/0/mlp/down/kernel": P("model", None),
    "encoder/0/mlp/down/bias": P(None),
    "encoder/0/around_mlp/norm/scale": P(None),
    "decoder_input/embedding": P(None, "model"),
    "output/kernel": P(None, None),
}


def specs(tree, mesh):
    found = jax.tree_util.tree_flatten_with_path(sharding.tree_shardings(tree, mesh))[0]
    return {jax.tree_util.keystr(path, simple=True, separator="/"): place.spec for path, place in found}


def test_rules_cut_heads_hidden_units_and_width():
    assert specs(shapes(PARAMS), mesh_of(4, 2)) == SPECS


def test_rules_know_every_matrix_of_the_layers():
    """By the model's own names: a parameter that is called otherwise would be replicated without a word."""
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
            activation="swiglu",
            width=8,
            num_heads=2,
            mlp_width=16,
        )
    )
    found = specs(nnx.to_pure_dict(nnx.split(model)[1]), mesh_of(4, 2))
    whole = {re.sub(r"/\d+/", "/N/", name) for name, spec in found.items() if "model" not in spec}
    small = {name for name in whole if name.endswith(("bias", "scale"))}
    # A few rows each, and the scores of all answer tokens, which every device needs.
    assert whole - small == {"decoder_input/codes", "output/kernel"}
    assert not {name for name in small if re.search("query|key|value|up/", name)}


def test_a_dimension_that_does_not_divide_is_replicated():
    assert specs(shapes({"decoder_input": {"embedding": (11, 15)}}), mesh_of(4, 2))["decoder_input/embedding"] == P(
        None, None
    )


def test_optimizer_state_is_sharded_like_the_parameters():
    params = shapes(PARAMS)
    state = jax.eval_shape(optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3)).init, params)
    found = specs(state, mesh_of(4, 2))
    for moment in ("mu", "nu"):
        for path, spec in specs(params, mesh_of(4, 2)).items():
            assert found[f"1/0/{moment}/{path}"] == spec
    assert found["1/0/count"] == P()


def test_mesh_takes_all_devices():
    assert sharding.make_mesh().shape == {"data": jax.device_count(), "model": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": 3}, "mesh_model 3 does not divide the 1 devices"),
        ({"data": 2}, "needs 2 devices and there are 1; use mesh_data=0"),
        ({"model": 0}, "mesh_model 0"),
    ],
)
def test_mesh_that_does_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        sharding.make_mesh(**options)


def test_batch_that_does_not_divide_names_the_multiple():
    with pytest.raises(ValueError, match=r"data.batch_size 250 does not divide over 8 devices; use a multiple of 8"):
        sharding.check_batch_size(250, mesh_of(8, 1), name="data.batch_size")
    with pytest.raises(ValueError, match=r"over 4 devices in 3 accumulation steps; use a multiple of 12"):
        sharding.check_batch_size(32, mesh_of(4, 2), name="data.batch_size", accumulation=3)
    with pytest.raises(ValueError, match="gradient_accumulation 0"):
        sharding.check_batch_size(32, mesh_of(4, 2), name="data.batch_size", accumulation=0)
    sharding.check_batch_size(24, mesh_of(4, 2), name="data.batch_size", accumulation=3)


def test_rows_come_back_as_they_went_in():
    mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("data", "model"))
    rows = np.arange(12).reshape(4, 3)
    np.testing.assert_array_equal(sharding.local_rows(sharding.shard_batch({"a": rows}, mesh))["a"], rows)


EIGHT_DEVICES = """
import numpy as np
from symjax.training import sharding
mesh = sharding.make_mesh(model=2)
assert dict(mesh.shape) == {"data": 4, "model": 2}, mesh
rows = np.arange(24).reshape(8, 3)
array = sharding.shard_batch({"a": rows}, mesh)["a"]
assert {shard.data.shape for shard in array.addressable_shards} == {(2, 3)}
np.testing.assert_array_equal(sharding.local_rows(array), rows)
"""


def test_rows_come_back_from_eight_devices():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    done = subprocess.run(
        [sys.executable, "-c", EIGHT_DEVICES],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
