"""Attention that XLA compiles for any device: two batched products and a float32 softmax between them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

MASKED = -1e30


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
    scores = jnp.einsum("bthk,bshk->bhts", q, k, preferred_element_type=jnp.float32) * scale
    mask = _mask(q.shape[1], k.shape[1], key_lengths, causal)
    if mask is not None:
        scores = jnp.where(mask, scores, MASKED)
    weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
    out = jnp.einsum("bhts,bshd->bthd", weights, v)
    rows = _rows(q.shape[1], query_lengths, key_lengths)
    return out if rows is None else jnp.where(rows[:, :, None, None], out, jnp.zeros_like(out))


def _mask(length: int, key_length: int, key_lengths: Array | None, causal: bool) -> Bool[Array, "#B 1 #T S"] | None:
    """Which key a query may see, with B or T of 1 where it does not matter."""
    keys = jnp.arange(key_length)
    padding = None if key_lengths is None else (keys[None] < key_lengths[:, None])[:, None, None]
    past = (keys[None] <= jnp.arange(length)[:, None])[None, None] if causal else None
    if padding is None or past is None:
        return padding if past is None else past
    return padding & past


def _rows(length: int, query_lengths: Array | None, key_lengths: Array | None) -> Bool[Array, "B #T"] | None:
    """Which queries are real and see a key at all; the output of the others is 0."""
    if query_lengths is None:
        return None if key_lengths is None else (key_lengths > 0)[:, None]
    rows = jnp.arange(length)[None] < query_lengths[:, None]
    return rows if key_lengths is None else rows & (key_lengths > 0)[:, None]
