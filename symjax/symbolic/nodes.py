"""The memory of expressions: immutable nodes, one object per expression, in one table for all threads.

Nodes live as long as something refers to them, small ones a little longer.
`expression` has the constructors; the slots in which other modules remember what they found out are set from here.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final

INTEGER: Final = "integer"
RATIONAL: Final = "rational"
SYMBOL: Final = "symbol"
CONSTANT: Final = "constant"

Value = int | str | tuple[int, int] | None


class _Draft:
    """The memory of a node before it is sealed by becoming an `Expression`.

    Slots with an underscore remember what other modules found out about the node; they are None until then.
    """

    __slots__ = (
        "__weakref__",
        "_facts",
        "_leads",
        "_order",
        "_parts",
        "_signs",
        "_tokens",
        "args",
        "depth",
        "names",
        "op",
        "size",
        "value",
    )

    op: str
    args: tuple[Expression, ...]
    value: Value
    size: int
    depth: int
    names: int
    _facts: dict[str, Any] | None
    _leads: bool | None
    _order: Any
    _parts: Any
    _signs: int | None
    _tokens: int | None


class Expression(_Draft):
    """One node.  Built by `integer`, `rational`, `symbol`, `constant` and `raw` only.

    Attributes:
      op: an operator's name, or one of "integer", "rational", "symbol", "constant".
      args: operands; empty for leaves.
      value: int for integers, (numerator, denominator) in lowest terms with denominator > 1 for rationals,
        the name for symbols and constants, None for operators.
      size: number of nodes of the tree (a shared subtree counts each time it occurs).
      depth: number of operators on the longest path to a leaf; 0 for leaves.
      names: the symbols and constants that occur, a bit for each; `bit_of` says which.
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
    """Weak reference that remembers its key in the table."""

    __slots__ = ("key",)
    key: tuple[str, Any]


_TABLE: dict[tuple[str, Any], _Reference] = {}
_RECENT: deque[Expression] = deque(maxlen=16_384)
_RECENT_SIZE: Final = 8
"""Small nodes are kept for a while after their last use: random trees are full of the same few."""

_BITS: dict[tuple[str, str], int] = {}
_LOCK: Final = threading.Lock()
_new: Final = object.__new__


def _forget(reference: _Reference) -> None:
    """Remove the entry of a node that is gone.

    Between the two subscripts the interpreter does not switch threads, as it might after a call: no other thread's
    entry is removed.
    """
    try:
        if _TABLE[reference.key] is reference:
            del _TABLE[reference.key]
    except KeyError:
        pass


def leaf(op: str, value: Value) -> Expression:
    """The one leaf of this kind and value."""
    key = (op, value)
    reference = _TABLE.get(key)
    if reference is not None:
        node = reference()
        if node is not None:
            return node
    return _make(key, (), value)


def unchecked(op: str, args: tuple[Expression, ...]) -> Expression:
    """`raw(op, *args)` for callers that have checked operator and number of operands themselves."""
    key = (op, args)
    reference = _TABLE.get(key)
    if reference is not None:
        node = reference()
        if node is not None:
            return node
    return _make(key, args, None)


def _make(key: tuple[str, Any], args: tuple[Expression, ...], value: Value) -> Expression:
    """A node that the table did not have, or the one that another thread has put there by now."""
    size = 1
    depth = names = 0
    if args:
        for arg in args:
            size += arg.size
            names |= arg.names
            if arg.depth > depth:
                depth = arg.depth
        depth += 1
    elif isinstance(value, str):
        names = bit_of(value, key[0])
    draft: Any = _new(_Draft)
    draft.op = key[0]
    draft.args = args
    draft.value = value
    draft.size = size
    draft.depth = depth
    draft.names = names
    draft._facts = draft._leads = draft._order = draft._parts = draft._signs = draft._tokens = None
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


def bit_of(name: str, op: str = SYMBOL) -> int:
    """The bit that stands for a symbol or constant in `Expression.names`; the lowest three are the constants'."""
    bit = _BITS.get((op, name))
    if bit is None:
        with _LOCK:
            bit = _BITS.setdefault((op, name), 1 << len(_BITS))
    return bit


def names_in(bits: int) -> list[tuple[str, str]]:
    """(kind, name) of the symbols and constants of `Expression.names`, in the order in which they were first built."""
    return [kind_and_name for kind_and_name, bit in list(_BITS.items()) if bits & bit]


set_facts: Final[Callable[[Expression, Any], None]] = _Draft._facts.__set__  # type: ignore[attr-defined]
set_leads: Final[Callable[[Expression, bool], None]] = _Draft._leads.__set__  # type: ignore[attr-defined]
set_order: Final[Callable[[Expression, Any], None]] = _Draft._order.__set__  # type: ignore[attr-defined]
set_parts: Final[Callable[[Expression, Any], None]] = _Draft._parts.__set__  # type: ignore[attr-defined]
set_signs: Final[Callable[[Expression, int], None]] = _Draft._signs.__set__  # type: ignore[attr-defined]
set_tokens: Final[Callable[[Expression, int], None]] = _Draft._tokens.__set__  # type: ignore[attr-defined]
