from __future__ import annotations

import math

import pytest

from symjax.analysis.figures import interval, minus, number, place, powers, title_of


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [
        (0.5523, True, "55.2\u202f%"),
        (1.0, True, "100.0\u202f%"),
        (0.0, False, "0"),
        (0.5523, False, "0.552"),
        (-12.345, False, "\u221212.3"),
        (12345.6, False, "12,346"),
        (1.234e-6, False, "1.23\u202f\u00d7\u202f10\u207b\u2076"),
        (-2.5e12, False, "\u22122.50\u202f\u00d7\u202f10\u00b9\u00b2"),
        (math.inf, False, "\u221e"),
        ("inf", False, "\u221e"),
        (math.nan, False, "\u2013"),
        (None, False, "\u2013"),
    ],
)
def test_numbers(value, percent, text):
    assert number(value, percent=percent) == text


def test_intervals_say_the_unit_once():
    assert interval({"low": 0.531, "high": 0.573}, percent=True) == "53.1\u201357.3\u202f%"
    assert interval({"low": 0.5, "high": 0.75}) == "0.500\u20130.750"
    assert interval({"low": 1.0, "high": 1.0}) == "1.00"


def test_titles_and_powers():
    assert minus("-1.5") == "\u22121.5"
    assert title_of("nearest_neighbour") == "Nearest neighbour"
    assert powers("of x^4 <b>") == "of x<sup>4</sup> &lt;b&gt;"


def test_values_of_slices():
    assert [place(value) for value in ("008-015", "000-007", "256 or more", "2", "yes", "a-b")] == [
        "8\u201315", "0\u20137", "256 or more", "2", "yes", "a-b",
    ]  # fmt: skip
