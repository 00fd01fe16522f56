import gc
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjax.symbolic.budget import OutOfBudget, current_budget, node_budget
from symjax.symbolic.canonical import TooLarge, Undefined, add, apply, canonicalise, multiply, power
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import X, integer
from symjax.symbolic.tree_sampling import TreeSampler

SAMPLER = TreeSampler()


def work(seed):
    """Something that builds some tens to a hundred nodes."""
    rng = random.Random(seed)
    try:
        expr = SAMPLER.canonical(rng, 5)
        return derivative(derivative(expr))
    except (TooLarge, Undefined):
        return None


def spent(seed):
    with node_budget(10**6) as budget:
        result = work(seed)
    return len(budget.seen), result


def stopped_at(seed, count):
    """Whether `count` is too little."""
    try:
        with node_budget(count):
            work(seed)
    except OutOfBudget:
        return True
    return False


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_was_built_before_changes_no_count(seed, other):
    gc.collect()
    count, result = spent(seed)
    work(seed)
    work(other)
    assert spent(seed) == (count, result)
    with node_budget(10**6):
        work(other)
        with node_budget(10**6) as inner:
            work(seed)
    assert len(inner.seen) == count
    assert not stopped_at(seed, count)
    assert count == 0 or stopped_at(seed, count - 1)


def test_operators_count_once_and_numbers_never():
    with node_budget(10) as budget:
        apply("sin", X)
        apply("sin", X)
        add(integer(3), integer(10**9))
        power(X, integer(2))
    assert len(budget.seen) == 2
    with pytest.raises(OutOfBudget, match="more than 1 nodes"), node_budget(1):
        multiply(X, apply("exp", X))


def test_an_inner_budget_counts_for_both():
    with node_budget(3) as outer:
        with node_budget(2):
            apply("sin", X)
            apply("cos", X)
        assert len(outer.seen) == 2
        apply("sin", X)
        apply("tan", X)
        with pytest.raises(OutOfBudget):
            apply("sinh", X)
    with pytest.raises(OutOfBudget), node_budget(1), node_budget(5):
        add(X, apply("sin", X))


def test_it_ends_with_its_block_whatever_happens_there():
    assert current_budget() is None
    with pytest.raises(OutOfBudget), node_budget(0):
        apply("sin", X)
    assert current_budget() is None
    with pytest.raises(ValueError, match="negative"), node_budget(-1):
        pass
    canonicalise(X)
    assert apply("sin", X).op == "sin"


def test_threads_have_their_own():
    found = []

    def build():
        found.append(apply("cosh", X).op)

    with node_budget(0):
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
    assert found == ["cosh"]
