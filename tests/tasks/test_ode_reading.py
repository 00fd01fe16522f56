"""Equations in the ways people and SymPy write them."""

import pytest

from symjax import tasks
from symjax.tasks import Rejection

SECOND = "Y'' + x*Y' - Y"


@pytest.mark.parametrize(
    "text",
    [
        SECOND,
        "y'' + x*y' - y",
        "f''(x) + x*f'(x) - f(x)",
        "Derivative(f(x), (x, 2)) + x*Derivative(f(x), x) - f(x)",
        "Derivative(y(x), x, x) + x*diff(y(x), x) - y(x)",
        "diff(y, x, 2) + x*diff(y, x) - y",
        "derivative(derivative(Y, x), x) + x*derivative(Y, x) - Y",
        "y'' + x*y' - y = 0",
        "Y''(x) + x*Y'(x) - Y(x)",
        "sub add derivative derivative f x x x mul x derivative f x x f x",
    ],
)
def test_every_way_is_the_same_equation(text):
    task = tasks.load("ode2")
    assert task.read_problem(text) == task.read_problem(SECOND)


def test_a_right_side_is_subtracted():
    task = tasks.load("ode1")
    assert task.read_problem("y' = x*y") == task.read_problem("Y' - x*Y")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("y' = y + foo(x)", "character 9: unknown name 'foo'"),
        ("Derivative(f(x), x) - foo", "character 22: unknown name 'foo'"),
        ("y' = y = x", "character 7: an equation has one '='"),
        ("y' =", "character 3: a side of the equation is missing"),
        ("= y'", "character 0: a side of the equation is missing"),
        ("y''' - y", "character 1"),
        ("Derivative(f(x**2), x)", "'f' is unknown"),
        ("Derivative(f(x), z) + Y'", "is unknown"),
        ("Y' - f(f(x))", "'f' is unknown"),
    ],
)
def test_what_is_no_equation_is_named_with_its_place(text, detail):
    found = tasks.load("ode1").read_problem(text)
    assert isinstance(found, Rejection)
    assert detail in found.detail
