import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic.expression import N_ARY, X, constant, integer, postorder, rational, raw, symbol
from symjax.symbolic.operators import CONSTANTS, OPERATORS, SYMBOLS, UNKNOWNS
from symjax.tokenization.prefix import MAX_DIGITS, TOKENS, PrefixError, arities, parse, write

names = [symbol(name) for name in (*SYMBOLS, *UNKNOWNS)] + [constant(name) for name in CONSTANTS]
leaves = st.sampled_from(names) | st.integers(-(10**30), 10**30).map(integer)


def _grow(children):
    return st.one_of(
        *(
            st.tuples(*[children] * row.arity).map(lambda args, name=name: raw(name, *args))
            for name, row in OPERATORS.items()
        )
    )


raw_expressions = st.recursive(leaves, _grow, max_leaves=20)


@given(raw_expressions)
def test_parse_inverts_write_and_write_inverts_parse(expr):
    tokens = write(expr)
    assert parse(tokens) is expr
    assert write(parse(tokens)) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (rational(-1, 20), "div INT- 1 INT+ 2 0"),
        (raw("add", X, integer(2), raw("sin", X)), "add x add INT+ 2 sin x"),
        (raw("mul", X, X, X, X), "mul x mul x mul x x"),
        (integer(0), "INT+ 0"),
        (integer(31), "INT+ 3 1"),
        (integer(-7), "INT- 7"),
    ],
)
def test_numbers_and_nary_operators_are_written_as_documented(text, tokens):
    assert write(text) == tuple(tokens.split())


@pytest.mark.parametrize(
    ("tokens", "position", "reason"),
    [
        ("", 0, "end early"),
        ("add x", 2, "1 more operand needed"),
        ("sub", 1, "2 more operands needed"),
        ("x x", 1, "complete"),
        ("sin x cos", 2, "complete"),
        ("foo x", 0, "unknown token 'foo'"),
        ("sin secant x", 1, "unknown token 'secant'"),
        ("h x x", 3, "1 more operand needed"),
        ("h x x x x", 4, "complete"),
        ("pi 5", 1, "does not follow"),
        ("constant", 0, "unknown token"),
        ("INT- 0", 0, "zero is written"),
        ("INT+ 0 1", 1, "does not start with 0"),
        ("add x INT+", 2, "followed by a digit"),
        ("add INT+ x x", 1, "followed by a digit"),
        ("5", 0, "does not follow"),
        ("add x 5 INT+ 1", 2, "does not follow"),
        ("x 5", 1, "does not follow"),
        ("INT+ 1 INT- 1", 2, "complete"),
        ("integer", 0, "unknown token"),
    ],
)
def test_malformed_tokens_are_refused_at_the_first_token_at_fault(tokens, position, reason):
    with pytest.raises(PrefixError, match=reason) as caught:
        parse(tokens.split())
    assert caught.value.position == position


@given(st.lists(st.sampled_from([*TOKENS, "(", "INT", ""]), max_size=12))
def test_any_tokens_parse_exactly_or_are_refused(tokens):
    try:
        expr = parse(tokens)
    except PrefixError as error:
        position = error.position
    else:
        assert write(expr) == tuple(tokens)
        position = 0
    assert 0 <= position <= len(tokens)


def test_tokens_that_are_no_strings_are_refused():
    with pytest.raises(PrefixError):
        parse(["sin", None])
    with pytest.raises(PrefixError):
        parse(["sin", ["x"]])


def test_depth_limit_names_the_operator():
    assert parse(["sin", "sin", "x"], max_depth=2).depth == 2
    with pytest.raises(PrefixError, match="limit of 2") as caught:
        parse(["add", "INT+", "1", "2", "sin", "sin", "sin", "x"], max_depth=2)
    assert caught.value.position == 5


def test_long_numbers_are_refused():
    assert write(parse(["INT+", *"1" * MAX_DIGITS]))[1] == "1"
    for digits in (MAX_DIGITS + 1, 200_000):
        with pytest.raises(PrefixError, match="at most 1000"):
            parse(["INT-", *"1" * digits])


def test_nests_far_deeper_than_the_recursion_limit():
    tokens = ("sin",) * 100_000 + ("x",)
    assert len(tokens) > 10 * sys.getrecursionlimit()
    expr = parse(tokens)
    assert expr.depth == 100_000
    assert write(expr) == tokens
    assert sum(1 for _ in postorder(expr)) == 100_001
    del expr
    chain = parse(("add",) * 50_000 + ("x",) * 50_001)
    assert chain.size == 100_001


def test_shared_subtrees_are_not_written_without_limit():
    expr = X
    for _ in range(60):
        expr = raw("mul", expr, expr)
    with pytest.raises(ValueError, match="at most"):
        write(expr)


def test_arities_cover_the_table():
    leaves = (*SYMBOLS, *CONSTANTS, *UNKNOWNS, "INT+", "INT-")
    assert arities() == {name: row.arity for name, row in OPERATORS.items()} | dict.fromkeys(leaves, 0)
    assert {name: arity for name, arity in arities().items() if arity == 3} == {"h": 3}


def test_every_word_is_known_once():
    assert len(set(TOKENS)) == len(TOKENS) == 47 + 14 + 3 + 3 + 2 + 10
    assert set(N_ARY) < set(TOKENS)


def test_some_of_the_words_can_be_asked_for():
    words = ("sin", "x", "INT+", "INT-", *"0123456789")
    assert parse(["sin", "INT+", "1", "2"], words=words) is raw("sin", integer(12))
    for tokens, position in ((["sin", "sec", "x"], 1), (["y"], 0), (["sin", "x", "pi"], 2)):
        with pytest.raises(PrefixError, match=f"unknown token '{tokens[position]}'; known: sin x INT") as caught:
            parse(tokens, words=words)
        assert caught.value.position == position


def test_a_parse_takes_microseconds():
    tokens = ["add", "mul", "x", "sin", "x", "pow", "x", "exp", "x"]
    started = time.process_time()
    for _ in range(2000):
        parse(tokens)
    assert (time.process_time() - started) / 2000 < 1e-4


def test_endless_numbers_are_refused_as_soon_as_they_are_too_long():
    started = time.process_time()
    with pytest.raises(PrefixError, match="token 1: the number has 1000000 digits; at most 1000 are read"):
        parse(["sin", "INT+", *["7"] * 1_000_000])
    assert time.process_time() - started < 5
