"""The hash-consed expression core: constructors of raw expressions, exactly as written, and traversals.

Two expressions are equal exactly when they are the same object, so `==`, `hash` and dictionary look-ups cost
nothing.  `nodes` holds the nodes themselves; `canonical` holds the constructors that put expressions into canonical
form while building.

No function here recurses over an expression: nesting is bounded by memory, not by the interpreter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from math import gcd
from typing import Any, Final

from symjax.symbolic.nodes import (
    CONSTANT,
    INTEGER,
    RATIONAL,
    SYMBOL,
    Expression,
    bit_of,
    leaf,
    names_in,
    set_facts,
    unchecked,
)
from symjax.symbolic.operators import CONSTANTS, OPERATORS

LEAVES: Final = frozenset({INTEGER, RATIONAL, SYMBOL, CONSTANT})
N_ARY: Final = frozenset({"add", "mul"})

MAX_DIGITS: Final = 1000
"""Longest number that the readers of tokens and text accept."""


def integer(value: int) -> Expression:
    """The integer `value`."""
    return _SMALL_INTEGERS.get(value) or leaf(INTEGER, int(value))


def rational(numerator: int, denominator: int) -> Expression:
    """The number numerator/denominator in lowest terms; an integer node where it is one.

    Raises:
      ZeroDivisionError: the denominator is 0.
    """
    if denominator == 0:
        raise ZeroDivisionError(f"{numerator}/0 is not a number")
    divisor = gcd(numerator, denominator) * (1 if denominator > 0 else -1)
    numerator, denominator = numerator // divisor, denominator // divisor
    return integer(numerator) if denominator == 1 else leaf(RATIONAL, (numerator, denominator))


def symbol(name: str) -> Expression:
    """The variable `name`."""
    return leaf(SYMBOL, name)


def constant(name: str) -> Expression:
    """The constant `name`: pi, E (the base of exp) or I (the imaginary unit).

    Raises:
      ValueError: there is no such constant.
    """
    if name not in CONSTANTS:
        raise ValueError(f"unknown constant {name!r}; known: {', '.join(CONSTANTS)}")
    return leaf(CONSTANT, name)


def raw(op: str, *args: Expression) -> Expression:
    """`op` applied to `args`, exactly as written.

    Sums and products take two operands or more, every other operator its arity.

    Raises:
      ValueError: unknown operator, or a number of operands that it does not take.
    """
    row = OPERATORS.get(op)
    if row is None:
        raise ValueError(f"unknown operator {op!r}; known: {', '.join(OPERATORS)}")
    if len(args) != row.arity and not (op in N_ARY and len(args) > row.arity):
        raise ValueError(f"{op} takes {row.arity} operand{'s' * (row.arity > 1)}, got {len(args)}")
    return unchecked(op, args)


for _name in CONSTANTS:
    bit_of(_name, CONSTANT)
SYMBOL_BITS: Final = -1 << len(CONSTANTS)
"""Mask of the bits of symbols in `Expression.names`."""

_SMALL_INTEGERS: Final[dict[int, Expression]] = {}
_SMALL_INTEGERS.update({value: integer(value) for value in range(-256, 257)})
X: Final = symbol("x")
ZERO: Final = integer(0)
ONE: Final = integer(1)
PI: Final = constant("pi")
E: Final = constant("E")
IMAGINARY: Final = constant("I")


def postorder(expr: Expression) -> Iterator[Expression]:
    """Every distinct node below and including `expr`, operands before operators, each once."""
    seen: set[Expression] = set()
    stack: list[Expression | None] = [expr]
    pop = stack.pop
    while stack:
        node = pop()
        if node is None:  # the operands of the node below it have been given
            yield pop()  # type: ignore[misc]
        elif node not in seen:
            seen.add(node)
            if node.args:
                stack.append(node)
                stack.append(None)
                stack.extend(node.args[::-1])
            else:
                yield node


def fact(expr: Expression, name: str, rule: Callable[[Expression, list[Any]], Any]) -> Any:
    """What `rule` says of `expr`, remembered as `name` for as long as the node lives.

    The rule gets a node and what it said of each operand.  Facts must not hold the node itself, which would keep it
    alive.  Operands come first; nothing recurses.
    """
    known = expr._facts
    if known is not None and name in known:
        return known[name]
    stack = [expr]
    while stack:
        node = stack[-1]
        missing = [arg for arg in node.args if name not in _facts_of(arg)]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        facts = _facts_of(node)
        if name not in facts:
            facts[name] = rule(node, [_facts_of(arg)[name] for arg in node.args])
    return _facts_of(expr)[name]


def remembered(expr: Expression, name: str, find: Callable[[Expression], Any]) -> Any:
    """What `find` says of `expr`, remembered as `name` for as long as the node lives."""
    facts = _facts_of(expr)
    if name not in facts:
        facts[name] = find(expr)
    return facts[name]


def _facts_of(node: Expression) -> dict[str, Any]:
    facts = node._facts
    if facts is None:
        facts = {}
        set_facts(node, facts)
    return facts


def free_symbols(expr: Expression) -> frozenset[str]:
    """Names of the variables that occur in `expr`."""
    return _symbols(expr.names)


@functools.lru_cache(maxsize=256)
def _symbols(bits: int) -> frozenset[str]:
    return frozenset(name for op, name in names_in(bits) if op == SYMBOL)


def occurs(name: str, expr: Expression) -> bool:
    """Whether the symbol `name` occurs in `expr`."""
    return bool(expr.names & bit_of(name))
