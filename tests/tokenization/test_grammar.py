"""Grammars: compiled tables against the declared automaton, and every declaration that cannot work."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symjax.tokenization.grammar import FORBIDDEN, GrammarSpec, State, accepts, answer_codes, compile_grammar
from symjax.tokenization.vocabulary import EOS, EOS_ID, PAD_ID, Vocabulary

VOCABULARY = Vocabulary.of(("a", "b"))
A, B = VOCABULARY.encode(("a", "b"))


def spec(**changes: State) -> GrammarSpec:
    """One `a`, then any number of pairs `b a`."""
    states = {
        "start": State(moves={"a": "after a"}),
        "after a": State(moves={"b": "after b", EOS: "end"}, code=(1, 1)),
        "after b": State(moves={"a": "after a"}, code=(2, 3)),
    }
    return GrammarSpec(start="start", states=states | changes, code_sizes=(3, 4))


TABLES = compile_grammar(spec(), VOCABULARY)


def test_tables_accept_what_the_automaton_does() -> None:
    for length in range(6):
        for tokens in itertools.product("ab", repeat=length):
            wanted = length % 2 == 1 and "".join(tokens) == ("ab" * length)[:length]
            assert accepts(TABLES, [*VOCABULARY.encode(tokens), EOS_ID]) == wanted


def test_an_answer_must_end() -> None:
    assert not accepts(TABLES, [A])
    assert not accepts(TABLES, [])
    assert not accepts(TABLES, [EOS_ID])
    assert accepts(TABLES, [A, EOS_ID, PAD_ID, PAD_ID])
    assert not accepts(TABLES, [A, EOS_ID, A])
    assert not accepts(TABLES, [A, PAD_ID])


def test_remaining_counts_tokens_to_the_end() -> None:
    start = TABLES.start
    after_a = TABLES.next_state[start, A]
    after_b = TABLES.next_state[after_a, B]
    assert TABLES.remaining[[start, after_a, after_b, TABLES.accept]].tolist() == [2, 1, 2, 0]
    assert TABLES.next_state[start, B] == FORBIDDEN
    assert TABLES.next_state[TABLES.accept, PAD_ID] == TABLES.accept


def test_codes_follow_the_states() -> None:
    ids = np.array([[A, B, A, EOS_ID, PAD_ID], [A, EOS_ID, PAD_ID, PAD_ID, PAD_ID]])
    codes = answer_codes(TABLES, ids)
    assert codes.tolist() == [
        [[1, 1], [2, 3], [1, 1], [0, 0], [0, 0]],
        [[1, 1], [0, 0], [0, 0], [0, 0], [0, 0]],
    ]


def test_malformed_answers_are_placed() -> None:
    with pytest.raises(ValueError, match="answer 1 of the batch breaks the grammar at token 1"):
        answer_codes(TABLES, np.array([[A, EOS_ID], [A, A]]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": State(moves={"c": "after a"})}, "moves on 'c', which is not in the vocabulary"),
        ({"start": State(moves={"a": "nowhere"})}, "to 'nowhere', which is not allowed"),
        ({"after b": State(moves={EOS: "after a"})}, "moves on '<eos>' to 'after a', which is not allowed"),
        ({"after b": State(moves={"a": "end"})}, "moves on 'a' to 'end', which is not allowed"),
        ({"after b": State(moves={"a": "after b"})}, "no answer can end from the grammar states after b"),
    ],
)
def test_grammars_that_cannot_work_are_refused(changes: dict[str, State], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compile_grammar(spec(**changes), VOCABULARY)
