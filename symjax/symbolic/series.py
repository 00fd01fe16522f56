"""Certified Maclaurin coefficients of an expression, or the named reason why there are none.

The expression is evaluated bottom-up in truncated series (`jets`, `functions`), exact rationals while possible and
certified balls where not.  What a setting cannot decide is tried again with more terms, more bits or in a root of x;
all limits are counts, never a clock, so that the answer is the same on every machine.  Method and measurements:
`docs/taylor.md`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

import flint
from flint import arb, fmpq

from symjax.symbolic import jets
from symjax.symbolic.expression import INTEGER, RATIONAL, SYMBOL, Expression
from symjax.symbolic.functions import FUNCTIONS, general_power
from symjax.symbolic.jets import INFINITE, Series
from symjax.symbolic.scalars import (
    CONSTANT_BOUND,
    NUMERIC_ZERO,
    ONE,
    ORDERS,
    PRECISIONS,
    SINGULAR,
    ZERO,
    Frame,
    NeedOrder,
    NeedPrecision,
    NeedRoot,
    Refused,
    Scalar,
)

MARGIN = 8
MAX_RAMIFICATION = 12
MAX_TERMS = 200
MAX_DEPTH = 1000
MAX_SIZE = 10_000
MEMO_ENTRIES = 50_000
COEFFICIENT_BOUND = 10**30
EXACT_DIGITS = 30


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why an expression has no certified series: `reason` is a short fixed name, `detail` a sentence.

    Reasons: "branch" (fractional powers of x), "complex", "constant" (every coefficient after the first is zero),
    "essential" (a pole inside a transcendental function), "logarithm", "magnitude" (a value beyond the bounds),
    "one_sided" (not the same series on both sides of 0), "pole", "power" (0 to a power that is no rational constant),
    "precision" and "order" (undecided at the last setting), "too_large" (more nodes or levels than allowed),
    "undefined" (0/0, ln 0), "variable" (a symbol other than x).
    """

    reason: str
    detail: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TaylorSeries:
    """Certified coefficients of x**0, x**1, ...

    Attributes:
      expr: the function.
      values: the coefficients, exact rationals or balls.
      rounded: each to `digits` significant digits, ties half-even; 0 exactly for zero.
      two_sided: the coefficients were compared for x > 0 and x < 0 because something depends on the side.
      numeric_zero: a ball within 2**-384 at 1152 bits was taken for zero; everything else is proved.
    """

    expr: Expression
    values: tuple[fmpq | arb, ...]
    rounded: tuple[Decimal, ...]
    two_sided: bool
    numeric_zero: bool

    @property
    def rational(self) -> tuple[bool, ...]:
        """Which coefficients are known as exact rationals."""
        return tuple(type(value) is fmpq for value in self.values)

    @functools.cached_property
    def exact(self) -> tuple[str, ...]:
        """Each coefficient as "p/q" or "p" where rational, else as 30 significant digits, correctly rounded.

        Raises:
          ArithmeticError: 1152 bits do not decide the last digit.
        """
        texts = [_exact_text(value) for value in self.values]
        for precision in PRECISIONS[1:]:
            if None not in texts:
                break
            again = _solve(self.expr, len(self.values) - 1, 5, precision)
            if isinstance(again, TaylorSeries):
                texts = [_exact_text(value) for value in again.values]
        if None in texts:
            raise ArithmeticError(f"{PRECISIONS[-1]} bits do not decide {EXACT_DIGITS} digits of a coefficient")
        return tuple(text for text in texts if text is not None)


Outcome = TaylorSeries | Refusal

_HALT = NeedOrder | NeedPrecision | NeedRoot | Refused
_RESTARTS = (NeedOrder, NeedPrecision, NeedRoot)
_FAILURES = (NeedOrder, NeedPrecision, NeedRoot, Refused)
_TABLES: dict[tuple[int, int, int, int], dict[Expression, Series | _HALT]] = {}
_OUTCOMES: dict[tuple[Expression, int, int], Outcome] = {}


def taylor_series(expr: Expression, *, order: int = 4, digits: int = 5) -> Outcome:
    """Maclaurin coefficients of x**0 ... x**order, certified, or the reason why there are none.

    A function counts as analytic at 0 when its expansions in t = |x| for x > 0 and x < 0 agree.  Where anything
    depends on the side of 0 (a root or logarithm of something that vanishes, a branch cut) both are computed and
    compared, and no fractional power or logarithm may occur up to x**8: a truncated series can never prove
    analyticity, and order 8 is this project's convention (the "order 8 margin").

    Args:
      expr: a raw expression in x.
      order: highest power, 8 at most.
      digits: significant digits of `rounded`, 30 at most.

    Raises:
      ValueError: `order` or `digits` out of range.
    """
    if not 1 <= order <= MARGIN:
        raise ValueError(f"order {order} is out of range; use 1 to {MARGIN}")
    if not 1 <= digits <= EXACT_DIGITS:
        raise ValueError(f"digits {digits} is out of range; use 1 to {EXACT_DIGITS}")
    key = (expr, order, digits)
    outcome = _OUTCOMES.get(key)
    if outcome is None:
        outcome = _solve(expr, order, digits, PRECISIONS[0])
        if len(_OUTCOMES) >= MEMO_ENTRIES:
            _OUTCOMES.clear()
        _OUTCOMES[key] = outcome
    return outcome


def clear_memo() -> None:
    """Forget everything that is remembered; results never depend on it."""
    _TABLES.clear()
    _OUTCOMES.clear()


def _solve(expr: Expression, order: int, digits: int, precision: int) -> Outcome:
    """The outcome, beginning at `precision` bits."""
    if expr.depth > MAX_DEPTH or expr.size > MAX_SIZE:
        return Refusal("too_large", f"{expr.size} nodes on {expr.depth} levels; {MAX_SIZE} and {MAX_DEPTH} are allowed")
    before = flint.ctx.prec
    orders = next(orders for orders in ORDERS if orders > order)
    ramification = 1
    try:
        while True:
            flint.ctx.prec = precision
            try:
                return _attempt(expr, order, digits, precision, orders, ramification)
            except NeedOrder:
                later = [more for more in ORDERS if more > orders]
                if not later or (later[0] - 1) * ramification + 1 > MAX_TERMS:
                    return Refusal("order", f"{orders} terms are not enough; something may be identically zero")
                orders = later[0]
            except NeedPrecision:
                later = [more for more in PRECISIONS if more > precision]
                if not later:
                    return Refusal("precision", f"{precision} bits do not decide whether a value is zero")
                precision = later[0]
            except NeedRoot as need:
                ramification *= need.args[0]
                if ramification > MAX_RAMIFICATION or (orders - 1) * ramification + 1 > MAX_TERMS:
                    return Refusal("branch", "a fractional power of x")
            except Refused as refused:
                return Refusal(*refused.args)
    finally:
        flint.ctx.prec = before


def _attempt(expr: Expression, order: int, digits: int, precision: int, orders: int, ramification: int) -> Outcome:
    """The outcome in one setting."""
    frame = Frame(precision, orders, ramification, 1)
    series = _evaluate(expr, frame)
    flags = series.flags
    frame.flags = 0
    singular = flags & SINGULAR or ramification > 1
    margin = MARGIN if singular else order
    values = _powers(frame, series, margin)
    if singular:
        other = Frame(precision, orders, ramification, -1)
        try:
            mirrored = _evaluate(expr, other)
            flags |= mirrored.flags
            other.flags = 0
            opposite = _powers(other, mirrored, margin)
        except Refused as refused:
            raise Refused("one_sided", f"for x < 0: {refused.args[1]}") from None
        for k, (right, left) in enumerate(zip(values, opposite, strict=True)):
            if not frame.is_zero(right + left if k % 2 else right - left):
                raise Refused("one_sided", "the expansions for x > 0 and x < 0 differ")
        flags |= other.flags
    real = tuple(_real_value(frame, value) for value in values[: order + 1])
    if not any(real[1:]):
        raise Refused("constant", f"every coefficient of x to x**{order} is zero")
    rounded = tuple(_round(value, digits) for value in real)
    flags |= frame.flags
    return TaylorSeries(
        expr=expr, values=real, rounded=rounded, two_sided=bool(singular), numeric_zero=bool(flags & NUMERIC_ZERO)
    )


def _powers(frame: Frame, s: Series, margin: int) -> list[Scalar]:
    """Coefficients of t**0 ... t**margin.

    Raises:
      Refused: a logarithm, a pole or a fractional power.
      NeedOrder: not all of them are known.
    """
    if s.log is not None:
        jets.lead(s.log)
        raise Refused("logarithm", "the function has a logarithm at 0")
    if s.v < 0:
        jets.lead(s)
        raise Refused("pole", "the function has a pole at 0")
    if s.v == INFINITE:
        return [ZERO] * (margin + 1)
    r = frame.ramification
    c = [ZERO] * min(s.v, margin * r + 1) + s.c
    if r > 1 and any(k % r and not frame.is_zero(value) for k, value in enumerate(c)):
        raise Refused("branch", "a fractional power of x")
    if s.const:
        c += [ZERO] * (margin * r + 1)
    elif s.known <= margin * r:
        raise NeedOrder
    return c[: margin * r + 1 : r]


def _real_value(frame: Frame, value: Scalar) -> fmpq | arb:
    """A coefficient as exact rational or as a ball that is not zero."""
    real = frame.real_part(value)
    if real is None:
        raise Refused("complex", "a coefficient is not real")
    if type(real) is fmpq:
        if abs(real) >= COEFFICIENT_BOUND:
            raise Refused("magnitude", "a coefficient of 1e30 or more")
        return real
    if frame.real_is_zero(real):
        return ZERO
    size = abs(real)
    if size > COEFFICIENT_BOUND or size < arb(2) ** -4096:
        raise Refused("magnitude", "a coefficient of 1e30 or more, or smaller than 2**-4096")
    if real.rel_accuracy_bits() < 64:
        raise NeedPrecision
    return real


@functools.cache
def _context(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=-99999, Emax=99999)


def _decimal(value: fmpq | arb, digits: int) -> Decimal | None:
    """The value to `digits` significant digits, ties half-even; None where a ball does not decide it."""
    context = _context(digits)
    if type(value) is fmpq:
        return context.divide(Decimal(int(value.p)), Decimal(int(value.q))) if value else Decimal(0)
    middle, radius, exponent = value.mid_rad_10exp(digits + 10)
    middle, radius = int(middle), int(radius)
    low = context.create_decimal(middle - radius)
    if low != context.create_decimal(middle + radius):
        return None
    return low.scaleb(int(exponent), context)


def _round(value: fmpq | arb, digits: int) -> Decimal:
    result = _decimal(value, digits)
    if result is None:
        raise NeedPrecision
    return result


def _exact_text(value: fmpq | arb) -> str | None:
    if type(value) is fmpq:
        return str(value)
    result = _decimal(value, EXACT_DIGITS)
    return None if result is None else str(result)


def _evaluate(expr: Expression, frame: Frame) -> Series:
    """The series of `expr` in one setting.

    Raises:
      NeedOrder, NeedPrecision, NeedRoot: another setting is needed.
      Refused: there is none.
    """
    key = (frame.precision, frame.orders, frame.ramification, frame.side)
    table = _TABLES.get(key)
    if table is None:
        table = _TABLES[key] = {}
    found = table.get(expr)
    if found is None:
        if len(table) >= MEMO_ENTRIES:
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
    if type(found) is not Series:
        raise found
    return found


def _node(node: Expression, table: dict[Expression, Series | _HALT], frame: Frame) -> Series | _HALT:
    """The series of one node from those of its operands, or the exception that stands for it."""
    args: list[Series] = []
    flags = 0
    failed: _HALT | None = None
    for arg in node.args:
        value = table[arg]
        if type(value) is not Series:
            if failed is None or (type(failed) is Refused and type(value) is not Refused):
                failed = value  # type: ignore[assignment]
        else:
            flags |= value.flags
            args.append(value)
    if failed is not None and not (type(failed) is Refused and _cancels(node, failed)):
        return failed
    frame.flags = frame.inputs = flags
    try:
        if node.op in ("sub", "div") and node.args[0] is node.args[1]:
            result = _cancelled(node, args, frame)
        else:
            result = _apply(node, args, frame)
        result = jets.finish(result, frame.flags)
    except _FAILURES as error:
        return error.with_traceback(None)
    if result.v == 0 and result.c and abs(result.c[0]) > CONSTANT_BOUND:
        return Refused("magnitude", "a value above 2**40 at 0")
    return result


def _cancels(node: Expression, failed: Refused) -> bool:
    """Whether the node is a - a or a/a for an a that has a value near 0, though no series."""
    same = node.op in ("sub", "div") and node.args[0] is node.args[1]
    return same and failed.args[0] in ("power", "logarithm", "essential", "branch")


def _cancelled(node: Expression, args: Sequence[Series], frame: Frame) -> Series:
    """a - a = 0; a/a = 1 where a is not zero."""
    if node.op == "sub":
        return Series(INFINITE, [], True)
    if args and args[0].log is None:
        if args[0].v == INFINITE:
            raise Refused("undefined", "division by zero")
        jets.lead(args[0])
    return jets.constant(frame, ONE)


def _apply(node: Expression, args: Sequence[Series], frame: Frame) -> Series:
    op = node.op
    if op == SYMBOL:
        if node.value != "x":
            raise Refused("variable", f"{node.value} is not x")
        return Series(frame.ramification, [fmpq(frame.side)] + [ZERO] * (frame.terms - 1))
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
    return FUNCTIONS[op](frame, args[0])


def _number(node: Expression, frame: Frame) -> Series:
    numerator, denominator = node.value if node.op == RATIONAL else (node.value, 1)  # type: ignore[misc]
    if int(numerator).bit_length() > 4096 or int(denominator).bit_length() > 4096:
        raise Refused("magnitude", "a number of more than 4096 bits")
    return jets.constant(frame, fmpq(numerator, denominator))
