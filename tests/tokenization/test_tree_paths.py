"""Tree paths: injective, equal to the slow reference, and what the seed's own scheme gets wrong."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic.operators import OPERATORS, SYMBOLS
from symjax.symbolic.sampling import LengthSampler, SeedSampler
from symjax.tokenization import prefix
from symjax.tokenization.foreign import DECIMAL, IntegerFormat
from symjax.tokenization.tree_paths import DepthOverflow, path_codes, paths, places, seed_bits
from symjax.tokenization.vocabulary import EOS_ID, Vocabulary

VOCABULARY = Vocabulary.of(prefix.TOKENS)
SEED_EXAMPLE = ("add", "sin", "x", "mul", "x", "x")


def random_tokens(count: int, *, key: str, depth: int = 3, integers: tuple[int, ...] = ()) -> list[tuple[str, ...]]:
    sampler = SeedSampler(max_depth=depth, integers=integers)
    return [prefix.write(sampler(random.Random(f"{key}{index}"))) for index in range(count)]


def padded(problems: list[tuple[str, ...]], extra: int = 2) -> np.ndarray:
    ids = np.zeros((len(problems), max(map(len, problems)) + extra), np.int32)
    for row, tokens in enumerate(problems):
        ids[row, : len(tokens)] = VOCABULARY.encode(tokens)
    return ids


def reference_codes(problems: list[tuple[str, ...]], length: int, depth: int) -> np.ndarray:
    codes = np.zeros((len(problems), length, depth), np.int8)
    for row, tokens in enumerate(problems):
        for position, (path, place) in enumerate(zip(paths(tokens), places(tokens), strict=True)):
            codes[row, position, : len(path)] = path
            codes[row, position, -1] = place
    return codes


def test_known_paths() -> None:
    assert paths(SEED_EXAMPLE) == [(), (2,), (2, 1), (3,), (3, 2), (3, 3)]
    assert paths(("x",)) == [()]
    tokens = ["div", "INT+", "1", "0", "2", "sin", "INT-", "7"]
    assert paths(tokens) == [(), (2,), (2,), (2,), (2,), (3,), (3, 1), (3, 1)]
    assert places(tokens) == [0, 0, 1, 2, 3, 0, 0, 1]


def test_sums_of_many_terms_have_paths_of_their_own() -> None:
    tokens = ["add", "x", "add", "x", "add", "x", "x"]
    assert paths(tokens) == [(), (2,), (3,), (3, 2), (3, 3), (3, 3, 2), (3, 3, 3)]


@given(key=st.integers(0, 10**9), operators=st.integers(0, 20))
def test_path_and_place_tell_all_tokens_of_an_expression_apart(key: int, operators: int) -> None:
    sampler = LengthSampler(operators, operators, integers=(1, 23, -405))
    tokens = prefix.write(sampler(random.Random(key)))
    found = list(zip(paths(tokens), places(tokens), strict=True))
    assert len(set(found)) == len(tokens)


@pytest.mark.parametrize(("depth", "integers"), [(1, ()), (3, ()), (3, (0, 5, -12, 345)), (6, (1, 100))])
def test_path_codes_equal_the_reference(depth: int, integers: tuple[int, ...]) -> None:
    problems = random_tokens(300, key="codes", depth=depth, integers=integers)
    ids = padded(problems)
    codes = path_codes(ids, VOCABULARY, depth + 2)
    assert codes.dtype == np.int8
    np.testing.assert_array_equal(codes, reference_codes(problems, ids.shape[1], depth + 2))


@given(key=st.integers(0, 10**9))
def test_path_codes_of_long_expressions_equal_the_reference(key: int) -> None:
    sampler = LengthSampler(0, 25, integers=(7, -10, 999))
    problems = [prefix.write(sampler(random.Random(f"{key} {row}"))) for row in range(5)]
    ids = padded(problems, extra=0)
    np.testing.assert_array_equal(path_codes(ids, VOCABULARY, 40), reference_codes(problems, ids.shape[1], 40))


def test_end_token_and_padding_have_no_code() -> None:
    ids = padded([("sin", "x")], extra=3)
    ids[0, 2] = EOS_ID
    assert not path_codes(ids, VOCABULARY, 4)[0, 2:].any()


def test_number_at_the_end_without_padding() -> None:
    codes = path_codes(padded([("sq", "INT+", "4", "2")], extra=0), VOCABULARY, 3)
    assert codes[0].tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 1], [1, 0, 2]]


def test_depth_overflow_is_named() -> None:
    ids = padded([("x",), ("sin", "cos", "exp", "x")])
    path_codes(ids, VOCABULARY, 4)
    with pytest.raises(DepthOverflow, match="expression 1 of the batch is deeper than 2 operators"):
        path_codes(ids, VOCABULARY, 3)


@pytest.mark.parametrize(
    "text",
    [
        "add x",
        "x x",
        "x add x",
        "",
        "sin",
        "INT+",
        "INT+ x",
        "add INT+ x",
        "3",
        "sin 3",
        "x 3",
        "INT+ 3 x",
        "add x <pad> x",
        "x <pad> x",
    ],
)
def test_rows_that_are_not_one_expression_are_refused(text: str) -> None:
    ids = np.array([VOCABULARY.encode(("x",)) + [0] * 3, (VOCABULARY.encode(text.split()) + [0] * 4)[:4]])
    with pytest.raises(ValueError, match="row 1 of the batch is not one expression"):
        path_codes(ids, VOCABULARY, 4)


def test_numbers_too_long_for_a_byte_are_refused() -> None:
    path_codes(padded([("INT+", *"9" * 127)]), VOCABULARY, 4)
    with pytest.raises(ValueError, match="row 0"):
        path_codes(padded([("INT+", *"9" * 128)]), VOCABULARY, 4)


def test_words_that_stand_in_no_tree_are_refused_where_they_occur() -> None:
    vocabulary = Vocabulary.of(("x", "E0", "(", "add"))
    assert not path_codes(np.array([vocabulary.encode(("x",))]), vocabulary, 4).any()
    for tokens in (("E0",), ("x", "("), ("add", "x", "E0")):
        with pytest.raises(ValueError, match="row 0 of the batch is not one expression"):
            path_codes(np.array([vocabulary.encode(tokens)]), vocabulary, 4)


def random_foreign(key: object, fmt: IntegerFormat, operators: int = 12) -> tuple[str, ...]:
    """Random prefix tokens over every foreign word, three operands and other bases included."""
    rng = random.Random(str(key))
    inner, leaves = [name for name in OPERATORS if name in fmt.words], [*SYMBOLS, "pi", "E", "I", "Y", "Y'", "Y''"]

    def grow(count: int) -> list[str]:
        if not count:
            return [rng.choice(leaves)] if rng.random() < 0.6 else list(fmt.write(rng.randint(-999, 10**6)))
        name = rng.choice(inner if rng.random() < 0.7 else ["h"])
        rest, tokens = count - 1, [name]
        for place in range(OPERATORS[name].arity, 0, -1):
            part = rest if place == 1 else rng.randint(0, rest)
            tokens += grow(part)
            rest -= part
        return tokens

    return tuple(grow(rng.randint(0, operators)))


@given(key=st.integers(0, 10**9), fmt=st.sampled_from([DECIMAL, IntegerFormat(10, balanced=True), IntegerFormat(-2)]))
def test_codes_of_foreign_words_equal_the_reference(key: int, fmt: IntegerFormat) -> None:
    vocabulary = Vocabulary.of(fmt.words[3:])
    problems = [random_foreign((key, row), fmt) for row in range(6)]
    ids = np.zeros((6, max(map(len, problems)) + 1), np.int32)
    codes = np.zeros((*ids.shape, 16), np.int8)
    for row, tokens in enumerate(problems):
        ids[row, : len(tokens)] = vocabulary.encode(tokens)
        own = list(zip(paths(tokens, fmt), places(tokens), strict=True))
        assert len(set(own)) == len(tokens)
        for position, (path, place) in enumerate(own):
            codes[row, position, : len(path)] = path
            codes[row, position, -1] = place
    np.testing.assert_array_equal(path_codes(ids, vocabulary, 16), codes)


def test_three_operands_are_left_middle_and_right() -> None:
    tokens = ["h", "sin", "Y'", "h", "x", "y", "z", "INT+", "4", "2"]
    assert paths(tokens) == [(), (2,), (2, 1), (1,), (1, 2), (1, 1), (1, 3), (3,), (3,), (3,)]
    assert places(tokens) == [0] * 8 + [1, 2]


def test_the_seeds_example() -> None:
    found = [seed_bits(path) for path in paths(SEED_EXAMPLE)]
    assert found == [
        (1, 0, 0, 0, 0, 0),
        (1, 1, 0, 0, 0, 0),
        (1, 1, 0, 0, 0, 0),  # the same as its parent: an only child appends what padding is
        (1, 0, 1, 0, 0, 0),
        (1, 0, 1, 1, 0, 0),
        (1, 0, 1, 0, 1, 0),
    ]
    literal = [(1,), (1, 0, 1), (1, 0, 1, 0), (1, 0, 1), (1, 0, 1, 1, 0), (1, 0, 1, 0, 1)]
    assert len({(bits + (0,) * 6)[:6] for bits in literal}) == 4  # as its text prints them


def test_the_seeds_vectors_collide() -> None:
    """The measurement behind our own scheme: on random trees most tokens share their vector with another."""
    shared = parents = total = 0
    for tokens in random_tokens(500, key="collide"):
        found = paths(tokens)
        bits = [seed_bits(path) for path in found]
        total += len(tokens)
        shared += sum(bits.count(own) > 1 for own in bits)
        parents += sum(bool(path) and seed_bits(path) == seed_bits(path[:-1]) for path in found)
    assert 0.5 < shared / total < 0.75
    assert 0.25 < parents / total < 0.5


def test_six_bits_do_not_hold_depth_three() -> None:
    assert seed_bits((2, 2, 2)) == seed_bits((2, 2, 2, 3)) != seed_bits((2, 2))
    deep = list(itertools.product((1, 2, 3), repeat=3))
    assert len({seed_bits(path) for path in deep}) < len(deep)
    assert len({seed_bits(path, pos_dim=9) for path in itertools.product((2, 3), repeat=4)}) == 16
