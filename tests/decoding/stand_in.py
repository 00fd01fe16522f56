"""A small grammar with branches, and a model that says what it is told to."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from symjax.tokenization.grammar import GrammarSpec, GrammarTables, State, compile_grammar
from symjax.tokenization.vocabulary import EOS, Vocabulary
from tests.models.stand_in import Batch

# Answers are one to three letters in ascending order, each with one or two digits behind it: "a 1", "a 2 1 c 1".
VOCABULARY = Vocabulary.of(("a", "b", "c", "1", "2"))
SHORTEST, LONGEST = 3, 10


def tables() -> GrammarTables:
    states = {"start": State(moves={letter: letter for letter in "abc"})}
    for group, letter in enumerate("abc", start=1):
        later = {other: other for other in "abc" if other > letter}
        states[letter] = State(moves={"1": f"{letter}1", "2": f"{letter}1"}, code=(group, 1))
        states[f"{letter}1"] = State(moves={"1": f"{letter}2", **later, EOS: "end"}, code=(group, 2))
        states[f"{letter}2"] = State(moves={**later, EOS: "end"}, code=(group, 3))
    return compile_grammar(GrammarSpec(start="start", states=states, code_sizes=(4, 5)), VOCABULARY)


@dataclasses.dataclass(frozen=True)
class Script:
    """Gives the same logits at every place, whatever the problem; `cache` remembers the codes that it was shown."""

    logits: jax.Array
    autoregressive: ClassVar[bool] = True

    def __call__(self, batch: Batch, *, key: jax.Array | None = None) -> jax.Array:
        del key
        return jnp.broadcast_to(self.logits, (*batch.targets.shape, self.logits.shape[-1]))

    def start(self, batch: Batch, max_length: int) -> dict[str, jax.Array]:
        size = batch.inputs.shape[0]
        shown = jnp.full((size, max_length, 2), -1, jnp.int32)
        return {"codes": shown, "place": jnp.zeros((size,), jnp.int32)}

    def step(
        self, cache: dict[str, jax.Array], tokens: jax.Array, codes: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        rows = jnp.arange(tokens.shape[0])
        shown = cache["codes"].at[rows, cache["place"]].set(codes)
        logits = jnp.broadcast_to(self.logits, (*tokens.shape, self.logits.shape[-1]))
        return logits, {"codes": shown, "place": cache["place"] + 1}

    def flops(self, batch_size: int, source_length: int, target_length: int) -> int:
        del batch_size, source_length, target_length
        return 0
