"""Grammars: compiled tables against the declared automaton, and every declaration that cannot work."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symjax.tokenization import prefix
from symjax.tokenization.foreign import DECIMAL, WORDS, IntegerFormat
from symjax.tokenization.grammar import (
    FORBIDDEN,
    GrammarSpec,
    State,
    accepts,
    answer_codes,
    compile_grammar,
    prefix_grammar,
)
from symjax.tokenization.vocabulary import EOS, EOS_ID, PAD_ID, Vocabulary
from tests.decoding import expressions

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


def test_grammars_without_slots_have_none() -> None:
    assert not TABLES.takes.any()
    assert (TABLES.start_slots, TABLES.slot_cost) == (0, 0)


def test_expressions_are_what_the_reader_reads() -> None:
    """Every string of up to six words."""
    tables, vocabulary = expressions.tables(), expressions.VOCABULARY
    right = 0
    for length in range(7):
        for tokens in itertools.product(expressions.WORDS, repeat=length):
            wanted = (*tokens, EOS) in expressions.answers()
            assert accepts(tables, [*vocabulary.encode(tokens), EOS_ID]) == wanted
            right += wanted
    assert right == len(expressions.answers()) > 200


@pytest.mark.parametrize("fmt", [DECIMAL, IntegerFormat(10, balanced=True), IntegerFormat(-2)])
def test_foreign_expressions_are_well_formed_up_to_their_longest_number(fmt: IntegerFormat) -> None:
    vocabulary = Vocabulary.of(fmt.words[3:])
    tables = compile_grammar(prefix_grammar(fmt.expression_words, integers=fmt, max_digits=30), vocabulary)
    assert (tables.start_slots, tables.slot_cost) == (1, 1)
    number = fmt.write(-(3**15))
    for tokens in ("h x Y' pi", "sub Y' derivative f x x", " ".join(("add", "x", *number)), " ".join(fmt.write(0))):
        ids = [*vocabulary.encode(tokens.split()), EOS_ID]
        assert accepts(tables, ids)
        assert not accepts(tables, [*ids[:-2], EOS_ID]) or tokens.split()[-1] in fmt.digits
        assert not accepts(tables, [*ids[:-1], vocabulary.ids["x"], EOS_ID])
    for length, wanted in ((30, True), (31, False)):
        assert accepts(tables, [*vocabulary.encode([fmt.signs[0], *["1"] * length]), EOS_ID]) == wanted


def test_codes_of_expressions_number_their_digits() -> None:
    tables, vocabulary = expressions.tables(), expressions.VOCABULARY
    ids = [*vocabulary.encode(["add", "INT-", "2", "0", "add", "x", "INT+", "0"]), EOS_ID, PAD_ID]
    codes = answer_codes(tables, np.array([ids, [vocabulary.ids["x"], EOS_ID, *[PAD_ID] * 8]]))
    word, end = [1, 1], [0, 0]
    assert codes[0].tolist() == [word, [2, 1], [2, 2], [2, 3], word, word, [2, 1], [2, 2], end, end]
    assert codes[1].tolist() == [word, *[end] * 9]


@pytest.mark.parametrize(
    ("tokens", "place"), [(("x", "x", EOS), 1), (("add", "x", EOS), 2), (("INT-", "0", EOS), 1), (("cos", "x", EOS), 0)]
)
def test_malformed_expressions_are_placed(tokens: tuple[str, ...], place: int) -> None:
    ids = np.array([expressions.VOCABULARY.encode(tokens)])
    with pytest.raises(ValueError, match=f"answer 0 of the batch breaks the grammar at token {place}"):
        answer_codes(expressions.tables(), ids)


def test_an_operand_of_numbers_alone_takes_two_tokens() -> None:
    tables = expressions.tables(("add", "INT+", "2"))
    assert tables.slot_cost == 2


def test_all_words_of_a_task_compile() -> None:
    spec = prefix_grammar(DECIMAL.expression_words)
    tables = compile_grammar(spec, Vocabulary.of(WORDS[3:]))
    assert tables.codes.max(axis=0).tolist() == [size - 1 for size in spec.code_sizes]
    assert accepts(tables, [*Vocabulary.of(WORDS[3:]).encode(prefix.integer_tokens(10**124)), EOS_ID])


@pytest.mark.parametrize(
    ("words", "options", "named"),
    [
        (("add", "x", "("), {}, "'\\(' has no place"),
        (("add", "sin"), {}, "no expression can end"),
        (("x", "INT+"), {}, "sign words, digits"),
        (("x", "1"), {}, "sign words, digits"),
        (("x", "INT+", "1"), {"max_digits": 0}, "max_digits of 1"),
        (("x", "INT", "1"), {}, "'INT' has no place"),
        (("x", "INT+", "1", "INT"), {}, "'INT' has no place"),
        (("x", "INT+", "0"), {"integers": IntegerFormat(-2)}, "'INT\\+' has no place"),
    ],
)
def test_words_that_make_no_expressions_are_refused(words: tuple, options: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        prefix_grammar(words, **options)


def test_slots_that_cannot_be_counted_are_refused() -> None:
    states = {"start": State(moves={"a": "start", "b": "last", EOS: "end"}), "last": State(moves={EOS: "end"})}
    with pytest.raises(ValueError, match="cannot be filled"):
        compile_grammar(
            GrammarSpec(start="start", states=states, code_sizes=(1, 1), arities={"a": 2, "b": 0}), VOCABULARY
        )
    with pytest.raises(ValueError, match="arities name 'c'"):
        compile_grammar(GrammarSpec(start="start", states=states, code_sizes=(1, 1), arities={"c": 2}), VOCABULARY)
