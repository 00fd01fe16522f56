"""A proof must be a proof: whatever is proved to vanish near a point does so there, to thousands of bits."""

import random

import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from symjax.symbolic.equality.evaluation import Values
from symjax.symbolic.equality.graph import Graph
from symjax.symbolic.equality.points import Point, complex_point, real_point
from symjax.symbolic.equality.prover import vanishes
from symjax.symbolic.equality.translation import translate
from symjax.symbolic.equality.work import OutOfWorkError, Work
from symjax.symbolic.expression import X, integer, raw
from symjax.symbolic.reader import read_infix

BUDGET = 300_000

# Identities that hold at every point tried.
IDENTITIES = [
    "sin(x)**2 + cos(x)**2 - 1",
    "sin(x) - 2*sin(x/2)*cos(x/2)",
    "sin(7*x) - (7*sin(x) - 56*sin(x)**3 + 112*sin(x)**5 - 64*sin(x)**7)",
    "tan(x/2) - sin(x)/(1 + cos(x))",
    "cosh(2*x) - 2*sinh(x)**2 - 1",
    "exp(x + a8*x**2) - exp(x)*exp(a8*x**2)",
    "exp(I*x) - cos(x) - I*sin(x)",
    "cos(I*x) - cosh(x)",
    "sin(x + I*a8) - sin(x)*cosh(a8) - I*cos(x)*sinh(a8)",
    "cos(asin(x)) - sqrt(1 - x**2)",
    "cos(asin(x)/2)**2 - (1 + sqrt(1 - x**2))/2",
    "sin(2*atan(x)) - 2*x/(1 + x**2)",
    "exp(3*asinh(x)/2) - (x + sqrt(1 + x**2))**(3/2)",
    "exp(2*atanh(x)) - (1 + x)/(1 - x)",
    "cosh(acosh(x)) - x",
    "sinh(-asinh(a8*x)) + a8*x",
    "cosh(asinh(x)) - sqrt(1 + x**2)",
    "sinh(-acosh(x)) + sqrt(x - 1)*sqrt(x + 1)",
    "tanh(asinh(x)) - x/sqrt(1 + x**2)",
    "acosh(x) - ln(x + sqrt(x - 1)*sqrt(x + 1))",
    "asinh(x) - ln(x + sqrt(x**2 + 1))",
    "acos(x) + asin(x) - pi/2",
    "acosh(x)**4 - acos(x)**4",
    "asin(x) - atan(x/sqrt(1 - x**2))",
    "asinh(x) - atanh(x/sqrt(1 + x**2))",
    "x**sqrt(2)*x**(1 - sqrt(2)) - x",
    "exp(x*ln(2)) - 2**x",
    "sqrt(8) - 2*sqrt(2)",
    "(x**2 + 2*x + 1)**(1/3)*(x**2 + 2*x + 1)**(2/3) - (x + 1)**2",
    "cos(pi/12) - sqrt(2)*(sqrt(3) + 1)/4",
    "sqrt(sqrt(x) - 1)*sqrt(sqrt(x) + 1) - sqrt(x - 1)",
    "sqrt(1 - cos(x))*sqrt(1 + cos(x)) - abs(sin(x))",
    "sqrt(x**2) - abs(x)",
    "ln(x**2) - 2*ln(abs(x))",
    "(ln(exp(4 + (a8 + sqrt(5)*x)**4)) - 4)**(3/4) - ((a8 + sqrt(5)*x)**4)**(3/4)",
    "asin(1/2) - pi/6",
    "(-8)**(1/3) - 1 - I*sqrt(3)",
]

# Near identities that hold on some branches only: proved exactly where they are true.
TRAPS = [
    "sqrt(x**2) - x",
    "sqrt(x**2) + x",
    "ln(x**2) - 2*ln(x)",
    "ln(-x) - ln(x) - I*pi",
    "ln(x*a8) - ln(x) - ln(a8)",
    "ln(exp(I*x*5)) - 5*I*x",
    "asin(sin(x)) - x",
    "asin(sin(x)) - pi + x",
    "acos(cos(x)) - x",
    "acos(cos(2*x)) + 2*x",
    "atan(tan(x)) - x",
    "atan(tan(x)) - x + pi",
    "atan(x) + atan(1/x) - pi/2",
    "atan(x) + atan(a8) - atan((x + a8)/(1 - a8*x))",
    "acosh(cosh(x)) - x",
    "acosh(cosh(x)) + x",
    "acosh(x) - I*acos(x)",
    "acosh(x) + I*acos(x)",
    "atanh(x) - atanh(1/x) - I*pi/2",
    "atanh(x) - atanh(1/x) + I*pi/2",
    "exp(atanh(x)) - sqrt((1 + x)/(1 - x))",
    "exp(atanh(x)) + sqrt((1 + x)/(1 - x))",
    "exp(3*atanh(x)) - sqrt((1 + x)/(1 - x))**3",
    "sqrt(1 - x**2) - sqrt(1 - x)*sqrt(1 + x)",
    "sqrt(x**2 - 1) - sqrt(x - 1)*sqrt(x + 1)",
    "sqrt(x**2 - 1) + sqrt(x - 1)*sqrt(x + 1)",
    "(-x)**(1/3) - x**(1/3)",
    "(-x)**(1/3) + x**(1/3)",
    "(x**3)**(1/3) - x",
    "(x*a8)**(1/2) - x**(1/2)*a8**(1/2)",
    "(x*a8)**(1/2) + x**(1/2)*a8**(1/2)",
    "(x**a8)**2 - (x**2)**a8",
    "abs(x) - x",
    "sign(x) - 1",
    "cos(acosh(x)/2)**2 - (1 + cos(acosh(x)))/2",
    "sqrt((1 + cos(x))/2) - cos(x/2)",
    "sqrt((1 - cos(x))/2) - sin(x/2)",
    "asin(2*x*sqrt(1 - x**2)) - 2*asin(x)",
    "acos(2*x**2 - 1) - 2*acos(x)",
    "acosh(2*x**2 - 1) - 2*acosh(x)",
    "sqrt(1 - cos(x))*sqrt(1 + cos(x))*sin(x + 1/10**70) + sin(x)*sin(x + 1/10**70)"
    " - sqrt(1 - cos(x))*sqrt(1 + cos(x))*sin(x) - sin(x)**2",
    "sqrt(-1 + I*x/10**70) - I*sqrt(1 - I*x/10**70)",
    "sqrt(-1 + I*(sin(x + 1/10**70) - sin(x))) - I*sqrt(1 - I*(sin(x + 1/10**70) - sin(x)))",
    "sqrt(-1 + I*(sin(x + 1/10**70) - sin(x))) + I*sqrt(1 - I*(sin(x + 1/10**70) - sin(x)))",
    "ln(-1 + I*x/10**70) - I*pi - ln(1 - I*x/10**70)",
    "asin(x) - pi/2 - I*acosh(x)",
    "asin(x) - pi/2 + I*acosh(x)",
]

# Not zero, by very little at many points.
NEVER = [
    "exp(-exp(8))*x",
    "tanh(exp(10)) - 1",
    "sin(x)**2 + cos(x)**2 - 1 + x**2/10**300",
    "sqrt(x**2 + 1/10**200) - abs(x)",
    "asin(sin(x + 1/10**100)) - x",
    "ln(1 + exp(-exp(7))) - exp(-exp(7))",
    "exp(pi*sqrt(163)) - 262537412640768744",
    "a8 - a8**2/a8 + a8/10**50",
    "atan(tan(x)) - x - 1/10**80",
    "2**(1/3) + 3**(1/3) - (2 + 3 + 3*6**(1/3)*(2**(1/3) + 3**(1/3)) + 1/10**40)**(1/3)",
]


def build(text):
    graph = Graph(Work(BUDGET))
    return graph, translate(graph, read_infix(text) if isinstance(text, str) else text, {})


def proved(graph, node, point):
    try:
        return not vanishes(graph, node, point, Work(BUDGET))
    except OutOfWorkError:
        return False


def near(graph, node, point):
    """Values at 1024 bits at the point and at two beside it; None where there is none."""
    values = Values(graph, Work(10**9), node)
    for shift in (0, 1, -1):
        moved = Point({name: value + shift * value / 2**85 for name, value in point.real.items()}, point.imaginary)
        known = values.at(moved, 1024, kind="complex")
        yield None if known is None else known[node]


def is_zero_near(graph, node, point):
    """Whether the value is zero, to 700 bits of the numbers in it."""
    return all(
        ball is not None and ball.contains(0) and abs(ball).abs_upper() < arb(2) ** -700
        for ball in near(graph, node, point)
    )


def is_certainly_not_zero(graph, node, point):
    """Whether a ball excludes zero; one that meets a branch cut is too wide to."""
    return any(ball is not None and ball.is_finite() and not ball.contains(0) for ball in near(graph, node, point))


def points():
    return [real_point(place) for place in range(12)] + [complex_point(place) for place in range(4)]


@pytest.mark.parametrize("text", IDENTITIES)
def test_identities_are_proved_wherever_they_are_defined(text):
    graph, node = build(text)
    found = [proved(graph, node, point) for point in points() if is_zero_near(graph, node, point)]
    assert len(found) >= 6
    assert sum(found) >= len(found) - ("abs" in text) * 4 - ("(1 + x)" in text) * 2, found


@pytest.mark.parametrize("text", TRAPS)
def test_branches_are_proved_exactly_where_they_hold(text):
    graph, node = build(text)
    for point in points():
        if proved(graph, node, point):
            assert is_zero_near(graph, node, point), point


@pytest.mark.parametrize("text", NEVER)
def test_what_is_tiny_is_not_proved_to_be_zero(text):
    graph, node = build(text)
    assert not any(proved(graph, node, point) for point in points())


UNARY = ("exp", "ln", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
UNARY += ("abs", "sqrt", "pow2", "cbrt", "sec", "acot", "acsc")
UNDOING = [("exp", "ln"), ("ln", "exp"), ("asin", "sin"), ("acos", "cos"), ("atan", "tan"), ("acosh", "cosh")]
UNDOING += [("asinh", "sinh"), ("atanh", "tanh"), ("sqrt", "pow2"), ("sin", "acos"), ("cos", "asin"), ("tan", "acos")]
UNDOING += [("sinh", "acosh"), ("exp", "asinh"), ("exp", "atanh"), ("cos", "acosh"), ("asin", "cos"), ("acos", "sin")]
UNDOING += [("acsc", "sin"), ("acot", "tan"), ("ln", "cbrt"), ("cbrt", "pow3"), ("atan", "cot"), ("asec", "cos")]


@st.composite
def branchy(draw, depth):
    """Random expressions full of functions of their inverses."""
    kind = draw(st.integers(0, 6)) if depth else 6
    if kind <= 2:
        outer, inner = draw(st.sampled_from(UNDOING))
        return raw(outer, raw(inner, draw(branchy(depth - 1))))
    if kind == 3:
        return raw(draw(st.sampled_from(UNARY)), draw(branchy(depth - 1)))
    if kind <= 5:
        name = draw(st.sampled_from(("add", "sub", "mul", "div")))
        return raw(name, draw(branchy(depth - 1)), draw(branchy(depth - 1)))
    return draw(st.sampled_from((X, X, raw("mul", integer(3), X), raw("add", X, integer(2)), integer(-2), integer(3))))


@settings(max_examples=100, deadline=None)
@given(left=branchy(2), right=branchy(2), sign=st.sampled_from(("add", "sub")), place=st.integers(0, 11))
def test_nothing_is_proved_of_random_branches_that_is_not_so(left, right, sign, place):
    for pair in ((left, right), (left, X), (raw("pow2", left), raw("pow2", right)), (raw("sqrt", left), right)):
        try:
            graph, node = build(raw(sign, *pair))
        except ValueError:
            continue
        point = real_point(place)
        if Values(graph, Work(10**9), node).at(point, 256, kind="complex") is not None and proved(graph, node, point):
            assert not is_certainly_not_zero(graph, node, point)


@pytest.mark.parametrize("name", ["sqrt", "ln", "asin", "acosh", "atanh"])
def test_a_value_too_near_to_a_cut_is_named(name):
    graph, node = build(f"{name}(-3 + I*(sin(x + 1/10**70) - sin(x)))")
    assert "branch cut" in vanishes(graph, node, real_point(0), Work(BUDGET))


def test_the_order_of_questions_does_not_matter():
    texts = [*IDENTITIES[:8], *TRAPS[:8]]
    asked = {text: proved(*build(text), real_point(1)) for text in texts}
    random.Random(1).shuffle(texts)
    assert all(proved(*build(text), real_point(1)) == asked[text] for text in texts)
