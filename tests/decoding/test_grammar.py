"""The tables on the device allow exactly the tokens from which an answer can still end in time."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax.decoding.grammar import Grammar, Point
from symjax.tokenization.grammar import FORBIDDEN
from symjax.tokenization.vocabulary import EOS, EOS_ID, PAD_ID
from tests.decoding import expressions
from tests.decoding.stand_in import LONGEST, SHORTEST, VOCABULARY, tables


def points(states: object) -> Point:
    """Points of a grammar without slots."""
    return Point(jnp.asarray(states), jnp.zeros_like(jnp.asarray(states)))


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
    allowed = np.asarray(grammar.allowed(points(range(len(spec.next_state))), room))
    for state in states:
        targets = spec.next_state[state]
        truth = [target != FORBIDDEN and can_end(int(target), room - 1) for target in targets]
        assert allowed[state].tolist() == truth


def test_shortest_answer() -> None:
    assert Grammar.of(tables()).shortest == SHORTEST


def test_nothing_leaves_failed_and_nothing_is_allowed_there() -> None:
    grammar = Grammar.of(tables())
    failed = points([grammar.failed])
    assert (np.asarray(grammar.next_state)[grammar.failed] == grammar.failed).all()
    assert not np.asarray(grammar.allowed(failed, 10**6)).any()
    assert np.asarray(grammar.codes)[grammar.failed].tolist() == [0, 0]


def test_an_ended_answer_is_padded() -> None:
    spec, grammar = tables(), Grammar.of(tables())
    may_end = np.flatnonzero(spec.next_state[:, EOS_ID] != FORBIDDEN)
    ended = grammar.follow(points(may_end), jnp.full(len(may_end), EOS_ID))
    assert len(may_end) == 6
    for room in (1, 5):
        allowed = np.asarray(grammar.allowed(ended, room))
        assert (allowed == (np.arange(allowed.shape[1]) == PAD_ID)).all()


def test_states_are_those_of_the_tables() -> None:
    spec, grammar = tables(), Grammar.of(tables())
    own = np.asarray(grammar.next_state)[:-1]
    np.testing.assert_array_equal(np.where(own == grammar.failed, FORBIDDEN, own), spec.next_state)
    assert own.shape[1] == len(VOCABULARY)


def test_expressions_continue_exactly_as_they_can_still_end() -> None:
    """Every beginning of every short answer, and every room: brute force over whole answers."""
    grammar, shortest = Grammar.of(expressions.tables()), expressions.shortest_completions()
    tokens, room = expressions.VOCABULARY.tokens, expressions.LONGEST
    beginnings = [beginning for beginning in shortest if EOS not in beginning]
    assert len(beginnings) > 400
    follow, allowed = jax.jit(grammar.follow), jax.jit(grammar.allowed)
    for length in range(room):
        ones = [beginning for beginning in beginnings if len(beginning) == length]
        ids = np.full((len(beginnings), length), expressions.VOCABULARY.ids["x"])  # one shape, so one compilation
        ids[: len(ones)] = [expressions.VOCABULARY.encode(one) for one in ones]
        point = grammar.begin(len(beginnings))
        for place in range(length):
            point = follow(point, jnp.array(ids[:, place]))
        for left in range(1, room - length + 1):
            truth = [[shortest.get((*one, token), 99) <= length + left for token in tokens] for one in ones]
            np.testing.assert_array_equal(np.asarray(allowed(point, left))[: len(ones)], truth)


def test_what_breaks_an_expression_fails_for_good() -> None:
    grammar, encode = Grammar.of(expressions.tables()), expressions.VOCABULARY.encode
    for tokens in (("x", "x"), (EOS,), ("add", EOS), ("x", EOS, "x"), ("cos",), ("INT+", "x"), ("INT+", "0", "2")):
        point = grammar.begin(1)
        for token in encode(tokens):
            point = grammar.follow(point, jnp.array([token]))
        assert point.state.tolist() == [grammar.failed]
        assert not np.asarray(grammar.allowed(point, 10**6)).any()
        assert grammar.follow(point, jnp.array(encode(("x",)))).state.tolist() == [grammar.failed]


def test_shortest_expression() -> None:
    assert Grammar.of(expressions.tables()).shortest == 2
    assert Grammar.of(expressions.tables(("add", "INT+", "2"))).shortest == 3
