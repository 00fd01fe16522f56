import random
import time
from collections import Counter

import pytest

from symjax.symbolic.expression import postorder
from symjax.symbolic.operators import OPERATORS, SYMBOL_WEIGHT
from symjax.symbolic.sampling import LengthSampler, SeedSampler, shape_counts


class OnlyRandom:
    """A generator that has nothing but `random()`."""

    def __init__(self, key):
        self.random = random.Random(key).random


def operators_below(expr):
    """(operator, ancestor) pairs by family."""
    pairs, stack = [], [(expr, ())]
    while stack:
        node, above = stack.pop()
        family = OPERATORS[node.op].family if node.args else ""
        pairs += [(family, ancestor) for ancestor in above if family]
        stack.extend((arg, (*above, family) if family else above) for arg in node.args)
    return pairs


@pytest.mark.parametrize("sampler", [SeedSampler(), SeedSampler(max_depth=5, integers=(-1, 2)), LengthSampler(2, 9)])
def test_trees_depend_on_the_key_alone(sampler):
    one = [sampler(OnlyRandom(key)) for key in range(200)]
    two = [sampler(OnlyRandom(key)) for key in reversed(range(200))]
    assert one == two[::-1]
    assert len(set(one)) > 50


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_depth_counts_levels_of_operators(depth):
    rng = random.Random(depth)
    sampler = SeedSampler(max_depth=depth)
    depths = Counter(sampler(rng).depth for _ in range(2000))
    assert max(depths) == depth
    assert depths[0] > 0


def test_a_family_excludes_itself_below():
    rng = random.Random(0)
    sampler = SeedSampler(max_depth=5)
    trees = [sampler(rng) for _ in range(2000)]
    assert not any(family == above for tree in trees for family, above in operators_below(tree))
    sampler = SeedSampler(max_depth=5, family_exclusion=False)
    free = [sampler(rng) for _ in range(2000)]
    assert any(family == above for tree in free for family, above in operators_below(tree))


def test_roots_follow_the_weights():
    rng = random.Random(0)
    sampler = SeedSampler()
    counts = Counter(sampler(rng).op for _ in range(20_000))
    total = SYMBOL_WEIGHT + sum(row.weight for row in OPERATORS.values())
    for name, row in OPERATORS.items():
        expected = 20_000 * row.weight / total
        assert abs(counts[name] - expected) <= 5 * expected**0.5, name


def test_integers_are_drawn_when_asked_for():
    rng = random.Random(0)
    values, sampler = Counter(), SeedSampler(integers=(3, -4))
    for _ in range(2000):
        values.update(node.value for node in postorder(sampler(rng)) if not node.args)
    assert set(values) == {"x", 3, -4}
    assert 0.7 < values[3] / values[-4] < 1.4


def test_shapes_of_a_length_are_uniform():
    assert [counts[1] for counts in shape_counts(6)] == [1, 2, 6, 22, 90, 394, 1806]
    rng = random.Random(0)
    sampler = LengthSampler(3, 3)

    def shape(expr):
        return len(expr.args), tuple(shape(arg) for arg in expr.args)

    counts = Counter(shape(sampler(rng)) for _ in range(22_000))
    assert len(counts) == 22
    assert all(800 < count < 1200 for count in counts.values())


def test_the_number_of_operators_is_uniform():
    rng = random.Random(0)
    counts, sampler = Counter(), LengthSampler(2, 7)
    for _ in range(6000):
        expr, size = sampler(rng), 0
        stack = [expr]
        while stack:
            node = stack.pop()
            size += bool(node.args)
            stack.extend(node.args)
        counts[size] += 1
    assert set(counts) == set(range(2, 8))
    assert all(850 < count < 1150 for count in counts.values())


def test_the_length_sampler_excludes_families_while_it_can():
    rng = random.Random(0)
    sampler = LengthSampler(4, 4, family_exclusion=True)
    trees = [sampler(rng) for _ in range(2000)]
    assert not any(family == above for tree in trees for family, above in operators_below(tree))
    assert LengthSampler(150, 150, family_exclusion=True)(rng).size > 150


@pytest.mark.parametrize(
    ("make", "options", "named"),
    [
        (SeedSampler, {"max_depth": 0}, "max_depth"),
        (SeedSampler, {"max_depth": 25}, "max_depth"),
        (SeedSampler, {"integers": (1, 1)}, "distinct"),
        (SeedSampler, {"integers": (0.5,)}, "whole"),
        (SeedSampler, {"integers": (1,), "integer_weight": 0}, "integer_weight"),
        (LengthSampler, {"min_operators": -1}, "min_operators"),
        (LengthSampler, {"min_operators": 5, "max_operators": 4}, "max_operators 4"),
        (LengthSampler, {"max_operators": 201}, "200"),
    ],
)
def test_values_out_of_range_are_named(make, options, named):
    with pytest.raises(ValueError, match=named):
        make(**options)


def test_sampling_takes_microseconds():
    rng, sampler = random.Random(0), SeedSampler()
    started = time.process_time()
    for _ in range(5000):
        sampler(rng)
    assert (time.process_time() - started) / 5000 < 1e-4
