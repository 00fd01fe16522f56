"""The tables on the device allow exactly the tokens from which an answer can still end in time."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from symjax.decoding.grammar import Grammar
from symjax.tokenization.grammar import FORBIDDEN
from symjax.tokenization.vocabulary import EOS_ID, PAD_ID
from tests.decoding.stand_in import LONGEST, SHORTEST, VOCABULARY, tables


@functools.cache
def can_end(state: int, room: int) -> bool:
    """By trying everything."""
    spec = tables()
    if state == spec.accept:
        return True
    moves = [int(target) for target in spec.next_state[state] if target != FORBIDDEN]
    return room > 0 and any(can_end(target, room - 1) for target in moves)


@pytest.mark.parametrize("room", [1, 2, 3, 4, LONGEST])
def test_allows_exactly_what_can_still_end(room: int) -> None:
    spec, grammar = tables(), Grammar.of(tables())
    states = range(len(spec.next_state))
    allowed = np.asarray(grammar.allowed(jnp.array(states), room))
    for state in states:
        targets = spec.next_state[state]
        truth = [target != FORBIDDEN and can_end(int(target), room - 1) for target in targets]
        assert allowed[state].tolist() == truth


def test_shortest_answer() -> None:
    assert Grammar.of(tables()).shortest == SHORTEST


def test_nothing_leaves_failed_and_nothing_is_allowed_there() -> None:
    grammar = Grammar.of(tables())
    failed = jnp.array([grammar.failed])
    assert (np.asarray(grammar.next_state)[grammar.failed] == grammar.failed).all()
    assert not np.asarray(grammar.allowed(failed, 10**6)).any()
    assert np.asarray(grammar.codes)[grammar.failed].tolist() == [0, 0]


def test_an_ended_answer_is_padded() -> None:
    spec, grammar = tables(), Grammar.of(tables())
    may_end = np.flatnonzero(spec.next_state[:, EOS_ID] != FORBIDDEN)
    ended = grammar.next_state[jnp.array(may_end), EOS_ID]
    assert len(may_end) == 6
    for room in (1, 5):
        allowed = np.asarray(grammar.allowed(ended, room))
        assert (allowed == (np.arange(allowed.shape[1]) == PAD_ID)).all()


def test_states_are_those_of_the_tables() -> None:
    spec, grammar = tables(), Grammar.of(tables())
    own = np.asarray(grammar.next_state)[:-1]
    np.testing.assert_array_equal(np.where(own == grammar.failed, FORBIDDEN, own), spec.next_state)
    assert own.shape[1] == len(VOCABULARY)
