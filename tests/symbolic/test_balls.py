import cmath
import math
import random

import flint
import pytest

from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import IMAGINARY, PI, E, X, integer, postorder, rational, raw, symbol
from symjax.symbolic.operators import UNARY
from symjax.symbolic.sampling import LengthSampler

HALF = (1, 2)


def value(expr, point=HALF, precision=128):
    return complex(evaluate(expr, point, precision=precision))


PYTHON = (
    {
        "sq": lambda z: z * z,
        "cb": lambda z: z**3,
        "sqrt": cmath.sqrt,
        "cbrt": lambda z: cmath.exp(cmath.log(z) / 3),
        "exp": cmath.exp,
        "ln": cmath.log,
        "abs": abs,
        "sign": lambda z: z / abs(z),
        "sec": lambda z: 1 / cmath.cos(z),
        "csc": lambda z: 1 / cmath.sin(z),
        "cot": lambda z: 1 / cmath.tan(z),
        "asec": lambda z: cmath.acos(1 / z),
        "acsc": lambda z: cmath.asin(1 / z),
        "acot": lambda z: cmath.atan(1 / z),
        "sech": lambda z: 1 / cmath.cosh(z),
        "csch": lambda z: 1 / cmath.sinh(z),
        "coth": lambda z: 1 / cmath.tanh(z),
        "asech": lambda z: cmath.acosh(1 / z),
        "acsch": lambda z: cmath.asinh(1 / z),
        "acoth": lambda z: cmath.atanh(1 / z),
        "inv": lambda z: 1 / z,
    }
    | {f"pow{exponent}": lambda z, exponent=exponent: z**exponent for exponent in (2, 3, 4, 5)}
    | {
        name: getattr(cmath, name)
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
    }
)


@pytest.mark.parametrize("name", [name for name in UNARY if name != "f"])
def test_functions_against_python_off_the_cuts(name):
    regular = rational(7, 3) if name in ("acoth", "asec", "acsc") else rational(1, 3)
    for place in (regular, raw("add", rational(-3, 2), raw("sqrt", integer(-2)))):
        inner = value(place)
        assert cmath.isclose(value(raw(name, place)), PYTHON[name](inner), rel_tol=1e-12), place


def test_conventions_on_the_cuts_are_sympys():
    import sympy

    for name in ("asin", "acos", "atanh", "acosh", "ln", "sqrt", "cbrt"):
        for place in (-3, -2, 2, 3):
            expected = complex(getattr(sympy, {"ln": "log"}.get(name, name))(place).evalf(20))
            assert cmath.isclose(value(raw(name, integer(place))), expected, rel_tol=1e-12), (name, place)
    for name in ("asec", "acsc", "acot", "asech", "acsch", "acoth"):
        for place in (rational(-1, 2), rational(1, 2), integer(-3), integer(3)):
            expected = complex(getattr(sympy, name)(sympy.Rational(*fraction(place))).evalf(20))
            assert cmath.isclose(value(raw(name, place)), expected, rel_tol=1e-12), (name, place)


def fraction(number):
    return number.value if isinstance(number.value, tuple) else (number.value, 1)


def test_values_at_zero_are_sympys():
    zero = raw("sub", X, X)
    assert value(raw("abs", zero)) == value(raw("sign", zero)) == 0
    assert cmath.isclose(value(raw("acot", zero)), math.pi / 2)
    assert cmath.isclose(value(raw("acoth", zero)), math.pi / 2 * 1j)
    for name in ("asec", "acsc", "asech", "acsch", "csc", "cot", "csch", "coth", "inv"):
        assert not evaluate(raw(name, zero), HALF, precision=64).is_finite()


def test_constants_and_roots_of_any_order():
    assert cmath.isclose(value(PI), math.pi)
    assert cmath.isclose(value(E), math.e)
    assert value(raw("mul", IMAGINARY, IMAGINARY)) == -1
    assert cmath.isclose(value(raw("rac", integer(8), integer(3))), 2)
    assert cmath.isclose(value(raw("rac", integer(-8), integer(3))), 1 + math.sqrt(3) * 1j)


def test_points_may_name_their_symbols():
    total = raw("add", X, symbol("a3"), symbol("Y'"))
    point = {"x": (1, 2), "a3": (-1, 3), "Y'": (5, 1)}
    assert cmath.isclose(complex(evaluate(total, point, precision=64)), 0.5 - 1 / 3 + 5)
    assert not evaluate(total, {"x": (1, 2), "a3": (1, 2)}, precision=64).is_finite()


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
        raw("derivative", X, X),
        raw("f", X),
        raw("g", X, X),
        raw("h", X, X, X),
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
