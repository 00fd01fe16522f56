"""What a well-formed answer looks like, declared by a task; `decoding` runs it on the accelerator.

A grammar is a deterministic automaton over tokens.  Each state also says which position code the token that led
into it carries, so that the codes of an answer are known while it is being decoded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from symjax.tokenization.vocabulary import EOS, EOS_ID, PAD_ID, Vocabulary

FORBIDDEN = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class State:
    """One state of the automaton.

    Attributes:
      moves: token -> name of the next state.  The token `<eos>` moves to the accepting state, which must be
        called "end" and has no moves of its own.
      code: (group, place) of the token that led here: which part of the answer it belongs to, and where in it.
    """

    moves: Mapping[str, str]
    code: tuple[int, int] = (0, 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrammarSpec:
    """The states by name.  Decoding starts in `start`; `code_sizes` bounds the codes (exclusive)."""

    start: str
    states: Mapping[str, State]
    code_sizes: tuple[int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrammarTables:
    """A grammar over ids, as arrays.

    Attributes:
      start: the first state.
      next_state: state, id -> next state, or -1 where the id may not follow.  In the accepting state only
        `<pad>` may follow, and leads back to it.
      remaining: state -> least number of tokens, `<eos>` included, to the accepting state.
      codes: state -> (group, place) of the token that led into it.
      accept: the accepting state.
      code_sizes: exclusive bounds of the codes.
    """

    start: int
    next_state: Int[np.ndarray, "states V"]
    remaining: Int[np.ndarray, "states"]
    codes: Int[np.ndarray, "states 2"]
    accept: int
    code_sizes: tuple[int, int]


def compile_grammar(spec: GrammarSpec, vocabulary: Vocabulary) -> GrammarTables:
    """`spec` as arrays over the ids of `vocabulary`.

    Raises:
      ValueError: a move names a token or a state that does not exist, or a state from which no answer can end.
    """
    names = [*spec.states, "end"]
    number = {name: row for row, name in enumerate(names)}
    next_state = np.full((len(names), len(vocabulary)), FORBIDDEN, np.int32)
    codes = np.zeros((len(names), 2), np.int32)
    for name, state in spec.states.items():
        codes[number[name]] = state.code
        for token, target in state.moves.items():
            if token not in vocabulary.ids:
                raise ValueError(f"grammar state {name!r} moves on {token!r}, which is not in the vocabulary")
            if target not in number or (token == EOS) != (target == "end"):
                raise ValueError(f"grammar state {name!r} moves on {token!r} to {target!r}, which is not allowed")
            next_state[number[name], vocabulary.ids[token]] = number[target]
    accept = number["end"]
    next_state[accept, PAD_ID] = accept
    remaining = _least_remaining(next_state, accept)
    stuck = [names[row] for row in np.flatnonzero(remaining < 0)]
    if stuck:
        raise ValueError(f"no answer can end from the grammar states {', '.join(stuck)}")
    return GrammarTables(
        start=number[spec.start],
        next_state=next_state,
        remaining=remaining,
        codes=codes,
        accept=accept,
        code_sizes=spec.code_sizes,
    )


def _least_remaining(next_state: np.ndarray, accept: int) -> np.ndarray:
    """Tokens to the accepting state, by breadth-first search backwards; -1 where there is no way."""
    remaining = np.full(len(next_state), -1, np.int32)
    remaining[accept] = 0
    for distance in range(1, len(next_state) + 1):
        reaches = ((next_state >= 0) & (remaining[next_state] == distance - 1)).any(axis=1)
        fresh = reaches & (remaining < 0)
        if not fresh.any():
            break
        remaining[fresh] = distance
    return remaining


def answer_codes(tables: GrammarTables, ids: Int[np.ndarray, "B T"]) -> Int[np.ndarray, "B T 2"]:
    """(group, place) of every token of well-formed answers; 0 behind the end.

    Raises:
      ValueError: a row is not well formed.
    """
    codes = np.zeros((*ids.shape, 2), np.int8)
    state = np.full(len(ids), tables.start)
    for place in range(ids.shape[1]):
        state = tables.next_state[state, ids[:, place]]
        if (state < 0).any():
            row = int(np.argmax(state < 0))
            raise ValueError(f"answer {row} of the batch breaks the grammar at token {place}: ids {ids[row].tolist()}")
        codes[:, place] = tables.codes[state]
    return codes


def accepts(tables: GrammarTables, ids: list[int]) -> bool:
    """Whether `ids`, ended by `<eos>`, are a well-formed answer."""
    state = tables.start
    for number in ids:
        state = int(tables.next_state[state, number])
        if state < 0:
            return False
    return state == tables.accept and EOS_ID in ids
