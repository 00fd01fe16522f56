"""Encoder-decoder Transformer whose positions may be places in a tree.

The problem is read by the encoder with the path codes of its tokens; the decoder writes the answer token by token,
knowing the (group, place) code of every token written so far.  Position schemes are those of `attention.positions`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from symjax.attention import positions as feature_maps
from symjax.attention.positions import Features
from symjax.models import BatchLike, layers
from symjax.tokenization.vocabulary import BOS_ID

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


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
        keys = _split(key, 2)
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
        keys = _split(key, 3)
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


class TreeTransformer(nnx.Module):
    """The model that `make` describes; follows the protocol `symjax.models.Model`."""

    autoregressive = True

    def __init__(self, parts: dict[str, Any], settings: dict[str, Any]) -> None:
        self.encoder_input: layers.TokenInput = parts["encoder_input"]
        self.encoder = nnx.List(parts["encoder"])
        self.encoder_norm: layers.Norm | None = parts["encoder_norm"]
        self.decoder_input: layers.TokenInput = parts["decoder_input"]
        self.decoder = nnx.List(parts["decoder"])
        self.decoder_norm: layers.Norm | None = parts["decoder_norm"]
        self.output: layers.Linear | None = parts["output"]
        self.schemes: tuple[str, str] = settings["schemes"]
        self.pos_dim: int = settings["path"]["pos_dim"]
        self.path_levels: int = settings["path"]["levels"]
        self.code_sizes: tuple[int, int] = settings["code_sizes"]
        self.dtype: str = settings["dtype"]
        self.remat: bool = settings["remat"]

    def __call__(self, batch: BatchLike, *, key: PRNGKeyArray | None = None) -> Float[Array, "B T V"]:
        """Logits of every target token given the ones before it, in float32; dropout only with a `key`."""
        keys = _split(key, 3)
        memory, memory_features = self._encode(batch, keys[0])
        tokens = jnp.pad(batch.targets[:, :-1], ((0, 0), (1, 0)), constant_values=BOS_ID)
        codes = jnp.pad(batch.target_codes[:, :-1], ((0, 0), (1, 0), (0, 0)))
        x, features = self._read_answer(tokens, codes, jnp.arange(tokens.shape[1]), keys[1])
        for block, block_key in zip(self.decoder, _split(keys[2], len(self.decoder)), strict=True):
            run = jax.checkpoint(block.__call__) if self.remat else block
            x = run(x, memory, batch.input_lengths, features, memory_features, block_key)
        return self._logits(x)

    def start(self, batch: BatchLike, max_length: int) -> PyTree:
        """Cache for decoding at most `max_length` tokens; every leaf has B in front."""
        self.decoder_input.check_length(max_length)
        memory, memory_features = self._encode(batch, None)
        blocks = [block.start(memory, memory_features, max_length) for block in self.decoder]
        position = jnp.zeros(batch.input_lengths.shape, jnp.int32)
        return {"blocks": blocks, "position": position, "input_lengths": batch.input_lengths}

    def step(
        self, cache: PyTree, tokens: Int[Array, "B"], codes: Int[Array, "B 2"]
    ) -> tuple[Float[Array, "B V"], PyTree]:
        """Logits of the next token after `tokens` (`<bos>` with code (0, 0) first), and the cache for it."""
        position = cache["position"][0]
        x, features = self._read_answer(tokens[:, None], codes[:, None], position[None], None)
        blocks = []
        for block, kept in zip(self.decoder, cache["blocks"], strict=True):
            x, kept = block.step(kept, x, position, cache["input_lengths"], features)
            blocks.append(kept)
        return self._logits(x)[:, 0], {**cache, "blocks": blocks, "position": cache["position"] + 1}

    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(self, nnx.Param)))

    def flops(self, batch_size: int, source_length: int, target_length: int) -> int:
        """Floating point operations of one forward and backward pass, matrix products only.

        n multiplications and additions count 2n forwards and 4n backwards; padding counts as tokens.  Position
        features and embeddings are left out, so that a scheme is not credited for its own cost.
        """
        width, vocabulary = self.decoder_input.width, self.decoder_input.count
        products = target_length * width * vocabulary
        for block in self.encoder:
            products += source_length * (4 * width**2 + 2 * width * source_length + block.mlp.products())
        for block in self.decoder:
            cross = (2 * width**2 + 2 * width * source_length) * target_length + 2 * width**2 * source_length
            products += target_length * (4 * width**2 + 2 * width * target_length + block.mlp.products()) + cross
        return 6 * batch_size * products

    def _encode(self, batch: BatchLike, key: PRNGKeyArray | None) -> tuple[Float[Array, "B S D"], Features | None]:
        scheme, codes = self.schemes[0], batch.input_codes
        features = None
        if scheme in feature_maps.TREE:
            features = feature_maps.problem_features(scheme, codes, pos_dim=self.pos_dim, levels=self.path_levels)
        keys = _split(key, 2)
        one_hots = feature_maps.path_one_hots(codes, self.path_levels) if self.encoder_input.reads_codes else None
        x = self.encoder_input(batch.inputs, one_hots, jnp.arange(batch.inputs.shape[1]), keys[0])
        x = x.astype(DTYPES[self.dtype])
        for block, block_key in zip(self.encoder, _split(keys[1], len(self.encoder)), strict=True):
            run = jax.checkpoint(block.__call__) if self.remat else block
            x = run(x, batch.input_lengths, features, block_key)
        return x if self.encoder_norm is None else self.encoder_norm(x), features

    def _read_answer(
        self, tokens: Int[Array, "B T"], codes: Int[Array, "B T 2"], places: Int[Array, "T"], key: PRNGKeyArray | None
    ) -> tuple[Float[Array, "B T D"], Features | None]:
        features = feature_maps.answer_features(codes, self.code_sizes)
        one_hots = features.relation if self.decoder_input.reads_codes else None
        x = self.decoder_input(tokens, one_hots, places, key).astype(DTYPES[self.dtype])
        return x, features if self.schemes[1] in feature_maps.TREE else None

    def _logits(self, x: Float[Array, "B T D"]) -> Float[Array, "B T V"]:
        x = x if self.decoder_norm is None else self.decoder_norm(x)
        logits = self.decoder_input.scores(x) if self.output is None else self.output(x)
        return logits.astype(jnp.float32)


def make(
    *,
    problem_vocabulary_size: int,
    answer_vocabulary_size: int,
    problem_code_depth: int,
    answer_code_sizes: tuple[int, int],
    max_problem_length: int,
    max_answer_length: int,
    rngs: nnx.Rngs,
    num_encoder_layers: int = 4,
    num_decoder_layers: int = 2,
    width: int = 128,
    num_heads: int = 4,
    mlp_width: int = 512,
    activation: str = "relu",
    norm: str = "pre",
    positions: str = "learned",
    decoder_positions: str | None = None,
    position_scale: str = "deberta",
    pos_dim: int = 6,
    path_levels: int = 8,
    tie_absolute: bool = True,
    problem_code_embedding: bool = False,
    answer_code_embedding: bool = True,
    attention_init_gain: float = 1.0,
    share_embeddings: bool = False,
    dropout: float = 0.0,
    compute_dtype: str = "float32",
    remat: bool = False,
) -> TreeTransformer:
    """A Transformer with fresh float32 parameters.  For the other arguments see `symjax.models.load`.

    Args:
      mlp_width: hidden units of each MLP.
      activation: "relu", "gelu" or "swiglu".
      norm: "pre" normalises what a sublayer reads, "post" the sum behind it.
      positions: scheme of the encoder and, if both sides are tree schemes, of the cross-attention.
      decoder_positions: scheme of the decoder; None: the same.  Under a tree scheme the decoder's features are
        (group, place), not paths.
      position_scale: what scores are divided by under a tree scheme, "deberta" sqrt(4 d) or "seed" sqrt(d).
      pos_dim: length of the seed's paths, scheme `seed` only.
      path_levels: levels of a path that the model tells apart, from the root; not for scheme `seed`.
      tie_absolute: tree schemes project absolute positions of queries and keys by one table, as the seed has it.
      problem_code_embedding: add a learned vector for each step of a token's path to its embedding.
      answer_code_embedding: add learned vectors for group and place of each answer token, next to its index.
      attention_init_gain: factor on the initial query and key weights.
      share_embeddings: answer tokens are read and scored by the same vectors.  (Problem and answer vocabularies
        are different sets, and share nothing.)
      dropout: rate on embeddings and behind every sublayer.
      compute_dtype: "float32" or "bfloat16" for activations; parameters, norms, softmax and logits stay float32.
      remat: compute each block again in the backward pass instead of keeping its activations.

    Raises:
      ValueError: an option has no such value, or `num_heads` does not divide `width`.
    """
    _check(width, num_heads, norm, compute_dtype, dropout)
    path = {"pos_dim": pos_dim, "levels": path_levels}
    schemes = (feature_maps.check(positions), feature_maps.check(decoder_positions or positions))
    on_tree = tuple(scheme in feature_maps.TREE for scheme in schemes)
    problem_size = feature_maps.problem_feature_count(schemes[0], problem_code_depth, **path)
    answer_size = feature_maps.answer_feature_count(answer_code_sizes)
    # How many features of a token are not 0 at most: bits of a path, or 1 with a child a level and a place.
    problem_active = float(pos_dim if schemes[0] == "seed" else min(path_levels, problem_code_depth - 1) + 2)

    def attention(features: tuple[int, int] | None, active: float, cross: bool = False) -> layers.Attention:
        head_width = width // num_heads
        tables = features and layers.PositionTables(
            *features, num_heads, head_width, cross=cross, tie_absolute=tie_absolute, active=active, rngs=rngs
        )
        scale = feature_maps.score_scale(head_width, position_scale, positioned=features is not None)
        gain = attention_init_gain
        return layers.Attention(width, num_heads, cross=cross, tables=tables, scale=scale, gain=gain, rngs=rngs)

    def encoder_block() -> EncoderBlock:
        own = attention((problem_size, problem_size) if on_tree[0] else None, problem_active)
        mlp = layers.Mlp(width, mlp_width, activation=activation, rngs=rngs)
        return EncoderBlock(own, mlp, [Residual(width, norm, dropout) for _ in range(2)])

    def decoder_block() -> DecoderBlock:
        own = attention((answer_size, answer_size) if on_tree[1] else None, 3.0)
        both = (answer_size, problem_size) if all(on_tree) else None
        cross = attention(both, math.sqrt(3 * problem_active), cross=True)
        mlp = layers.Mlp(width, mlp_width, activation=activation, rngs=rngs)
        return DecoderBlock(own, cross, mlp, [Residual(width, norm, dropout) for _ in range(3)])

    def read(count: int, length: int, scheme: str, codes: int) -> layers.TokenInput:
        return layers.TokenInput(count, width, length, scheme=scheme, codes=codes, dropout_rate=dropout, rngs=rngs)

    one_hots = problem_code_embedding and feature_maps.problem_feature_count("seed_fixed", problem_code_depth, **path)
    parts = {
        "encoder_input": read(problem_vocabulary_size, max_problem_length, schemes[0], int(one_hots)),
        "encoder": [encoder_block() for _ in range(num_encoder_layers)],
        "encoder_norm": layers.Norm(width) if norm == "pre" else None,
        "decoder_input": read(
            answer_vocabulary_size, max_answer_length, schemes[1], answer_size if answer_code_embedding else 0
        ),
        "decoder": [decoder_block() for _ in range(num_decoder_layers)],
        "decoder_norm": layers.Norm(width) if norm == "pre" else None,
        "output": None if share_embeddings else layers.Linear(width, answer_vocabulary_size, rngs=rngs),
    }
    settings = {
        "schemes": schemes, "path": path, "code_sizes": tuple(answer_code_sizes), "dtype": compute_dtype,
        "remat": remat,
    }  # fmt: skip
    return TreeTransformer(parts, settings)


def _check(width: int, num_heads: int, norm: str, compute_dtype: str, dropout: float) -> None:
    """Refuses values that no part below would name."""
    if width % num_heads:
        raise ValueError(f"num_heads {num_heads} does not divide width {width}; use a divisor")
    if norm not in ("pre", "post"):
        raise ValueError(f"unknown norm {norm!r}; use 'pre' or 'post'")
    if compute_dtype not in DTYPES:
        raise ValueError(f"unknown compute_dtype {compute_dtype!r}; use one of {', '.join(DTYPES)}")
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout {dropout} is not a rate; use 0 <= dropout < 1")


def _split(key: PRNGKeyArray | None, count: int) -> list[PRNGKeyArray | None]:
    """`count` keys, or as many None."""
    return [None] * count if key is None else list(jax.random.split(key, count))
