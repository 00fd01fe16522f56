"""P10 numbers: round trips, the edges of the range, and every way to write them wrongly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.tokenization.numbers import EXPONENTS, P10, NumberError, OutOfRange, round_half_even

GROUPS = [(1, 1, 1, 1, 1), (3, 2), (2, 3), (1, 2, 2), (2, 2, 1), (1, 1, 3)]


@st.composite
def written_numbers(draw: st.DrawFn) -> Decimal:
    """Numbers of at most five digits with exponents in range, or zero."""
    digits = draw(st.integers(10_000, 99_999))
    exponent = draw(st.integers(-5, 5))
    sign = draw(st.integers(0, 1))
    if draw(st.integers(0, 19)) == 0:
        return Decimal(0)
    return Decimal((sign, tuple(map(int, str(digits))), exponent - 4))


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("groups", GROUPS)
@given(value=written_numbers())
def test_decode_undoes_encode(groups: tuple[int, ...], joined: bool, value: Decimal) -> None:
    notation = P10(groups, joined)
    tokens = notation.encode(value)
    assert notation.decode(tokens) == value
    assert len(tokens) == (1 if value == 0 else len(groups) + (0 if joined else 2))
    assert set(tokens) <= set(notation.tokens)


@pytest.mark.parametrize("groups", GROUPS)
def test_encode_undoes_decode_at_the_edges(groups: tuple[int, ...]) -> None:
    notation = P10(groups)
    for exponent in EXPONENTS:
        for pick in (0, -1):
            body = [notation.group_tokens(place)[pick] for place in range(len(groups))]
            for sign in "+-":
                tokens = (sign, exponent, *body)
                assert notation.encode(notation.decode(tokens)) == tokens


def test_known_numbers() -> None:
    assert P10().encode(Decimal(1)) == ("+", "E0", "1", "0", "0", "0", "0")
    assert P10().encode(Decimal("-999990")) == ("-", "E5", "9", "9", "9", "9", "9")
    assert P10().encode(Decimal("0.00001")) == ("+", "E-5", "1", "0", "0", "0", "0")
    assert P10((3, 2)).encode(Decimal("0.166670")) == ("+", "E-1", "166", "67")
    assert P10((1, 2, 2)).encode(Decimal(120)) == ("+", "E2", "1", "20", "00")
    assert P10().encode(Decimal("-0.000")) == ("ZERO",)
    assert P10((1, 2, 2), joined=True).encode(Decimal(-120)) == ("-1E2", "20", "00")
    assert P10((3, 2), joined=True).decode(("+166E-1", "67")) == Decimal("0.16667")
    assert P10().decode(("ZERO",)) == 0
    assert P10().decode(("-", "E-2", "3", "1", "4", "1", "6")) == Decimal("-0.031416")


def test_trailing_zeros_do_not_change_tokens() -> None:
    assert P10().encode(Decimal("1.50000000")) == P10().encode(Decimal("1.5")) == P10().encode(Decimal("15E-1"))


@pytest.mark.parametrize("text", ["1E+6", "1000000", "-2e9", "0.0000099999", "1e-30"])
def test_out_of_range_is_named_and_not_clipped(text: str) -> None:
    with pytest.raises(OutOfRange, match=r"1e-5 <= \|value\| < 1e6"):
        P10().encode(Decimal(text))


def test_more_digits_are_refused() -> None:
    with pytest.raises(ValueError, match="6 significant digits; round it to 5"):
        P10().encode(Decimal("1.23456"))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        P10().encode(Decimal(text))


@pytest.mark.parametrize(
    ("tokens", "position"),
    [
        ((), 0),
        (("1",), 0),
        (("+",), 1),
        (("+", "1"), 1),
        (("+", "E6", "1", "0", "0", "0", "0"), 1),
        (("+", "E0", "0", "0", "0", "0", "0"), 2),
        (("+", "E0", "1", "0", "0", "0"), 6),
        (("+", "E0", "1", "0", "x1", "0", "0"), 4),
        (("+", "E0", "1", "0", "0", "0", "0", "0"), 7),
        (("ZERO", "ZERO"), 1),
    ],
)
def test_wrong_tokens_are_placed(tokens: tuple[str, ...], position: int) -> None:
    with pytest.raises(NumberError) as caught:
        P10().decode(tokens)
    assert caught.value.position == position


@pytest.mark.parametrize("groups", [(), (4, 1), (0, 5), (5,)])
def test_impossible_groups_are_refused(groups: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="widths of 1, 2 or 3"):
        P10(groups)


def test_token_tables() -> None:
    assert len(P10().tokens) == 3 + 11 + 10
    assert len(P10((3, 2)).tokens) == 3 + 11 + 100 + 900
    assert len(P10((1, 2, 2), joined=True).tokens) == 1 + 2 * 11 * 9 + 100
    assert P10((1, 2, 2)).group_tokens(0) == tuple("123456789")
    assert P10((1, 2, 2)).group_tokens(1)[:2] == ("00", "01")


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (Fraction(5, 128), "0.039062"),
        (Fraction(-5, 128), "-0.039062"),
        (Fraction(15, 128), "0.11719"),
        (Fraction(199999, 2), "1.0000E+5"),
        (Fraction(1, 3), "0.33333"),
        (Fraction(2, 3), "0.66667"),
        (Fraction(0), "0"),
        (Fraction(7), "7"),
    ],
)
def test_ties_go_to_the_even_digit(fraction: Fraction, expected: str) -> None:
    assert round_half_even(fraction) == Decimal(expected)


@given(value=st.fractions(min_value=-1000, max_value=1000, max_denominator=10**6))
def test_rounding_is_nearest(value: Fraction) -> None:
    rounded = round_half_even(value)
    if value:
        assert abs(Fraction(rounded) - value) <= Fraction(10) ** (rounded.adjusted() - 4) / 2
