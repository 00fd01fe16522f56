"""Where arrays live: the (data, model) mesh, parameters by path rules, batches over the data axis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

DATA, MODEL = "data", "model"

Rule = tuple[str, P]

# The first pattern found in a parameter's path decides, what none matches is replicated.  A spec names the last
# dimensions, so that a stack of layers, which has one more dimension in front, needs no rule of its own.  Attention is
# cut by heads (second dimension from the end), MLPs by hidden units, embeddings by width.
RULES: tuple[Rule, ...] = (
    (r"tables/absolute$", P(MODEL, None, None)),
    (r"(tables/|/)(query|key|value)[a-z_]*(/kernel|/bias)?$", P(MODEL, None)),
    (r"(attention|cross)/output/kernel$", P(MODEL, None)),
    (r"up/(kernel|bias)$", P(MODEL)),
    (r"down/kernel$", P(MODEL, None)),
    (r"embedding$", P(MODEL)),
)


def make_mesh(*, data: int = 0, model: int = 1) -> Mesh:
    """Mesh of all devices of all processes; `data` = 0 takes every device that `model` leaves.

    Raises:
      ValueError: the two do not multiply to the number of devices.
    """
    devices = jax.device_count()
    local = jax.local_device_count()
    if model < 1 or data < 0 or local % model:
        raise ValueError(
            f"mesh_model {model} does not divide the {local} devices of a process; use one of {_divisors(local)}"
        )
    data = data or devices // model
    if data * model != devices:
        raise ValueError(
            f"a mesh of {data} x {model} (mesh_data x mesh_model) needs {data * model} devices and there are "
            f"{devices}; use mesh_data=0 for all of them"
        )
    return jax.make_mesh((data, model), (DATA, MODEL), axis_types=(AxisType.Auto, AxisType.Auto))


def check_batch_size(size: int, mesh: Mesh | AbstractMesh, *, name: str, accumulation: int = 1) -> None:
    """Refuses a batch whose micro-batches do not divide over the data axis and the processes; `name` is its config key.

    Raises:
      ValueError: with the multiple to use.
    """
    if accumulation < 1:
        raise ValueError(f"train.gradient_accumulation {accumulation} must be at least 1")
    rows = int(np.lcm(mesh.shape[DATA], jax.process_count()))
    if size < 1 or size % (rows * accumulation):
        parts = f" in {accumulation} accumulation steps" if accumulation > 1 else ""
        raise ValueError(
            f"{name} {size} does not divide over {rows} device{'s' * (rows > 1)}{parts}; "
            f"use a multiple of {rows * accumulation}"
        )


def tree_shardings(tree: Any, mesh: Mesh | AbstractMesh, rules: Sequence[Rule] = RULES) -> Any:
    """A NamedSharding for every leaf of `tree` (arrays or their shapes), by the rules on its path.

    An optimizer's moments carry the paths of their parameters at the end of their own, so they come out sharded alike.
    """

    def sharding(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        spec = next((spec for pattern, spec in rules if re.search(pattern, name)), P())
        return NamedSharding(mesh, _fit(spec, leaf.shape, mesh))

    return jax.tree_util.tree_map_with_path(sharding, tree)


def replicated(mesh: Mesh) -> NamedSharding:
    """One copy on every device."""
    return NamedSharding(mesh, P())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """The leading axis over the data axis."""
    return NamedSharding(mesh, P(DATA))


def shard_batch(batch: Any, mesh: Mesh) -> Any:
    """Global arrays of which `batch`, a tree of NumPy arrays, is this process's slice."""
    sharding = batch_sharding(mesh)
    return jax.tree.map(lambda array: jax.make_array_from_process_local_data(sharding, np.asarray(array)), batch)


def local_rows(tree: Any) -> Any:
    """NumPy copies of this process's rows of arrays whose leading axis lies over the data axis."""

    def rows(array: jax.Array) -> np.ndarray:
        pieces = {shard.index[0].start or 0: shard.data for shard in array.addressable_shards}
        return np.concatenate([np.asarray(pieces[start]) for start in sorted(pieces)])

    return jax.tree.map(rows, tree)


def _fit(spec: P, shape: tuple[int, ...], mesh: Mesh | AbstractMesh) -> P:
    """`spec` aligned with the last dimensions; axes that do not divide their dimension are dropped."""
    axes = (None,) * (len(shape) - len(spec)) + tuple(spec)
    axes = axes[len(axes) - len(shape) :]
    return P(*(axis if axis and size % mesh.shape[axis] == 0 else None for axis, size in zip(axes, shape, strict=True)))


def _divisors(number: int) -> str:
    return ", ".join(str(divisor) for divisor in range(1, number + 1) if number % divisor == 0)
