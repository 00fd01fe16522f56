"""Grammar tables on the device: which tokens may come next, at a point of an answer and with so much room left."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from symjax.tokenization.grammar import GrammarTables
from symjax.tokenization.vocabulary import EOS_ID

NEVER = np.iinfo(np.int32).max // 2


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Point:
    """How far answers have come, arrays over answers: all that the grammar remembers of their tokens.

    Attributes:
      state: the state that the last token led into.
      slots: slots that are open; 0 in a grammar without slots.
    """

    state: Int[Array, "B"]
    slots: Int[Array, "B"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Grammar:
    """`GrammarTables` as device arrays.

    Attributes:
      next_state: state, id -> next state; where the id may not follow, the last state, `failed`, which nothing leaves.
      needed: state, id -> least room that the id needs, itself included, for the answer to end with no slot open;
        `NEVER` where it may not follow.
      codes: state -> (group, place); (0, 0) in `failed`.
      takes: id -> whether it takes a slot.
      change: id -> slots that it opens, less the one that it takes.
      start: first state.
      failed: the state behind a token that may not follow.
      shortest: tokens of the shortest answer, `<eos>` included.
      start_slots: slots that are open at the start.
      slot_cost: least room that an open slot needs; 0 in a grammar without slots.
    """

    next_state: Int[Array, "states V"]
    needed: Int[Array, "states V"]
    codes: Int[Array, "states 2"]
    takes: Bool[Array, "V"]
    change: Int[Array, "V"]
    start: int = dataclasses.field(metadata={"static": True})
    failed: int = dataclasses.field(metadata={"static": True})
    shortest: int = dataclasses.field(metadata={"static": True})
    start_slots: int = dataclasses.field(metadata={"static": True})
    slot_cost: int = dataclasses.field(metadata={"static": True})

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
            takes=jnp.asarray(tables.takes),
            change=jnp.asarray(tables.opens - tables.takes, jnp.int32),
            start=tables.start,
            failed=failed,
            shortest=int(tables.remaining[tables.start]) + tables.slot_cost * tables.start_slots,
            start_slots=tables.start_slots,
            slot_cost=tables.slot_cost,
        )

    def begin(self, size: int) -> Point:
        """`size` answers without a token."""
        return Point(jnp.full((size,), self.start, jnp.int32), jnp.full((size,), self.start_slots, jnp.int32))

    def follow(self, point: Point, tokens: Int[Array, "B"]) -> Point:
        """The answers with one more token each; the state is `failed` where it may not follow."""
        state = self.next_state[point.state, tokens]
        if not self.start_slots:
            return Point(state, point.slots)
        broken = jnp.where(point.slots > 0, tokens == EOS_ID, self.takes[tokens])
        return Point(jnp.where(broken, self.failed, state), jnp.maximum(point.slots + self.change[tokens], 0))

    def allowed(self, point: Point, remaining_length: Int[Array, ""] | int) -> Bool[Array, "B V"]:
        """The tokens from which a well-formed answer can still end within `remaining_length` tokens, it included."""
        needed = self.needed[point.state]
        if not self.start_slots:
            return needed <= remaining_length
        slots, tokens = point.slots[:, None], jnp.arange(needed.shape[-1])[None]
        fits = needed + self.slot_cost * (slots + self.change[None]) <= remaining_length
        return fits & ~jnp.where(slots > 0, tokens == EOS_ID, self.takes[None])
