"""Duplicates, leaks and unseen answers against dictionaries."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from symjax.data.foreign.columns import Columns, Ragged, RowHash
from symjax.data.foreign.distinct import DROPPED, LABEL_UNSEEN, RowKeys


def keys(values: list[int]) -> np.ndarray:
    """128-bit keys that differ in the first bits, so that several files are used."""
    return np.array([[value * 0x9E3779B97F4A7C15 % 2**64, value] for value in values], np.uint64)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=60))
def test_marks_and_leaks(found: list[tuple[int, int, int]]) -> None:
    splits, problems, answers = zip(*found, strict=True)
    flags = np.zeros(len(found), np.uint8)
    with tempfile.TemporaryDirectory() as folder, RowKeys(pathlib.Path(folder, "keys")) as store:
        for start in range(0, len(found), 7):
            part = slice(start, start + 7)
            numbers = np.arange(len(found))[part]
            store.add(numbers, np.array(splits[part], np.uint8), keys(list(problems[part])), keys(list(answers[part])))
        leaks = store.mark_duplicates(flags)
        labels = store.mark_unseen(flags)
    first: dict[tuple, int] = {}
    for number, row in enumerate(found):
        first.setdefault(row, number)
    assert ((flags & DROPPED) > 0).tolist() == [first[row] != number for number, row in enumerate(found)]
    trained = {answer for split, _, answer in found if split == 0}
    assert labels == len(trained)
    assert ((flags & LABEL_UNSEEN) > 0).tolist() == [split > 0 and answer not in trained for split, _, answer in found]
    of_split = [{problem for split, problem, _ in found if split == place} for place in range(3)]
    for (one, other), shared in leaks.items():
        assert shared.count == len(of_split[one] & of_split[other])
        for numbers in shared.samples:
            rows = [found[number] for number in numbers]
            assert rows[0][1] == rows[1][1]
            assert [row[0] for row in rows] == [one, other]


def test_keys_of_rows_differ_where_rows_do() -> None:
    row_hash, rng = RowHash(64), np.random.default_rng(0)
    rows = {tuple(rng.integers(3, 93, rng.integers(1, 8)).tolist()) for _ in range(3000)}
    rows |= {(number,) for number in range(256)} | {(5,) * length for length in range(1, 60)}
    found = row_hash(Ragged.of(list(rows)))
    assert len(np.unique(found[:, 0])) == len(np.unique(found[:, 1])) == len(rows)
    assert (row_hash(Ragged.of(list(rows)[7:9])) == found[7:9]).all()
    assert 0.4 < ((found >> np.uint64(57)) < 64).mean() < 0.6


def test_columns_come_back_from_a_file(tmp_path: pathlib.Path) -> None:
    columns = Columns(
        numbers=np.array([3, 5, 8]),
        splits=np.array([0, 1, 2], np.uint8),
        counts=np.array([1, -1, 10**17]),
        problems=Ragged.of([[3, 4], [5], [200, 7, 8]]),
        answers=Ragged.of([[1], [2, 2], [3]]),
        extras={1: {"infix": ["x", "y"]}},
    )
    with open(tmp_path / "rows", "wb") as file:
        columns.write(file)
        columns.take(np.array([2, 1])).write(file)
    with open(tmp_path / "rows", "rb") as file:
        found = [Columns.read(file), Columns.read(file)]
    assert found[0].problems.ids.tolist() == [3, 4, 5, 200, 7, 8]
    assert found[0].extras == columns.extras
    assert found[1].numbers.tolist() == [8, 5]
    assert found[1].problems.ids.tolist() == [200, 7, 8, 5]
    assert found[1].extras == {1: {"infix": ["x", "y"]}}
    joined = Columns.join(found)
    assert joined.keep(np.array([False, True, False, True, True])).extras == {
        0: {"infix": ["x", "y"]},
        2: {"infix": ["x", "y"]},
    }
    assert joined.slice(1, 4).answers.ids.tolist() == [2, 2, 3, 3]
