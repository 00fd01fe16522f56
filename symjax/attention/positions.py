"""Position schemes as pure feature maps: integer codes in, longer queries and keys out.

A tree scheme gives every token a feature vector and scores a query i against a key j by four terms,

    content to content    q_i . k_j
    content to position   q_i . (r_ij W_kr)
    position to content   k_j . (r_ij W_qr + b_qr)
    position to position  (p_i W_aq) . (p_j W_ak)

with the relation r_ij = u_i - u_j "from query i to key j".  Since r is a difference of indicators, the four are one
inner product of slightly longer vectors: whatever is constant in j cancels in the softmax, and the rest splits into
a factor of i and a factor of j.  No pair tensor is ever built, and stock attention computes the result exactly.

The first feature is 1 for every token; so it carries the column bias, and biases of W_aq and W_ak are their row 0.
b_kr would cancel in the softmax, and is not a parameter.  Schemes: `none`; `sinusoidal` and `learned`, which are
added to the embeddings; `seed`, whose features are the path bits; `seed_fixed`, the same algebra on features that
tell all tokens apart.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

ADDED = ("none", "sinusoidal", "learned")
TREE = ("seed", "seed_fixed")
NAMES = (*ADDED, *TREE)
SCALES = ("deberta", "seed")
POSITION_TERMS = 3
NUMBER_PLACES = 6


class Features(NamedTuple):
    """Per-token position features.

    Attributes:
      relation: u, of which r_ij = u_i - u_j is made.
      absolute: p, whose first component is 1 for every token; None when it is `relation` itself, which saves
        half of the extra dimensions (then relation's first component is the 1).
    """

    relation: Float[Array, "B L P"]
    absolute: Float[Array, "B L A"] | None = None


class Tables(NamedTuple):
    """What one attention learns about positions; F features of the query side, E of the key side.

    Attributes:
      key_relation: W_kr, its rows for the key's features (those for the query's would cancel).
      query_relation: W_qr, its rows for the query's features.
      query_relation_of_keys: W_qr, its rows for the key's features, which enter with a minus sign; in
        self-attention the same array as `query_relation`.
      query_bias: b_qr.
      absolute: the bilinear form of position to position, W_aq W_ak^T in self-attention.
    """

    key_relation: Float[Array, "E H K"]
    query_relation: Float[Array, "F H K"]
    query_relation_of_keys: Float[Array, "E H K"]
    query_bias: Float[Array, "H K"]
    absolute: Float[Array, "H Fa Ea"]


def check(name: str) -> str:
    """`name`, if there is such a scheme.

    Raises:
      ValueError: there is none.
    """
    if name not in NAMES:
        raise ValueError(f"unknown position scheme {name!r}; known schemes: {', '.join(NAMES)}")
    return name


def sinusoidal(length: int, width: int) -> Float[Array, "L D"]:
    """Sines in the first half of the columns, cosines in the second, wavelengths 2 pi ... 20,000 pi.

    Source: Vaswani et al. 2017, section 3.5, with its interleaved columns put side by side.
    """
    half = (width + 1) // 2
    frequencies = jnp.exp(-math.log(10_000.0) / half * jnp.arange(half, dtype=jnp.float32))
    angles = jnp.arange(length, dtype=jnp.float32)[:, None] * frequencies[None]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=1)[:, :width]


def path_bits(codes: Int[Array, "B L C"], pos_dim: int) -> Float[Array, "B L P"]:
    """The seed's tree path of each token: root bit 1, then 0 for an only child, 1 0 for a left, 0 1 for a right one.

    Padded with 0 to `pos_dim` and truncated there, as the seed has it: neither injective nor deep enough for depth 3.
    The last column of `codes` (place in a number) is not used.
    """
    children = codes[..., :-1].astype(jnp.int32)
    lengths = jnp.minimum(children, 2)
    first = 1 + jnp.cumsum(lengths, axis=-1) - lengths
    ones = jnp.where(children >= 2, first + jnp.where(children == 3, 1, 0), pos_dim)
    bits = jax.nn.one_hot(ones, pos_dim, dtype=jnp.float32).sum(-2)
    return bits.at[..., 0].set(1.0)


def path_one_hots(codes: Int[Array, "B L C"], levels: int) -> Float[Array, "B L P"]:
    """1, then one-hot child codes (1, 2, 3) of the first `levels` levels, then the one-hot place in a number.

    Tells any two tokens of a problem of that depth apart, digits beyond place `NUMBER_PLACES` of a number excepted.
    """
    children = jax.nn.one_hot(codes[..., :-1][..., :levels] - 1, 3, dtype=jnp.float32)
    place = jax.nn.one_hot(jnp.minimum(codes[..., -1], NUMBER_PLACES) - 1, NUMBER_PLACES, dtype=jnp.float32)
    return jnp.concatenate([jnp.ones_like(place[..., :1]), children.reshape(*codes.shape[:2], -1), place], axis=-1)


def problem_features(name: str, codes: Int[Array, "B S C"], *, pos_dim: int, levels: int) -> Features:
    """Features of problem tokens under the tree scheme `name`: `pos_dim` bits or one-hots of `levels` levels."""
    return Features(path_bits(codes, pos_dim) if name == "seed" else path_one_hots(codes, levels))


def answer_features(codes: Int[Array, "B T 2"], sizes: tuple[int, int]) -> Features:
    """Features of answer tokens: 1, then one-hot group and one-hot place, code 0 being all zeros."""
    group, place = (jax.nn.one_hot(codes[..., i] - 1, sizes[i] - 1, dtype=jnp.float32) for i in range(2))
    return Features(jnp.concatenate([jnp.ones((*codes.shape[:2], 1)), group, place], axis=-1))


def problem_feature_count(name: str, code_depth: int, *, pos_dim: int, levels: int) -> int:
    """Components of `problem_features`; `code_depth` is C."""
    return pos_dim if name == "seed" else 1 + 3 * min(levels, code_depth - 1) + NUMBER_PLACES


def answer_feature_count(sizes: tuple[int, int]) -> int:
    """Components of `answer_features`."""
    return sizes[0] + sizes[1] - 1


def score_scale(head_width: int, rule: str, positioned: bool = True) -> float:
    """What scores are multiplied by: "seed" 1/sqrt(d); "deberta" 1/sqrt(d (1 + position terms)), unit variance.

    Raises:
      ValueError: unknown rule.
    """
    if rule not in SCALES:
        raise ValueError(f"unknown position scale {rule!r}; known scales: {', '.join(SCALES)}")
    terms = 1 + POSITION_TERMS if positioned and rule == "deberta" else 1
    return 1.0 / math.sqrt(head_width * terms)


def self_tables(
    key_relation: Float[Array, "P H K"],
    query_relation: Float[Array, "P H K"],
    query_bias: Float[Array, "H K"],
    query_absolute: Float[Array, "A H K"],
    key_absolute: Float[Array, "A H K"],
) -> Tables:
    """Tables of self-attention, where both sides share W_qr and W_aq W_ak^T is one small form."""
    form = jnp.einsum("phd,rhd->hpr", query_absolute, key_absolute)
    return Tables(key_relation, query_relation, query_relation, query_bias, form)


def extend_queries(q: Float[Array, "B T H K"], features: Features) -> Float[Array, "B T H Kx"]:
    """Queries with their token's features behind the content, the same for every head."""
    parts = [part for part in features if part is not None]
    shape = q.shape[:3]
    spread = [jnp.broadcast_to(part.astype(q.dtype)[:, :, None], (*shape, part.shape[-1])) for part in parts]
    return jnp.concatenate([q, *spread], axis=-1)


def extend_keys(k: Float[Array, "B S H K"], features: Features, tables: Tables) -> Float[Array, "B S H Kx"]:
    """Keys that meet the queries of `extend_queries`: all four terms, less what is constant in the key.

    Computed in float32 and rounded to the keys' type once.
    """
    u = features.relation
    content = k.astype(jnp.float32)
    shifted = content - jnp.einsum("bsp,phd->bshd", u, tables.key_relation)
    relation = jnp.einsum("bshd,phd->bshp", content, tables.query_relation)
    minus = relation
    if tables.query_relation_of_keys is not tables.query_relation:
        minus = jnp.einsum("bshd,phd->bshp", content, tables.query_relation_of_keys)
    column = jnp.einsum("bshd,hd->bsh", content, tables.query_bias) - (minus * u[:, :, None]).sum(-1)
    absolute = u if features.absolute is None else features.absolute
    form = jnp.einsum("hpr,bsr->bshp", tables.absolute, absolute)
    form = form + column[..., None] * jax.nn.one_hot(jnp.zeros((1, 1, 1), jnp.int32), form.shape[-1], dtype=jnp.float32)
    extra = [relation + form] if features.absolute is None else [relation, form]
    return jnp.concatenate([part.astype(k.dtype) for part in (shifted, *extra)], axis=-1)


def extend(
    q: Float[Array, "B T H K"],
    k: Float[Array, "B S H K"],
    query_features: Features,
    key_features: Features,
    tables: Tables,
) -> tuple[Float[Array, "B T H Kx"], Float[Array, "B S H Kx"]]:
    """(q', k') whose inner products are the scores of the tree scheme, up to what the softmax cancels."""
    return extend_queries(q, query_features), extend_keys(k, key_features, tables)
