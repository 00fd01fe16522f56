"""Foreign infix text reads back exactly, and conventional text is read as mathematics."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given

from symjax.symbolic.expression import Expression, rational, raw, symbol
from symjax.symbolic.reader import ReadError
from symjax.symbolic.sampling import LengthSampler
from symjax.symbolic.sympy_bridge import to_sympy
from symjax.tokenization.foreign import name_unknowns, parse_foreign, write_foreign
from symjax.tokenization.foreign_infix import parse_infix, write_infix
from tests.tokenization.test_foreign import expressions


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("x", "x"),
        ("add x INT- 1 2", "(x)+(-12)"),
        ("mul INT- 1 ln add x INT+ 2", "(-1)*(ln((x)+(2)))"),
        ("pow abs x div INT+ 1 INT+ 2", "(Abs(x))**((1)/(2))"),
        ("pow x INT+ 2", "(x)**(2)"),
        ("pow2 x", "(x)**2"),
        ("pow5 pow3 x", "((x)**3)**5"),
        ("inv x", "1/(x)"),
        ("div INT+ 1 x", "(1)/(x)"),
        ("rac x INT+ 3", "(x)**(1/(3))"),
        ("pow x inv INT+ 3", "(x)**((1/(3)))"),
        ("pow x div INT+ 1 INT+ 3", "(x)**((1)/(3))"),
        ("mul pi mul E I", "(pi)*((E)*(I))"),
        ("sub Y' f sin x", "(Derivative(f(x),x))-(f(sin(x)))"),
        ("sub Y'' Y", "(Derivative(Derivative(f(x),x),x))-(f(x))"),
        ("g a0 h x y z", "g(a0,h(x,y,z))"),
        ("sign asec sqrt t", "sign(asec(sqrt(t)))"),
    ],
)
def test_text_is_as_documented_and_reads_back(tokens: str, text: str) -> None:
    expr = parse_foreign(tokens.split())
    assert write_infix(expr) == text
    assert write_foreign(parse_infix(text)) == tuple(tokens.split())


@given(expressions)
def test_every_expression_reads_back(expr: Expression) -> None:
    named = name_unknowns(expr)
    assert parse_infix(write_infix(named)) is named


def test_sums_of_many_terms_and_rational_numbers_are_nested() -> None:
    x = symbol("x")
    total = raw("add", x, raw("mul", x, x, x), rational(-1, 2), x)
    text = write_infix(total)
    assert text == "(x)+(((x)*((x)*(x)))+(((-1)/(2))+(x)))"
    assert write_foreign(parse_infix(text)) == write_foreign(total)
    assert write_infix(raw("sq", raw("cbrt", x))) == "((x)**((1)/(3)))**(2)"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("x**2 + 1/x", "add pow x INT+ 2 div INT+ 1 x"),
        ("(x + 1)**2", "pow add x INT+ 1 INT+ 2"),
        ("1/(x + 1)", "div INT+ 1 add x INT+ 1"),
        ("log(x)*exp(-x)", "mul ln x exp mul INT- 1 x"),
        ("x**(1/3)", "pow x div INT+ 1 INT+ 3"),
        ("((x))*((2))", "mul x INT+ 2"),
        ("(-x)**2", "pow mul INT- 1 x INT+ 2"),
        ("Derivative(f(x), x) - x*f(x)", "sub Y' mul x Y"),
        ("Y' - Y", "sub Y' Y"),
    ],
)
def test_conventional_text_is_read_as_mathematics(text: str, tokens: str) -> None:
    assert write_foreign(parse_infix(text)) == tuple(tokens.split())


def test_sympys_text_is_read() -> None:
    import sympy

    x = sympy.Symbol("x")
    for sympy_expr in (x**2 / (x + 1) ** 2, 1 / sympy.sqrt(x), (-x) ** sympy.Rational(1, 3), sympy.exp(-x) / (3 * x)):
        assert to_sympy(parse_infix(str(sympy_expr))) == sympy_expr


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "no expression"),
        ("(x", 2, "1 closing parenthesis is missing"),
        ("(x)+", 4, "ends early"),
        ("(x)+(sq(x))", 5, "unknown name 'sq'"),
        ("(x)(x)", 3, "write \\* for a product"),
        ("g(x)", 3, "g takes 2 operands, got 1"),
        ("Derivative(f(x),x,x)", 17, "does not belong here"),
        ("(x)+(\x00)", 5, "does not belong"),
        ("Y'''", 3, "does not belong"),
    ],
)
def test_text_that_is_no_expression_is_placed(text: str, position: int, reason: str) -> None:
    with pytest.raises(ReadError, match=reason) as caught:
        parse_infix(text)
    assert caught.value.position == position


def test_deep_and_long_text_is_read_without_recursion() -> None:
    deep = "(" * 50_000 + "x" + ")" * 50_000
    assert parse_infix(deep) is symbol("x")
    nest = parse_foreign(("sin",) * 5_000 + ("x",))
    assert parse_infix(write_infix(nest)) is nest
    chain = parse_foreign(("add",) * 5_000 + ("x",) * 5_001)
    assert parse_infix(write_infix(chain)) is chain
    started = time.process_time()
    with pytest.raises(ReadError):
        parse_infix("(" * 10_000_000)
    assert time.process_time() - started < 1


def test_long_random_expressions_read_back() -> None:
    rng, sampler = random.Random(5), LengthSampler(30, 60, integers=(2, -13))
    for _ in range(50):
        tokens = write_foreign(sampler(rng))
        assert write_foreign(parse_infix(write_infix(parse_foreign(tokens)))) == tokens
