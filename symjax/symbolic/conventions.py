"""Canonical expressions in the words that the files of Lample and Charton's system use for what SymPy prints.

Sums and products nest to the right in SymPy's order; a rational number is `div` of integers; `sqrt` is written for the
exponent 1/2 only, 1/x is `pow x INT- 1`, -x is `mul INT- 1 x`; E and I are constants.
"""

from __future__ import annotations

from typing import Final

from symjax.symbolic.expression import (
    IMAGINARY,
    INTEGER,
    ONE,
    RATIONAL,
    E,
    Expression,
    fact,
    integer,
    postorder,
    rational,
    unchecked,
)

_HALF: Final = rational(1, 2)
_MINUS_ONE: Final = integer(-1)


def foreign_form(expr: Expression) -> Expression:
    """The raw expression whose prefix tokens are those that the files have for the canonical `expr`."""
    built: dict[Expression, Expression] = {}
    for node in postorder(expr):
        built[node] = _form(node, [built[arg] for arg in node.args])
    return built[expr]


def _form(node: Expression, args: list[Expression]) -> Expression:
    op, value = node.op, node.value
    if not args:
        if isinstance(value, tuple):
            return unchecked("div", (integer(value[0]), integer(value[1])))
        return node
    if op == "exp" and node.args[0] is ONE:
        return E
    if op == "pow" and node.args[1] is _HALF:
        return IMAGINARY if node.args[0] is _MINUS_ONE else unchecked("sqrt", (args[0],))
    if len(args) <= 2:
        return unchecked(op, tuple(args))
    form = args[-1]
    for arg in args[-2::-1]:
        form = unchecked(op, (arg, form))
    return form


def token_length(expr: Expression) -> int:
    """Number of prefix tokens of `foreign_form(expr)`, remembered for as long as the node lives."""
    return fact(expr, "tokens", _length)


def _length(node: Expression, below: list[int]) -> int:
    value = node.value
    if node.op == INTEGER:
        return 1 + len(str(abs(int(value))))  # type: ignore[arg-type]
    if node.op == RATIONAL and isinstance(value, tuple):
        return 3 + len(str(abs(value[0]))) + len(str(value[1]))
    if not below or (node.op == "exp" and node.args[0] is ONE):
        return 1
    if node.op == "pow" and node.args[1] is _HALF:
        return 1 if node.args[0] is _MINUS_ONE else 1 + below[0]
    return sum(below) + max(1, len(below) - 1)
