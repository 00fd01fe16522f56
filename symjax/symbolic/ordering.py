"""The order in which SymPy's constructors keep the operands of sums and products, without SymPy.

SymPy compares the class, then the number of operands, then operands from left to right (`Basic.compare`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from symjax.symbolic.expression import (
    CONSTANT,
    INTEGER,
    ONE,
    RATIONAL,
    SYMBOL,
    SYMBOL_BITS,
    Expression,
    integer,
    rational,
)
from symjax.symbolic.nodes import set_order
from symjax.symbolic.operators import OPERATORS

NUMBERS: Final = frozenset({INTEGER, RATIONAL})

# Ranks of SymPy's classes (the list `ordering_of_classes` of sympy.core.basic); functions follow by class name.
_RANKED: Final = (
    *("zero", "one", "half", "negative one", "integer", "rational", "E", "pi", "I"),
    *("symbol", "pow", "mul", "add", "Derivative", "Abs"),
)
_WIDTH: Final = 4096
_NAMES: Final = sorted({row.sympy for row in OPERATORS.values()} - {"Pow", "Mul", "Add", *_RANKED})
_CODES: Final = {name: place * _WIDTH for place, name in enumerate((*_RANKED, *_NAMES))}
_OF_OPERATOR: Final = {row.name: _CODES[row.sympy] for row in OPERATORS.values() if row.sympy in _CODES} | {
    name: _CODES[name] for name in ("pow", "mul", "add")
}
_SPECIAL: Final = {
    integer(0): (_CODES["zero"],),
    integer(1): (_CODES["one"],),
    integer(-1): (_CODES["negative one"],),
    rational(1, 2): (_CODES["half"],),
}
_X: Final = (_CODES["symbol"], "x")
_SYMBOLS: Final[dict[str, tuple[Any, ...]]] = {
    "Y": (_CODES["f"] + 1, _X),
    "Y'": (_CODES["Derivative"] + 1, (_CODES["f"] + 1, _X)),
    "Y''": (_CODES["Derivative"] + 2, (_CODES["f"] + 1, _X)),
}
"""The unknowns are functions of x and their derivatives to SymPy."""

_MINUS_ONE: Final = integer(-1)
_HALF: Final = rational(1, 2)
_MAX_DEPTH: Final = 100
"""Deeper keys are compared spelled out: comparing nested tuples takes the interpreter's stack."""


def sort_key(expr: Expression) -> tuple[Any, ...]:
    """Key that sorts the operands of a canonical sum or product as SymPy's constructors do, numbers aside.

    A key holds the keys of the operands, and compares with recursion as deep as the expression: `in_order` does not.
    """
    return expr._order or _fill(expr)


def _fill(expr: Expression) -> tuple[Any, ...]:
    """Remember the keys of `expr` and of what is below it."""
    stack = [expr]
    while stack:
        node = stack[-1]
        missing = [arg for arg in node.args if arg._order is None]
        if missing:
            stack += missing
        else:
            set_order(node, _key(node))
            stack.pop()
    return expr._order


def _key(node: Expression) -> tuple[Any, ...]:
    """The key of a node whose operands have theirs."""
    args = node.args
    if not args:
        return _key_of_leaf(node)
    op = node.op
    if op == "exp" and args[0] is ONE:
        return (_CODES["E"],)
    if op == "pow" and args[0] is _MINUS_ONE and args[1] is _HALF:
        return (_CODES["I"],)
    return (_OF_OPERATOR[op] + len(args), *[arg._order for arg in args])


def _key_of_leaf(node: Expression) -> tuple[Any, ...]:
    special = _SPECIAL.get(node)
    if special is not None:
        return special
    if node.op == SYMBOL:
        return _SYMBOLS.get(str(node.value)) or (_CODES["symbol"], node.value)
    if node.op == CONSTANT:
        return (_CODES[str(node.value)],)
    return (_CODES[node.op], *ratio(node))


def in_order(operands: Iterable[Expression]) -> list[Expression]:
    """`operands` as a list in SymPy's order."""
    found = list(operands)
    for operand in found:
        if operand.depth > _MAX_DEPTH:
            found.sort(key=spelled_key)
            return found
    if len(found) == 2:
        first, second = found
        if (second._order or _fill(second)) < (first._order or _fill(first)):
            found.reverse()
    else:
        found.sort(key=sort_key)
    return found


def spelled_key(expr: Expression) -> list[Any]:
    """The sort key as one flat list, which compares in the same way, without recursion."""
    items, stack = [], [sort_key(expr)]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))
        else:
            items.append(item)
    return items


def ratio(expr: Expression) -> tuple[int, int]:
    """(numerator, denominator) of a number node."""
    value = expr.value
    if type(value) is int:
        return value, 1
    if type(value) is tuple:
        return value
    raise TypeError(f"{expr!r} is no number")


def is_number(expr: Expression) -> bool:
    """Whether `expr` is an integer or rational node."""
    return expr.op in NUMBERS


def is_constant(expr: Expression) -> bool:
    """Whether no symbol occurs."""
    return not expr.names & SYMBOL_BITS
