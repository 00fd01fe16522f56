"""Canonical expressions in the words that the files of Lample and Charton's system use for what SymPy prints.

Sums and products nest to the right in SymPy's order; a rational number is `div` of integers; `sqrt` is written for the
exponent 1/2 only, 1/x is `pow x INT- 1`, -x is `mul INT- 1 x`; E and I are constants.
"""

from __future__ import annotations

from typing import Final

from symjax.symbolic.expression import IMAGINARY, ONE, E, Expression, integer, postorder, rational, unchecked
from symjax.symbolic.nodes import set_tokens

_HALF: Final = rational(1, 2)
_MINUS_ONE: Final = integer(-1)


def foreign_form(expr: Expression) -> Expression:
    """The raw expression whose prefix tokens are those that the files have for the canonical `expr`."""
    built: dict[Expression, Expression] = {}
    below, stack = [], [expr]
    while stack:  # every occurrence, so that in reverse operands come before operators
        node = stack.pop()
        if node.args:
            below.append(node)
            stack += node.args
        elif node not in built:
            built[node] = _leaf(node)
    for node in reversed(below):
        if node in built:
            continue
        args = node.args
        forms = tuple([built[arg] for arg in args])
        op = node.op
        if len(forms) > 2:
            form = forms[-1]
            for arg in forms[-2::-1]:
                form = unchecked(op, (arg, form))
            built[node] = form
        elif op == "pow" and args[1] is _HALF:
            built[node] = IMAGINARY if args[0] is _MINUS_ONE else unchecked("sqrt", forms[:1])
        elif op == "exp" and args[0] is ONE:
            built[node] = E
        else:
            built[node] = node if forms == args else unchecked(op, forms)
    return built[expr]


def _leaf(node: Expression) -> Expression:
    value = node.value
    return unchecked("div", (integer(value[0]), integer(value[1]))) if isinstance(value, tuple) else node


def token_length(expr: Expression) -> int:
    """Number of prefix tokens of `foreign_form(expr)`, remembered for as long as the node lives."""
    return expr._tokens or _fill(expr)


def _fill(expr: Expression) -> int:
    """Remember the lengths of `expr` and of what is below it."""
    stack = [expr]
    while stack:
        node = stack[-1]
        missing = [arg for arg in node.args if arg._tokens is None]
        if missing:
            stack += missing
        else:
            set_tokens(node, _length(node))
            stack.pop()
    return expr._tokens or 0


def _length(node: Expression) -> int:
    """The length of a node whose operands have theirs."""
    args, value = node.args, node.value
    if not args:
        if isinstance(value, int):
            return 1 + len(str(abs(value)))
        return 3 + len(str(abs(value[0]))) + len(str(value[1])) if isinstance(value, tuple) else 1
    if node.op == "exp" and args[0] is ONE:
        return 1
    if node.op == "pow" and args[1] is _HALF:
        return 1 if args[0] is _MINUS_ONE else 1 + (args[0]._tokens or 0)
    length = max(1, len(args) - 1)
    for arg in args:
        length += arg._tokens or 0
    return length


def foreign_depth(expr: Expression) -> int:
    """`foreign_form(expr).depth`: the number of operators on the longest path."""
    known: dict[Expression, int] = {}
    for node in postorder(expr):
        args = node.args
        if not args:
            depth = int(isinstance(node.value, tuple))
        elif node.op == "pow" and args[1] is _HALF:
            depth = 0 if args[0] is _MINUS_ONE else 1 + known[args[0]]
        elif node.op == "exp" and args[0] is ONE:
            depth = 0
        else:
            depth = known[args[-1]] + (len(args) - 1 or 1)
            for place, arg in enumerate(args[:-1], 1):
                if known[arg] + place > depth:
                    depth = known[arg] + place
        known[node] = depth
    return known[expr]


def operator_count(expr: Expression) -> int:
    """Number of operators of `foreign_form(expr)` as a tree: shared parts count each time they occur."""
    total, stack = 0, [expr]
    while stack:
        node = stack.pop()
        args = node.args
        if not args:
            total += isinstance(node.value, tuple)
        elif node.op == "pow" and args[1] is _HALF:
            if args[0] is not _MINUS_ONE:
                total += 1
                stack.append(args[0])
        elif node.op != "exp" or args[0] is not ONE:
            total += max(1, len(args) - 1)
            stack += args
    return total
