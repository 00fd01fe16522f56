import random

import pytest

from symjax.symbolic.balls import evaluate
from symjax.symbolic.canonical import TooLarge, Undefined, canonicalise
from symjax.symbolic.conventions import token_length
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import ONE, X
from symjax.symbolic.factored import GaveUp
from symjax.symbolic.forms import forms
from symjax.symbolic.kernels import Kernels
from symjax.symbolic.reader import read_infix
from symjax.symbolic.tree_sampling import TreeSampler


def canonical(text):
    return canonicalise(read_infix(text))


def equal(left, right):
    """Whether the balls of two expressions overlap at points where both are defined."""
    values = [[evaluate(expr, point, precision=128) for expr in (left, right)] for point in ((3, 7), (-9, 8), (22, 9))]
    return all(first.overlaps(second) and first.is_finite() for first, second in values)


NASTY = [
    "sqrt(sin(x)) + sin(x)**2 + cos(x)**3",
    "(sin(x)**2 + cos(x)**2 + sqrt(cos(x)))/cos(x)",
    "(x**3 + 2*x**2 + x + 2)/(x**2 + 1)**(3/2)",
    "cosh(x)**3 - sinh(x)**2*cosh(x)**(1/3)",
    "(1 - tan(x)**2)/(1 + tan(x)**2) + sin(x)/cos(x)**2",
    "exp(x/2)*exp(x/3) + exp(x)/(exp(x/2) + 1)",
    "x + x*0**(x + 3*cos(x/4))",
    "sqrt(2 + x)*sqrt(2)*(x + sqrt(2))/(x**2 - 2)",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("tangents", [False, True])
def test_all_forms_of_nasty_expressions_are_equal(text, tangents):
    expr = canonical(text)
    kernels = Kernels(expr, tangents=tangents)
    found = [build() for _, build in forms(kernels, kernels.quotient(expr))]
    assert found
    assert all(equal(form, expr) for form in found)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x + x**2 + 1/x", 1),
        ("sqrt(x) + x**(1/3) + x", 1),  # all powers of x**(1/6)
        ("exp(x) + exp(2*x) + exp(x/3)", 1),
        ("exp(x + sin(x)) + exp(x)", 2),  # exp(x), exp(sin(x))
        ("2**x + 2**(3*x) + 2", 1),
        ("x**x + x", 2),
        ("sin(x)*cos(x) + tan(x)", 3),
        ("sqrt(x + 1) + (x + 1)**2 + x", 2),
        ("sqrt(2)*x + sqrt(2)", 2),
    ],
)
def test_kernels_are_found_and_shared(text, count):
    expr = canonical(text)
    kernels = Kernels(expr)
    assert kernels.field.generators == count
    assert equal(kernels.expression(kernels.quotient(expr)), expr)


def test_fractional_powers_share_one_generator():
    kernels = Kernels(canonical("sqrt(x) + x**(1/3) + x"))
    assert (kernels.base(0), kernels.step(0)) == (X, 6)
    assert kernels.power(0, 6) is X
    assert kernels.power(0, 3) is canonical("sqrt(x)")
    assert kernels.power(0, 0) is ONE


def test_only_sines_and_cosines_of_one_argument_are_paired():
    assert len(Kernels(canonical("sin(x) + cos(x)")).pairs) == 1
    assert len(Kernels(canonical("sinh(x) + cosh(x) + sin(x) + cos(2*x)")).pairs) == 1
    assert not Kernels(canonical("exp(sin(x)) + cos(x)")).pairs
    (pair,) = Kernels(canonical("sqrt(sin(x)) + cos(x)")).pairs
    assert Kernels(canonical("sqrt(sin(x)) + cos(x)")).step(pair[0]) == 2  # so that the sine is its square


def test_tangents_become_quotients_when_asked():
    expr = canonical("1 + tan(x)**2")
    plain, replaced = Kernels(expr), Kernels(expr, tangents=True)
    assert (plain.field.generators, replaced.field.generators) == (1, 2)
    assert not plain.pairs
    assert len(replaced.pairs) == 1


def test_symbols_are_found_in_their_kernels():
    kernels = Kernels(canonical("x + exp(x) + ln(2)"))
    assert kernels.index("x") is not None
    assert kernels.index("y") is None
    assert len(kernels.holders("x")) == 2


@pytest.mark.parametrize("text", ["(x + 1)**3/x + sin(x)", "x*exp(x)/(x + ln(x))**2 + 1/x", "sin(x)**2/cos(x) + 3/2*x"])
def test_estimates_of_lengths_are_close(text):
    expr = canonical(text)
    kernels = Kernels(expr)
    for estimate, build in forms(kernels, kernels.quotient(expr)):
        assert abs(token_length(build()) - estimate) <= 2


def test_lengths_of_polynomials_are_exact_where_they_are_given():
    rng, sampler, exact, open_ = random.Random(2), TreeSampler(), 0, 0
    while exact < 300:
        try:
            expr = derivative(sampler.canonical(rng, 4 + int(rng.random() * 10)))
            kernels = Kernels(expr)
            polynomial = kernels.field.expand({i: abs(e) for i, e in kernels.quotient(expr).powers.items()})
            written = token_length(kernels.polynomial(polynomial))
        except (GaveUp, TooLarge, Undefined):
            continue
        length = kernels.length_of(polynomial)
        exact, open_ = exact + (length is not None), open_ + (length is None)
        assert length in (None, written)
    assert 0 < open_ < exact
