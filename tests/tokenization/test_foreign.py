"""The foreign words stand at their ids, and what they write is read as it stands, in any base."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic.expression import Expression, constant, integer, rational, raw, symbol
from symjax.symbolic.operators import CONSTANTS, OPERATORS, SYMBOLS, UNKNOWNS
from symjax.tokenization import prefix
from symjax.tokenization.foreign import (
    DECIMAL,
    FOREIGN_SPECIALS,
    WORDS,
    IntegerFormat,
    _items,
    name_unknowns,
    parse_foreign,
    spell_unknowns,
    write_foreign,
)
from symjax.tokenization.prefix import PrefixError
from symjax.tokenization.vocabulary import SPECIAL, Vocabulary

# The published list, id by id.
PUBLISHED = """
    <s> </s> <pad> ( ) <SPECIAL_5> <SPECIAL_6> <SPECIAL_7> <SPECIAL_8> <SPECIAL_9> pi E x y z t
    a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 abs acos acosh acot acoth acsc acsch add asec asech asin asinh atan atanh
    cos cosh cot coth csc csch derivative div exp f g h inv ln mul pow pow2 pow3 pow4 pow5 rac sec sech sign
    sin sinh sqrt sub tan tanh I INT+ INT- INT FLOAT - . 10^ Y Y' Y'' 0 1 2 3 4 5 6 7 8 9
"""

FORMATS = [
    *(IntegerFormat(base) for base in (10, -10, 2, -2, 16, 1000)),
    *(IntegerFormat(base, balanced=True) for base in (3, 10, 101)),
]
_FOREIGN = [name for name in OPERATORS if name in WORDS]
_NAMES = [symbol(name) for name in (*SYMBOLS, *UNKNOWNS)] + [constant(name) for name in CONSTANTS]


def _grow(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        *(
            st.tuples(*[children] * OPERATORS[name].arity).map(lambda args, name=name: raw(name, *args))
            for name in _FOREIGN
        )
    )


expressions = st.recursive(st.sampled_from(_NAMES) | st.integers(-(10**30), 10**30).map(integer), _grow, max_leaves=15)


def test_words_stand_at_their_ids() -> None:
    assert list(WORDS) == PUBLISHED.split()
    assert len(set(WORDS)) == 91
    assert (WORDS.index("pi"), WORDS.index("abs"), WORDS.index("I"), WORDS.index("9")) == (10, 26, 70, 90)


def test_our_vocabulary_has_the_foreign_ids_behind_the_specials() -> None:
    vocabulary = Vocabulary.of(WORDS[3:])
    assert {word: vocabulary.ids[word] for word in WORDS[3:]} == {word: WORDS.index(word) for word in WORDS[3:]}
    assert set(FOREIGN_SPECIALS) == set(SPECIAL)
    assert [WORDS[number] for number in FOREIGN_SPECIALS.values()] == ["<s>", "<s>", "</s>"]


@pytest.mark.parametrize(
    ("fmt", "tail"),
    [
        (IntegerFormat(10, True), "Y'' -5 -4 -3 -2 -1 0 1 2 3 4"),
        (IntegerFormat(-10), "Y'' 0 1 2 3 4 5 6 7 8 9"),
        (IntegerFormat(3, True), "Y'' -1 0 1"),
        (IntegerFormat(16), "Y'' 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"),
        (IntegerFormat(2), "Y'' 0 1"),
    ],
)
def test_the_base_changes_the_tail_of_the_list(fmt: IntegerFormat, tail: str) -> None:
    words = tail.split()
    assert list(fmt.words[-len(words) :]) == words
    assert fmt.words[:81] == WORDS[:81]


@pytest.mark.parametrize(
    ("fmt", "value", "text"),
    [
        (DECIMAL, 0, "INT+ 0"),
        (DECIMAL, -12, "INT- 1 2"),
        (DECIMAL, 123, "INT+ 1 2 3"),
        (IntegerFormat(10, True), 5, "INT 1 -5"),
        (IntegerFormat(10, True), -12, "INT -1 -2"),
        (IntegerFormat(-10), -5, "INT 1 5"),
        (IntegerFormat(-10), 0, "INT 0"),
        (IntegerFormat(16), -255, "INT- 15 15"),
        (IntegerFormat(2), 6, "INT+ 1 1 0"),
        (IntegerFormat(-2), 6, "INT 1 1 0 1 0"),
        (IntegerFormat(3, True), 2, "INT 1 -1"),
    ],
)
def test_known_numbers(fmt: IntegerFormat, value: int, text: str) -> None:
    assert fmt.write(value) == tuple(text.split())
    sign, *digits = text.split()
    assert fmt.read(sign, digits) == value


@given(st.sampled_from(FORMATS), st.integers(-(10**300), 10**300) | st.integers(-300, 300))
def test_every_integer_reads_back_in_every_base(fmt: IntegerFormat, value: int) -> None:
    sign, *digits = fmt.write(value)
    assert sign in fmt.signs
    assert set(digits) <= set(fmt.digits)
    assert fmt.read(sign, digits) == value


@pytest.mark.parametrize("fmt", FORMATS)
def test_numbers_are_written_in_one_way(fmt: IntegerFormat) -> None:
    """Every short digit string without leading zero is what its value is written as."""
    digits = fmt.digits[:3] + fmt.digits[-3:] if len(fmt.digits) > 6 else fmt.digits
    for length in (1, 2, 3):
        for sign, chosen in itertools.product(fmt.signs, itertools.product(digits, repeat=length)):
            if chosen[0] == "0" and (length > 1 or sign == "INT-"):
                continue
            assert fmt.write(fmt.read(sign, chosen)) == (sign, *chosen)


@given(st.sampled_from(FORMATS), expressions)
def test_expressions_read_back_in_every_base(fmt: IntegerFormat, expr: Expression) -> None:
    tokens = write_foreign(expr, fmt)
    assert set(tokens) <= set(fmt.words)
    assert parse_foreign(tokens, fmt) is expr


def test_our_own_operators_are_written_in_foreign_words() -> None:
    expr = raw("add", raw("sq", symbol("x")), raw("cb", raw("cbrt", rational(-1, 3))))
    written = "add pow x INT+ 2 pow pow div INT- 1 INT+ 3 div INT+ 1 INT+ 3 INT+ 3"
    assert write_foreign(expr) == tuple(written.split())
    with pytest.raises(ValueError, match="'u' is no word"):
        write_foreign(raw("sin", symbol("u")))


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "end early"),
        ("add x", 2, "1 more operand needed"),
        ("x x", 1, "complete before 'x'"),
        ("sq x", 0, "unknown token 'sq'"),
        ("sin FLOAT", 1, "unknown token 'FLOAT'"),
        ("sub Y' <s>", 2, "unknown token '<s>'"),
        ("sin 9", 1, "does not follow"),
        ("h x x", 3, "1 more operand needed"),
    ],
)  # fmt: skip
def test_malformed_text_is_placed(text: str, position: int, reason: str) -> None:
    for fmt in (DECIMAL, IntegerFormat(16)):
        with pytest.raises(PrefixError, match=reason) as caught:
            parse_foreign(text.split(), fmt)
        assert caught.value.position == position


@given(
    st.lists(st.sampled_from(["add", "h", "x", "Y'", "pi", "INT+", "INT-", "INT", "0", "1", "2", "sq", ""]), max_size=9)
)
def test_the_general_reader_agrees_with_the_decimal_one(tokens: list[str]) -> None:
    def outcome(read: object) -> object:
        try:
            return read(tokens)  # type: ignore[operator]
        except PrefixError as error:
            return error.position, error.reason.split(";")[0]

    decimal = outcome(parse_foreign)
    general = outcome(lambda given: _items(given, DECIMAL))
    if isinstance(decimal, Expression):
        assert isinstance(general, list)
    else:
        assert general == decimal


@pytest.mark.parametrize("text", ["INT+ 1 0", "INT 0 1", "INT", "INT 2", "INT " + "1 " * 3500])
def test_malformed_numbers_of_other_bases_are_refused(text: str) -> None:
    with pytest.raises(PrefixError):
        parse_foreign(text.split(), IntegerFormat(-2))


@pytest.mark.parametrize("base", [0, 1, -1, 10_001])
def test_bases_out_of_range_are_refused(base: int) -> None:
    with pytest.raises(ValueError, match=f"got {base}"):
        IntegerFormat(base)


@pytest.mark.parametrize("base", [2, -10])
def test_bases_without_balanced_digits_are_refused(base: int) -> None:
    with pytest.raises(ValueError, match="balanced"):
        IntegerFormat(base, balanced=True)


@pytest.mark.parametrize(
    ("spelled", "named"),
    [
        ("sub derivative f x x mul x f x", "sub Y' mul x Y"),
        ("derivative derivative f x x x", "Y''"),
        ("derivative derivative derivative f x x x x", "derivative Y'' x"),
        ("derivative f y x", "derivative f y x"),
        ("derivative f x y", "derivative Y y"),
        ("f f x", "f Y"),
    ],
)
def test_unknowns_have_names(spelled: str, named: str) -> None:
    expr = parse_foreign(spelled.split())
    assert write_foreign(name_unknowns(expr)) == tuple(named.split())
    assert spell_unknowns(name_unknowns(expr)) is expr


@given(expressions)
def test_naming_inverts_spelling(expr: Expression) -> None:
    named = name_unknowns(expr)
    assert name_unknowns(spell_unknowns(named)) is named
    assert not {"Y", "Y'", "Y''"} & set(write_foreign(spell_unknowns(expr)))


def test_deep_nests_need_no_recursion() -> None:
    tokens = ("sin",) * 100_000 + ("INT", "1", "0")
    expr = parse_foreign(tokens, IntegerFormat(-10))
    assert write_foreign(expr, IntegerFormat(-10)) == tokens
    assert name_unknowns(spell_unknowns(expr)) is expr
    assert prefix.write(expr)[-3:] == ("INT-", "1", "0")
