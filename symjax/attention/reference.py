"""The truth: attention as its definition, in float32 and at the highest matmul precision."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def attend(
    q: Float[Array, "B T H K"],
    k: Float[Array, "B S H K"],
    v: Float[Array, "B S H D"],
    *,
    query_lengths: Int[Array, "B"] | None,
    key_lengths: Int[Array, "B"] | None,
    causal: bool,
    scale: float,
) -> Float[Array, "B T H D"]:
    """See `symjax.attention.attend`."""
    queries, keys = jnp.arange(q.shape[1])[None, :, None], jnp.arange(k.shape[1])[None, None, :]
    allowed: Bool[Array, "B T S"] = jnp.ones((q.shape[0], q.shape[1], k.shape[1]), bool)
    if key_lengths is not None:
        allowed &= keys < key_lengths[:, None, None]
    if query_lengths is not None:
        allowed &= queries < query_lengths[:, None, None]
    if causal:
        allowed &= keys <= queries
    scores = scale * jnp.einsum("bthk,bshk->bhts", *(x.astype(jnp.float32) for x in (q, k)), precision="highest")
    scores = jnp.where(allowed[:, None], scores, -1e30)
    weights = jnp.where(allowed[:, None], jnp.exp(scores - scores.max(-1, keepdims=True)), 0.0)
    weights = weights / jnp.maximum(weights.sum(-1, keepdims=True), 1e-30)
    return jnp.einsum("bhts,bshd->bthd", weights, v.astype(jnp.float32), precision="highest").astype(v.dtype)
