"""The integration task: how problems are drawn, what is refused, and what counts as right."""

from __future__ import annotations

import json
import math
import pathlib
import random
from collections import Counter
from typing import Any

import pytest

from symjax import tasks
from symjax.symbolic.agreement import agrees
from symjax.symbolic.canonical import canonicalise
from symjax.symbolic.conventions import foreign_form
from symjax.symbolic.expression import Expression
from symjax.symbolic.fingerprint import up_to_factor
from symjax.symbolic.tree_sampling import PRESETS, TreeSampler
from symjax.tasks import Example, Rejection, _integration_parts, _integration_table
from symjax.tasks import _integration_pairs as pairs
from symjax.tasks._integration_parts import KnownIntegrals, by_parts, is_proved
from symjax.tasks.integration import integrand_of
from symjax.tokenization.grammar import accepts, compile_grammar
from symjax.tokenization.prefix import integer_tokens, parse, write
from symjax.tokenization.vocabulary import EOS


def canonical(text: str) -> Expression:
    return canonicalise(parse(text.split()))


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SMALL: dict[str, Any] = {"max_operators": 6, "max_problem_tokens": 64, "max_answer_tokens": 64, "code_depth": 20}
PARTS = SMALL | {"table_size": 60, "rules_fraction": 1.0, "other_operators": 3, "budget": 200}
GOOD = [
    ("sub Y' cos x", "sin x"),
    ("sub Y' inv x", "ln abs x"),  # right on both sides of the pole
    ("sub Y' inv x", "ln mul INT+ 3 x"),  # a constant of integration in disguise
    ("sub Y' mul INT+ 2 mul sin x cos x", "sub INT+ 5 sq_cos"),
    ("sub Y' mul INT+ 2 mul sin x cos x", "pow sin x INT+ 2"),
    ("sub Y' div INT+ 1 add INT+ 1 pow x INT+ 2", "mul INT- 1 acot x"),
    ("sub Y' exp x", "add exp x pi"),
    ("sub Y' div INT+ 1 sub INT+ 1 pow x INT+ 2", "atanh x"),
    ("sub Y' div INT+ 1 sub INT+ 1 pow x INT+ 2", "mul div INT+ 1 INT+ 2 ln div add INT+ 1 x sub INT+ 1 x"),
]
RIGHT = [(problem, answer.replace("sq_cos", "pow cos x INT+ 2")) for problem, answer in GOOD]
WRONG = [
    ("sub Y' cos x", "mul INT- 1 sin x"),
    ("sub Y' cos x", "sin mul INT+ 2 x"),
    ("sub Y' exp x", "add exp x mul div INT+ 1 INT+ 1 0 0 0 0 0 0 0 0 0 x"),
    ("sub Y' inv x", "ln pow x INT+ 2"),
    ("sub Y' mul INT+ 2 x", "pow x INT+ 3"),
    ("sub Y' sqrt x", "mul div INT+ 2 INT+ 3 pow x div INT+ 2 INT+ 3"),
    ("sub Y' INT+ 3", "INT+ 3"),
    ("sub Y' tan x", "ln cos x"),
]
CASES: dict[str, Any] = {
    "labels": "proved",
    "right": RIGHT,
    "wrong": WRONG,
    "unparsable": [
        ("sub Y' cos x", "", "answer"),
        ("sub Y' cos x", "add x", "more operand"),
        ("sub Y' cos x", "sin x x", "complete"),
        ("sub Y' cos x", "bogus x", "bogus"),
        ("sub Y' cos x", "INT+ 0 1", "does not start with 0"),
        ("sub Y' add x", "x", "problem: malformed"),
        ("sub Y' Y", "exp x", "problem: malformed"),
        ("sub Y'' x", "x", "problem: malformed"),
    ],
    "read": [
        ("sub Y' cos x", "sub Y' cos x"),
        ("  cos\tx ", "sub Y' cos x"),
        ("x", "sub Y' x"),
        ("7", "sub Y' INT+ 7"),
        ("x**2 + sin(x)", "sub Y' add pow x INT+ 2 sin x"),
        ("x + 1 + x", "sub Y' add add x INT+ 1 x"),
        ("Y' - cos(x)", "sub Y' cos x"),
        ("pow2(x)", "sub Y' pow2 x"),
        ("sqrt(x)/3", "sub Y' div sqrt x INT+ 3"),
        ("a0*exp(a1*x)", "sub Y' mul a0 exp mul a1 x"),
    ],
    "rejected": [
        ("", "malformed"),
        ("add x", "malformed"),
        ("sin(x", "malformed"),
        ("__import__('os')", "malformed"),
        ("Y + x", "malformed"),
        ("sq(x)", "malformed"),  # a word of another task's
        ("sub Y' Y", "malformed"),
        ("sub Y' f x", "malformed"),
        ("sub Y'' x", "malformed"),
        ("derivative x x", "malformed"),
        ("sin " * 40 + "x", "too_deep"),
        ("sin " * 600 + "x", "too_long"),
        ("exp exp x", "unsolved"),
        ("inv sub x x", "undefined"),
        ("x**x**x", "unsolved"),
    ],
    "bad": [
        ({"engine": "bogus"}, "no engine 'bogus'; there are: rules, sympy"),
        ({"engine_seconds": 0.0}, "engine_seconds must be above 0"),
        ({"operators": "sin:1"}, "no binary operator"),
        ({"max_operators": 0}, "max_operators must be 1 or more"),
        ({"max_operators": 201}, "max_operators must be 200 or less"),
        ({"other_operators": 201}, "other_operators must be 200 or less, got 201"),
        ({"max_problem_tokens": 2}, "max_problem_tokens must be 3 or more"),
        ({"code_depth": 2}, "code_depth must be 3 or more"),
        ({"budget": 0}, "budget must be 1 or more"),
        ({"table_size": 0}, "table_size must be 1"),
        ({"simplified_fraction": 1.5}, "simplified_fraction must be between 0 and 1"),
        ({"rules_fraction": math.nan}, "rules_fraction must be between 0 and 1"),
        ({"mix": (1.0, 1.0)}, "mix must be three numbers"),
        ({"mix": (0.0, 0.0, 0.0)}, "mix must be three numbers"),
        ({"mix": (1.0, math.inf, 1.0)}, "mix must be three numbers"),
        ({"max_int": "5"}, "max_int must be a whole number"),
        ({"leaf_probabilities": (1.0, 0.0)}, "leaf_probabilities must be four numbers"),
    ],
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "integration": [PARTS | {"mix": (2.0, 2.0, 1.0)}],
    "integration_fwd": [SMALL, SMALL | PRESETS["paper"] | {"max_operators": 4, "real_only": True}],
    "integration_bwd": [
        SMALL | {"variables": 2, "coefficients": 2, "leaf_probabilities": (0.6, 0.2, 0.1, 0.1)},
        {},
    ],
    "integration_ibp": [PARTS],
    "prim_fwd": [SMALL],
    "prim_bwd": [SMALL],
    "prim_ibp": [PARTS],
}
CONFORMANCE = {name: CASES | {"options": options} for name, options in OPTIONS.items()}


def drawn(task, count: int, seed: int = 0) -> list[Example | Rejection]:
    rng, found = random.Random(), []
    for index in range(count):
        rng.seed(seed << 64 | index)
        found.append(task.sample(rng))
    return found


def examples_of(outcomes) -> list[Example]:
    return [outcome for outcome in outcomes if isinstance(outcome, Example)]


def sides(example: Example):
    return integrand_of(parse(example.problem)), parse(example.answer)


@pytest.mark.parametrize("name", ["integration_fwd", "integration_bwd", "integration_ibp"])
def test_every_label_agrees_with_its_problem_as_written(name):
    for example in examples_of(drawn(tasks.load(name, **PARTS), 60, seed=1)):
        integrand, answer = sides(example)
        assert agrees(answer, integrand).accepted
        assert canonicalise(integrand) is not None


def test_mixed_problems_come_in_their_shares():
    task = tasks.load("integration", **PARTS | {"mix": (0.0, 1.0, 0.0)})
    assert {example.metadata["generator"] for example in examples_of(drawn(task, 20))} == {"backward"}
    assert task.inputs() == {}
    task = tasks.load("integration", **PARTS | {"mix": (1.0, 2.0, 1.0)})
    families = Counter(task._family(random.Random(key)) for key in range(2000))
    assert {name: round(count / 250) for name, count in families.items()} == {"forward": 2, "backward": 4, "parts": 2}


def test_half_of_the_backward_integrands_are_simplified_unless_told_otherwise():
    found = examples_of(drawn(tasks.load("integration_bwd", **SMALL), 150))
    assert 0.35 < sum(example.metadata["simplified"] for example in found) / len(found) < 0.65
    for share in (0.0, 1.0):
        task = tasks.load("integration_bwd", **SMALL | {"simplified_fraction": share})
        assert {example.metadata["simplified"] for example in examples_of(drawn(task, 20))} == {bool(share)}


def test_a_larger_budget_solves_more():
    counts = [
        len(examples_of(drawn(tasks.load("integration_fwd", max_operators=8, budget=budget), 60)))
        for budget in (10, 300)
    ]
    assert counts[0] < counts[1]


def test_rejections_say_why():
    task = tasks.load("integration_bwd", max_problem_tokens=20, max_answer_tokens=8, code_depth=5, real_only=True)
    reasons = Counter(outcome.reason for outcome in drawn(task, 300) if isinstance(outcome, Rejection))
    assert {"too_long", "few_operators", "constant", "undefined", "not_real", "too_deep"} <= set(reasons)


def test_problems_that_the_rules_solve_by_themselves_are_flagged_and_left_out_on_demand():
    found = drawn(tasks.load("integration_ibp", **PARTS), 60)
    direct = [example.metadata["direct"] for example in examples_of(found)]
    kept = drawn(tasks.load("integration_ibp", **PARTS | {"indirect_only": True}), 60)
    rejected = sum(isinstance(one, Rejection) and one.reason == "direct" for one in kept)
    assert rejected >= sum(direct) > 0  # some of them would be too long as well
    assert len(examples_of(kept)) == len(direct) - sum(direct)


def test_antiderivatives_have_no_constant_of_their_own():
    for name in ("integration_fwd", "integration_bwd", "integration_ibp"):
        for example in examples_of(drawn(tasks.load(name, **PARTS), 40)):
            answer = canonicalise(parse(example.answer))
            assert pairs.without_constant(answer) is answer


def test_by_parts_needs_what_the_table_has():
    """x e^x from the table's integral of e^x, and nothing from an empty table."""
    key = up_to_factor(canonical("exp x"))
    options = {"max_operators": 2, "other_operators": 1, "rules_fraction": 0.0, "rules_budget": 1, "direct_budget": 50}
    sampler = TreeSampler(operators="add:1,mul:1,exp:3", leaf_probabilities=(1, 0, 0, 0), max_operators=4)
    found = {}
    for entries in ({}, {str(key): ("exp x", "exp x")}):
        outcomes = [by_parts(random.Random(i), sampler, KnownIntegrals(entries), **options) for i in range(300)]
        found[len(entries)] = {
            " ".join(write(foreign_form(pair.integrand))) for pair in outcomes if isinstance(pair, pairs.Pair)
        }
    assert found[0] == set()
    assert "mul x exp x" in found[1]


def test_known_integrals_are_found_in_any_form_and_multiplied():
    known = canonical("mul sin x cos x")
    table = KnownIntegrals({str(up_to_factor(known)): ("mul sin x cos x", "mul div INT- 1 INT+ 2 pow cos x INT+ 2")})
    found = table.get(canonical("mul INT+ 6 sin mul INT+ 2 x"))
    assert found is canonical("mul INT- 6 pow cos x INT+ 2")
    assert table.get(canonical("cos x")) is None
    assert table.get(canonical("mul sqrt INT+ 2 sin mul INT+ 2 x")) is None  # no rational multiple
    assert len(table) == 1


def test_what_is_alike_at_the_points_only_is_not_proved():
    """exp(-1000 cosh x) is below 10^-400 wherever anybody looks."""
    near, half_square = canonical("add x exp mul INT- 1 0 0 0 cosh x"), canonical("mul div INT+ 1 INT+ 2 pow x INT+ 2")
    assert up_to_factor(near) == up_to_factor(canonical("x"))
    assert agrees(half_square, near).accepted
    assert not is_proved(near, half_square)
    assert is_proved(canonical("x"), half_square)


def test_what_is_not_proved_is_not_used(monkeypatch):
    monkeypatch.setattr(_integration_parts, "is_proved", lambda *_: False)
    reasons = Counter(one.reason for one in drawn(tasks.load("integration_ibp", **PARTS), 20))
    assert reasons["unproved"]


TABLE = json.dumps({"size": 15, "seed": 3})


def test_a_table_is_made_once_kept_and_checked(tmp_path, monkeypatch):
    monkeypatch.setenv(_integration_table.FOLDER, str(tmp_path))
    made = _integration_table.load_table.__wrapped__(TABLE)
    path = _integration_table.table_path(TABLE)
    assert path.parent == tmp_path
    assert list(tmp_path.iterdir()) == [path]
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == made.digest
    assert len(text.splitlines()) == 16
    for line in text.splitlines()[1:]:
        key, integrand, answer = line.split("\t")
        integrand, answer = map(canonical, (integrand, answer))
        assert key == up_to_factor(integrand)
        assert agrees(answer, integrand).accepted
        assert made.integrals.get(integrand) is answer
    monkeypatch.setattr(_integration_table, "make_lines", None)  # read from now on, not made
    assert _integration_table.load_table.__wrapped__(TABLE).digest == made.digest
    monkeypatch.undo()
    monkeypatch.setenv(_integration_table.FOLDER, str(tmp_path))
    path.write_text(text.replace("sin", "cos"), encoding="utf-8")  # damaged: made again
    assert _integration_table.load_table.__wrapped__(TABLE).digest == made.digest
    assert path.read_text(encoding="utf-8") == text


def test_a_table_needs_no_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(_integration_table.FOLDER, str(tmp_path / "file"))
    assert len(_integration_table.load_table.__wrapped__(TABLE).integrals) == 15


def test_tables_are_named_by_options_and_program(tmp_path, monkeypatch):
    monkeypatch.setenv(_integration_table.FOLDER, str(tmp_path))
    path = _integration_table.table_path(TABLE)
    assert path != _integration_table.table_path(json.dumps({"size": 16, "seed": 3}))
    monkeypatch.setattr(_integration_table, "_program", lambda: "another")
    assert path != _integration_table.table_path(TABLE)
    assert path.name.startswith("integrals-")
    assert isinstance(path, pathlib.Path)


def test_typed_problems_are_solved_and_proved():
    task = tasks.load("integration")
    for text in ("x*exp(x)", "sub Y' mul x cos x", "1/(1 + x**2)", "ln(x)", "3", "x**2*sin(x)", "tan(x)"):
        problem = task.read_problem(text)
        assert not isinstance(problem, Rejection), text
        label = task.label(problem)
        assert isinstance(label, Example), text
        assert task.verify(problem, label.answer).kind == "proved"


def test_imported_examples_need_no_metadata():
    task = tasks.load("prim_bwd")
    problem, answer = words("sub Y' mul INT+ 2 x"), words("pow x INT+ 2")
    example = Example(problem=problem, answer=answer, metadata={})
    assert task.measure(example, answer) == {"exact": 1.0, "well_formed": 1.0, "length_ratio": 1.0}
    assert set(task.slices(example)) == {"problem length", "answer length", "problem depth"}
    assert task.audit(example).kind == "proved"
    assert "pow x INT+ 2" in task.describe(example)
    assert task.fingerprint(problem) == task.fingerprint(words("sub Y' add x x"))
    assert task.fingerprint(("add", "x")) is None
    assert task.baseline_answers(problem) == {"copy_input": words("mul INT+ 2 x")}
    assert task.trivial_answers([example, example]) == {"x": ("x",), "most_frequent": answer}


def test_the_reference_engine_makes_checked_examples():
    task = tasks.load("integration_bwd", engine="sympy", max_operators=3, engine_seconds=20.0)
    try:
        found = examples_of(drawn(task, 5))
    finally:
        task._engine.close()
    assert found
    for example in found:
        assert example.metadata["engine"] == "sympy"
        assert task.verify(example.problem, example.answer).kind == "proved"


def test_what_the_reference_engine_gets_wrong_is_rejected(monkeypatch):
    class Wrong:
        def bwd(self, *_):
            return parse(words("cos x")), parse(words("cos x"))

    task = tasks.load("integration_bwd", engine="sympy")
    monkeypatch.setitem(vars(task), "_engine", Wrong())
    outcome = task.sample(random.Random(0))
    assert isinstance(outcome, Rejection)
    assert outcome.reason == "differs"


def test_the_grammar_writes_the_longest_numbers_that_labels_hold():
    """Canonical numbers end at 400 bits, which are 121 digits."""
    task = tasks.load("integration")
    tables = compile_grammar(task.grammar(), task.answer_vocabulary)
    for value in (2**400 - 1, -(2**400) + 1):
        answer = (*integer_tokens(value), EOS)
        assert accepts(tables, task.answer_vocabulary.encode(answer))
