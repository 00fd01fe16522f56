import random
import subprocess
import sys
from decimal import Decimal

import pytest

from symjax.symbolic.expression import X, integer, rational, raw, symbol
from symjax.symbolic.reference import SympyEngine, decode, encode
from symjax.symbolic.sampling import LengthSampler
from symjax.symbolic.series import Refusal, TaylorSeries, taylor_series
from tests.symbolic.test_series import read


@pytest.fixture(scope="module")
def engine():
    with SympyEngine(seconds=20.0) as engine:
        yield engine


AGREE = [
    "sin x",
    "exp add 1 x",
    "div sin x x",
    "sq sqrt x",
    "tan cosh exp x",
    "pow cos x x",
    "asin mul x div 1 3",
    "sqrt add 1 x",
    "sub div 1 x div 1 sin x",
]


@pytest.mark.parametrize("text", AGREE)
def test_both_engines_agree(engine, text):
    slow, fast = engine.taylor(read(text), 4), taylor_series(read(text))
    assert isinstance(fast, TaylorSeries)
    assert not isinstance(slow, Refusal), slow
    assert slow.rounded == fast.rounded
    assert slow.exact == fast.exact
    assert slow.rational == fast.rational


@pytest.mark.parametrize("text", ["sqrt mul x x", "cbrt cb x", "atan div 1 x"])
def test_sympy_labels_one_side(engine, text):
    """Mistakes of class A: why this engine is for comparison only."""
    assert not isinstance(engine.taylor(read(text), 4), Refusal)
    assert taylor_series(read(text)).reason == "one_sided"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("pow x 5", "constant"), ("sqrt sub x 1", "complex"), ("div 1 x", "undefined"), ("mul 0 ln 0", "undefined")],
)
def test_refusals_have_the_same_names(engine, text, reason):
    assert engine.taylor(read(text), 4).reason == reason
    assert taylor_series(read(text)).reason == reason or reason == "undefined"


def test_other_orders_and_digits(engine):
    found = engine.taylor(read("exp x"), 6, digits=3)
    assert found.rounded[6] == Decimal("0.00139")


def test_a_call_that_takes_too_long_is_named():
    slow = raw("pow", read("mul tan sinh asin x exp cosh tan x"), read("div tan sin x atan sinh x"))
    with SympyEngine(seconds=0.05) as engine:
        assert engine.taylor(slow, 4).reason == "time_limit"
        engine.close()


def test_encoding_round_trips():
    rng = random.Random(0)
    sampler = LengthSampler(0, 8, integers=(1, -2))
    exprs = [sampler(rng) for _ in range(200)]
    exprs += [rational(-2, 3), symbol("y"), raw("add", X, X, integer(10**50))]
    assert all(decode(encode(expr)) is expr for expr in exprs)


def test_importing_the_engine_does_not_import_sympy():
    code = "import sys, symjax.symbolic.reference; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
