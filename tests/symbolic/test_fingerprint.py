import random
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic import fingerprint as module
from symjax.symbolic.digits import DIGITS, decided, real_text, shortened
from symjax.symbolic.expression import X, integer, rational, raw
from symjax.symbolic.fingerprint import POINTS, clear_memo, fingerprint, of_integrand, rational_ratio, structure
from symjax.symbolic.sampling import LengthSampler, SeedSampler
from symjax.tokenization.prefix import parse
from tests.symbolic.test_series import read

GOLDEN = "4288f180a74f8c9f24c432277950bb6c"

EQUAL = [
    ("asinh tan x", "atanh sin x"),
    ("asin tanh x", "atan sinh x"),
    ("sqrt exp mul 2 x", "exp x"),
    ("div exp x cosh x", "add 1 tanh x"),
    ("sub x x", "mul 0 x"),
    ("exp ln x", "x"),
    ("sq sqrt x", "x"),
    ("add sq sin x sq cos x", "div x x"),
    ("sub mul 1000 exp x mul 1000 sinh x", "mul 1000 cosh x"),
    ("div x 16777216", "div div x 4096 4096"),
    ("sq ln sub 0 1", "sub 0 sq acos -1"),
    ("sub add exp x div 1 8 exp x", "div 1 8"),
]

DIFFERENT = [
    ("x", "sub x mul x div 1 1000000000000"),
    ("sub sin x mul x x", "sin x"),
    ("sqrt sq x", "x"),
    ("ln x", "sub ln sq x ln x"),
    ("add 1 exp sub 0 exp 3", "1"),
    ("div x sub x x", "div 1 sub x x"),
    ("sub x x", "div x sub x x"),
    ("sqrt sub 0 x", "mul sqrt -1 sqrt sub 0 x"),
]


@pytest.mark.parametrize(("one", "two"), EQUAL)
def test_equal_functions_share_a_key(one, two):
    assert fingerprint(read(one)) == fingerprint(read(two))


@pytest.mark.parametrize(("one", "two"), DIFFERENT)
def test_different_functions_do_not(one, two):
    assert fingerprint(read(one)) != fingerprint(read(two))


def test_keys_are_32_hexadecimal_digits_that_do_not_move():
    key = fingerprint(read("sin x"))
    assert len(key) == 32
    assert int(key, 16)
    # A change here splits every data set anew: publish it as such.
    assert key == fingerprint(raw("sin", X)) == GOLDEN


def test_undefined_functions_are_told_apart_as_written():
    assert module._numeric_text(read("div x sub x x")) is None
    assert fingerprint(read("div x sub x x")) != fingerprint(read("div x sub exp x exp x"))


def test_structure_tells_apart_what_is_written_apart():
    rng = random.Random(1)
    sampler = LengthSampler(0, 5, integers=(1, 2))
    exprs = {sampler(rng) for _ in range(2000)} | {rational(1, 2), integer(1), integer(12), raw("div", X, integer(1))}
    assert len({structure(expr) for expr in exprs}) == len(exprs)


def test_keys_do_not_depend_on_the_memo():
    rng = random.Random(2)
    exprs = [SeedSampler(max_depth=4)(rng) for _ in range(200)]
    warm = [fingerprint(expr) for expr in exprs]
    cold = []
    for expr in exprs:
        clear_memo()
        cold.append(fingerprint(expr))
    assert warm == cold


def test_sums_in_any_order_share_a_key():
    rng = random.Random(4)
    sampler = SeedSampler()
    for _ in range(200):
        one, two, three = (sampler(rng) for _ in range(3))
        left = raw("add", raw("add", one, two), three)
        right = raw("add", three, raw("add", two, one))
        if module._numeric_text(left) is not None:
            assert fingerprint(left) == fingerprint(right)


@pytest.mark.parametrize("text", ["1.000000000000005", "-123456789012345.5", "0.1000000000000005", "9.999999999999995"])
def test_a_ball_that_never_leaves_a_tie_takes_the_tie(text):
    """Exactly representable or not, a value known to be the tie gets the key of the tie."""
    expected = Context(prec=15, rounding=ROUND_HALF_EVEN).create_decimal(Decimal(text))
    exact = real_text(ball(text), True)
    wide = real_text(ball(text, "1e-500"), True)
    assert exact == wide
    assert Decimal(exact) == expected
    assert real_text(ball(text, "1e-500"), False) is None
    assert real_text(ball(text, "1e-20"), True) is None


def ball(text, radius="0"):
    import flint

    before = flint.ctx.prec
    flint.ctx.prec = 2048
    try:
        return arb(f"{text} +/- {radius}") if radius != "0" else arb(text)
    finally:
        flint.ctx.prec = before


def test_points_are_dyadic():
    assert all(bottom & (bottom - 1) == 0 for _, bottom in POINTS)


SAME_INTEGRANDS = [
    ("mul 2 mul sin x cos x", "sin mul 2 x"),
    ("div 1 sub 1 x", "sub 0 div 1 sub x 1"),
    ("sqrt sq x", "mul x div sqrt sq x x"),
    ("ln exp x", "x"),
    ("asin x", "sub acos 0 acos x"),
    ("sub x x", "mul 0 x"),
    ("pow x x", "exp mul x ln x"),
]


@pytest.mark.parametrize(("left", "right"), SAME_INTEGRANDS)
def test_equal_integrands_share_their_key(left, right):
    assert of_integrand(read(left)) == of_integrand(read(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x", "mul 2 x"),  # multiples are other problems
        ("x", "sub 0 x"),
        ("x", "add x div 1 10000000000"),
        ("sin x", "cos x"),
        ("ln x", "mul div 1 2 ln sq x"),  # they differ where x is negative
        ("div x sub x x", "div 1 sub x x"),  # defined nowhere: told apart as they are written
    ],
)
def test_other_integrands_have_other_keys(left, right):
    assert of_integrand(read(left)) != of_integrand(read(right))


def test_points_without_a_value_are_passed_over():
    pole = "div 1 sub x div 1623 4096"
    assert of_integrand(read(pole)) == of_integrand(read(f"mul 2 div {pole} 2"))
    assert of_integrand(read(pole)) != of_integrand(read(f"mul 2 {pole}"))


def test_coefficients_of_integrands_matter():
    one, two = parse(["mul", "a0", "x"]), parse(["mul", "a1", "x"])
    assert of_integrand(one) == of_integrand(parse(["mul", "x", "a0"]))
    assert len({of_integrand(one), of_integrand(two), of_integrand(parse(["x"]))}) == 3


def test_integrands_have_keys_of_their_own():
    assert of_integrand(X) != fingerprint(X)
    assert of_integrand(X) == "67bbfaee1217f6b4cbc3dad37374d80d"


def test_ratios_are_rational_numbers_of_moderate_size():
    assert rational_ratio(read("mul 6 x"), read("mul 4 x")) is rational(3, 2)
    assert rational_ratio(read("mul sqrt 2 x"), read("x")) is None
    assert rational_ratio(read("exp x"), read("x")) is None
    huge = read("exp exp 100")
    assert rational_ratio(huge, read("x")) is None
    assert rational_ratio(read("x"), huge) is None


@given(st.integers(0, 60), st.integers(0, 40), st.integers(-3, 3), st.integers(0, 10**26), st.booleans(), st.booleans())
def test_an_interval_is_decided_where_both_its_ends_are_rounded_alike(size, drop, shift, radius, half, negative):
    """Around multiples of powers of ten and the middles between them, where it matters."""
    middle = (10**size + shift) * 10**drop + half * 5 * 10**drop // 10 + shift
    radius %= abs(middle) // 10 + 1
    middle = -middle if negative else middle
    low, high = (shortened(end, DIGITS) for end in (middle - radius, middle + radius))
    assert decided(middle, radius) == (low if low == high else None)
