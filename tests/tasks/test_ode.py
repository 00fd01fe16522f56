"""The tasks of differential equations: how problems are drawn, what is refused, and what counts as right."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest

from symjax import tasks
from symjax.symbolic.agreement import satisfies
from symjax.symbolic.tree_sampling import PRESETS
from symjax.tasks import Example, Rejection
from symjax.tokenization.prefix import parse

SMALL: dict[str, Any] = {"max_operators": 6, "max_problem_tokens": 64, "max_answer_tokens": 32, "code_depth": 20}
UNPARSABLE = [
    ("sub Y' Y", "", "answer"),
    ("sub Y' Y", "add x", "more operand"),
    ("sub Y' Y", "bogus x", "bogus"),
    ("sub Y' Y", "exp x x", "complete"),
    ("sub Y Y", "x", "problem: malformed"),
    ("add Y'", "x", "problem: malformed"),
]
CASES: dict[str, Any] = {
    "labels": "proved",
    "bad": [
        ({"engine": "bogus"}, "no engine 'bogus'; there are: rules, sympy"),
        ({"engine_seconds": 0.0}, "engine_seconds must be above 0"),
        ({"operators": "sin:1"}, "no binary operator"),
        ({"max_operators": 0}, "max_operators must be 1 or more"),
        ({"max_operators": 201}, "max_operators must be 200 or less"),
        ({"coefficients": 9}, "coefficients must be 8 or less, for a8 and a9"),
        ({"coefficients": -1}, "coefficients must be between 0"),
        ({"max_problem_tokens": 2}, "max_problem_tokens must be 3 or more"),
        ({"code_depth": 2}, "code_depth must be 3 or more"),
        ({"budget": 0}, "budget must be 1 or more"),
        ({"expanded_fraction": 1.5}, "expanded_fraction must be between 0 and 1"),
        ({"agreeing_fraction": math.nan}, "agreeing_fraction must be between 0 and 1"),
        ({"max_int": "5"}, "max_int must be a whole number"),
    ],
}
FIRST = CASES | {
    "unparsable": UNPARSABLE,
    "right": [
        ("sub Y' Y", "mul a8 exp x"),
        ("sub Y' Y", "exp add x a8"),  # not all solutions, but a constant that is free
        ("sub Y' Y", "exp x"),  # a particular solution
        ("sub mul x Y' Y", "div x a8"),
        ("add mul Y Y' x", "sqrt sub a8 pow x INT+ 2"),
        ("sub Y' add INT+ 1 pow Y INT+ 2", "tan add x a8"),
        ("add x mul Y Y'", "mul INT- 1 sqrt sub a8 mul x x"),
    ],
    "wrong": [
        ("sub Y' Y", "add a8 exp x"),
        ("sub Y' Y", "mul a8 exp mul INT+ 2 x"),
        ("sub Y' Y", "exp mul a8 x"),
        ("sub mul x Y' Y", "mul a8 pow x INT+ 2"),
        ("add mul Y Y' x", "sqrt sub a8 x"),
        ("sub Y' add INT+ 1 pow Y INT+ 2", "tanh add x a8"),
    ],
    "read": [
        ("sub Y' Y", "sub Y' Y"),
        ("Y' - Y", "sub Y' Y"),
        ("x*Y' + Y**2", "add mul x Y' pow Y INT+ 2"),
    ],
    "rejected": [
        ("", "malformed"),
        ("Y", "malformed"),
        ("Y''", "malformed"),
        ("Y'' + Y'", "malformed"),
        ("Y' + a8", "malformed"),
        ("Y' + z", "malformed"),
        ("add Y' f mul x x", "malformed"),
        ("Y' + sin(", "malformed"),
        ("sub Y' Y", "no_solver"),
        ("sub Y' " + "sin " * 40 + "x", "too_deep"),
    ],
}
SECOND = CASES | {
    "unparsable": [(problem.replace("Y'", "Y''"), answer, word) for problem, answer, word in UNPARSABLE],
    "right": [
        ("sub Y'' Y", "add mul a8 exp x mul a9 exp mul INT- 1 x"),
        ("sub Y'' Y", "mul a8 cosh add x a9"),
        ("sub Y'' Y", "mul a8 sinh x"),  # one constant short of the general solution
        ("add Y'' Y", "mul a8 sin add x a9"),
        ("Y''", "add a8 mul a9 x"),
        ("sub mul x Y'' Y'", "add a8 mul a9 pow x INT+ 2"),
    ],
    "wrong": [
        ("sub Y'' Y", "add mul a8 sin x mul a9 cos x"),
        ("sub Y'' Y", "mul a8 exp mul a9 x"),
        ("add Y'' Y", "add a8 sin add x a9"),
        ("Y''", "add a8 mul a9 pow x INT+ 2"),
        ("sub mul x Y'' Y'", "add a8 mul a9 x"),
    ],
    "read": [("Y'' + Y", "add Y'' Y"), ("sub Y'' Y", "sub Y'' Y")],
    "rejected": [("", "malformed"), ("Y' - Y", "malformed"), ("Y'' + a9*x", "malformed"), ("Y'' + Y", "no_solver")],
}
PAPER = SMALL | PRESETS["paper"] | {"expanded_fraction": 1.0}
COEFFICIENTS = SMALL | {"coefficients": 2, "leaf_probabilities": (0.5, 0.3, 0.2, 0.0)}
CONFORMANCE = {
    "ode1": FIRST | {"options": [SMALL, {"real_only": True}, PAPER, COEFFICIENTS]},
    "ode2": SECOND | {"options": [SMALL, {"agreeing_fraction": 1.0}]},
}
NAMES = list(CONFORMANCE)


def drawn(name: str, count: int, **options: Any) -> tuple[list[Example], Counter[str]]:
    """Examples of the first `count` attempts, and why the others have none."""
    task, examples, reasons = tasks.load(name, **options), [], Counter()
    for index in range(count):
        found = task.sample(random.Random(f"ode {index}"))
        if isinstance(found, Rejection):
            reasons[found.reason] += 1
        else:
            examples.append(found)
    return examples, reasons


@pytest.mark.parametrize("name", NAMES)
def test_labels_satisfy_their_problems_as_written(name: str) -> None:
    examples, reasons = drawn(name, 60 if name == "ode1" else 120)
    assert len(examples) > 20
    assert sum(reasons.values()) + len(examples) in (60, 120)
    for example in examples:
        found = satisfies(parse(example.problem), parse(example.answer))
        assert found.agreeing
        assert found.share == pytest.approx(example.metadata["agreement"], abs=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_the_fingerprint_found_with_the_check_is_that_of_the_words(name: str) -> None:
    """Though the check has another form of the equation, and both share their values."""
    examples, _ = drawn(name, 150 if name == "ode1" else 300)
    task = tasks.load(name)
    assert len(examples) > 50
    for example in examples:
        assert example.metadata["fingerprint"] == task.fingerprint(example.problem)


@pytest.mark.parametrize("name", NAMES)
def test_stricter_options_keep_fewer(name: str) -> None:
    loose, _ = drawn(name, 60)
    strict, reasons = drawn(name, 60, agreeing_fraction=1.0, real_only=True)
    assert {example.problem for example in strict} < {example.problem for example in loose}
    assert all(example.metadata["agreement"] == 1.0 and example.metadata["real"] for example in strict)
    assert reasons["seldom_agrees"] > 0


def test_forms_are_drawn_by_their_share() -> None:
    for fraction, forms in ((0.0, {"short"}), (0.5, {"short", "expanded"}), (1.0, {"expanded"})):
        examples, _ = drawn("ode1", 30, expanded_fraction=fraction)
        assert {example.metadata["form"] for example in examples} == forms


@pytest.mark.parametrize(
    ("problem", "answer", "solution"),
    [
        ("sub Y' Y", "mul a8 exp x", "general"),
        ("sub Y' Y", "exp x", "particular"),
        ("add Y'' Y", "mul a8 sin x", "particular"),
        ("add Y'' Y", "mul add a8 a9 sin x", "particular"),
        ("add Y'' Y", "add mul a8 sin x mul a9 cos x", "general"),
    ],
)
def test_particular_solutions_are_told_from_general_ones(problem: str, answer: str, solution: str) -> None:
    task = tasks.load("ode2" if "Y''" in problem else "ode1")
    verdict = task.verify(tuple(problem.split()), tuple(answer.split()))
    assert verdict.kind == "proved"
    assert verdict.evidence["solution"] == solution


def test_answers_hold_the_constants_of_their_order() -> None:
    assert tasks.load("ode1").answer_symbols == ("x", "a8")
    assert tasks.load("ode2").answer_symbols == ("x", "a8", "a9")
    assert tasks.load("ode2", coefficients=2).answer_symbols == ("x", "a0", "a1", "a8", "a9")


def test_coefficients_occur_and_are_kept() -> None:
    examples, _ = drawn("ode1", 60, **COEFFICIENTS)
    held = [example for example in examples if {"a0", "a1"} & {*example.problem}]
    assert len(held) > 5
    assert all({"a0", "a1"} & {*example.answer} and "a8" in example.answer for example in held)


def test_baselines() -> None:
    problem = ("sub", "Y'", "Y")
    assert tasks.load("ode1").baseline_answers(problem) == {"copy_input": problem}


def test_the_reference_engine_makes_and_solves_equations() -> None:
    task = tasks.load("ode1", engine="sympy", engine_seconds=20.0, max_operators=4)
    found = [task.sample(random.Random(index)) for index in range(4)]
    examples = [outcome for outcome in found if isinstance(outcome, Example)]
    assert examples
    for example in examples:
        assert example.metadata["engine"] == "sympy"
        assert task.verify(example.problem, example.answer).kind == "proved"
    label = task.label(("sub", "Y'", "Y"))
    assert isinstance(label, Example)
    assert task.verify(label.problem, label.answer).evidence["solution"] == "general"


@pytest.mark.parametrize(
    ("answer", "options", "reason"),
    [
        ("mul a8 exp mul INT+ 2 x", {}, "seldom_agrees"),
        ("mul a8 exp abs x", {"agreeing_fraction": 0.2}, ""),
        ("mul a8 exp abs x", {"agreeing_fraction": 0.9}, "seldom_agrees"),
        ("mul a8 mul I exp x", {}, ""),
        ("mul a8 mul I exp x", {"real_only": True}, "not_real"),
    ],
)
def test_equations_of_the_reference_engine_are_checked_like_others(
    monkeypatch: pytest.MonkeyPatch, answer: str, options: dict[str, Any], reason: str
) -> None:
    class Engine:
        def first(self, *_: object) -> object:
            return parse(["sub", "Y'", "Y"]), parse(answer.split())

    task = tasks.load("ode1", engine="sympy", **options)
    monkeypatch.setitem(vars(task), "_engine", Engine())
    found = task.sample(random.Random(0))
    assert (found.reason if isinstance(found, Rejection) else "") == reason
