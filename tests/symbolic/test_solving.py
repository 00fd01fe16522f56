import random

import pytest

from symjax.symbolic.balls import evaluate
from symjax.symbolic.canonical import TooLarge, Undefined, add, canonicalise
from symjax.symbolic.expression import ONE, ZERO, occurs, postorder, raw, symbol
from symjax.symbolic.kernels import Kernels
from symjax.symbolic.printing import to_infix
from symjax.symbolic.reader import read_infix
from symjax.symbolic.solving import isolate, numerator, solve_in_kernel
from symjax.symbolic.tree_sampling import TreeSampler

X, C, Y = symbol("x"), symbol("a8"), symbol("Y")


def positive():
    return False


def canonical(text):
    """The canonical form of infix text with the names a8 and Y, which stand-ins carry through the reader."""
    stand_ins = {"a8": "asinh(2)", "Y": "asinh(3)"}
    for name, call in stand_ins.items():
        text = text.replace(name, call)
    return substituted(read_infix(text), {read_infix(call): symbol(name) for name, call in stand_ins.items()})


def substituted(expr, values):
    """`expr` with nodes replaced, canonical."""
    built = {}
    for node in postorder(expr):
        built[node] = values.get(node) or (raw(node.op, *(built[arg] for arg in node.args)) if node.args else node)
    return canonicalise(built[expr])


@pytest.mark.parametrize(
    ("text", "solution"),
    [
        ("x + a8", "Y - x"),
        ("x*a8", "Y/x"),
        ("ln(x + a8)", "exp(Y) - x"),
        ("exp(x*a8)", "ln(Y)/x"),
        ("(x + a8)**3", "Y**(1/3) - x"),
        ("(x + a8)**2", "Y**(1/2) - x"),
        ("sqrt(x + a8)", "Y**2 - x"),
        ("sin(x + a8)", "asin(Y) - x"),
        ("(x + 1)**a8", "ln(Y)/ln(x + 1)"),
        ("1/(x + tanh(a8))", "atanh(1/Y - x)"),
    ],
)
def test_one_occurrence_is_isolated(text, solution):
    found = isolate(canonical(text), "a8", Y, positive)
    assert found is canonical(solution)


def test_the_other_branch_has_the_other_sign():
    for text in ("(x + a8)**2", "cos(x + a8)", "cosh(x + a8)", "(x + a8)**(2/3)"):
        left, right = (isolate(canonical(text), "a8", Y, lambda sign=sign: sign) for sign in (False, True))
        assert add(left, right, X, X) is ZERO, text


@pytest.mark.parametrize("text", ["x", "a8*exp(x + a8)", "a8**a8"])
def test_nothing_to_isolate(text):
    assert isolate(canonical(text), "a8", Y, positive) is None


def test_isolated_constants_give_the_expression_back():
    rng, sampler, count = random.Random(3), TreeSampler(), 0
    for _ in range(200):
        try:
            expr = sampler.canonical(rng, 6, ("x", "a8"))
            found = isolate(expr, "a8", Y, positive) if occurs("a8", expr) and occurs("x", expr) else None
            back = substituted(expr, {C: found}) if found is not None else None
        except (TooLarge, Undefined):
            continue
        if back is None:
            continue
        point = {"x": (3, 7), "Y": (5, 11)}
        value = evaluate(back, point, precision=128)
        if value.is_finite():
            count += (value - evaluate(Y, point, precision=128)).contains(0)
    assert count > 60


def solved(expr):
    kernels = Kernels(expr)
    return solve_in_kernel(kernels, numerator(expr, "a8", kernels), "a8", positive)


def test_numerators_keep_what_holds_the_symbol():
    expr = canonical("(x**2 - 1)*(a8*x + 1)/(x*(x - 1)*exp(x))")
    kernels = Kernels(expr)
    assert kernels.polynomial(numerator(expr, "a8", kernels)) is canonical("a8*x + 1")
    assert kernels.polynomial(numerator(expr, "a9", kernels)) is ONE


@pytest.mark.parametrize(
    ("text", "solution"),
    [
        ("x*a8 + a8*exp(x) + 1", "-1/(x + exp(x))"),
        ("x*exp(a8) - exp(a8)*x**2 + 1", "ln(-1/(x - x**2))"),
        ("a8**2*x - 4*x**3", "2*sqrt(x**2)"),
        ("a8**2 + 2*a8*x + 1", "1/2*(-2*x + sqrt(4*x**2 - 4))"),
    ],
)
def test_one_kernel_is_solved_for(text, solution):
    expr = canonical(text)
    found = solved(expr)
    assert found is not None
    for point in ((3, 7), (29, 11)):
        value = evaluate(found, point, precision=128)
        wanted = evaluate(canonical(solution), point, precision=128)
        assert (value - wanted).contains(0), to_infix(found)
        assert (evaluate(substituted(expr, {C: found}), point, precision=128)).contains(0)


@pytest.mark.parametrize("text", ["a8 + exp(a8) + x", "a8**3 + a8 + x"])
def test_what_has_no_formula_is_not_solved(text):
    assert solved(canonical(text)) is None
