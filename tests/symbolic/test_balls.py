import cmath
import math
import random

import flint
import pytest

from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import X, integer, postorder, rational, raw, symbol
from symjax.symbolic.operators import UNARY
from symjax.symbolic.sampling import LengthSampler

HALF = (1, 2)


def value(expr, point=HALF, precision=128):
    return complex(evaluate(expr, point, precision=precision))


PYTHON = {
    "sq": lambda z: z * z,
    "cb": lambda z: z**3,
    "sqrt": cmath.sqrt,
    "cbrt": lambda z: cmath.exp(cmath.log(z) / 3),
    "exp": cmath.exp,
    "ln": cmath.log,
} | {
    name: getattr(cmath, name)
    for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
}


@pytest.mark.parametrize("name", UNARY)
def test_functions_against_python_off_the_cuts(name):
    for place in (rational(1, 3), raw("add", rational(-3, 2), raw("sqrt", integer(-2)))):
        inner = value(place)
        assert cmath.isclose(value(raw(name, place)), PYTHON[name](inner), rel_tol=1e-12), place


def test_conventions_on_the_cuts_are_sympys():
    import sympy

    for name in ("asin", "acos", "atanh", "acosh", "ln", "sqrt", "cbrt"):
        for place in (-3, -2, 2, 3):
            expected = complex(getattr(sympy, {"ln": "log"}.get(name, name))(place).evalf(20))
            assert cmath.isclose(value(raw(name, integer(place))), expected, rel_tol=1e-12), (name, place)


def test_arithmetic():
    assert value(raw("sub", raw("div", X, integer(4)), raw("mul", X, X, X))) == 0
    assert value(raw("add", X, X, X, integer(2))) == 3.5
    assert value(raw("pow", X, integer(-2))) == 4
    assert cmath.isclose(value(raw("pow", X, X)), math.sqrt(0.5))
    assert evaluate(raw("sub", X, X), (4791, 65536), precision=64).is_zero()


def test_zero_to_a_power():
    zero = raw("sub", X, X)
    assert value(raw("pow", zero, zero)) == 1
    assert value(raw("pow", zero, X)) == 0
    assert not evaluate(raw("pow", zero, integer(-1)), HALF, precision=64).is_finite()


@pytest.mark.parametrize(
    "expr",
    [
        raw("ln", integer(0)),
        raw("mul", integer(0), raw("ln", integer(0))),
        raw("div", X, raw("sub", X, X)),
        raw("mul", integer(0), raw("div", integer(1), integer(0))),
        raw("atanh", integer(1)),
        symbol("y"),
        raw("exp", raw("pow", integer(10), integer(5000))),
        raw("add", X, integer(1), raw("ln", integer(0))),
    ],
)
def test_undefined_values_are_not_finite(expr):
    assert not evaluate(expr, HALF, precision=64).is_finite()


def test_balls_shrink_and_keep_the_value():
    rng = random.Random(3)
    sampler = LengthSampler(1, 8, integers=(1, 2, -3))
    compared = 0
    for expr in (sampler(rng) for _ in range(300)):
        wide = evaluate(expr, (-3, 7), precision=64)
        narrow = evaluate(expr, (-3, 7), precision=256)
        if wide.is_finite() and narrow.is_finite():
            assert wide.overlaps(narrow)
            compared += 1
    assert compared > 200


def test_memo_is_filled_and_used():
    memo = {}
    expr = raw("sin", raw("exp", X))
    first = evaluate(expr, HALF, precision=64, memo=memo)
    assert set(memo) == set(postorder(expr))
    assert evaluate(expr, HALF, precision=64, memo=memo) is first


def test_precision_outside_is_left_alone():
    before = flint.ctx.prec
    evaluate(raw("sin", X), HALF, precision=777)
    assert flint.ctx.prec == before


def test_deep_nests_need_no_recursion():
    expr = X
    for _ in range(20_000):
        expr = raw("sin", expr)
    assert 0 < value(expr).real < 0.1
