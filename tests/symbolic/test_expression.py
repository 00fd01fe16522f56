import copy
import gc
import pickle
import sys
import threading

import pytest

from symjax.symbolic import nodes
from symjax.symbolic.expression import (
    ONE,
    PI,
    ZERO,
    Expression,
    X,
    free_symbols,
    integer,
    occurs,
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
    before = len(nodes._TABLE)
    expr = X
    for _ in range(100):
        expr = raw("sinh", raw("cosh", expr))
    assert len(nodes._TABLE) > before + 150
    del expr
    assert len(nodes._TABLE) < before + 20


def test_small_nodes_are_kept_in_bounded_number():
    gc.collect()
    before = len(nodes._TABLE)
    for value in range(10**6, 10**6 + 3 * (nodes._RECENT.maxlen or 0)):
        integer(value)
    assert len(nodes._RECENT) <= (nodes._RECENT.maxlen or 0)
    assert len(nodes._TABLE) <= before + len(nodes._RECENT)


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


def test_threads_agree_on_nodes_that_come_and_go():
    interval, wrong = sys.getswitchinterval(), []
    big = X  # too big to be kept when the last reference is gone
    for _ in range(10):
        big = raw("add", big, big)

    def build():
        for number in range(5000):
            first, second = raw("sin", big), raw("sin", big)
            if first is not second:
                wrong.append(number)
            del first, second

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=build) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_names_say_which_symbols_and_constants_occur():
    expr = raw("mul", symbol("y"), raw("sin", raw("add", X, PI)))
    assert occurs("y", expr)
    assert occurs("x", expr)
    assert not occurs("z", expr)
    assert not occurs("pi", expr)
    assert free_symbols(expr) == {"x", "y"}
    assert free_symbols(integer(3)) == frozenset()
    assert symbol("pi") is not PI
    assert not symbol("pi").names & PI.names
