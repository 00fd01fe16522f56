"""What is known of the values of canonical expressions: whether they are real, and of which sign.

Symbols stand for real numbers.  Claims hold wherever the expression is defined.  Constants that no rule settles are
evaluated in certified balls of 64 bits.
"""

from __future__ import annotations

from typing import Final

from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import CONSTANT, INTEGER, RATIONAL, SYMBOL, Expression
from symjax.symbolic.nodes import set_signs
from symjax.symbolic.ordering import is_constant, ratio

REAL: Final = 1
NONNEGATIVE: Final = 2
POSITIVE: Final = 4
_ALL: Final = REAL | NONNEGATIVE | POSITIVE
_BITS: Final = 64
_MAX_SIZE: Final = 60
"""Larger constants are left to the rules."""

_REAL_OF_REAL: Final = frozenset({"sin", "cos", "tan", "atan", "sinh", "tanh", "asinh", "sign"})


def is_real(expr: Expression) -> bool:
    """Whether the canonical `expr` is proved real wherever it is defined; False says nothing."""
    known = expr._signs
    return bool((_fill(expr) if known is None else known) & REAL)


def is_nonnegative(expr: Expression) -> bool:
    """Whether the canonical `expr` is proved real and at least 0 wherever it is defined; False says nothing."""
    known = expr._signs
    return bool((_fill(expr) if known is None else known) & NONNEGATIVE)


def is_positive(expr: Expression) -> bool:
    """Whether the canonical `expr` is proved real and above 0 wherever it is defined; False says nothing."""
    known = expr._signs
    return bool((_fill(expr) if known is None else known) & POSITIVE)


def _fill(expr: Expression) -> int:
    """Remember what is known of `expr` and of what is below it."""
    stack = [expr]
    while stack:
        node = stack[-1]
        missing = [arg for arg in node.args if arg._signs is None]
        if missing:
            stack += missing
        else:
            set_signs(node, _signs(node))
            stack.pop()
    return expr._signs or 0


def _signs(node: Expression) -> int:
    """What is known of a node of whose operands it is known."""
    args = node.args
    if not args:
        return _of_leaf(node)
    found = _by_rule(node.op, args)
    if found & POSITIVE or not is_constant(node) or node.size > _MAX_SIZE:
        return found
    value = evaluate(node, (1, 1), precision=_BITS)
    if not value.is_finite() or not (found & REAL or value.imag.is_zero()):
        return found
    return _ALL if value.real > 0 else found | (REAL | NONNEGATIVE if value.real >= 0 else REAL)


def _of_leaf(node: Expression) -> int:
    op = node.op
    if op in (INTEGER, RATIONAL):
        top = ratio(node)[0]
        return _ALL if top > 0 else REAL if top else REAL | NONNEGATIVE
    if op == SYMBOL:
        return REAL
    return _ALL if op == CONSTANT and node.value != "I" else 0


def _by_rule(op: str, args: tuple[Expression, ...]) -> int:
    first = args[0]._signs or 0
    if op == "mul":
        for arg in args:
            first &= arg._signs or 0
        return first
    if op == "add":
        some = 0
        for arg in args:
            signs = arg._signs or 0
            first &= signs
            some |= signs
        return first if not first & NONNEGATIVE else first | (some & POSITIVE)
    if op == "pow":
        return _of_power(first, args[1])
    if op in ("exp", "cosh"):
        return _ALL if first & REAL else 0
    if op == "abs":
        return REAL | NONNEGATIVE | (first & POSITIVE)
    if op == "sign":
        return first
    if op == "ln":
        return REAL if first & NONNEGATIVE else 0
    if op in ("sinh", "tanh", "atan", "asinh"):
        return first
    return REAL if op in _REAL_OF_REAL and first & REAL else 0


def _of_power(base: int, exponent: Expression) -> int:
    if base & NONNEGATIVE and (exponent._signs or 0) & REAL:
        return REAL | NONNEGATIVE | (base & POSITIVE)
    if base & REAL and exponent.op == INTEGER:
        return REAL | NONNEGATIVE if ratio(exponent)[0] % 2 == 0 else REAL
    return 0
