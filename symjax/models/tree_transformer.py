"""Encoder-decoder Transformer whose positions may be places in a tree.

The problem is read by the encoder with the path codes of its tokens; the decoder writes the answer token by token,
knowing the (group, place) code of every token written so far.  Position schemes are those of `attention.positions`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from symjax.attention import positions as feature_maps
from symjax.attention.positions import Features
from symjax.models import BatchLike, layers
from symjax.models._tree_blocks import DecoderBlock, EncoderBlock, Residual, split_key
from symjax.tokenization.vocabulary import BOS_ID

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


class TreeTransformer(nnx.Module):
    """The model that `make` describes; follows the protocol `symjax.models.Model`."""

    autoregressive = True

    def __init__(
        self, parts: dict[str, Any], *,
        schemes: tuple[str, str], path: dict[str, int], code_sizes: tuple[int, int], dtype: str, remat: bool,
    ) -> None:  # fmt: skip
        if dtype not in DTYPES:
            raise ValueError(f"unknown compute_dtype {dtype!r}; use one of {', '.join(DTYPES)}")
        self.encoder_input: layers.TokenInput = parts["encoder_input"]
        self.encoder = nnx.List(parts["encoder"])
        self.encoder_norm: layers.Norm | None = parts["encoder_norm"]
        self.decoder_input: layers.TokenInput = parts["decoder_input"]
        self.decoder = nnx.List(parts["decoder"])
        self.decoder_norm: layers.Norm | None = parts["decoder_norm"]
        self.output: layers.Linear | None = parts["output"]
        self.schemes, self.code_sizes = schemes, code_sizes
        self.pos_dim, self.path_levels = path["pos_dim"], path["levels"]
        self.dtype, self.remat = dtype, remat

    def __call__(self, batch: BatchLike, *, key: PRNGKeyArray | None = None) -> Float[Array, "B T V"]:
        """Logits of every target token given the ones before it, in float32; dropout only with a `key`."""
        keys = split_key(key, 3)
        memory, memory_features = self._encode(batch, keys[0])
        tokens = jnp.pad(batch.targets[:, :-1], ((0, 0), (1, 0)), constant_values=BOS_ID)
        codes = jnp.pad(batch.target_codes[:, :-1], ((0, 0), (1, 0), (0, 0)))
        x, features = self._read_answer(tokens, codes, jnp.arange(tokens.shape[1]), keys[1])
        for block, block_key in zip(self.decoder, split_key(keys[2], len(self.decoder)), strict=True):
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
        keys = split_key(key, 2)
        one_hots = feature_maps.path_one_hots(codes, self.path_levels) if self.encoder_input.reads_codes else None
        x = self.encoder_input(batch.inputs, one_hots, jnp.arange(batch.inputs.shape[1]), keys[0])
        x = x.astype(DTYPES[self.dtype])
        for block, block_key in zip(self.encoder, split_key(keys[1], len(self.encoder)), strict=True):
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
    build = _Builder(
        width=width, num_heads=num_heads, mlp_width=mlp_width, activation=activation, norm=norm, dropout=dropout,
        schemes=(feature_maps.check(positions), feature_maps.check(decoder_positions or positions)),
        position_scale=position_scale, tie_absolute=tie_absolute, gain=attention_init_gain, pos_dim=pos_dim,
        path_levels=path_levels, code_depth=problem_code_depth, code_sizes=answer_code_sizes, rngs=rngs,
    )  # fmt: skip
    encoder = build.encoder(problem_vocabulary_size, max_problem_length, num_encoder_layers, problem_code_embedding)
    decoder = build.decoder(answer_vocabulary_size, max_answer_length, num_decoder_layers, answer_code_embedding)
    output = None if share_embeddings else layers.Linear(width, answer_vocabulary_size, rngs=rngs)
    return TreeTransformer(
        encoder | decoder | {"output": output},
        schemes=build.schemes, path=build.path, code_sizes=build.code_sizes, dtype=compute_dtype, remat=remat,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Builder:
    """Makes the parts of a model, each with fresh parameters; the order in which they are made decides which.

    Attributes are arguments of `make`, and
      schemes: position schemes of encoder and decoder.
      gain: factor on the initial query and key weights.
    """

    width: int
    num_heads: int
    mlp_width: int
    activation: str
    norm: str
    dropout: float
    schemes: tuple[str, str]
    position_scale: str
    tie_absolute: bool
    gain: float
    pos_dim: int
    path_levels: int
    code_depth: int
    code_sizes: tuple[int, int]
    rngs: nnx.Rngs

    def __post_init__(self) -> None:
        for name in ("width", "num_heads", "mlp_width", "pos_dim", "path_levels"):
            _at_least(name, getattr(self, name), 1)
        if self.width % self.num_heads:
            raise ValueError(f"num_heads {self.num_heads} does not divide width {self.width}; use a divisor")
        if self.norm not in ("pre", "post"):
            raise ValueError(f"unknown norm {self.norm!r}; use 'pre' or 'post'")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout {self.dropout} is not a rate; use 0 <= dropout < 1")

    @property
    def path(self) -> dict[str, int]:
        """What the features of a path depend on."""
        return {"pos_dim": self.pos_dim, "levels": self.path_levels}

    def encoder(self, vocabulary_size: int, length: int, num_layers: int, code_embedding: bool) -> dict[str, Any]:
        """Embeddings, blocks and final norm of the encoder."""
        _at_least("num_encoder_layers", num_layers, 0)
        codes = self._problem_features("seed_fixed") if code_embedding else 0
        return {
            "encoder_input": self._token_input(vocabulary_size, length, self.schemes[0], codes),
            "encoder": [self._encoder_block() for _ in range(num_layers)],
            "encoder_norm": layers.Norm(self.width) if self.norm == "pre" else None,
        }

    def decoder(self, vocabulary_size: int, length: int, num_layers: int, code_embedding: bool) -> dict[str, Any]:
        """Embeddings, blocks and final norm of the decoder."""
        _at_least("num_decoder_layers", num_layers, 1)
        codes = self._answer_features() if code_embedding else 0
        return {
            "decoder_input": self._token_input(vocabulary_size, length, self.schemes[1], codes),
            "decoder": [self._decoder_block() for _ in range(num_layers)],
            "decoder_norm": layers.Norm(self.width) if self.norm == "pre" else None,
        }

    def _encoder_block(self) -> EncoderBlock:
        count = self._problem_features(self.schemes[0])
        own = self._attention((count, count) if self._on_tree()[0] else None, self._problem_active())
        return EncoderBlock(own, self._mlp(), self._residuals(2))

    def _decoder_block(self) -> DecoderBlock:
        count, active = self._answer_features(), 3.0  # the 1, one group and one place
        own = self._attention((count, count) if self._on_tree()[1] else None, active)
        both = (count, self._problem_features(self.schemes[0])) if all(self._on_tree()) else None
        cross = self._attention(both, math.sqrt(active * self._problem_active()), cross=True)
        return DecoderBlock(own, cross, self._mlp(), self._residuals(3))

    def _attention(self, features: tuple[int, int] | None, active: float, cross: bool = False) -> layers.Attention:
        head_width, rngs = self.width // self.num_heads, self.rngs
        tables = features and layers.PositionTables(
            *features, self.num_heads, head_width, cross=cross, tie_absolute=self.tie_absolute, active=active, rngs=rngs
        )
        scale = feature_maps.score_scale(head_width, self.position_scale, positioned=features is not None)
        return layers.Attention(
            self.width, self.num_heads, cross=cross, tables=tables, scale=scale, gain=self.gain, rngs=rngs
        )

    def _mlp(self) -> layers.Mlp:
        return layers.Mlp(self.width, self.mlp_width, activation=self.activation, rngs=self.rngs)

    def _residuals(self, count: int) -> list[Residual]:
        return [Residual(self.width, self.norm, self.dropout) for _ in range(count)]

    def _token_input(self, count: int, length: int, scheme: str, codes: int) -> layers.TokenInput:
        return layers.TokenInput(
            count, self.width, length, scheme=scheme, codes=codes, dropout_rate=self.dropout, rngs=self.rngs
        )

    def _on_tree(self) -> tuple[bool, ...]:
        return tuple(scheme in feature_maps.TREE for scheme in self.schemes)

    def _problem_features(self, scheme: str) -> int:
        return feature_maps.problem_feature_count(scheme, self.code_depth, **self.path)

    def _problem_active(self) -> float:
        """How many features of a problem token are not 0 at most: bits of a path, or 1, a child a level, a place."""
        if self.schemes[0] == "seed":
            return float(self.pos_dim)
        return float(min(self.path_levels, self.code_depth - 1) + 2)

    def _answer_features(self) -> int:
        return feature_maps.answer_feature_count(self.code_sizes)


def _at_least(name: str, value: int, least: int) -> None:
    """Refuses a count that is too small, by its name in the config."""
    if value < least:
        raise ValueError(f"model.{name} is {value}; it must be at least {least}")
