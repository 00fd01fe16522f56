"""The series of an expression in one setting: bottom-up over its nodes, without recursion, remembering subtrees."""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from symjax.symbolic import jets
from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import INTEGER, RATIONAL, SYMBOL, Expression, postorder
from symjax.symbolic.functions import FUNCTIONS, general_power
from symjax.symbolic.jets import INFINITE, Series
from symjax.symbolic.scalars import (
    BITS_BOUND,
    CONSTANT_BOUND,
    ONE,
    PRECISIONS,
    ZERO,
    Frame,
    NeedOrder,
    NeedPrecision,
    NeedRoot,
    Refused,
    Scalar,
)

Signal = NeedOrder | NeedPrecision | NeedRoot | Refused
SIGNALS = (NeedOrder, NeedPrecision, NeedRoot, Refused)
TABLE_ENTRIES = 50_000

_TABLES: dict[tuple[int, int, int, int], dict[Expression, Series | Signal]] = {}


def clear_memo() -> None:
    """Forget all series; results never depend on what is remembered."""
    _TABLES.clear()


def expand(expr: Expression, frame: Frame) -> Series | Signal:
    """The series of `expr` in one setting; or the signal that another setting is needed, or that there is none."""
    key = (frame.precision, frame.orders, frame.ramification, frame.side)
    table = _TABLES.get(key)
    if table is None:
        table = _TABLES[key] = {}
    found = table.get(expr)
    if found is None:
        if len(table) >= TABLE_ENTRIES:
            table.clear()
        stack = [expr]
        while stack:
            node = stack[-1]
            missing = [arg for arg in node.args if arg not in table]
            if missing:
                stack += missing
                continue
            stack.pop()
            if node not in table:
                table[node] = _node(node, table, frame)
        found = table[expr]
    return found


def _node(node: Expression, table: dict[Expression, Series | Signal], frame: Frame) -> Series | Signal:
    """The series of one node from those of its operands, or the exception that stands for it."""
    args: list[Series] = []
    flags = 0
    failed: Signal | None = None
    for arg in node.args:
        value = table[arg]
        if not isinstance(value, Series):
            if failed is None or (isinstance(failed, Refused) and not isinstance(value, Refused)):
                failed = value
        else:
            flags |= value.flags
            args.append(value)
    if isinstance(failed, Refused) and _cancels(node, failed):
        failed = _undefined_below(node, table)
    if failed is not None:
        return failed
    frame.flags = frame.inputs = flags
    try:
        if node.op in ("sub", "div") and node.args[0] is node.args[1]:
            result = _cancelled(node, args, frame)
        else:
            result = _apply(node, args, frame)
        result = jets.finish(result, frame.flags)
    except SIGNALS as error:
        return error.with_traceback(None)
    if result.v == 0 and result.c and _large(result.c[0]):
        return Refused("magnitude", "a value above 2**40 at 0")
    return result


def _large(value: Scalar) -> bool:
    """Whether a value certainly exceeds the bound for values at 0."""
    if isinstance(value, fmpq):
        return value.height_bits() > 40 and abs(value) > CONSTANT_BOUND
    return abs(value) > CONSTANT_BOUND


def _cancels(node: Expression, failed: Refused) -> bool:
    """Whether the node is a - a or a/a for an a that has a value near 0, though no series."""
    same = node.op in ("sub", "div") and node.args[0] is node.args[1]
    return same and failed.args[0] in ("power", "logarithm", "essential", "branch")


def _undefined_below(node: Expression, table: dict[Expression, Series | Signal]) -> Refused | None:
    """Why something below the node has no value at all; None where everything has one."""
    found = (table[below] for below in postorder(node) if below is not node)
    return next((why for why in found if isinstance(why, Refused) and why.args[0] == "undefined"), None)


def _cancelled(node: Expression, args: Sequence[Series], frame: Frame) -> Series:
    """a - a = 0; a/a = 1 where a is not zero."""
    if node.op == "sub":
        return Series(INFINITE, [], True)
    zero = args[0].v == INFINITE and args[0].log is None if args else _vanishes(node.args[0], frame.side)
    if zero:
        raise Refused("undefined", "division by zero")
    if args and args[0].log is None:
        jets.lead(args[0])
    return jets.constant(frame, ONE)


def _vanishes(expr: Expression, side: int) -> bool:
    """Whether a function without series is zero on this side of 0, as far as balls at two points tell."""
    values = [evaluate(expr, (side * place, 2**16), precision=PRECISIONS[-1]) for place in (4791, 12565)]
    return all(value.is_finite() and 0 in value.real and 0 in value.imag for value in values)


def _apply(node: Expression, args: Sequence[Series], frame: Frame) -> Series:
    op = node.op
    if op == SYMBOL:
        if node.value != "x":
            raise Refused("variable", f"{node.value} is not x")
        return Series(frame.ramification, [fmpq(frame.side), *[ZERO] * (frame.terms - 1)])
    if op in (INTEGER, RATIONAL):
        return _number(node, frame)
    if op == "add":
        result = args[0]
        for arg in args[1:]:
            result = jets.add(frame, result, arg)
        return result
    if op == "mul":
        result = args[0]
        for arg in args[1:]:
            result = jets.mul(frame, result, arg)
        return result
    if op == "sub":
        return jets.add(frame, args[0], jets.negative(frame, args[1]))
    if op == "div":
        return jets.div(frame, args[0], args[1])
    if op == "pow":
        return general_power(frame, args[0], args[1])
    rule = FUNCTIONS.get(op)
    if rule is None:
        raise Refused("operator", f"{op} has no series")
    return rule(frame, args[0])


def _number(node: Expression, frame: Frame) -> Series:
    value = node.value
    if isinstance(value, str) or value is None:
        raise TypeError(f"a number has the value {value!r}")
    numerator, denominator = value if isinstance(value, tuple) else (value, 1)
    if max(numerator.bit_length(), denominator.bit_length()) > BITS_BOUND:
        raise Refused("magnitude", f"a number of more than {BITS_BOUND} bits")
    return jets.constant(frame, fmpq(numerator, denominator))
