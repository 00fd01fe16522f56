import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic.canonical import TooLarge, Undefined, canonicalise
from symjax.symbolic.expression import free_symbols, postorder
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.tree_sampling import PRESETS, TreeSampler, draw_count, raw_tree

README = TreeSampler()


class OnlyRandom:
    """A generator that has nothing but `random()`."""

    def __init__(self, key):
        self.random = random.Random(key).random


def nodes(expr):
    """Every node of the tree, shared ones each time they occur."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.args)


def shape(expr):
    return tuple(shape(arg) for arg in expr.args)


def weight_of(form, weights):
    leaf, unary, binary = weights
    here = (leaf, unary, binary)[len(form)]
    return here * math.prod(weight_of(child, weights) for child in form)


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 2, 1), (1, 4, 3)])
@pytest.mark.parametrize("operators", [2, 3, 4])
def test_shapes_occur_as_often_as_their_weight_says(operators, weights):
    """Chi-square over all shapes: 6, 22 and 90 of them for 2, 3 and 4 operators."""
    sampler, rng, draws = TreeSampler(shape_weights=weights), random.Random(operators), 6000
    counts = Counter(shape(sampler(rng, operators)) for _ in range(draws))
    assert len(counts) == {2: 6, 3: 22, 4: 90}[operators]
    total = sum(weight_of(form, weights) for form in counts)
    expected = {form: draws * weight_of(form, weights) / total for form in counts}
    statistic = sum((counts[form] - expected[form]) ** 2 / expected[form] for form in counts)
    freedom = len(counts) - 1
    assert abs(statistic - freedom) < 4.5 * math.sqrt(2 * freedom)


@given(key=st.integers(0, 10**9), operators=st.integers(0, 15))
def test_a_tree_has_the_operators_it_was_asked_for(key, operators):
    tree = README(OnlyRandom(key), operators)
    assert sum(bool(node.args) for node in nodes(tree)) == operators
    assert "x" in free_symbols(tree)
    assert tree is README(OnlyRandom(key), operators)


@given(key=st.integers(0, 10**9), operators=st.integers(0, 12))
def test_the_canonical_tree_is_the_canonical_form_of_the_raw_one(key, operators):
    try:
        expected = canonicalise(README(OnlyRandom(key), operators))
    except (TooLarge, Undefined) as error:
        expected = type(error)
    try:
        found = README.canonical(OnlyRandom(key), operators)
    except (TooLarge, Undefined) as error:
        found = type(error)
    assert found is expected


def test_operators_follow_their_weights():
    rng = random.Random(0)
    counts = Counter(node.op for _ in range(1500) for node in nodes(README(rng, 15)) if node.args)
    weights = {name: float(weight) for name, _, weight in map(pair, PRESETS["readme"]["operators"].split(","))}
    binary = {"add", "sub", "mul", "div"}
    for group in (binary, set(weights) - binary):
        drawn, total = sum(counts[name] for name in group), sum(weights[name] for name in group)
        for name in group:
            expected = drawn * weights[name] / total
            assert abs(counts[name] - expected) < 5 * expected**0.5, name


def pair(item):
    return item.partition(":")


def test_leaves_follow_their_probabilities():
    sampler = TreeSampler(
        leaf_probabilities=(0.4, 0.3, 0.2, 0.1), variables=3, coefficients=2, max_int=2, positive=False
    )
    rng, counts = random.Random(0), Counter()
    for _ in range(2000):
        counts.update(node.value for node in nodes(sampler(rng, 12, required=())) if not node.args)
    total = sum(counts.values())
    shares = {"x": 0.4 / 3, "y": 0.4 / 3, "z": 0.4 / 3, "a0": 0.15, "a1": 0.15, "pi": 0.05, "E": 0.05}
    shares |= dict.fromkeys((1, 2, -1, -2), 0.05)
    assert set(counts) == set(shares)
    for leaf, share in shares.items():
        assert abs(counts[leaf] - total * share) < 5 * (total * share) ** 0.5, leaf


def test_required_symbols_occur_where_there_is_room():
    rng, sampler = random.Random(0), TreeSampler(leaf_probabilities=(0, 0, 1, 0))
    for _ in range(300):
        found = sampler(rng, 6, required=("x", "a8", "a9"))
        leaves = Counter(node.value for node in nodes(found) if not node.args)
        assert leaves["x"] == 1
        assert leaves["a8"] == (sum(leaves.values()) > 1)
        assert leaves["a9"] <= 1
        assert free_symbols(sampler(rng, 3, required=())) == frozenset()


def test_fewer_operators_are_drawn_once_in_forty():
    rng = random.Random(0)
    counts = Counter(draw_count(rng, 4, 15) for _ in range(24_000))
    assert set(counts) == set(range(16))
    assert 450 < sum(counts[n] for n in range(4)) < 750
    assert all(1750 < counts[n] < 2150 for n in range(4, 16))
    assert {draw_count(rng, 0, 1) for _ in range(50)} == {0, 1}


def test_the_paper_draws_negative_integers_and_every_operator_alike():
    sampler, rng = TreeSampler(**PRESETS["paper"]), random.Random(0)
    trees = [sampler(rng, 15) for _ in range(600)]
    counts = Counter(node.value if not node.args else node.op for tree in trees for node in nodes(tree))
    assert set(counts) == {"x", *range(-5, 0), *range(1, 6), *sampler_words(PRESETS["paper"]["operators"])}
    unary = [count for name, count in counts.items() if name in OPERATORS and OPERATORS[name].arity == 1]
    assert len(unary) == 15
    assert max(unary) < 1.4 * min(unary)


def sampler_words(operators):
    return [name for name, _, _ in map(pair, operators.split(","))]


def test_leaves_that_weigh_more_make_shapes_with_more_of_them():
    rng = random.Random(0)
    counts = []
    for weights in ((1, 1, 1), (11, 15, 4)):
        sampler = TreeSampler(shape_weights=weights)
        counts.append(sum(len(node.args) == 2 for _ in range(200) for node in nodes(sampler(rng, 15))))
    assert counts[1] > 1.1 * counts[0]


def test_trees_can_be_large():
    sampler = TreeSampler(max_operators=200)
    tree = raw_tree(sampler.rows(random.Random(0), 200))
    assert sum(bool(node.args) for node in nodes(tree)) == 200
    assert len(list(postorder(tree))) > 100


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"operators": "add:1"}, "no unary operator"),
        ({"operators": "sin:1,add:0"}, "no binary operator"),
        ({"operators": "add:1,sin:1,bogus:2"}, "'bogus:2'; it lists name:weight"),
        ({"operators": "add:1,sin:1,f:2"}, "'f:2'; it lists"),
        ({"operators": "add:1,sin:1,derivative:2"}, "'derivative:2'; it lists"),
        ({"operators": "add:1,add:2,sin:1"}, "'add:2'; it lists name:weight, each name once"),
        ({"operators": "add:1,sin"}, "'sin'; it lists name:weight"),
        ({"operators": "add:1,sin:-1"}, "'sin:-1'; it lists name:weight, weights are numbers of 0 or more"),
        ({"operators": "add:1,sin:nan"}, "'sin:nan'; it lists name:weight"),
        ({"leaf_probabilities": (1.0, 0.0, 0.0)}, "must be four numbers"),
        ({"leaf_probabilities": (1.0, 0.0, -1.0, 0.0)}, "must be four numbers"),
        ({"leaf_probabilities": (0.0, 0.0, 0.0, 0.0)}, "not all 0"),
        ({"leaf_probabilities": (math.inf, 0.0, 1.0, 0.0)}, "must be four numbers"),
        ({"leaf_probabilities": (0.5, 0.5, 0.0, 0.0)}, "coefficients is 0"),
        ({"max_int": 0}, "max_int must be between 1"),
        ({"variables": 5}, "variables must be between 1 and 4, got 5"),
        ({"coefficients": 11}, "coefficients must be between 0 and 10"),
        ({"max_operators": 201}, "max_operators must be between 0 and 200"),
        ({"shape_weights": (1, 1)}, "three whole numbers"),
        ({"shape_weights": (1, 0, 1)}, "three whole numbers"),
    ],
)
def test_values_out_of_range_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        TreeSampler(**options)
