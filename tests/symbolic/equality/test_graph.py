"""The graph says what the expression as written says, and its derivatives are those of the values."""

import random

import numpy as np
import pytest
from flint import acb, arb, ctx, fmpq

from symjax.symbolic import balls
from symjax.symbolic.equality.evaluation import Values, is_candidate
from symjax.symbolic.equality.graph import Graph, UndefinedError
from symjax.symbolic.equality.points import Point, complex_point, real_point
from symjax.symbolic.equality.search import FUNCTIONS, promising
from symjax.symbolic.equality.slopes import Slopes
from symjax.symbolic.equality.translation import UnsupportedError, translate
from symjax.symbolic.equality.work import GaveUpError, Work
from symjax.symbolic.expression import X, raw
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.reader import read_infix
from symjax.symbolic.tree_sampling import PRESETS, TreeSampler

UNARY = [row.name for row in OPERATORS.values() if row.arity == 1 and row.name != "f"]
BITS = 256


def value(expr, point, *, kind="complex"):
    graph = Graph(Work(10**7))
    node = translate(graph, expr, {})
    known = Values(graph, Work(10**7), node).at(point, BITS, kind=kind)
    return None if known is None else known[node]


def at(x):
    return Point({"x": fmpq(*x)}, {})


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", [(3, 7), (-3, 7), (17, 5), (-17, 5)])
def test_every_function_has_the_value_of_the_expression_as_written(name, x):
    expr = raw(name, X)
    found, written = value(expr, at(x)), balls.evaluate(expr, x, precision=BITS)
    assert found is not None
    assert found.overlaps(written)
    assert abs(found - written) < arb(10) ** -60


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", [(3, 7), (-3, 7), (17, 5), (-17, 5)])
def test_derivatives_are_differences_of_values_on_cuts_too(name, x):
    graph = Graph(Work(10**7))
    node = translate(graph, raw(name, X), {})
    slope = Slopes(graph, "x").of(node)
    known = Values(graph, Work(10**7), slope).at(at(x), BITS, kind="complex")
    step = fmpq(1, 10**25)
    values = Values(graph, Work(10**7), node)
    ends = [values.at(Point({"x": fmpq(*x) + shift}, {}), BITS, kind="complex") for shift in (step, -step)]
    if known is None:
        assert name in ("abs", "sign")
        return
    ctx.prec = BITS
    try:
        difference = (ends[0][node] - ends[1][node]) / (2 * acb(step))
        assert abs(difference - known[slope]) < arb(10) ** -30
    finally:
        ctx.prec = 53


def test_random_expressions_have_the_values_that_they_have_as_written():
    sampler, compared = TreeSampler(**PRESETS["readme"]), 0
    for index in range(300):
        expr = sampler(random.Random(index), 1 + index % 9)
        point = real_point(index % 7)
        try:
            found = value(expr, point)
        except (UndefinedError, GaveUpError):
            continue
        written = balls.evaluate(expr, (int(point.real["x"].p), int(point.real["x"].q)), precision=BITS)
        if found is not None and written.is_finite():
            assert found.overlaps(written)
            compared += 1
    assert compared > 150


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x + x + x", "3*x"),
        ("x*x/x**3", "x**(-1)"),
        ("(2*x + 2)*(x + 1)", "2*(x + 1)**2"),
        ("sqrt(x)*sqrt(x)*x", "x**2"),
        ("(x - x)*sin(x)", "0"),
        ("exp(ln(x)/2)", "sqrt(x)"),
        ("E**x", "exp(x)"),
        ("1/(1/(1/x))", "1/x"),
        ("acsc(x)", "asin(1/x)"),
        ("sin(pi) + cos(3*pi) + sin(-5*pi/2) + sec(4*pi)", "-1"),
        ("x*tan(-2*pi) + csc(pi/2)", "1"),
    ],
)
def test_what_folds_is_one_node(text, same):
    graph = Graph(Work(10**6))
    assert translate(graph, read_infix(text), {}) == translate(graph, read_infix(same), {})


@pytest.mark.parametrize(
    ("text", "other"),
    [("sqrt(x**2)", "x"), ("ln(exp(x))", "x"), ("(x**2)**(1/3)", "x**(2/3)"), ("exp(2*ln(x))*0 + x", "x + 1")],
)
def test_what_holds_on_some_branches_only_does_not_fold(text, other):
    graph = Graph(Work(10**6))
    assert translate(graph, read_infix(text), {}) != translate(graph, read_infix(other), {})


@pytest.mark.parametrize(
    "text", ["1/(x - x)", "ln(x - x)", "(x - x)**(-1/2)", "atanh(1)", "0**(-3)", "tan(0)**(-1)", "cot(pi)", "tan(pi/2)"]
)
def test_what_has_no_value_anywhere_is_named(text):
    with pytest.raises(UndefinedError):
        translate(Graph(Work(10**6)), read_infix(text), {})


@pytest.mark.parametrize("text", ["Y", "Y'", "derivative(x, x)"])
def test_what_cannot_be_judged_is_named(text):
    with pytest.raises(UnsupportedError):
        translate(Graph(Work(10**6)), read_infix(text), {})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("z", [2, -2, 0.5, -0.5, 2j, -2j, 0.3 + 0.4j, -3 + 0.2j, -3 - 0.2j])
def test_double_precision_is_on_the_branches_of_the_balls(name, z):
    if name in ("abs", "sign") and z.imag:
        return
    row = {"abs": lambda u: acb(abs(u)), "sign": lambda u: u / acb(abs(u)), "ln": acb.log}
    ball = complex(row.get(name, getattr(acb, name, None))(acb(z)))
    assert complex(FUNCTIONS[name](np.complex128(z) + 0.0)) == pytest.approx(ball, abs=1e-9)


def test_the_search_finds_the_branch_on_which_an_equation_holds():
    graph = Graph(Work(10**6))
    node = translate(graph, read_infix("asin(sin(3*x)) - pi + 3*x"), {})
    points = promising(Values(graph, Work(10**6), node), real_point, Work(10**6), at_most=4)
    assert len(points) == 4
    for point in points:
        assert Values(graph, Work(10**6), node).at(point, 64, kind="real")[node].contains(0)


def test_the_search_takes_roots_on_the_principal_branch():
    graph = Graph(Work(10**6))
    node = translate(graph, read_infix("sqrt(x) - I*sqrt(-x)"), {})
    points = promising(Values(graph, Work(10**6), node), real_point, Work(10**6), at_most=9)
    assert len(points) == 9
    assert all(point.real["x"] < 0 for point in points)


@pytest.mark.parametrize(("text", "expected"), [("sin(x)**2 + cos(x)**2 - 1", True), ("sin(10**60*exp(x))", False)])
def test_only_what_cancels_is_a_candidate_for_zero(text, expected):
    graph = Graph(Work(10**6))
    node = translate(graph, read_infix(f"3*({text})*x"), {})
    known = Values(graph, Work(10**6), node).at(real_point(1), 64, kind="real")
    assert known[node].contains(0)
    known = Values(graph, Work(10**6), node).at(real_point(1), BITS if expected else 64, kind="real")
    assert is_candidate(graph, known, node) is expected


@pytest.mark.parametrize("exponent", [2, 3])
def test_a_power_of_what_cancels_to_a_ball_around_zero_has_a_value(exponent):
    graph = Graph(Work(10**6))
    node = translate(graph, read_infix(f"(sin(x)**2 + cos(x)**2 - 1)**{exponent}"), {})
    for place in range(12):
        known = Values(graph, Work(10**6), node).at(real_point(place), 64, kind="real")
        assert known is not None
        assert known[node].contains(0)


def test_points_are_the_same_every_time_and_not_special():
    assert str(real_point(0).real["x"]) == "-10/67"
    for place in range(200):
        assert all(number.q > 50 for number in real_point(place).real.values())
        assert complex_point(place).imaginary["x"] != 0
