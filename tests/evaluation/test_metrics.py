from __future__ import annotations

import json
import math

import numpy as np
import pytest

from symjax.evaluation import metrics
from symjax.evaluation.metrics import plain, rate, summarise
from symjax.tasks import Metric

MEAN = Metric(name="share", statistic="mean", higher_is_better=True, title="share")
MEDIAN = Metric(name="middle", statistic="median", higher_is_better=False, title="middle")
ROOT = Metric(name="square", statistic="root_mean", higher_is_better=False, title="root of the mean square")
METRICS = (MEAN, MEDIAN, ROOT)


def row(measures, *, verdict="proved", label_unseen=False, slices=None, operators=()):
    return {
        "verdict": verdict,
        "measures": measures,
        "label_unseen": label_unseen,
        "slices": slices or {},
        "operators": operators,
    }


@pytest.fixture
def values():
    return np.random.default_rng(3).exponential(size=(41, 3))


@pytest.fixture
def rows(values):
    return [row(dict(zip(("share", "middle", "square"), item, strict=True))) for item in values.tolist()]


def test_points_are_numpys(rows, values):
    figures = summarise(rows, METRICS, bootstrap=0)["all"]["metrics"]
    assert figures["share"]["value"] == pytest.approx(values[:, 0].mean())
    assert figures["middle"]["value"] == pytest.approx(np.median(values[:, 1]))
    assert figures["square"]["value"] == pytest.approx(np.sqrt(values[:, 2].mean()))
    even = summarise(rows[:40], METRICS, bootstrap=0)["all"]["metrics"]["middle"]["value"]
    assert even == pytest.approx(np.median(values[:40, 1]))


def test_intervals_are_those_of_resampling_item_by_item(rows, values):
    figures = summarise(rows, METRICS, bootstrap=1000, seed=5)["all"]["metrics"]
    draws = np.random.default_rng((5, len(rows))).integers(len(rows), size=(1000, len(rows)))
    for name, expected in (
        ("share", values[draws, 0].mean(axis=1)),
        ("middle", np.median(values[draws, 1], axis=1)),
        ("square", np.sqrt(values[draws, 2].mean(axis=1))),
    ):
        ranked = np.sort(expected)
        assert (figures[name]["low"], figures[name]["high"]) == pytest.approx((ranked[24], ranked[975]))


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        rows = [row({"share": float(value)}) for value in rng.random(60) < 0.3]
        figure = summarise(rows, [MEAN], bootstrap=300)["all"]["metrics"]["share"]
        covered += figure["low"] <= 0.3 <= figure["high"]
    assert 0.88 <= covered / 200 <= 0.99


def test_resampling_in_blocks_changes_nothing(rows, monkeypatch):
    whole = summarise(rows, METRICS, bootstrap=100)
    monkeypatch.setattr(metrics, "_CELLS", 41 * 7)
    assert summarise(rows, METRICS, bootstrap=100) == whole


def test_items_that_a_metric_does_not_apply_to_are_left_out_and_counted():
    rows = [row({"share": 1.0, "middle": math.nan}), row({"share": 0.0, "middle": 4.0}), row({"share": 0.0})]
    table = summarise(rows, METRICS, bootstrap=10)["all"]
    assert table["metrics"]["share"]["count"] == 3
    assert table["metrics"]["middle"] == {"value": 4.0, "low": 4.0, "high": 4.0, "count": 1}
    assert "square" not in table["metrics"]


def test_infinite_measures_reach_means_but_not_medians():
    rows = [row({"middle": 1.0, "square": 1.0})] * 8 + [row({"middle": math.inf, "square": math.inf})]
    figures = summarise(rows, METRICS, bootstrap=200)["all"]["metrics"]
    assert figures["middle"]["value"] == 1.0
    assert figures["square"]["value"] == math.inf
    assert (figures["square"]["low"], figures["square"]["high"]) == (1.0, math.inf)
    assert json.loads(json.dumps(plain(figures), allow_nan=False))["square"]["value"] == "inf"


def test_verdicts_bound_what_is_solved():
    kinds = ["proved"] * 5 + ["undetermined"] * 2 + ["refuted"] * 2 + ["unparsable"]
    rates = summarise([row({}, verdict=kind) for kind in kinds], [], bootstrap=100)["all"]["verdicts"]
    assert {name: figure["value"] for name, figure in rates.items()} == {
        "proved": 0.5,
        "proved_or_undetermined": 0.7,
        "refuted": 0.2,
        "undetermined": 0.2,
        "unparsable": 0.1,
    }
    assert all(figure["low"] <= figure["value"] <= figure["high"] for figure in rates.values())
    assert all(figure["count"] == 10 for figure in rates.values())


def test_a_rate_without_a_single_success_is_not_called_certain():
    never = rate([False] * 30)
    assert (never["value"], never["low"]) == (0, 0)
    assert never["high"] == pytest.approx(1 - 0.05 ** (1 / 30))
    always = rate([True] * 30)
    assert (always["low"], always["high"]) == (pytest.approx(0.05 ** (1 / 30)), 1)
    error = summarise([row({"middle": 0.0})] * 30, [MEDIAN])["all"]["metrics"]["middle"]
    assert (error["low"], error["high"]) == (0, 0)
    assert rate([]) is None


def test_slices_operators_and_unseen_labels_partition_the_items():
    rows = [
        row({"share": 1.0}, slices={"size": "10"}, operators=("sin", "add"), label_unseen=True),
        row({"share": 0.0}, slices={"size": "9", "series": "rational"}, operators=("sin",)),
        row({"share": 1.0}, slices={"size": "9", "series": "irrational"}),
    ]
    summary = summarise(rows, [MEAN], bootstrap=10)
    sizes = summary["all"]["slices"]["size"]
    assert list(sizes) == ["9", "10"]
    assert [table["count"] for table in sizes.values()] == [2, 1]
    assert sizes["9"]["metrics"]["share"]["value"] == 0.5
    assert set(summary["all"]["slices"]["series"]) == {"rational", "irrational"}
    assert {name: table["count"] for name, table in summary["all"]["operators"].items()} == {"add": 1, "sin": 2}
    assert summary["label_unseen"]["count"] == 1
    assert set(summary["label_unseen"]["operators"]) == {"add", "sin"}


def test_no_items_give_no_figures():
    table = summarise([], METRICS)["label_unseen"]
    assert (table["count"], table["metrics"], table["slices"]) == (0, {}, {})
