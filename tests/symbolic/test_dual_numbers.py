import random

import flint
import pytest
from flint import acb

from symjax.symbolic.balls import evaluate
from symjax.symbolic.canonical import TooLarge, Undefined
from symjax.symbolic.derivative import derivative
from symjax.symbolic.dual_numbers import Slopes
from symjax.symbolic.expression import postorder
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.tree_sampling import TreeSampler
from symjax.tokenization.prefix import parse


@pytest.fixture(autouse=True)
def bits():
    """Enough of them for differences of differences."""
    before, flint.ctx.prec = flint.ctx.prec, 256
    yield
    flint.ctx.prec = before


def jet(expr, x, order):
    """(value, derivatives) of an expression; None where it has none."""
    found = [part[0] for part in Slopes(tuple(postorder(expr)))({"x": [acb(x)]}, order)[-1]]
    return (*found, *[acb(0)] * (order + 1 - len(found))) if found[0].is_finite() else None


@pytest.mark.parametrize("order", [1, 2])
def test_jets_agree_with_symbolic_derivatives(order):
    rng, sampler, compared = random.Random(order), TreeSampler(), 0
    for _ in range(150):
        try:
            exprs = [sampler.canonical(rng, 2 + int(rng.random() * 6))]
            for _ in range(order):
                exprs.append(derivative(exprs[-1]))
        except (TooLarge, Undefined):
            continue
        wanted = [evaluate(expr, (3, 4), precision=256) for expr in exprs]
        found = jet(exprs[0], 0.75, order)
        if found is None or not all(value.is_finite() for value in (*wanted, *found)):
            continue
        compared += 1
        assert all(value.overlaps(other) for value, other in zip(found, wanted, strict=True))
    assert compared > 80


@pytest.mark.parametrize("name", [name for name, row in OPERATORS.items() if row.arity == 1 and name != "f"])
def test_every_function_has_its_derivatives(name):
    for x in (0.375, 1.5):
        found = jet(parse([name, "x"]), x, 2)
        if found is None or not all(part.is_finite() for part in found):
            continue
        step = 2.0**-30
        near = [jet(parse([name, "x"]), x + shift, 1) for shift in (-step, 0.0, step)]
        low, middle, high = (values[0] for values in near if values)
        assert abs((high - low) / (2 * step) - found[1]) < 1e-12 * (1 + abs(found[1]))
        assert abs((high - 2 * middle + low) / step**2 - found[2]) < 1e-12 * (1 + abs(found[2]))
        return
    pytest.fail(f"{name} has no derivative at either point")


@pytest.mark.parametrize(
    "tokens", ["ln sub x x", "div x sub x x", "f x", "exp exp exp exp mul INT+ 9 x", "derivative x x"]
)
def test_what_is_undefined_has_no_jet(tokens):
    assert jet(parse(tokens.split()), 1.5, 1) is None
