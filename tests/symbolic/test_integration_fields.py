"""The algebra below the rule integrator: fields, systems modulo a prime and over constants, each against a slow way."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from flint import fmpq, fmpq_mpoly
from hypothesis import given, settings
from hypothesis import strategies as st

from symjax.symbolic.agreement import agrees
from symjax.symbolic.arithmetic import add, multiply, power
from symjax.symbolic.balls import evaluate
from symjax.symbolic.canonical import TooLarge, Undefined, canonicalise
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import Expression, integer
from symjax.symbolic.integration import ansatz, linear, logarithms, radicals, views
from symjax.symbolic.integration.discovery import TooWide
from symjax.symbolic.integration.field import Field
from symjax.symbolic.integration.monomials import PRIME, Packing, solution
from symjax.symbolic.reader import read_infix
from symjax.symbolic.tree_sampling import TreeSampler

POINTS = [(379, 1024), (1341, 1024), (2501, 1024)]


def canonical(text: str) -> Expression:
    return canonicalise(read_infix(text))


def equal_in_balls(left: Expression, right: Expression) -> bool:
    """Whether both have a value at one of the points at least, and the same one wherever they do."""
    gaps = [evaluate(left, at, precision=200) - evaluate(right, at, precision=200) for at in POINTS]
    finite = [gap for gap in gaps if gap.is_finite()]
    return bool(finite) and all(0 in gap for gap in finite)


EXPRESSIONS = [
    "x*exp(2*x) + exp(x/2)", "sin(x)**3/cos(x)", "tan(x)*sin(x)", "tan(2*x + 1)", "1/(1 + sqrt(x))", "sqrt((5 + x)/x)",
    "x**(2/3) + x**(1/2)", "asin(x)*sqrt(1 - x**2)", "acosh(x)", "ln(x)/(x + ln(3))", "exp(x + ln(2)*x + 3)", "x**x",
    "sinh(x)**2/cosh(x)", "tanh(x)**3", "x**sqrt(2)", "2**x*3**(x/2)", "atan(x/sqrt(2))", "sqrt(exp(x) + 1)",
    "sqrt(x**3 + x**2)", "asinh((2*x - 1)/x)", "(x**7/(x + 1))**(1/3)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_quotients_stand_for_the_expression(text: str) -> None:
    expr = canonical(text)
    field = Field(expr)
    top, bottom = field.quotient(expr)
    assert equal_in_balls(multiply(field.expression(top), power(field.expression(bottom), integer(-1))), expr)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_slopes_and_relations_are_those_of_the_kernels(text: str) -> None:
    field = Field(canonical(text))
    for kernel, (top, bottom) in zip(field.kernels, field.slopes, strict=True):
        slope = multiply(field.expression(top), power(field.expression(bottom), integer(-1)))
        assert equal_in_balls(slope, derivative(field.expression_of(kernel)))
        if kernel.index in field.relations:
            degree, value = field.relations[kernel.index]
            assert equal_in_balls(power(field.expression_of(kernel), integer(degree)), field.expression(value))


@pytest.mark.parametrize("text", ["sin(cos(tan(exp(sinh(cosh(x))))))", "(1 + x + exp(x))**60", "ln(2)*ln(3)*ln(5)*x"])
def test_limits_are_kept(text: str) -> None:
    expr = canonical(text)
    if text.startswith("ln"):
        many = [canonical(f"ln({prime})") for prime in (2, 3, 5, 7, 11, 13, 17)]
        expr = multiply(expr, *many)
    with pytest.raises(TooWide):
        Field(expr).quotient(expr)


CANDIDATES = [
    "1/(x**2 + 1)", "1/(x**2 + ln(2))", "1/(3*x**2 - 5*x + 1)", "1/(exp(x)**2 + 3)", "1/sin(x)", "1/cos(2*x)",
    "1/sinh(x)", "1/cosh(x)", "tan(3*x)", "tanh(x)", "1/(x**4 + 1)", "1/(2*x**4 + 3*x**2 + 2)", "1/((x + 1)**4 + 4)",
    "1/sqrt(x**2 + 2*x + 5)", "1/sqrt(3 - x**2)", "1/((x - 1)*sqrt(x**2 + x + 2))", "1/((x + 3)*sqrt(2 - x**2))",
    "1/((x + 2)*sqrt(4 - x**2))", "1/((x**2 + 3)*sqrt(x**2 + 5))", "1/((x**2 + 5)*sqrt(x**2 + 3))",
    "1/sqrt(exp(2*x) + 1)",
]  # fmt: skip


@pytest.mark.parametrize("text", CANDIDATES)
def test_candidates_have_the_slopes_that_they_are_entered_with(text: str) -> None:
    expr = canonical(text)
    field = Field(expr)
    factors = [factor for factor, _ in logarithms.factors_of(field, field.quotient(expr)[1])]
    found = logarithms.logarithms(field, factors) + radicals.radicals(field, factors)
    assert found
    for item in found:
        top, bottom = item.slope
        slope = multiply(field.expression(top), power(field.expression(bottom), integer(-1)))
        assert agrees(item.build(), slope).accepted


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_columns_modulo_the_prime_are_the_exact_ones(text: str) -> None:
    expr = canonical(text)
    field = Field(expr)
    attempt = ansatz._Attempt(field, *field.quotient(expr))
    columns = attempt.columns.search(dict(attempt.packing.terms(attempt.target)), {})
    for monomial, column in columns.items():
        assert dict(attempt.packing.terms(attempt._column(monomial))) == column
        assert attempt._monomial(monomial) is not None


def test_solution_modulo_the_prime_names_columns_and_rows() -> None:
    columns = [{0: 1, 1: 2}, {1: 1, 2: 1}, {0: 2, 1: 4}]
    chosen, rows = solution(columns, {0: 3, 1: 7, 2: 1}) or ([], [])
    assert chosen == [0, 1]
    assert len(rows) == 2
    assert solution(columns, {0: 3, 1: 7, 2: 2}) is None
    assert solution(columns, {5: 1}) is None


@given(st.integers(min_value=0, max_value=10**6))
@settings(max_examples=40)
def test_systems_with_constants_are_solved_as_with_their_values(seed: int) -> None:
    """Elimination over polynomials in a constant, against exact elimination after the constant got a value."""
    rng = random.Random(seed)
    field = Field(canonical("x*ln(3) + x*exp(x)"))
    x, exponential = (field.gens[kernel.index] for kernel in field.kernels if not kernel.is_constant)
    (c,) = (field.gens[kernel.index] for kernel in field.kernels if kernel.is_constant)
    basis = [field.one, x, exponential]
    moving = [kernel.index for kernel in field.kernels if not kernel.is_constant]
    packing = Packing(moving, [kernel.index for kernel in field.kernels if kernel.is_constant])
    rows = [packing.terms(element)[0][0] for element in basis]

    def drawn() -> fmpq_mpoly:
        return sum(((rng.randrange(-3, 4) + rng.randrange(-2, 3) * c) * element for element in basis), field.zero)

    vectors = [drawn() for _ in basis]
    target = drawn()
    found = linear.solve(field, vectors, target, rows, packing.shifts)
    if found is None:
        return
    total = [field.zero, field.one]
    for vector, (top, bottom) in zip(vectors, found, strict=True):
        total = [total[0] * bottom + top * vector * total[1], total[1] * bottom]
    assert (total[0] - target * total[1]).is_zero()


def test_residues_follow_fractions() -> None:
    field = Field(canonical("x/3"))
    packing = Packing([field.kernels[0].index], [])
    (term,) = packing.terms(field.quotient(canonical("x/3"))[0])
    assert term[1] * 3 % PRIME == 1


def test_shift_of_a_polynomial_and_rational_roots() -> None:
    values = [Fraction(n) for n in (5, -3, 2, 7, 1)]
    at = Fraction(2, 3)
    shifted = logarithms.shifted(values, at)
    for x in (Fraction(0), Fraction(1, 2), Fraction(-4)):
        direct = sum(value * (x + at) ** n for n, value in enumerate(values))
        assert sum(value * x**n for n, value in enumerate(shifted)) == direct
    assert logarithms.rational_root(Fraction(9, 4)) == Fraction(3, 2)
    assert logarithms.rational_root(Fraction(2)) is None
    assert logarithms.rational_root(Fraction(-4)) is None
    assert logarithms.fraction_of(Field(canonical("x")).context.constant(fmpq(3, 7))) == Fraction(3, 7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2*x + 3", ("2", "3")),
        ("x", ("1", "0")),
        ("ln(2)*x + 3*x", ("3 + ln(2)", "0")),
        ("x/2 - ln(5)", ("1/2", "-ln(5)")),
    ],
)
def test_linear_arguments_are_seen(text: str, expected: tuple[str, str]) -> None:
    assert views.linear(canonical(text)) == (canonical(expected[0]), canonical(expected[1]))


@pytest.mark.parametrize("text", ["x**2", "3", "x*sin(x)", "1/x", "x + x**2", "exp(x)"])
def test_other_arguments_are_not_linear(text: str) -> None:
    assert views.linear(canonical(text)) is None


@given(st.integers(min_value=0, max_value=10**6))
@settings(max_examples=40)
def test_expansion_and_replacement_keep_the_value(seed: int) -> None:
    rng = random.Random(seed)
    try:
        expr = TreeSampler(max_operators=8).canonical(rng, 6)
        expanded = views.expand(expr)
        moved = views.at(expr, canonical("x + 1"))
    except (TooLarge, Undefined):
        return
    values = [evaluate(expr, at, precision=300) - evaluate(expanded, at, precision=300) for at in POINTS]
    assert all(0 in value for value in values if value.is_finite())
    for top, bottom in POINTS:
        gap = evaluate(moved, (top, bottom), precision=300) - evaluate(expr, (top + bottom, bottom), precision=300)
        assert not gap.is_finite() or 0 in gap


def test_level_and_weight() -> None:
    assert views.level(canonical("sin(ln(x)) + x**2")) == 2
    assert views.weight(canonical("sin(x)*cos(x) + exp(sqrt(x))")) == 3
    assert views.kernels(add(canonical("tan(x)"), canonical("sin(x)"))) == views.kernels(canonical("cos(x)"))
