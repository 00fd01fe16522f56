import copy
import gc
import pickle
import threading

import pytest

from symjax.symbolic import nodes
from symjax.symbolic.expression import (
    ONE,
    ZERO,
    Expression,
    X,
    free_symbols,
    integer,
    postorder,
    rational,
    raw,
    symbol,
)


def test_equal_expressions_are_one_object():
    assert raw("add", X, integer(2)) is raw("add", X, integer(2))
    assert raw("add", X, integer(2)) is not raw("add", integer(2), X)
    assert integer(0) is ZERO
    assert integer(True) is ONE
    assert symbol("x") is X
    assert rational(2, 4) is rational(-1, -2)
    assert rational(6, 3) is integer(2)
    assert rational(-1, 2).value == (-1, 2)
    assert symbol("1") is not integer(1)


def test_nothing_is_rewritten():
    expr = raw("mul", ZERO, raw("sub", X, X))
    assert expr.op == "mul"
    assert [arg.op for arg in expr.args] == ["integer", "sub"]
    assert (expr.size, expr.depth) == (5, 2)
    assert (X.size, X.depth) == (1, 0)
    assert raw("add", X, X, X).size == 4


@pytest.mark.parametrize(
    ("build", "error", "named"),
    [
        (lambda: raw("secant", X), ValueError, "unknown operator 'secant'"),
        (lambda: raw("sin"), ValueError, "sin takes 1 operand, got 0"),
        (lambda: raw("sin", X, X), ValueError, "got 2"),
        (lambda: raw("pow", X, X, X), ValueError, "pow takes 2 operands, got 3"),
        (lambda: raw("add", X), ValueError, "add takes 2"),
        (lambda: raw("integer"), ValueError, "unknown operator"),
        (lambda: rational(1, 0), ZeroDivisionError, "1/0"),
        (Expression, TypeError, "interned"),
        (lambda: setattr(X, "size", 3), AttributeError, "immutable"),
        (lambda: setattr(X, "__class__", object), AttributeError, "immutable"),
        (lambda: delattr(X, "size"), AttributeError, "immutable"),
        (lambda: pickle.dumps(X), TypeError, "prefix tokens"),
    ],
)
def test_misuse_is_refused(build, error, named):
    with pytest.raises(error, match=named):
        build()
    assert X.size == 1


def test_copies_are_the_same_object():
    expr = raw("sin", X)
    assert copy.copy(expr) is expr
    assert copy.deepcopy([expr])[0] is expr


def test_postorder_gives_operands_first_and_each_node_once():
    shared = raw("sin", X)
    expr = raw("add", shared, raw("mul", X, shared))
    assert list(postorder(expr)) == [X, shared, expr.args[1], expr]
    assert free_symbols(raw("add", X, raw("mul", symbol("y"), integer(2)))) == {"x", "y"}


def test_dead_nodes_leave_the_table():
    gc.collect()
    nodes._drop_dead_entries()
    before = len(nodes._TABLE)
    expr = X
    for _ in range(100):
        expr = raw("sinh", raw("cosh", expr))
    assert len(nodes._TABLE) > before + 150
    kept = expr.args[0]
    del expr
    nodes._drop_dead_entries()
    assert len(nodes._TABLE) > before + 150
    del kept
    nodes._drop_dead_entries()
    assert len(nodes._TABLE) < before + 20


def test_the_table_does_not_grow_with_what_was_built():
    gc.collect()
    nodes._drop_dead_entries()
    before = len(nodes._TABLE)
    largest = 0
    for value in range(10**6, 10**6 + nodes._GROWTH // 2):
        expr = integer(value)
        for _ in range(8):
            expr = raw("sin", raw("add", expr, expr))
        largest = max(largest, len(nodes._TABLE))
    assert largest < 1.5 * (before + nodes._RECENT.maxlen) + nodes._GROWTH
    assert len(nodes._RECENT) <= nodes._RECENT.maxlen


def test_nests_are_built_and_deleted_without_recursion():
    expr = X
    for _ in range(100_000):
        expr = raw("sin", expr)
    assert expr.depth == 100_000
    assert sum(1 for _ in postorder(expr)) == 100_001
    del expr
    left = X
    for _ in range(100_000):
        left = raw("add", left, X)
    assert left.size == 200_001
    del left
    gc.collect()


def test_threads_share_one_table():
    found = []

    def build():
        expr = X
        for number in range(300):
            expr = raw("add", expr, integer(number + 10**9))
        found.append(expr)

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
