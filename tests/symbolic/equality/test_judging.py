"""Verdicts on answers in odd forms, on near misses, and on what is no answer at all."""

import json

import pytest

from symjax.symbolic.equality import judge
from symjax.symbolic.equality.evaluation import Values, is_candidate
from symjax.symbolic.equality.graph import Graph
from symjax.symbolic.equality.points import real_point
from symjax.symbolic.equality.work import Work
from symjax.symbolic.reader import read_infix
from symjax.tokenization import prefix

# (problem, answer): right, in forms that no reference would have.
RIGHT = {
    "integral": [
        ("Y' - 1/x", "ln(x)"),
        ("Y' - 1/x", "ln(abs(x)) + a8"),
        ("Y' - cos(x)*sin(x)", "-cos(2*x)/4"),
        ("Y' - 1/(1 + x**2)", "-acot(x)"),
        ("Y' - 1/sqrt(1 + x**2)", "ln(x + sqrt(1 + x**2)) + pi"),
        ("Y' - 1/cos(x)", "ln(tan(x/2 + pi/4))"),
        ("Y' - x*abs(x)", "x**2*abs(x)/3"),
        ("Y' - 1/(x**2 - 1)", "-acoth(x)"),
        ("Y' - sqrt(1 - cos(x))", "-2*sqrt(1 + cos(x))*sign(sin(x))"),
        ("Y' - asin(x)", "x*(pi/2 - acos(x)) + cos(asin(x))"),
    ],
    "ode1": [
        ("Y' - Y", "exp(x + a8)"),
        ("x*Y' - Y", "(a8 + 3)*x"),
        ("Y'**2 + Y**2 - 1", "sin(x + a8)"),
        ("Y' - 1 - Y**2", "(sin(x + a8))/cos(x + a8)"),
        ("Y*Y' + x", "sqrt(a8 - x**2)"),
        ("sqrt(1 - Y**2) - Y'", "sin(x + a8)"),
        ("x*Y'*ln(x) - Y*ln(Y)", "x**a8"),
    ],
    "ode2": [
        ("Y'' + Y", "a8*sin(x + a9)"),
        ("Y'' - Y", "a8*sinh(x) + a9*cosh(x)"),
        ("Y'' - Y", "(a8 + a9*exp(2*x))/exp(x)"),
        ("x*Y'' + Y'", "a8 + a9*ln(3*x)"),
        ("Y*Y'' - Y'**2", "exp(a8*x + a9)"),
        ("Y'' - 2*Y*Y'", "a8*tan(a8*x + a9)"),
    ],
}
# (problem, answer): wrong, by as little as a sign, a factor, or a power of ten.
NEAR_MISSES = {
    "integral": [
        ("Y' - 1/x", "ln(x) + x/10**30"),
        ("Y' - cos(x)*sin(x)", "-cos(2*x)/2"),
        ("Y' - 1/sqrt(1 + x**2)", "ln(x - sqrt(1 + x**2))"),
        ("Y' - x*abs(x)", "x**3/3 + x"),
        ("Y' - tanh(x)", "ln(cosh(x)) + exp(-exp(6))*x**2"),
        ("Y' - asin(x)", "x*asin(x) - cos(asin(x))"),
    ],
    "ode1": [
        ("Y' - Y", "exp(x) + a8"),
        ("x*Y' - Y", "a8*x + 1/10**20"),
        ("Y'**2 + Y**2 - 1", "sinh(x + a8)"),
        ("Y' - 1 - Y**2", "tan(x) + a8"),
        ("Y*Y' + x", "sqrt(a8 + x**2)"),
    ],
    "ode2": [
        ("Y'' + Y", "a8*sin(x) + a9*cos(2*x)"),
        ("Y'' - Y", "a8*sinh(x) + a9*sin(x)"),
        ("x*Y'' + Y'", "a8*x + a9*ln(x)"),
        ("Y*Y'' - Y'**2", "a8*x + a9"),
        ("Y'' - 2*Y*Y'", "a8*tan(a9*x)"),
    ],
}


def verdict(problem, answer, **options):
    judgement = judge(read_infix(problem), read_infix(answer), **options)
    json.dumps(judgement.evidence, allow_nan=False)
    return judgement


@pytest.mark.parametrize(("problem", "answer"), [pair for pairs in RIGHT.values() for pair in pairs])
def test_right_answers_in_odd_forms_are_proved(problem, answer):
    judgement = verdict(problem, answer)
    assert judgement.kind == "proved", judgement
    assert judgement.evidence["point"]["x"]


@pytest.mark.parametrize(("problem", "answer"), [pair for pairs in NEAR_MISSES.values() for pair in pairs])
def test_near_misses_are_refuted(problem, answer):
    judgement = verdict(problem, answer)
    assert judgement.kind == "refuted", judgement
    assert judgement.evidence["points"] >= 6 or judgement.evidence["holds"] == "nowhere"


@pytest.mark.parametrize("problem", [problem for problem, _ in RIGHT["ode2"]])
def test_solutions_with_two_constants_are_general(problem):
    answer = dict(RIGHT["ode2"])[problem]
    assert verdict(problem, answer).evidence["solution"] == "general"


@pytest.mark.parametrize(
    ("problem", "answer", "solution"),
    [
        ("Y'' + Y", "sin(x)", "particular"),
        ("Y'' + Y", "a8*sin(x)", "particular"),
        ("Y'' + Y", "(a8 + a9)*sin(x)", "particular"),
        ("Y'' - Y", "a8*exp(x) + a9*(sinh(x) + cosh(x))", "particular"),
        ("Y' - Y", "0", "particular"),
        ("Y' - Y", "(a8 - a8)*exp(x)", "particular"),
        ("Y' - Y", "exp(x)*(sin(a8)**2 + cos(a8)**2)", "particular"),
        ("Y' - Y", "a7*exp(x)", "general"),
        ("Y' - a8", "a8*x + a9", "general"),
        ("Y' - a8", "a8*x", "particular"),
        ("Y' - tanh(1000 + a7*x)", "ln(cosh(1000 + a7*x))/a7 + a8", "general"),
    ],
)
def test_particular_solutions_are_told_from_general_ones(problem, answer, solution):
    judgement = verdict(f"{problem} + 0*Y", answer)
    assert judgement.kind == "proved"
    assert judgement.evidence["solution"] == solution


def test_what_holds_on_one_branch_only_is_proved_with_its_failures():
    judgement = verdict("sqrt(Y**2) - x + Y' - 1", "x")
    assert judgement.kind == "proved"
    assert judgement.evidence["fails_at"] > 0
    assert judgement.evidence["failing_points"]


def test_a_zero_at_one_point_only_is_no_agreement():
    judgement = verdict("Y' - 1 - (x + 10/67)*sqrt(x**2 + 1)", "x")
    assert judgement.kind == "refuted"
    assert judgement.evidence["points"] >= 6


def test_one_failure_without_branches_refutes_what_saturates_elsewhere():
    judgement = verdict("Y' - 1 - x*(tanh(sqrt(2)*exp(exp(x)))**2 - 1)", "x")
    assert judgement.kind == "refuted"
    assert judgement.evidence["holds"] == "nowhere"


@pytest.mark.parametrize("integrand", ["abs(x)", "sqrt(x**2)", "x*sign(x)", "x*sqrt(2)*sqrt(1/x**2)*x/sqrt(2)"])
def test_one_failure_with_branches_refutes_nothing(integrand):
    judgement = verdict(f"Y' - {integrand}", "x**2/2")
    assert judgement.kind == "proved"
    assert judgement.evidence["fails_at"] > 0


def test_a_solution_on_one_branch_is_proved_away_from_its_branch_points():
    problem = "5*Y'**2*acos(Y**2) - 5*Y**5*Y''*acos(Y**2) + 5*Y'**2*Y**4*acos(Y**2) + 5*Y''*acos(Y**2)*Y"
    problem += " + 8*sqrt(1 - Y**4)*Y'**2*Y**2"
    assert verdict(problem, "sqrt(cos((4 + a9*(a8 + x))**5))").evidence["solution"] == "general"


def test_a_sum_of_thousands_of_terms_is_reduced_in_one_step():
    root = "sqrt(Y'**2 - 4*Y*(Y**2 - Y + Y**2*cos(x)*cos(sin(x))))"
    problem = f"2*Y'**3 - 2*{root}*Y'**2 - 2*Y**3*Y' + 2*{root}*Y**3 + 4*Y**2*Y' + {root}*Y''*Y - Y'*Y''*Y"
    problem += " - 2*cos(x)**2*Y**4*sin(sin(x)) - 2*Y**4*cos(sin(x))*sin(x) - 2*Y**3*Y'*cos(x)*cos(sin(x))"
    problem += f" + 2*{root}*Y**3*cos(x)*cos(sin(x))"
    assert verdict(problem, "-tanh(a9 - x)/(a8 + x + sin(sin(x)))").kind == "proved"


def test_strict_refutes_an_integral_that_fails_somewhere():
    problem, answer = "Y' - sqrt(x**2)", "x**2/2"
    assert verdict(problem, answer).kind == "proved"
    assert verdict(problem, answer, strict=True).kind == "refuted"
    assert verdict("Y' - x", "x**2/2", strict=True).kind == "proved"


@pytest.mark.parametrize(
    ("problem", "answer", "reason"),
    [
        ("Y' - x", "Y", "holds Y"),
        ("x", "x", "no unknown"),
        ("Y' - x", "1/0", "answer is undefined: it divides by zero"),
        ("Y' - x", "ln(x - x)", "answer is undefined"),
        ("Y' - 1/(x - x)", "x", "problem is undefined"),
        ("1/Y' - 1", "3", "undefined for this answer"),
        ("Y' - derivative(x, x)", "x", "derivative"),
    ],
)
def test_what_is_no_problem_or_no_answer_is_unparsable(problem, answer, reason):
    judgement = verdict(problem, answer)
    assert judgement.kind == "unparsable"
    assert reason in judgement.evidence["reason"]


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        ("Y' - sqrt(-1 - x**4*0) + sqrt(-1)", "1/(sin(x)**2 + cos(x)**2 - 1)"),
        ("Y' - 1 + (sin(x)**2 + cos(x)**2 - 1)**(-1) - (sin(x)**2 + cos(x)**2 - 1)**(-1)", "x"),
        ("Y' - 1", "x + 0*ln(sin(x)**2 + cos(x)**2 - 1)"),
    ],
)
def test_what_is_undefined_everywhere_is_not_proved(problem, answer):
    assert verdict(problem, answer).kind == "undetermined"


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        ("Y' - 1", "x + sign(ln(-1 - x**2))"),
        ("Y' - 1", "x + sign(exp(I*x))"),
        ("Y' - 1", "x + abs(ln(-1 - x**2)) - sign(ln(-1 - x**2))*ln(-1 - x**2)"),
        ("Y'' - 2*x*Y'*0", "a8*x + a9*sign(x + I)"),
    ],
)
def test_the_sign_of_a_complex_function_is_no_constant(problem, answer):
    assert verdict(problem, answer).kind == "undetermined"


def test_a_derivative_of_a_complex_sign_is_not_refuted():
    problem = "Y' - I*exp(I*x)"
    assert verdict(problem, "sign(exp(I*x))").kind == "undetermined"


def test_agreement_without_a_proof_is_undetermined():
    judgement = verdict("Y' - x", "x**2/2 + asin(sin(exp(-exp(9))*x**2))*tanh(exp(9))")
    assert judgement.kind in ("refuted", "undetermined")
    judgement = verdict("Y' - tanh(exp(12)*(x**2 + 1))", "x")
    assert judgement.kind == "undetermined"
    assert judgement.evidence["digits"] > 300


NASTY = {
    "high power": "(x + 1)**9999",
    "monomial": "x**1000000000",
    "power of a sum": "(x + 1)**1000000000000",
    "tower": "2**(10**30)",
    "power tower": "x**x**x**x**x**x",
    "powers": "((((x + 2)**99)**99)**99)**99",
    "pole": "1/sin(0*x)",
    "factorial-like": "*".join(f"(x + {n})" for n in range(1, 60)),
    "sums that cancel": " - ".join(["*".join(f"(x + {n} + sin(x))" for n in range(1, 13))] * 2),
    "large": "sin(10**200*x)",
}


@pytest.mark.parametrize("name", NASTY)
def test_hand_made_nasties_end_within_their_work(name):
    for problem in ("Y' - x", "Y'' + Y*Y' - x"):
        assert verdict(problem, NASTY[name]).kind in ("refuted", "undetermined", "unparsable")


@pytest.mark.parametrize("word", ["sin", "exp", "ln", "sqrt", "tan", "asin", "inv"])
@pytest.mark.parametrize("depth", [60, 2000])
def test_deep_nests_end_within_their_work(word, depth):
    answer = prefix.parse([word] * depth + ["x"])
    for problem in ("Y' - x", "Y'' - Y*Y'"):
        assert judge(read_infix(problem), answer).kind in ("refuted", "undetermined", "unparsable")


def test_equal_factors_are_one_power():
    answer = prefix.parse(["mul", "sin", "x"] * 199 + ["sin", "x"])
    assert judge(read_infix("Y''*sin(x)**2 - 200*Y*(199*cos(x)**2 - sin(x)**2)"), answer).kind == "proved"


def test_a_smaller_budget_leaves_the_question_open_and_a_verdict_does_not_depend_on_the_ones_before():
    problem, answer = RIGHT["ode2"][5]
    first = verdict(problem, answer)
    assert verdict(problem, answer, budget=200).kind == "undetermined"
    assert verdict(problem, answer) == first


def test_a_proof_stands_where_the_budget_ends_behind_it():
    problem, answer = RIGHT["ode2"][0]
    budgets = (budget for budget in range(300, 5_000, 4) if verdict(problem, answer, budget=budget).kind == "proved")
    evidence = verdict(problem, answer, budget=next(budgets)).evidence
    assert evidence["solution"] == "undecided"
    assert evidence["warning"] == "the budget ended before other points were tried"


def test_sums_of_sums_that_hold_zero_are_looked_through_once():
    graph = Graph(Work(10**7))
    wild = [graph.function("sin", graph.scale(10**200 + place, graph.symbol("x"))) for place in range(30)]
    node = wild[0]
    for _ in range(4):
        node = graph.add(*(graph.multiply(factor, node) for factor in wild))
    known = Values(graph, Work(10**7), node).at(real_point(0), 64, kind="real")
    assert known is not None
    assert not is_candidate(graph, known, node)
