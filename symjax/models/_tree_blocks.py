"""Blocks of `tree_transformer`: sublayers between residual connections, with a cache for decoding."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from symjax.attention.positions import Features
from symjax.models import layers


class Residual(nnx.Module):
    """Adds a sublayer's output to its input, normalising before ("pre") or after ("post"), dropout in between."""

    def __init__(self, width: int, norm: str, rate: float) -> None:
        self.norm = layers.Norm(width)
        self.before = norm == "pre"
        self.rate = rate

    def enter(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
        """What the sublayer reads."""
        return self.norm(x) if self.before else x

    def leave(
        self, x: Float[Array, "B L D"], y: Float[Array, "B L D"], key: PRNGKeyArray | None
    ) -> Float[Array, "B L D"]:
        """The stream behind the sublayer, whose output is `y`."""
        x = x + layers.dropout(y, self.rate, key)
        return x if self.before else self.norm(x)


class EncoderBlock(nnx.Module):
    """Self-attention over the whole problem, then the MLP."""

    def __init__(self, attention: layers.Attention, mlp: layers.Mlp, residuals: list[Residual]) -> None:
        self.attention, self.mlp = attention, mlp
        self.around_attention, self.around_mlp = residuals

    def __call__(
        self, x: Float[Array, "B S D"], lengths: Int[Array, "B"], features: Features | None, key: PRNGKeyArray | None
    ) -> Float[Array, "B S D"]:
        """The stream behind the block; `lengths` are the problems'."""
        keys = split_key(key, 2)
        q, k, v = self.attention.project(self.around_attention.enter(x), features)
        x = self.around_attention.leave(x, self.attention.attend(q, k, v, lengths), keys[0])
        return self.around_mlp.leave(x, self.mlp(self.around_mlp.enter(x)), keys[1])


class DecoderBlock(nnx.Module):
    """Causal self-attention, cross-attention to the encoded problem, then the MLP."""

    def __init__(
        self, attention: layers.Attention, cross: layers.Attention, mlp: layers.Mlp, residuals: list[Residual]
    ) -> None:
        self.attention, self.cross, self.mlp = attention, cross, mlp
        self.around_attention, self.around_cross, self.around_mlp = residuals

    def __call__(
        self,
        x: Float[Array, "B T D"],
        memory: Float[Array, "B S D"],
        lengths: Int[Array, "B"],
        features: Features | None,
        memory_features: Features | None,
        key: PRNGKeyArray | None,
    ) -> Float[Array, "B T D"]:
        """The stream behind the block; `memory` is the encoded problem, of `lengths` tokens."""
        keys = split_key(key, 3)
        q, k, v = self.attention.project(self.around_attention.enter(x), features)
        x = self.around_attention.leave(x, self.attention.attend(q, k, v, None, causal=True), keys[0])
        source = self.cross.project_source(memory, memory_features)
        return self._rest(x, source, lengths, features, keys[1:])

    def _rest(
        self, x: Array, source: tuple[Array, Array], lengths: Array, features: Features | None, keys: list
    ) -> Array:
        q = self.cross.project_queries(self.around_cross.enter(x), features)
        x = self.around_cross.leave(x, self.cross.attend(q, *source, lengths), keys[0])
        return self.around_mlp.leave(x, self.mlp(self.around_mlp.enter(x)), keys[1])

    def start(
        self, memory: Float[Array, "B S D"], memory_features: Features | None, max_length: int
    ) -> dict[str, Array]:
        """Cache: the keys and values of the problem, and room for those of the answer."""
        k, v = self.cross.project_source(memory, memory_features)
        room = (k.shape[0], max_length, k.shape[2])
        keys = jnp.zeros((*room, self.attention.key_width), k.dtype)
        values = jnp.zeros((*room, v.shape[-1]), v.dtype)
        return {"keys": keys, "values": values, "source_keys": k, "source_values": v}

    def step(
        self, cache: dict[str, Array], x: Float[Array, "B 1 D"], position: Int[Array, ""], lengths: Int[Array, "B"],
        features: Features | None,
    ) -> tuple[Float[Array, "B 1 D"], dict[str, Array]]:  # fmt: skip
        """The token at `position` through the block, and the cache with it."""
        q, k, v = self.attention.project(self.around_attention.enter(x), features)
        keys = jax.lax.dynamic_update_slice_in_dim(cache["keys"], k, position, axis=1)
        values = jax.lax.dynamic_update_slice_in_dim(cache["values"], v, position, axis=1)
        seen = jnp.broadcast_to(position + 1, lengths.shape)
        x = self.around_attention.leave(x, self.attention.attend(q, keys, values, seen), None)
        source = (cache["source_keys"], cache["source_values"])
        x = self._rest(x, source, lengths, features, [None, None])
        return x, cache | {"keys": keys, "values": values}


def split_key(key: PRNGKeyArray | None, count: int) -> list[PRNGKeyArray | None]:
    """`count` keys, or as many None."""
    return [None] * count if key is None else list(jax.random.split(key, count))
