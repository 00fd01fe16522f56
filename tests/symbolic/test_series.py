import math
import random
from decimal import Decimal

import flint
import pytest
from flint import fmpq

from symjax.symbolic import balls, series
from symjax.symbolic.expression import X, integer, rational, raw, symbol
from symjax.symbolic.functions import FUNCTIONS
from symjax.symbolic.operators import OPERATORS, SEED_OPERATORS
from symjax.symbolic.sampling import LengthSampler, SeedSampler
from symjax.symbolic.series import Refusal, TaylorSeries, taylor_series
from tests.symbolic.oracle import analytic_by_interpolation, differs, interpolated


def read(text):
    """The expression that prefix words write; numbers are one word."""
    stack = []
    for word in reversed(text.split()):
        if word in OPERATORS:
            stack.append(raw(word, *(stack.pop() for _ in range(OPERATORS[word].arity))))
        else:
            stack.append(X if word == "x" else integer(int(word)))
    (expr,) = stack
    return expr


RATIONAL = {
    "sin x": "0 1 0 -1/6 0",
    "exp x": "1 1 1/2 1/6 1/24",
    "tan x": "0 1 0 1/3 0",
    "tanh x": "0 1 0 -1/3 0",
    "asin x": "0 1 0 1/6 0",
    "asinh x": "0 1 0 -1/6 0",
    "atanh x": "0 1 0 1/3 0",
    "atan x": "0 1 0 -1/3 0",
    "ln add 1 x": "0 1 -1/2 1/3 -1/4",
    "sqrt add 1 x": "1 1/2 -1/8 1/16 -5/128",
    "cbrt add 8 x": "2 1/12 -1/288 5/20736 -5/248832",
    "pow add 1 x -3": "1 -3 6 -10 15",
    "div 1 sub 1 x": "1 1 1 1 1",
    "sq sqrt x": "0 1 0 0 0",
    "sqrt sq sq x": "0 0 1 0 0",
    "exp ln x": "0 1 0 0 0",
    "tanh ln x": "-1 0 2 0 -2",
    "div x tan x": "1 0 -1/3 0 -1/45",
    "div sin x tanh x": "1 0 1/6 0 -5/72",
    "sub ln sin x ln x": "0 0 -1/6 0 -1/180",
    "add x div pow x x pow x x": "1 1 0 0 0",
    "add x sub ln ln x ln ln x": "0 1 0 0 0",
    "add x div ln x ln x": "1 1 0 0 0",
    "add x div mul pow x x sin x mul pow x x sin x": "1 1 0 0 0",
    "add x pow x sub x x": "1 1 0 0 0",
    "sub atan x pow sub tan x tan x exp x": "0 1 0 -1/3 0",
    "sub div 1 x div 1 sin x": "0 -1/6 0 -7/360 0",
}

REFUSED = {
    "sqrt mul x x": "one_sided",
    "cbrt cb x": "one_sided",
    "atan div 1 x": "one_sided",
    "mul x atan div 1 x": "one_sided",
    "sqrt sub 1 cos x": "one_sided",
    "acos cos x": "one_sided",
    "pow x div 9 2": "branch",
    "cosh sub pow x 4 sqrt add x x": "branch",
    "sqrt x": "branch",
    "asin add 1 x": "branch",
    "exp div -1 sq x": "essential",
    "tanh div 1 sq x": "essential",
    "mul asin pow x x sq x": "power",
    "pow x x": "power",
    "mul sq x pow x add 1 sq x": "power",
    "ln x": "logarithm",
    "mul x ln x": "logarithm",
    "atanh add 1 x": "logarithm",
    "acosh div 1 x": "essential",
    "mul 0 ln 0": "undefined",
    "div x sub x x": "undefined",
    "div sub x x sub x x": "undefined",
    "sub ln 0 ln 0": "undefined",
    "add x div mul pow x x sub x x mul pow x x sub x x": "undefined",
    "add x sub mul pow x x div x sub x x mul pow x x div x sub x x": "undefined",
    "div x sub add sq sin 1 sq cos 1 1": "undefined",
    "sub atan x pow sub tan x tan x x": "undefined",
    "div 1 x": "pole",
    "div cos x sq x": "pole",
    "add x asin 2": "complex",
    "sqrt sub x 1": "complex",
    "acosh x": "complex",
    "pow x 5": "constant",
    "cosh 1": "constant",
    "sub sq sinh x sq sinh x": "constant",
    "sub add sq sin add x 1 sq cos add x 1 1": "constant",
    "mul x exp exp exp 5": "magnitude",
    "mul x sq sq sq sq sq sq sq sq sq sq sq sq sq sq sq sq sq sq sq sq 9": "magnitude",
    "pow x 100000": "magnitude",
    "pow add 9 x 1000000000": "magnitude",
    "pow x exp exp cosh 4": "magnitude",
}

DECIMALS = {
    "sq acos cosh x": ["0", "0", "-1", "0", "0"],
    "sin add 1 x": ["0.84147", "0.54030", "-0.42074", "-0.090050", "0.035061"],
    "mul x atanh div 1 2": ["0", "0.54931", "0", "0", "0"],
    "sqrt add 2 x": ["1.4142", "0.35355", "-0.044194", "0.011049", "-0.0034527"],
    "sq acosh x": ["-2.4674", "3.1416", "-1", "0.52360", "-0.33333"],
    "tan cosh exp x": ["36.071", "1530.3", "66640", "2902200", "126390000"],
    "pow cos x div 1 sq x": ["0.60653", "0", "-0.050544", "0", "-0.011372"],
    # arguments that leave a cut for x != 0: the constants come from the side that they leave to
    "add asin add 2 mul sqrt -1 sq x asin sub 2 mul sqrt -1 sq x": ["3.1416", "0", "-1.1547", "0", "0"],
    "add acos add 2 mul sqrt -1 sq x acos sub 2 mul sqrt -1 sq x": ["0", "0", "1.1547", "0", "0"],
    "add ln add -2 mul sqrt -1 sq x ln sub -2 mul sqrt -1 sq x": ["1.3863", "0", "0", "0", "0.25"],
    "add sqrt add -4 mul sqrt -1 sq x sqrt sub -4 mul sqrt -1 sq x": ["0", "0", "0.5", "0", "0"],
    # the same where sums of conjugates would hide a wrong side
    "mul sqrt -1 sub acos add 2 mul sqrt -1 sq x acos sub 2 mul sqrt -1 sq x": ["2.6339", "0", "0", "0", "0.38490"],
    "mul sqrt -1 sub asin add 2 mul sqrt -1 sq x asin sub 2 mul sqrt -1 sq x": ["-2.6339", "0", "0", "0", "-0.38490"],
    "mul sqrt -1 sub asin add -2 mul sqrt -1 sq x asin sub -2 mul sqrt -1 sq x": ["-2.6339", "0", "0", "0", "-0.38490"],
    "mul sqrt -1 sub acosh add -2 mul sqrt -1 sq x acosh sub -2 mul sqrt -1 sq x": ["-6.2832", "0", "1.1547", "0", "0"],
    "mul sqrt -1 sub atanh add 2 mul sqrt -1 sq x atanh sub 2 mul sqrt -1 sq x": ["-3.1416", "0", "0.66667", "0", "0"],
    "sqrt add 1 x": ["1", "0.5", "-0.125", "0.0625", "-0.039062"],
}


@pytest.mark.parametrize("text", RATIONAL)
def test_rational_coefficients(text):
    found = taylor_series(read(text))
    assert isinstance(found, TaylorSeries), found
    assert " ".join(found.exact) == RATIONAL[text]
    assert all(found.rational)


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_have_names(text):
    found = taylor_series(read(text))
    assert isinstance(found, Refusal), found
    assert found.reason == REFUSED[text], found
    assert found.detail


@pytest.mark.parametrize("text", DECIMALS)
def test_rounded_coefficients(text):
    found = taylor_series(read(text))
    assert isinstance(found, TaylorSeries), found
    assert [value == Decimal(other) for value, other in zip(found.rounded, DECIMALS[text], strict=True)] == [True] * 5


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("asin 2", "acos 0"),
        ("asin -2", "sub 0 acos 0"),
        ("acos 2", "0"),
        ("acos -2", "mul 2 acos 0"),
        ("atanh 2", "atanh div 1 2"),
        ("atanh -2", "atanh div -1 2"),
        ("acosh -2", "acosh 2"),
        ("ln -2", "ln 2"),
    ],
)
def test_constants_on_the_cuts_follow_sympy(text, real):
    """sqrt(-1)*(f - Re f) is -Im f."""
    import sympy

    name, place = text.split()
    value = getattr(sympy, {"ln": "log"}.get(name, name))(int(place))
    imag = sympy.N(value.as_real_imag()[1], 40)
    found = taylor_series(read(f"mul x mul sqrt -1 sub {text} {real}"))
    assert abs(sympy.Float(found.exact[1], 30) + imag) < 1e-27
    assert taylor_series(read(f"mul x {text}")).reason == "complex"


def test_ties_round_to_even():
    assert taylor_series(read("mul x div -5 128")).rounded[1] == Decimal("-0.039062")
    assert taylor_series(read("mul x div 100005 10")).rounded[1] == Decimal("10000")
    assert taylor_series(read("mul x div 100015 10")).rounded[1] == Decimal("10002")


def test_exact_texts_are_rounded_correctly():
    found = taylor_series(read("exp add 1 x"))
    assert found.exact[0] == "2.71828182845904523536028747135"
    assert taylor_series(read("mul x atan 1")).exact[1] == "0.785398163397448309615660845820"


def test_exact_texts_with_few_bits_to_spare_come_from_more_bits():
    expr = read("mul x sub exp div 1 9999999999 1")  # ten digits cancel
    found = taylor_series(expr)
    assert found.exact == series._solve(expr, 4, 5, 1152).exact
    assert found.exact[1].startswith("1.0000000001500000000216")


def test_results_do_not_depend_on_the_memo():
    rng = random.Random(5)
    exprs = [SeedSampler()(rng) for _ in range(300)]

    def outcomes(order):
        found = {}
        for expr in order:
            outcome = taylor_series(expr)
            found[expr] = outcome if isinstance(outcome, Refusal) else (outcome.exact, outcome.rounded)
        return found

    warm = outcomes(exprs)
    series.clear_memo()
    cold = {}
    for expr in reversed(exprs):
        series.clear_memo()
        cold |= outcomes([expr])
    assert warm == cold


def test_precision_outside_is_left_alone():
    before = flint.ctx.prec
    taylor_series(read("div x sub add sq sin 2 sq cos 2 1"))
    assert flint.ctx.prec == before


def test_order_and_digits():
    assert taylor_series(read("exp x"), order=8).exact[-1] == "1/40320"
    assert taylor_series(read("exp x"), order=6, digits=3).rounded[6] == Decimal("0.00139")
    with pytest.raises(ValueError, match="order 9"):
        taylor_series(X, order=9)
    with pytest.raises(ValueError, match="digits 0"):
        taylor_series(X, digits=0)


def test_every_operator_has_its_rules():
    assert set(FUNCTIONS) == {name for name in SEED_OPERATORS if OPERATORS[name].arity == 1}
    assert set(balls.FUNCTIONS) == {name for name, row in OPERATORS.items() if row.arity == 1}


@pytest.mark.parametrize("tokens", ["sec x", "rac x 3", "f x", "h x x x"])
def test_operators_without_series_are_refused_by_name(tokens):
    refusal = taylor_series(read(tokens))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.detail) == ("operator", f"{tokens.split()[0]} has no series")


def test_coefficients_of_inverse_functions_stay_rational():
    assert taylor_series(read("acos x")).rational == (False, True, True, True, True)
    assert taylor_series(read("sq acosh x")).rational == (False, False, True, False, False)
    assert not taylor_series(read("sq acosh x")).numeric_zero


def test_what_is_not_proved_is_flagged():
    found = taylor_series(read("mul x add 1 sub add sq sin 1 sq cos 1 1"))
    assert found.numeric_zero
    assert found.exact[1] == "1"
    assert not found.two_sided
    assert taylor_series(read("sqrt sq sq x")).two_sided


def test_small_is_not_zero_while_more_bits_may_tell():
    small = f"div div div div 1 {2**35} {2**35} {2**35} {2**35}"
    found = taylor_series(read(f"add x mul sq x sub exp -400 exp add -400 {small}"))
    assert float(found.rounded[2]) == pytest.approx(-math.exp(-400) * 2**-140, rel=1e-4, abs=0)
    assert not found.numeric_zero


def test_other_leaves():
    assert taylor_series(symbol("y")).reason == "variable"
    assert taylor_series(raw("mul", rational(2, 3), X)).exact[1] == "2/3"
    assert taylor_series(raw("add", X, X, X, integer(2))).exact[:2] == ("2", "3")
    assert taylor_series(integer(10**2000)).reason == "magnitude"


def test_deep_nests_need_no_recursion():
    expr = X
    for _ in range(900):
        expr = raw("sin", expr)
    assert taylor_series(expr).exact[:4] == ("0", "1", "0", "-150")
    for _ in range(200):
        expr = raw("sin", expr)
    assert taylor_series(expr).reason == "too_large"


def check_against_interpolation(exprs):
    valid = 0
    for expr in dict.fromkeys(exprs):
        outcome = taylor_series(expr)
        if isinstance(outcome, TaylorSeries):
            found = interpolated(expr)
            assert found is not None
            assert differs(outcome.values, found) is False, (outcome.rounded, found)
            valid += 1
    return valid


def test_random_functions_agree_with_interpolation():
    rng = random.Random(11)
    assert check_against_interpolation([SeedSampler()(rng) for _ in range(300)]) > 80
    assert check_against_interpolation([SeedSampler(max_depth=5)(rng) for _ in range(100)]) > 15
    numbers = LengthSampler(1, 6, integers=(1, 2, 3, -1, 5))
    assert check_against_interpolation([numbers(rng) for _ in range(200)]) > 40


def test_refusals_are_not_analytic():
    rng = random.Random(12)
    for expr in dict.fromkeys(SeedSampler()(rng) for _ in range(150)):
        outcome = taylor_series(expr)
        if isinstance(outcome, Refusal) and outcome.reason in ("complex", "pole", "one_sided", "undefined"):
            found = analytic_by_interpolation(expr)
            assert found is None or all(abs(c) < 1e-18 for c in found[1:]), outcome


@pytest.mark.parametrize("text", ["sqrt sq sq x", "tanh ln x", "sq acos cosh x", "sub ln sin x ln x"])
def test_the_oracle_sees_both_sides(text):
    expr = read(text)
    assert differs(taylor_series(expr).values, interpolated(expr)) is False


def test_the_oracle_can_say_no():
    values = list(taylor_series(read("exp x")).values)
    values[3] += fmpq(1, 10**15)
    assert differs(tuple(values), interpolated(read("exp x"))) is True
