"""From a model to its answers: one compiled loop of fixed shapes, with the grammar carried along."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from symjax.decoding.grammar import Grammar
from symjax.models import BatchLike, Model
from symjax.tokenization.grammar import GrammarTables
from symjax.tokenization.vocabulary import BOS_ID, EOS_ID, PAD_ID

IMPOSSIBLE = -1e30


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoded:
    """K answers for each problem, the best first.

    Attributes:
      tokens: ids with `<eos>`, `<pad>` behind it; without `<eos>` where an unconstrained answer did not end.
      scores: log-probability under the model, renormalised at each token over those that were allowed.
      raw_scores: log-probability under the model itself.
      lengths: tokens, `<eos>` included.
    """

    tokens: Int[Array | np.ndarray, "B K T"]
    scores: Float[Array | np.ndarray, "B K"]
    raw_scores: Float[Array | np.ndarray, "B K"]
    lengths: Int[Array | np.ndarray, "B K"]


def decode(
    model: Model,
    batch: BatchLike,
    tables: GrammarTables,
    *,
    max_length: int,
    method: str = "greedy",
    constrained: bool = True,
) -> Decoded:
    """Answers of `model` to the problems of `batch`.  Pure, of static shapes; the caller jits.

    The loop ends as soon as every answer has.

    Args:
      max_length: T, most tokens of an answer, `<eos>` included.
      method: "greedy" takes the most probable token each time (K = 1).
      constrained: allow only tokens from which a well-formed answer can still end in time, so that every answer is
        well formed.  Otherwise everything but `<pad>` and `<bos>` is allowed, and tokens behind a broken rule get
        code (0, 0).

    Raises:
      ValueError: no such method, or no well-formed answer is as short as `max_length`.
    """
    if method not in METHODS:
        raise ValueError(
            f"unknown decoding method {method!r}; known methods: {', '.join(METHODS)} (beam search and sampling are "
            "not built yet)"
        )
    grammar = Grammar.of(tables)
    if max_length < grammar.shortest:
        raise ValueError(
            f"max_length {max_length} is too short: the shortest well-formed answer has {grammar.shortest} tokens, "
            "<eos> included"
        )
    return METHODS[method](model, batch, grammar, max_length, constrained)


def greedy(model: Model, batch: BatchLike, grammar: Grammar, max_length: int, constrained: bool) -> Decoded:
    """The most probable allowed token, one after another; see `decode`."""
    size = batch.inputs.shape[0]
    carry = {
        "place": jnp.zeros((), jnp.int32),
        "tokens": jnp.full((size, max_length), PAD_ID, jnp.int32),
        "last": jnp.full((size,), BOS_ID, jnp.int32),
        "point": grammar.begin(size),
        "done": jnp.zeros((size,), bool),
        "scores": jnp.zeros((size,), jnp.float32),
        "raw_scores": jnp.zeros((size,), jnp.float32),
        "lengths": jnp.zeros((size,), jnp.int32),
        "cache": model.start(batch, max_length),
    }

    def running(carry: dict[str, Any]) -> Array:
        return (carry["place"] < max_length) & ~carry["done"].all()

    def advance(carry: dict[str, Any]) -> dict[str, Any]:
        point, done, place = carry["point"], carry["done"], carry["place"]
        # Nothing precedes the first token; its code is (0, 0) whatever the first state's is.
        codes = jnp.where(place == 0, 0, grammar.codes[point.state])
        logits, cache = model.step(carry["cache"], carry["last"], codes)
        allowed = grammar.allowed(point, max_length - place) if constrained else _unconstrained(logits)
        open_logits = jnp.where(allowed, logits, IMPOSSIBLE)
        token = jnp.where(done, PAD_ID, jnp.argmax(open_logits, axis=-1).astype(jnp.int32))
        chosen = jnp.take_along_axis(logits, token[:, None], axis=-1)[:, 0]

        def gain(over: Float[Array, "B V"]) -> Float[Array, "B"]:
            return jnp.where(done, 0.0, chosen - jax.nn.logsumexp(over, axis=-1))

        return {
            "place": place + 1,
            "tokens": jax.lax.dynamic_update_slice(carry["tokens"], token[:, None], (0, place)),
            "last": token,
            "point": grammar.follow(point, token),
            "done": done | (token == EOS_ID),
            "scores": carry["scores"] + gain(open_logits),
            "raw_scores": carry["raw_scores"] + gain(logits),
            "lengths": carry["lengths"] + (~done).astype(jnp.int32),
            "cache": cache,
        }

    end = jax.lax.while_loop(running, advance, carry)
    fields = {name: end[name][:, None] for name in ("tokens", "scores", "raw_scores", "lengths")}
    return Decoded(**fields)


def _unconstrained(logits: Float[Array, "B V"]) -> Array:
    """Every token but `<pad>` and `<bos>`, which no answer holds."""
    tokens = jnp.arange(logits.shape[-1])
    return jnp.broadcast_to((tokens != PAD_ID) & (tokens != BOS_ID), logits.shape)


METHODS: dict[str, Callable[[Model, BatchLike, Grammar, int, bool], Decoded]] = {"greedy": greedy}
