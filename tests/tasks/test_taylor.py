"""The Taylor task: what counts as right, what is measured, and what is refused."""

from __future__ import annotations

import dataclasses
import math
import random
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjax import tasks
from symjax.tasks import Example, ParseError, Rejection
from symjax.tasks._taylor_display import plain, polynomial_mathml
from symjax.tasks.taylor import Taylor
from symjax.tokenization.grammar import compile_grammar

X = "x1 + E0 1 0 0 0 0"

CONFORMANCE = {
    "taylor": {
        "options": [
            {},
            {"layout": "dense"},
            {"layout": "dense", "degree_tokens": False, "descending": True, "number_groups": (1, 2, 2)},
            {"layout": "dense", "degree_tokens": False, "number_groups": (1, 2, 2), "joined_heads": True},
            {"number_groups": (3, 2), "descending": True, "max_depth": 2, "code_depth": 3},
            {"sampler": "length", "max_operators": 5, "integers": (0, 2, 10), "family_exclusion": False},
        ],
        "bad": [
            ({"sampler": "bogus"}, "no sampler 'bogus'; it has: seed, length"),
            ({"layout": "bogus"}, "no layout 'bogus'"),
            ({"engine": "bogus"}, "no engine 'bogus'"),
            ({"number_groups": (3, 3)}, "hold 6 digits; labels have 5"),
            ({"number_groups": (4, 1)}, "widths of 1, 2 or 3"),
            ({"degree_tokens": False}, "needs layout='dense'"),
            ({"max_problem_tokens": 0}, "max_problem_tokens must be 1 or more"),
            ({"code_depth": 1}, "code_depth must be 2 or more"),
            ({"max_depth": 5, "code_depth": 5}, "max_depth 5 needs code_depth 6"),
            ({"max_depth": 0}, "max_depth must be between"),
            ({"max_depth": "3"}, "max_depth='3'; max_depth must be a whole number"),
            ({"max_depth": True}, "max_depth must be a whole number"),
            ({"max_depth": 2.5}, "max_depth must be a whole number"),
            ({"descending": 1}, "descending must be true or false"),
            ({"layout": 1}, "layout must be text"),
            ({"engine_seconds": "10"}, "engine_seconds must be a number"),
            ({"engine_seconds": 0.0}, "engine_seconds must be above 0, got 0.0"),
            ({"engine_seconds": math.nan}, "engine_seconds must be above 0, got nan"),
            ({"integers": (True,)}, "integers must be whole numbers"),
            ({"integers": 5}, "integers must be a list"),
            ({"number_groups": ("3", "2")}, "each of number_groups must be a whole number"),
            ({"integers": (2, 2)}, "integers must be distinct"),
            ({"sampler": "length", "min_operators": 9}, "min_operators 9"),
        ],
        "right": [
            ("sq sqrt x", X),  # a root on both sides of 0 that cancels
            ("ln exp x", X),
            ("div sq x x", X),  # a removable singularity
            ("mul ln exp x div x x", X),
            ("sq acos cosh x", "x2 - E0 1 0 0 0 0"),  # imaginary on the way
            ("div sin x x", "x0 + E0 1 0 0 0 0 x2 - E-1 1 6 6 6 7 x4 + E-3 8 3 3 3 3"),
            # the tie -5/128 = -0.0390625 goes to the even digit
            (
                "sqrt add INT+ 1 x",
                "x0 + E0 1 0 0 0 0 x1 + E-1 5 0 0 0 0 x2 - E-1 1 2 5 0 0 x3 + E-2 6 2 5 0 0 x4 - E-2 3 9 0 6 2",
            ),
            ("mul INT+ 9 9 9 9 9 0 x", "x1 + E5 9 9 9 9 9"),
        ],
        "wrong": [
            (
                "sqrt add INT+ 1 x",
                "x0 + E0 1 0 0 0 0 x1 + E-1 5 0 0 0 0 x2 - E-1 1 2 5 0 0 x3 + E-2 6 2 5 0 0 x4 - E-2 3 9 0 6 3",
            ),
            ("sin x", "x1 + E0 1 0 0 0 0 x3 - E-1 1 6 6 6 6"),  # cut off, not rounded
            ("sin x", "x1 + E0 1 0 0 0 0 x3 + E-1 1 6 6 6 7"),  # a sign
            ("sin x", "x1 + E0 1 0 0 0 0 x3 - E-2 1 6 6 6 7"),  # a power of ten
            ("sin x", X),  # a term is missing
            ("sin x", "x1 + E0 1 0 0 0 0 x4 - E-1 1 6 6 6 7"),  # another degree
            ("sin x", "x0 + E-5 1 0 0 0 0 x1 + E0 1 0 0 0 0 x3 - E-1 1 6 6 6 7"),  # a term too many
            ("sinh x", "x1 + E0 1 0 0 0 0 x3 - E-1 1 6 6 6 7"),  # the answer to another problem
            ("sin x", "ZERO"),
        ],
        "unparsable": [
            ("sin x", "", "answer"),
            ("sin x", "x1 + E0 1 0 0 0", "ends"),
            ("sin x", "x3 - E-1 1 6 6 6 7 x1 + E0 1 0 0 0 0", "x1"),
            ("sin x", "x1 ZERO", "zero"),
            ("ln x", X, "problem: logarithm"),
            ("sqrt sq x", X, "problem: one_sided"),
            ("add x", X, "problem: malformed"),
        ],
        "read": [
            ("add sin x mul x x", "add sin x mul x x"),
            ("  add\tx  INT- 1 2 ", "add x INT- 1 2"),
            ("x", "x"),
            ("sin(x)", "sin x"),
            ("sin(x) + x*x", "add sin x mul x x"),
            ("x**2", "pow x INT+ 2"),
        ],
        "rejected": [
            ("", "malformed"),
            ("   ", "malformed"),
            ("add x", "malformed"),
            ("x x", "malformed"),
            ("sin(x", "malformed"),
            ("x +", "malformed"),
            ("__import__('os')", "malformed"),
            ("sin " * 30 + "x", "too_deep"),
            ("add sin x " * 10 + "x " * 100, "malformed"),
            ("mul x INT+ " + "1 " * 70, "too_long"),
            ("x + " + "1" * 70, "too_long"),
            ("x + " * 5_000 + "x", "too_long"),
            ("x+" * 600 + "x", "too_long"),  # more pieces than are read
            ("1" * 1001, "too_long"),
            ("(" * 60 + "x", "too_deep"),
            ("sin(" * 60 + "x" + ")" * 60, "too_deep"),
            ("+".join(["x"] * 30), "too_deep"),
            ("sin(y)", "malformed"),
            ("INT+ 3", "constant"),
            ("3", "constant"),
            ("1/x", "pole"),
            ("ln x", "logarithm"),
            ("sqrt(x)", "branch"),
            ("sqrt sq x", "one_sided"),
            ("asin(x + 2)", "complex"),
            ("mul INT+ 1 0 0 0 0 0 0 x", "coefficient_out_of_range"),
            ("div x INT+ 1 0 0 0 0 0 1", "coefficient_out_of_range"),
        ],
    }
}


def load(**options: object) -> Taylor:
    return tasks.load("taylor", **options)


def example(text: str, task: Taylor | None = None) -> Example:
    found = (task or load()).label(tuple(text.split()))
    assert isinstance(found, Example), found
    return found


def written(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def test_a_label_in_full() -> None:
    found = example("exp sin x")
    assert found.exact == ("1", "1", "1/2", "0", "-1/8")
    assert found.answer == written("x0 + E0 1 0 0 0 0 x1 + E0 1 0 0 0 0 x2 + E-1 5 0 0 0 0 x4 - E-1 1 2 5 0 0")
    metadata = dict(found.metadata)
    assert len(metadata.pop("fingerprint")) == 32
    assert metadata == {
        "size": 3, "depth": 2, "rational_series": True, "two_sided": False, "numeric_zero": False, "nonzero": 4,
    }  # fmt: skip
    irrational = example("cos exp x")
    assert not irrational.metadata["rational_series"]
    assert irrational.exact[0] == "0.540302305868139717400936607443"
    assert load().answer_json(irrational)["rational"] == [False] * 5
    assert load().answer_json(found) == {"coefficients": ["1", "1", "1/2", "0", "-1/8"], "rational": [True] * 5}


def test_one_irrational_coefficient_makes_a_series_irrational() -> None:
    mixed = example("add INT+ 1 mul x cos INT+ 1")
    assert not mixed.metadata["rational_series"]
    assert load().answer_json(mixed)["rational"] == [True, False, True, True, True]


def test_equal_functions_have_equal_fingerprints() -> None:
    pairs = [("sin add x x", "sin sub add x add x x x"), ("asinh tan x", "atanh sin x"), ("exp x", "ln exp exp x")]
    for left, right in pairs:
        assert example(left).metadata["fingerprint"] == example(right).metadata["fingerprint"]
    assert example("sin x").metadata["fingerprint"] != example("tanh x").metadata["fingerprint"]


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, "x1 + E0 1 0 0 0 0 x3 - E-1 1 6 6 6 7"),
        ({"descending": True}, "x3 - E-1 1 6 6 6 7 x1 + E0 1 0 0 0 0"),
        ({"number_groups": (3, 2)}, "x1 + E0 100 00 x3 - E-1 166 67"),
        ({"number_groups": (1, 2, 2), "joined_heads": True}, "x1 +1E0 00 00 x3 -1E-1 66 67"),
        ({"layout": "dense"}, "x0 ZERO x1 + E0 1 0 0 0 0 x2 ZERO x3 - E-1 1 6 6 6 7 x4 ZERO"),
        ({"layout": "dense", "descending": True}, "x4 ZERO x3 - E-1 1 6 6 6 7 x2 ZERO x1 + E0 1 0 0 0 0 x0 ZERO"),
        ({"layout": "dense", "degree_tokens": False}, "ZERO + E0 1 0 0 0 0 ZERO - E-1 1 6 6 6 7 ZERO"),
    ],
)
def test_layouts(options: dict, answer: str) -> None:
    task = load(**options)
    assert example("sin x", task).answer == written(answer)
    assert task.decode(written(answer)) == (0, 1, 0, Decimal("-0.16667"), 0)


NUMBERS = st.one_of(
    st.just(Decimal(0)),
    st.builds(
        lambda digits, exponent, sign: sign * Decimal(digits).scaleb(exponent - 4),
        st.integers(10_000, 99_999), st.integers(-5, 5), st.sampled_from((1, -1)),
    ),
)  # fmt: skip


@given(coefficients=st.tuples(*[NUMBERS] * 5), sparse=st.booleans(), descending=st.booleans(), degrees=st.booleans())
@settings(max_examples=60)
def test_reading_undoes_writing(coefficients: tuple, sparse: bool, descending: bool, degrees: bool) -> None:
    task = load(layout="sparse" if sparse else "dense", descending=descending, degree_tokens=degrees or sparse)
    tokens = task.answer_format.write(coefficients)
    assert task.decode(tokens) == coefficients
    assert len(tokens) < task.max_answer_length


def test_the_longest_answer_has_the_declared_length() -> None:
    for options in ({}, {"layout": "dense", "degree_tokens": False, "number_groups": (2, 3)}):
        task = load(**options)
        assert len(task.answer_format.write((Decimal(1),) * 5)) + 1 == task.max_answer_length


@pytest.mark.parametrize(
    ("answer", "position"),
    [
        ("", 0),
        ("x1", 1),
        ("+ E0 1 0 0 0 0", 0),
        ("x5 + E0 1 0 0 0 0", 0),
        ("x1 ZERO", 1),
        ("x1 + E0 0 0 0 0 0", 3),
        ("x1 + E0 1 0 0 0 0 x1 + E0 1 0 0 0 0", 8),
        ("x1 + E0 1 0 0 0 0 x0 + E0 1 0 0 0 0", 8),
        ("x4 + E0 1 0 0 0 0 x0", 8),
        ("ZERO ZERO", 0),
    ],
)
def test_faults_are_placed(answer: str, position: int) -> None:
    fault = load().decode(written(answer))
    assert isinstance(fault, ParseError)
    assert fault.position == position


@pytest.mark.parametrize(
    ("answer", "position"), [("x0 ZERO x2 ZERO", 2), ("x0 ZERO x1 ZERO x2 ZERO x3 ZERO x4 ZERO x4", 10), ("ZERO", 0)]
)
def test_faults_of_dense_lists_are_placed(answer: str, position: int) -> None:
    fault = load(layout="dense").decode(written(answer))
    assert isinstance(fault, ParseError)
    assert fault.position == position


def test_codes_say_which_coefficient_and_where() -> None:
    spec = load(number_groups=(3, 2)).grammar()
    assert spec.code_sizes == (6, 6)
    assert spec.states["degree 2"].code == (3, 1)
    assert spec.states["place 0 of 2"].code == (3, 2)
    assert spec.states["place 1 of 2"].code == (3, 3)
    assert spec.states["place 3 of 2"].code == (3, 5)
    dense = load(layout="dense").grammar()
    assert dense.states["zero 4"].code == (5, 2)


def test_sparse_grammar_wants_a_coefficient_and_rising_degrees() -> None:
    task = load()
    tables = compile_grammar(task.grammar(), task.answer_vocabulary)
    allowed = {task.answer_vocabulary.tokens[i] for i, to in enumerate(tables.next_state[tables.start]) if to >= 0}
    assert allowed == {"x0", "x1", "x2", "x3", "x4"}
    assert set(task.grammar().states["place 6 of 2"].moves) == {"x3", "x4", "<eos>"}
    assert set(task.grammar().states["place 6 of 4"].moves) == {"<eos>"}


def test_the_reference_scores_the_floor_of_rounding() -> None:
    task, found = load(), example("cos exp x")
    measures = task.measure(found, found.answer)
    assert all(measures[f"degree_{degree}"] == 1 for degree in range(5))
    assert measures["within_1_percent"] == measures["sign_accuracy"] == measures["exponent_accuracy"] == 1
    assert 0 < measures["coefficient_squared_error"] < (5e-6) ** 2
    assert 0 < measures["polynomial_rmse"] < 5e-5
    exact = example("exp sin x")
    assert task.measure(exact, exact.answer)["coefficient_squared_error"] == 0


def test_measures_by_hand() -> None:
    task = load()
    found = example("mul INT+ 4 x", task)
    measures = task.measure(found, written("x0 + E-1 3 0 0 0 0 x1 + E0 3 9 6 0 0"))
    assert measures["exact"] == 0
    assert [measures[f"degree_{degree}"] for degree in range(5)] == [0, 0, 1, 1, 1]
    assert measures["within_1_percent"] == 0  # 0.3 is not zero, and 3.96 is just at 1 %
    assert task.measure(found, written("x1 + E0 3 9 6 0 0"))["within_1_percent"] == 1
    assert task.measure(found, written("x1 + E0 3 9 5 9 9"))["within_1_percent"] == 0
    assert measures["sign_accuracy"] == pytest.approx(0.8)
    assert measures["exponent_accuracy"] == 1
    assert measures["coefficient_squared_error"] == pytest.approx((0.09 + 0.0016) / 5)
    assert measures["relative_l2"] == pytest.approx(math.hypot(0.3, 0.04) / 4)
    expected = (math.asinh(0.3) + math.asinh(4) - math.asinh(3.96)) / 5
    assert measures["mean_asinh_error"] == pytest.approx(expected)
    points = [-1 + 2 * k / 99 for k in range(100)]
    squared = sum((0.3 - 0.04 * x) ** 2 for x in points) / 100
    assert measures["polynomial_squared_error"] == pytest.approx(squared)
    assert measures["polynomial_rmse"] == pytest.approx(math.sqrt(squared))


def test_large_targets_leave_the_bounded_figures() -> None:
    task = load()
    measures = task.measure(example("mul INT+ 1 0 0 0 x", task), written("ZERO"))
    assert measures["coefficient_squared_error"] == pytest.approx(2e5)
    assert math.isnan(measures["coefficient_squared_error_below_1000"])
    assert math.isnan(measures["polynomial_squared_error_below_1000"])
    below = task.measure(example("mul INT+ 9 9 9 x", task), written("ZERO"))
    assert below["coefficient_squared_error_below_1000"] == below["coefficient_squared_error"]


def test_an_answer_that_does_not_parse_has_the_errors_of_zeros_and_nothing_right() -> None:
    task, found = load(), example("sin x")
    broken, zeros = task.measure(found, written("x1 +")), task.measure(found, written("ZERO"))
    same = [metric.name for metric in task.metrics if not metric.higher_is_better]
    assert same
    assert all(broken[name] == zeros[name] for name in same)
    assert all(value == 0 for name, value in broken.items() if name not in same)
    assert zeros["well_formed"] == 1
    assert [zeros[f"degree_{degree}"] for degree in range(5)] == [1, 0, 1, 0, 1]


def test_trivial_answers() -> None:
    task = load()
    training = [example(text, task) for text in ("sin x", "sinh x", "exp x", "x")]
    answers = task.trivial_answers(training)
    assert task.decode(answers["zeros"]) == (0,) * 5
    assert task.decode(answers["median"]) == (0, 1, 0, 0, 0)
    assert set(task.trivial_answers([])) == {"zeros"}


def test_a_broken_reference_is_an_error_and_no_verdict() -> None:
    with pytest.raises(ValueError, match="the reference is no answer"):
        load().verify(("x",), written(X), ("x1",))
    broken = dataclasses.replace(example("x"), answer=("x1",))
    with pytest.raises(ValueError, match="answer is malformed"):
        load().measure(broken, written(X))


def test_evidence_names_the_coefficients() -> None:
    verdict = load().verify(("sin", "x"), written(X))
    assert verdict.evidence == {
        "predicted": ["0", "1", "0", "0", "0"],
        "target": ["0", "1", "0", "-0.16667", "0"],
        "agree": [True, True, True, False, True],
    }


def test_sampled_trees_stay_below_the_depth_and_keep_families_apart() -> None:
    task = load(max_depth=2)
    found = [task.sample(random.Random(index)) for index in range(300)]
    valid = [outcome for outcome in found if isinstance(outcome, Example)]
    assert max(outcome.metadata["depth"] for outcome in valid) == 2
    assert not [outcome for outcome in valid if outcome.problem[:2] == ("sin", "cos")]


def test_limits_are_named() -> None:
    short = load(max_problem_tokens=3, max_depth=3)
    reasons = {getattr(short.sample(random.Random(index)), "reason", "valid") for index in range(100)}
    assert {"too_long", "valid"} <= reasons
    digits = load(max_problem_tokens=4).label(written("mul x INT+ 1 2"))
    assert digits == Rejection("too_long", "the expression takes 5 tokens; max_problem_tokens is 4")
    deep = load(max_depth=1, code_depth=2).label(written("sin cos x"))
    assert deep == Rejection("too_deep", "2 operators are nested; at most 1 fit code_depth")


def test_very_deep_expressions_are_refused_by_name() -> None:
    for text, reason in (
        (" ".join(["sin"] * 100_000 + ["x"]), "too_deep"),
        ("-" * 900 + "x", "too_deep"),
        ("sin(" * 5000 + "x" + ")" * 5000, "too_long"),
    ):
        outcome = load().read_problem(text)
        assert isinstance(outcome, Rejection)
        assert outcome.reason == reason


@pytest.mark.slow
def test_the_reference_engine_labels_alike_and_is_judged_by_the_certified_one() -> None:
    task = load(engine="sympy", engine_seconds=60.0)
    for text in ("exp sin x", "div sin x x", "cos exp x"):
        assert example(text, task) == example(text)
    one_sided = example("sqrt sq x", task)  # its limits look at x > 0 only
    assert one_sided.answer == written(X)
    assert task.verify(one_sided.problem, one_sided.answer).evidence["reason"] == "problem: one_sided"


def test_slices_of_the_report() -> None:
    slices = load().slices(example("cosh exp x"))
    assert slices == {
        "depth": "2",
        "size": "01-04",
        "series": "irrational",
        "expansion": "regular",
        "largest coefficient": "below 10",
    }
    assert load().slices(example("sq sqrt x"))["expansion"] == "two-sided"
    assert load().slices(example("mul INT+ 1 0 0 0 x"))["largest coefficient"] == "from 1000"
    assert load().operators(example("add sin x sin mul x x")) == ("add", "sin", "mul")


def test_polynomials_as_mathml() -> None:
    assert polynomial_mathml((Decimal(0),) * 5) == "<math><mrow><mn>0</mn></mrow></math>"
    shown = polynomial_mathml((Decimal("-1.5000"), Decimal(-1), Decimal("1E+2"), Decimal(0), Decimal("1E-5")))
    assert shown == (
        "<math><mrow><mo>&#x2212;</mo><mn>1.5</mn><mo>&#x2212;</mo><mi>x</mi>"
        "<mo>+</mo><mn>100</mn><msup><mi>x</mi><mn>2</mn></msup><mo>+</mo><mn>0.00001</mn><msup><mi>x</mi><mn>4</mn></msup></mrow></math>"
    )
    assert plain(Decimal("1.0000E+5")) == "100000"


def test_the_module_needs_neither_jax_nor_sympy(tmp_path) -> None:
    import subprocess

    program = "import symjax.tasks.taylor, sys; print({'jax', 'sympy', 'flax', 'grain'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sin sec x", "token 1: unknown token 'sec'"),
        ("sub Y' x", 'token 1: unknown token "Y\'"'),
        ("add x word", "token 2: unknown token 'word'"),
        ("mul pi x", "token 1: unknown token 'pi'"),
        ("h x x x", "token 0: unknown token 'h'"),
        ("x*sec(x)", "character 2: unknown name 'sec'"),
        ("x + Y'", 'character 4: unknown name "Y\'"'),
        ("a0", "character 0: unknown name 'a0'"),
        ("Abs(x)", "character 0: unknown name 'Abs'"),
    ],
)
def test_words_of_other_tasks_are_refused_by_name_and_place(text: str, named: str) -> None:
    outcome = load().read_problem(text)
    assert isinstance(outcome, Rejection)
    assert outcome.reason == "malformed"
    assert outcome.detail.startswith(named)
    assert not {"sec", "pi", "Y"} & set(load().problem_vocabulary.tokens)
