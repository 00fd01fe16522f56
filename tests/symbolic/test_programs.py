import random

import flint
import pytest
from flint import acb, fmpq

from symjax.symbolic.balls import evaluate
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.programs import Program
from symjax.symbolic.tree_sampling import TreeSampler
from symjax.tokenization.prefix import parse

UNARY = [name for name, row in OPERATORS.items() if row.arity == 1 and name != "f"]


def run(expr, point, precision=106):
    """The value of the whole expression by its program; None where it has none."""
    before, flint.ctx.prec = flint.ctx.prec, precision
    try:
        (found,) = Program(expr)({name: [acb(fmpq(*value))] for name, value in point.items()})[-1]
    finally:
        flint.ctx.prec = before
    return found if found.is_finite() else None


def test_programs_compute_what_evaluation_does():
    rng, compared = random.Random(1), 0
    sampler = TreeSampler(
        operators=",".join(f"{name}:1" for name in (*UNARY, "add", "sub", "mul", "div", "pow", "rac")),
        leaf_probabilities=(3, 1, 2, 1), coefficients=2, positive=False,
    )  # fmt: skip
    for _ in range(400):
        expr = sampler(rng, int(rng.random() * 8))
        point = {"x": (rng.randrange(-99, 99), 64), "a0": (7, 3), "a1": (-5, 4)}
        value, wanted = run(expr, point), evaluate(expr, point, precision=106)
        assert (value is not None) == wanted.is_finite()
        if value is not None:
            compared += 1
            assert value.overlaps(wanted)
            assert value.rel_accuracy_bits() >= wanted.rel_accuracy_bits() - 20
    assert compared > 150


@pytest.mark.parametrize(
    "tokens",
    [
        "div x sub x x",
        "ln sub x x",
        "exp ln sub x x",
        "f x",
        "derivative x x",
        "pow INT+ 0 INT- 1",
        "exp exp exp exp x",
    ],
)
def test_what_is_undefined_has_no_value(tokens):
    assert run(parse(tokens.split()), {"x": (9, 1)}) is None


@pytest.mark.parametrize(
    ("tokens", "value"), [("pow sub x x sub x x", 1), ("pow x INT+ 0", 1), ("pow x INT- 2", fmpq(1, 9))]
)
def test_powers(tokens, value):
    found = run(parse(tokens.split()), {"x": (3, 1)})
    assert found is not None
    assert found.overlaps(acb(value))


def test_symbols_without_a_value_have_none():
    assert run(parse(["add", "x", "Y"]), {"x": (1, 2)}) is None
