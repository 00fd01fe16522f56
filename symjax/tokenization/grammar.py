"""What a well-formed answer looks like, declared by a task; `decoding` runs it on the accelerator.

A grammar is a deterministic automaton over tokens.  Each state also says which position code the token that led
into it carries, so that the codes of an answer are known while it is being decoded.

An answer that is an expression has a counter beside the state: the slots that are still open.  One is open at the
start; a token of n operands takes a slot and opens n; the answer may end when none is open.  So what is decoded is
exactly the prefix expressions.  `prefix_grammar` declares them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from symjax.tokenization import prefix
from symjax.tokenization.foreign import DECIMAL, SIGNS, IntegerFormat
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
    """The states by name.

    Attributes:
      start: where decoding starts.
      states: the automaton.
      code_sizes: exclusive bounds of the codes.
      arities: token -> number of operands, for the tokens that take a slot; no other token does.  Empty where answers
        are no expressions: then there are no slots.
    """

    start: str
    states: Mapping[str, State]
    code_sizes: tuple[int, int]
    arities: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrammarTables:
    """A grammar over ids, as arrays.

    Attributes:
      start: the first state.
      next_state: state, id -> next state, or -1 where the id may not follow.  In the accepting state only
        `<pad>` may follow, and leads back to it.
      remaining: state -> least number of tokens, `<eos>` included, to the accepting state when no slot is open.
      codes: state -> (group, place) of the token that led into it.
      accept: the accepting state.
      code_sizes: exclusive bounds of the codes.
      takes: id -> whether it takes a slot.
      opens: id -> how many slots it opens.
      start_slots: slots that are open at the start: 1, or 0 in a grammar without slots.
      slot_cost: least number of tokens that fill a slot; 0 in a grammar without slots.
    """

    start: int
    next_state: Int[np.ndarray, "states V"]
    remaining: Int[np.ndarray, "states"]
    codes: Int[np.ndarray, "states 2"]
    accept: int
    code_sizes: tuple[int, int]
    takes: Bool[np.ndarray, "V"]
    opens: Int[np.ndarray, "V"]
    start_slots: int = 0
    slot_cost: int = 0


def compile_grammar(spec: GrammarSpec, vocabulary: Vocabulary) -> GrammarTables:
    """`spec` as arrays over the ids of `vocabulary`.

    Raises:
      ValueError: a move names a token or a state that does not exist, a state from which no answer can end, or slots
        that cannot be filled from every state alike.
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
    takes, opens = _slots(spec.arities, vocabulary)
    remaining = _least_remaining(np.where(takes, FORBIDDEN, next_state), accept)
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
        takes=takes,
        opens=opens,
        start_slots=int(bool(spec.arities)),
        slot_cost=_slot_cost(next_state, remaining, takes, opens) if spec.arities else 0,
    )


def _slots(arities: Mapping[str, int], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Which ids take a slot, and how many each opens."""
    unknown = [token for token in arities if token not in vocabulary.ids or token == EOS]
    if unknown:
        raise ValueError(f"grammar arities name {unknown[0]!r}, which is not in the vocabulary")
    takes = np.array([token in arities for token in vocabulary.tokens])
    return takes, np.array([arities.get(token, 0) for token in vocabulary.tokens], np.int32)


def _slot_cost(next_state: np.ndarray, remaining: np.ndarray, takes: np.ndarray, opens: np.ndarray) -> int:
    """Least number of tokens that fill a slot.

    With c this number, an answer can end in no fewer than remaining(s) + c*k tokens from state s with k open slots,
    and in so many.  That holds for every k if one token can always be spent well: in every state, with slots open,
    min over the moves but `<eos>` of remaining(next) + c*(change of the slots) is remaining(s) - 1.  (A function that
    drops by 1 along some move and by no more along any is the distance.)

    Raises:
      ValueError: no c does this.
    """
    moves = next_state >= 0
    moves[:, EOS_ID] = False
    inner = [state for state in range(len(next_state)) if remaining[state] > 0]
    after, change = remaining[np.maximum(next_state, 0)], opens - takes
    for cost in range(1, len(next_state) + 2):
        reached = np.where(moves, after + cost * change, np.iinfo(np.int32).max)[inner].min(axis=1)
        if (reached == remaining[inner] - 1).all():
            return cost
    raise ValueError("the grammar's slots cannot be filled from every state alike, so that room cannot be counted")


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
    state, slots = np.full(len(ids), tables.start), np.full(len(ids), tables.start_slots)
    for place in range(ids.shape[1]):
        column = ids[:, place]
        broken = _breaks_slots(tables, slots, column) if tables.start_slots else False
        state = np.where(broken, FORBIDDEN, tables.next_state[state, column])
        if (state < 0).any():
            row = int(np.argmax(state < 0))
            raise ValueError(f"answer {row} of the batch breaks the grammar at token {place}: ids {ids[row].tolist()}")
        if tables.start_slots:
            slots = slots + tables.opens[column] - tables.takes[column]
        codes[:, place] = tables.codes[state]
    return codes


def _breaks_slots(tables: GrammarTables, slots: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Whether each id takes a slot where none is open, or ends an answer where one is."""
    return np.where(slots > 0, ids == EOS_ID, tables.takes[ids])


def accepts(tables: GrammarTables, ids: Sequence[int]) -> bool:
    """Whether `ids`, ended by `<eos>`, are a well-formed answer."""
    state, slots = tables.start, tables.start_slots
    for number in ids:
        wrong = number == EOS_ID if slots else tables.takes[number]
        state = FORBIDDEN if wrong else int(tables.next_state[state, number])
        if state < 0:
            return False
        slots += int(tables.opens[number]) - int(tables.takes[number])
    return state == tables.accept and EOS_ID in ids


def prefix_grammar(
    words: Sequence[str],
    arities: Mapping[str, int] | None = None,
    *,
    integers: IntegerFormat = DECIMAL,
    max_digits: int = 125,
    number_places: int = 8,
) -> GrammarSpec:
    """Expressions in prefix words: operators with as many operands as they take, names, and integers.

    A number is a sign word, then one to `max_digits` digits, with no leading zero and no negative zero.  A rational
    number is a quotient.  A token's code is (1, 1) outside numbers; in a number it is (2, place), 1 the sign, 2 the
    first digit and so on to `number_places`, which all further digits share.

    Args:
      words: the tokens that an answer may hold; sign words and digits of `integers` among them.
      arities: word -> number of operands, for the words outside numbers; those of `prefix` by default.
      integers: how integers are written.
      max_digits: the longest number.
      number_places: places that codes tell apart inside a number.

    Raises:
      ValueError: a word without arity that is no digit, no leaf among the words, or numbers without digits.
    """
    known = {word: arity for word, arity in (arities or prefix.arities()).items() if word not in SIGNS}
    known |= dict.fromkeys(integers.signs, 0)
    digits = [word for word in words if word in integers.values]
    signs = [word for word in words if word in integers.signs]
    homeless = [word for word in words if word not in known and word not in digits]
    if homeless:
        raise ValueError(f"{homeless[0]!r} has no place in an expression; its number of operands is not known")
    if bool(signs) != bool(digits) or max_digits < 1 or number_places < 2:
        raise ValueError("numbers need sign words, digits, max_digits of 1 or more and number_places of 2 or more")
    own = {word: known[word] for word in words if word not in digits}
    if not any(arity == 0 for arity in own.values()):
        raise ValueError("no expression can end: there is no word without operands")
    operand = {word: word if word in signs else "operand" for word in own} | {EOS: "end"}
    states = {"operand": State(moves=operand, code=(1, 1))}
    for sign in signs:
        first = {digit: "digit 1" for digit in digits if digit != "0"}
        zero = {"0": "zero"} if "0" in digits and sign != prefix.MINUS else {}
        states[sign] = State(moves=first | zero, code=(2, 1))
    for place in range(1, max_digits + 1) if signs else ():
        more = dict.fromkeys(digits, f"digit {place + 1}") if place < max_digits else {}
        states[f"digit {place}"] = State(moves=operand | more, code=(2, min(place + 1, number_places)))
    if signs:
        states["zero"] = State(moves=operand, code=(2, 2))
    return GrammarSpec(start="operand", states=states, code_sizes=(3, number_places + 1), arities=own)
