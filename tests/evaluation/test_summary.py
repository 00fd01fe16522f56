"""Tasks judged by verdict alone: solved rates, the problem copied, a solver, another system's check."""

from __future__ import annotations

import contextlib

import pytest

from symjax.evaluation.evaluator import evaluate
from symjax.evaluation.options import EvaluateOptions
from symjax.tasks import Rejection, Verdict
from tests.evaluation.conftest import Spelling

WORDS = ["a", "ab", "abc", "b", "ba", "cc", "cab", "bb"]


class Judged(Spelling):
    """Answers to words with a c are particular where they lack their first letter."""

    name = "judged"
    asked = 0

    def verify(self, problem, answer, reference=None):
        found = super().verify(problem, answer, reference)
        if found.kind == "refuted" and answer == tuple("".join(problem).upper())[1:]:
            return Verdict(kind="proved", evidence={"solution": "particular"}, seconds=0.0)
        return found

    def baseline_answers(self, problem):
        return {"copy_input": tuple("".join(problem).upper())} if problem != ("b",) else {}

    @contextlib.contextmanager
    def solver(self, seconds):
        def solve(problem):
            self.asked += 1
            return Rejection("time_limit", f"{seconds} s") if len(problem) > 2 else ("A",)

        yield solve

    @contextlib.contextmanager
    def reference_verdicts(self):
        yield lambda _problem, answer, reference: "right" if answer == reference else "time_limit"


@pytest.fixture
def summary(tmp_path):
    def start(**changes):
        task = Judged()
        options = {"bootstrap": 20, "solver_examples": 3, "reference_verdicts": 4} | changes
        found = evaluate(
            run_dir=tmp_path,
            task=task,
            decode=task.speller(mistake=lambda word: word[1:] if word == "abc" else "ccc" if word == "cab" else word),
            decode_unconstrained=None,
            batches=task.batched(WORDS),
            training_examples=lambda: [task.example("aa")],
            options=EvaluateOptions(**options),
            provenance={},
        )
        assert task.asked == options["solver_examples"]
        return found

    return start


def test_solved_and_particular_come_from_verdicts(summary):
    found = summary()
    assert [metric["name"] for metric in found["metrics"]][:2] == ["solved", "particular"]
    model = found["predictors"]["model"]["all"]
    assert model["metrics"]["solved"]["value"] == 6 / 8
    assert model["metrics"]["particular"]["value"] == 1 / 8
    assert model["verdicts"]["proved"]["value"] == 7 / 8


def test_problem_copied_and_reference_stand_beside(summary):
    found = summary()["predictors"]
    assert found["copy_input"]["all"]["metrics"]["solved"]["value"] == 7 / 8
    assert found["copy_input"]["all"]["verdicts"]["unparsable"]["value"] == 1 / 8
    assert found["reference_answer"]["all"]["metrics"]["solved"]["value"] == 1
    assert "rounding_floor" not in found


def test_solver_answers_the_first_problems(summary):
    found = summary()
    solver = found["predictors"]["sympy"]["all"]
    assert solver["count"] == 3
    assert solver["metrics"]["solved"]["value"] == pytest.approx(1 / 3)
    assert solver["verdicts"]["unparsable"]["value"] == pytest.approx(1 / 3)
    assert found["solver"]["unanswered"] == {"time_limit": 1}
    assert found["solver"]["problems"] == 3
    assert found["solver"]["model_solved"]["value"] == pytest.approx(2 / 3)


def test_solver_may_be_left_out(summary):
    found = summary(solver_examples=0)
    assert found["solver"] is None
    assert "sympy" not in found["predictors"]


def test_other_systems_check_is_a_column(summary):
    whole = summary()
    found = whole["predictors"]["model"]["all"]["metrics"]["reference_right"]
    assert (found["value"], found["count"]) == (3 / 4, 4)
    assert whole["reference_verdicts"] == {"proved": {"right": 3, "time_limit": 1}}
    without = summary(reference_verdicts=0)
    assert without["reference_verdicts"] is None
    assert "reference_right" not in [metric["name"] for metric in without["metrics"]]


@pytest.mark.parametrize("wrong", [{"solver_examples": -1}, {"solver_seconds": 0}, {"reference_verdicts": -1}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EvaluateOptions(**wrong)
