"""Answers to one problem share work, and nothing else."""

import pytest

from symjax.symbolic.equality import Problem, judge, sharing
from symjax.symbolic.equality.graph import Graph
from symjax.symbolic.equality.translation import translate
from symjax.symbolic.equality.work import Work
from symjax.symbolic.expression import X, integer, raw
from symjax.symbolic.reader import read_infix

BEAM = [
    "a8*exp(x)", "a8*exp(x) + 1", "a8*exp(2*x)", "exp(x)", "ln(x)", "x**2*sqrt(a8)", "asin(sin(x))", "1/(x - x)", "Y",
    "a8*exp(x) + sin(x)**2 + cos(x)**2 - 1", "abs(x)", "tan(x)", "a8*exp(x)*abs(x)/x", "0",
]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["Y' - Y", "Y' - sqrt(Y**2)", "Y'*Y/ln(Y)*asin(x) - Y*sqrt(x**2)", "Y'' - Y' + tan(x - x)"]
)
def test_verdicts_do_not_depend_on_the_answers_before(text, monkeypatch):
    expr, answers = read_infix(text), [read_infix(answer) for answer in BEAM]
    alone = [judge(expr, answer) for answer in answers]
    problem = Problem(expr)
    assert [judge(problem, answer) for answer in answers] == alone
    assert [judge(problem, answer) for answer in reversed(answers)] == alone[::-1]
    assert [judge(problem, answer, strict=True) for answer in answers] == [
        judge(expr, answer, strict=True) for answer in answers
    ]
    monkeypatch.setattr(sharing, "MAX_STRUCTURES", 20)
    assert [judge(problem, answer) for answer in answers] == alone


@pytest.mark.parametrize("budget", [100, 1_000, 3_000, 10_000])
def test_work_is_counted_as_if_nothing_were_shared(budget):
    expr, answers = read_infix("Y' - sqrt(Y**2)*asin(sin(1))"), [read_infix(answer) for answer in BEAM]
    problem = Problem(expr)
    for _ in range(2):
        assert [judge(problem, answer, budget=budget) for answer in answers] == [
            judge(expr, answer, budget=budget) for answer in answers
        ]


def test_exponents_beyond_double_precision_are_no_crash():
    problem = read_infix("Y' - sqrt(Y)*sqrt(x) + ln(x)")
    assert judge(problem, raw("pow", X, integer(10**400))).kind in ("refuted", "undetermined")


def test_structures_have_numbers_of_their_own_for_ever():
    graph = Graph(Work(10**6))
    nodes = [translate(graph, read_infix(text), {}) for text in ("x", "a8", "sin(x)", "sqrt(x) + 2*a8")]
    shared = sharing.Shared()
    first = shared.structures(graph, graph.below(*nodes))
    assert len(set(first.values())) == len(first)
    assert shared.structures(graph, graph.below(*nodes)) == first
    for place in range(sharing.MAX_STRUCTURES):
        shared.structures(graph, graph.below(graph.number(place + 7)))
    shared.trim()
    assert set(shared.structures(graph, graph.below(*nodes)).values()).isdisjoint(first.values())
