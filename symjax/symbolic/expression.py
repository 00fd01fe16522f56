"""The hash-consed expression core: immutable nodes, one object per expression.

Two expressions are equal exactly when they are the same object, so `==`, `hash` and dictionary look-ups cost
nothing.  This module holds the nodes, the raw constructors (exactly as written, nothing rewritten) and the
traversals; `canonical` holds the constructors that put expressions into canonical form while building.

No function here or below recurses over an expression: nesting is bounded by memory, not by the interpreter.
Nodes live as long as something refers to them (small ones a little longer).
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from math import gcd
from typing import Any, Final

from symjax.symbolic.operators import CONSTANTS, OPERATORS

INTEGER: Final = "integer"
RATIONAL: Final = "rational"
SYMBOL: Final = "symbol"
CONSTANT: Final = "constant"
LEAVES: Final = frozenset({INTEGER, RATIONAL, SYMBOL, CONSTANT})
N_ARY: Final = frozenset({"add", "mul"})

MAX_DIGITS: Final = 1000
"""Longest number that the readers of tokens and text accept."""

Value = int | str | tuple[int, int] | None


class _Draft:
    """The memory of a node before it is sealed by becoming an `Expression`."""

    __slots__ = ("__weakref__", "_facts", "args", "depth", "op", "size", "value")

    def __init__(self, op: str, args: tuple[Expression, ...], value: Value, size: int, depth: int) -> None:
        self.op = op
        self.args = args
        self.value = value
        self.size = size
        self.depth = depth
        self._facts: dict[str, Any] | None = None


class Expression(_Draft):
    """One node.  Built by `integer`, `rational`, `symbol`, `constant` and `raw` only.

    Attributes:
      op: an operator's name, or one of "integer", "rational", "symbol", "constant".
      args: operands; empty for leaves.
      value: int for integers, (numerator, denominator) in lowest terms with denominator > 1 for rationals,
        the name for symbols and constants, None for operators.
      size: number of nodes of the tree (a shared subtree counts each time it occurs).
      depth: number of operators on the longest path to a leaf; 0 for leaves.
    """

    __slots__ = ()

    def __init__(self) -> None:
        raise TypeError("expressions are interned: build them with integer(), symbol(), raw() and so on")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"expressions are immutable; cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"expressions are immutable; cannot delete {name!r}")

    def __repr__(self) -> str:
        return f"<{self.op} {self.value}>" if not self.args else f"<{self.op}/{len(self.args)} size {self.size}>"

    def __copy__(self) -> Expression:
        return self

    def __deepcopy__(self, memo: dict) -> Expression:
        return self

    def __reduce__(self) -> tuple:
        raise TypeError("expressions are interned per process: send their prefix tokens instead")


class _Reference(weakref.ref):
    """Weak reference that remembers its key in the intern table."""

    __slots__ = ("key",)
    key: tuple


_TABLE: dict[tuple, _Reference] = {}
_RECENT: deque[Expression] = deque(maxlen=16_384)
_RECENT_SIZE: Final = 8


def _forget(reference: _Reference) -> None:
    if _TABLE.get(reference.key) is reference:
        del _TABLE[reference.key]


def _intern(op: str, args: tuple[Expression, ...], value: Value) -> Expression:
    """The one node with this operator, operands and value.

    Small nodes are kept for a while after their last use: random trees are full of the same few.
    """
    key = (op, args) if args else (op, value)
    reference = _TABLE.get(key)
    if reference is not None:
        node = reference()
        if node is not None:
            return node
    size, depth = 1, -1
    for arg in args:
        size += arg.size
        if arg.depth > depth:
            depth = arg.depth
    draft: Any = _Draft(op, args, value, size, depth + 1)
    draft.__class__ = Expression
    reference = _Reference(draft, _forget)
    reference.key = key
    while (winner := _TABLE.setdefault(key, reference)) is not reference:  # another thread, or a dying node
        node = winner()
        if node is not None:
            return node
        _forget(winner)
    if size <= _RECENT_SIZE:
        _RECENT.append(draft)
    return draft


def integer(value: int) -> Expression:
    """The integer `value`."""
    return _intern(INTEGER, (), int(value))


def rational(numerator: int, denominator: int) -> Expression:
    """The number numerator/denominator in lowest terms; an integer node where it is one.

    Raises:
      ZeroDivisionError: the denominator is 0.
    """
    if denominator == 0:
        raise ZeroDivisionError(f"{numerator}/0 is not a number")
    divisor = gcd(numerator, denominator) * (1 if denominator > 0 else -1)
    numerator, denominator = numerator // divisor, denominator // divisor
    return integer(numerator) if denominator == 1 else _intern(RATIONAL, (), (numerator, denominator))


def symbol(name: str) -> Expression:
    """The variable `name`."""
    return _intern(SYMBOL, (), name)


def constant(name: str) -> Expression:
    """The constant `name`: pi, E (the base of exp) or I (the imaginary unit).

    Raises:
      ValueError: there is no such constant.
    """
    if name not in CONSTANTS:
        raise ValueError(f"unknown constant {name!r}; known: {', '.join(CONSTANTS)}")
    return _intern(CONSTANT, (), name)


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
    return _intern(op, args, None)


def unchecked(op: str, args: tuple[Expression, ...]) -> Expression:
    """`raw(op, *args)` for callers that have checked operator and number of operands themselves."""
    return _intern(op, args, None)


X: Final = symbol("x")
ZERO: Final = integer(0)
ONE: Final = integer(1)
PI: Final = constant("pi")
E: Final = constant("E")
IMAGINARY: Final = constant("I")


def postorder(expr: Expression) -> Iterator[Expression]:
    """Every distinct node below and including `expr`, operands before operators, each once."""
    seen: set[Expression] = set()
    stack: list[tuple[Expression, bool]] = [(expr, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))


_SET_FACTS = _Draft._facts.__set__  # type: ignore[attr-defined]


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


def _facts_of(node: Expression) -> dict[str, Any]:
    facts = node._facts
    if facts is None:
        facts = {}
        _SET_FACTS(node, facts)
    return facts


def free_symbols(expr: Expression) -> frozenset[str]:
    """Names of the variables that occur in `expr`."""
    return frozenset(str(node.value) for node in postorder(expr) if node.op == SYMBOL)
