"""Grammar tables on the device: which tokens may come next, in a state and with so much room left."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from symjax.tokenization.grammar import GrammarTables

NEVER = np.iinfo(np.int32).max


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Grammar:
    """`GrammarTables` as device arrays.

    Attributes:
      next_state: state, id -> next state; where the id may not follow, the last state, `failed`, which nothing leaves.
      needed: state, id -> least room that the id needs, itself included, for the answer to end; `NEVER` where it
        may not follow.
      codes: state -> (group, place); (0, 0) in `failed`.
      start: first state.
      failed: the state behind a token that may not follow.
      shortest: tokens of the shortest answer, `<eos>` included.
    """

    next_state: Int[Array, "states V"]
    needed: Int[Array, "states V"]
    codes: Int[Array, "states 2"]
    start: int = dataclasses.field(metadata={"static": True})
    failed: int = dataclasses.field(metadata={"static": True})
    shortest: int = dataclasses.field(metadata={"static": True})

    @classmethod
    def of(cls, tables: GrammarTables) -> Grammar:
        """`tables` as device arrays."""
        failed, tokens = tables.next_state.shape
        legal = tables.next_state >= 0
        following = np.where(legal, tables.next_state, failed)
        needed = np.where(legal, 1 + tables.remaining[np.where(legal, tables.next_state, 0)], NEVER)
        return cls(
            next_state=jnp.asarray(np.vstack([following, np.full((1, tokens), failed)]), jnp.int32),
            needed=jnp.asarray(np.vstack([needed, np.full((1, tokens), NEVER)]), jnp.int32),
            codes=jnp.asarray(np.vstack([tables.codes, [(0, 0)]]), jnp.int32),
            start=tables.start, failed=failed, shortest=int(tables.remaining[tables.start]),
        )  # fmt: skip

    def allowed(self, state: Int[Array, "B"], remaining_length: Int[Array, ""] | int) -> Bool[Array, "B V"]:
        """The tokens from which a well-formed answer can still end within `remaining_length` tokens, it included."""
        return self.needed[state] <= remaining_length
