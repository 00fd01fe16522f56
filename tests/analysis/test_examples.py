from __future__ import annotations

import itertools

import pytest

from symjax.analysis.examples import SHOWN, example_cards

ERROR = {"name": "distance", "higher_is_better": False}


def row(number, verdict, distance=0.0, **changes):
    return {
        "id": number,
        "problem": ["sin", "x"],
        "target": ["x1", "+"],
        "exact": ["1", "0"],
        "prediction": ["x1", "-"],
        "verdict": verdict,
        "evidence": {"target": ["1", "0"], "predicted": ["-1", "0"], "agree": [False, True]},
        "measures": {"distance": distance},
        "slices": {"size": "2"},
        "label_unseen": False,
        "score": -0.5,
        "metadata": {},
    } | changes


@pytest.fixture
def rows():
    right = [row(number, "proved") for number in range(0, 100, 2)]
    return right + [row(number, "refuted", distance=float(number)) for number in range(1, 100, 2)]


def test_groups_hold_what_they_say_in_order(rows):
    right, wrong, worst = example_cards(rows[::-1], None, error=ERROR)
    assert (right["title"], wrong["title"], worst["title"]) == ("Right", "Wrong", "Worst")
    assert {card["verdict"] for card in right["cards"]} == {"proved"}
    assert {card["verdict"] for card in wrong["cards"]} == {"refuted"}
    assert "all 50 proved" in right["note"]
    assert [card["id"] for card in worst["cards"]] == [99, 97, 95, 93, 91, 89][:SHOWN]


def test_right_and_wrong_ones_are_spread_over_the_whole_suite(rows):
    for group in example_cards(rows, None, error=ERROR)[:2]:
        numbers = [card["id"] for card in group["cards"]]
        assert len(numbers) == SHOWN
        assert numbers == sorted(set(numbers))
        gaps = [after - before for before, after in itertools.pairwise(numbers)]
        assert max(gaps) - min(gaps) <= 2


def test_infinite_errors_are_the_worst_and_missing_ones_never():
    rows = [row(1, "refuted", distance=5.0), row(2, "refuted", distance="inf"), row(3, "refuted", distance=None)]
    worst = example_cards(rows, None, error=ERROR)[-1]["cards"]
    assert [card["id"] for card in worst] == [2, 1, 3]


def test_parts_stand_side_by_side_with_their_names():
    (group,) = example_cards([row(1, "refuted")], None, error=None, heads=["degree 0", "degree 1"])
    card = group["cards"][0]
    assert card["heads"] == ["degree 0", "degree 1"]
    assert [part["agrees"] for part in card["parts"]] == [False, True]
    (group,) = example_cards([row(1, "refuted")], None, error=None, heads=["only one"])
    assert list(group["cards"][0]["heads"]) == [1, 2]


def test_evidence_without_parts_leaves_them_out():
    (group,) = example_cards([row(1, "undetermined", evidence={"digits": 300})], None, error=None)
    assert group["cards"][0]["parts"] == []


def test_no_rows_no_groups():
    assert example_cards([], None, error=ERROR) == []


def test_particular_solutions_are_marked():
    found = [row(0, "proved", evidence={"solution": "particular"}), row(1, "proved", evidence={"solution": "general"})]
    (right,) = example_cards(found, None, error=None)
    assert [card["particular"] for card in right["cards"]] == [True, False]
