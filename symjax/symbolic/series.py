"""Certified Maclaurin coefficients of an expression, or the named reason why there are none.

The expression is evaluated bottom-up in truncated series (`jets`, `functions`), exact rationals while possible and
certified balls where not.  What a setting cannot decide is tried again with more terms, more bits or in a root of x;
all limits are counts, never a clock, so that the answer is the same on every machine.  Method and measurements:
`docs/taylor.md`.
"""

from __future__ import annotations

import dataclasses
import functools
from decimal import ROUND_HALF_EVEN, Context, Decimal

import flint
from flint import arb, fmpq

from symjax.symbolic import expansion, jets
from symjax.symbolic.expansion import SIGNALS, Signal
from symjax.symbolic.expression import Expression
from symjax.symbolic.jets import INFINITE, Series
from symjax.symbolic.scalars import (
    NUMERIC_ZERO,
    ORDERS,
    PRECISIONS,
    SINGULAR,
    ZERO,
    Frame,
    NeedOrder,
    NeedPrecision,
    Refused,
    Scalar,
)

MARGIN = 8
MAX_RAMIFICATION = 12
MAX_TERMS = 200
MAX_DEPTH = 1000
MAX_SIZE = 10_000
MEMO_ENTRIES = 50_000
COEFFICIENT_BOUND = arb(10) ** 30
COEFFICIENT_LEAST = arb(2) ** -4096
EXACT_DIGITS = 30
_NOTHING = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why an expression has no certified series: `reason` is a short fixed name, `detail` a sentence.

    Reasons: "branch" (fractional powers of x), "complex", "constant" (every coefficient after the first is zero),
    "essential" (a pole inside a transcendental function), "logarithm", "magnitude" (a value beyond the bounds),
    "one_sided" (not the same series on both sides of 0), "pole", "power" (0 to a power that is no rational constant),
    "precision" and "order" (undecided at the last setting), "too_large" (more nodes or levels than allowed),
    "undefined" (0/0, ln 0), "variable" (a symbol other than x), "operator" (one that has no rule here).
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
        return tuple(isinstance(value, fmpq) for value in self.values)

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
    expansion.clear_memo()
    _OUTCOMES.clear()


def _solve(expr: Expression, order: int, digits: int, precision: int) -> Outcome:
    """The outcome, beginning at `precision` bits."""
    if expr.depth > MAX_DEPTH or expr.size > MAX_SIZE:
        return Refusal("too_large", f"{expr.size} nodes on {expr.depth} levels; {MAX_SIZE} and {MAX_DEPTH} are allowed")
    before, before_cap = flint.ctx.prec, flint.ctx.cap
    orders = next(orders for orders in ORDERS if orders > order)
    ramification = 1
    try:
        while True:
            flint.ctx.prec = precision
            result = _attempt(expr, order, digits, Frame(precision, orders, ramification, 1))
            if isinstance(result, TaylorSeries | Refusal):
                return result
            if isinstance(result, Refused):
                return Refusal(*result.args)
            if isinstance(result, NeedOrder):
                orders = next((more for more in ORDERS if more > orders), 0)
                if not orders:
                    return Refusal("order", f"{ORDERS[-1]} terms do not suffice; something may be identically zero")
            elif isinstance(result, NeedPrecision):
                precision = next((more for more in PRECISIONS if more > precision), 0)
                if not precision:
                    return Refusal("precision", f"{PRECISIONS[-1]} bits do not decide whether a value is zero")
            else:
                ramification *= result.args[0]
            if ramification > MAX_RAMIFICATION or (orders - 1) * ramification + 1 > MAX_TERMS:
                return Refusal("branch", "a fractional power of x that does not cancel early")
    finally:
        flint.ctx.prec, flint.ctx.cap = before, before_cap


def _attempt(expr: Expression, order: int, digits: int, frame: Frame) -> Outcome | Signal:
    """The outcome in one setting, or the signal that another one is needed."""
    series = expansion.expand(expr, frame)
    if not isinstance(series, Series):
        return series
    frame.flags = series.flags
    singular = frame.flags & SINGULAR or frame.ramification > 1
    try:
        values = _powers(frame, series, MARGIN if singular else order)
        if singular:
            mirrored = Frame(frame.precision, frame.orders, frame.ramification, -1)
            if not _same(frame, values, _left_values(expr, mirrored)):
                return Refusal("one_sided", "the expansions for x > 0 and x < 0 differ")
            frame.flags |= mirrored.flags
        real = tuple([_real_value(frame, value) for value in values[: order + 1]])
        if not any(real[1:]):
            return Refusal("constant", f"every coefficient of x to x**{order} is zero")
        rounded = tuple([_round(value, digits) for value in real])
    except SIGNALS as signal:
        return signal
    numeric_zero = bool(frame.flags & NUMERIC_ZERO)
    return TaylorSeries(expr=expr, values=real, rounded=rounded, two_sided=bool(singular), numeric_zero=numeric_zero)


def _left_values(expr: Expression, frame: Frame) -> list[Scalar]:
    """Coefficients of the powers of t for x = -t.

    Raises:
      Refused: "one_sided": there are none.
    """
    series = expansion.expand(expr, frame)
    try:
        if not isinstance(series, Series):
            raise series
        frame.flags = series.flags
        return _powers(frame, series, MARGIN)
    except Refused as refused:
        raise Refused("one_sided", f"for x < 0: {refused.args[1]}") from None


def _same(frame: Frame, right: list[Scalar], left: list[Scalar]) -> bool:
    """Whether coefficients for x = t and x = -t belong to one function of x."""
    return all(
        frame.is_zero(one + other if k % 2 else one - other)
        for k, (one, other) in enumerate(zip(right, left, strict=True))
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
    if isinstance(value, fmpq):
        if value.height_bits() > 99 and arb(abs(value)) >= COEFFICIENT_BOUND:
            raise Refused("magnitude", "a coefficient of 1e30 or more")
        return value
    real = frame.real_part(value)
    if real is None:
        raise Refused("complex", "a coefficient is not real")
    if isinstance(real, fmpq) or frame.real_is_zero(real):
        return real if isinstance(real, fmpq) else ZERO
    size = abs(real)
    if size > COEFFICIENT_BOUND or size < COEFFICIENT_LEAST:
        raise Refused("magnitude", "a coefficient of 1e30 or more, or smaller than 2**-4096")
    if real.rel_accuracy_bits() < 64:
        raise NeedPrecision
    return real


@functools.cache
def _context(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=-99999, Emax=99999)


def _decimal(value: fmpq | arb, digits: int) -> Decimal | None:
    """The value to `digits` significant digits, ties half-even; None where a ball does not decide it."""
    if isinstance(value, fmpq):
        return _context(digits).divide(Decimal(int(value.p)), Decimal(int(value.q))) if value else _NOTHING
    context = _context(digits)
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
    if isinstance(value, fmpq):
        return str(value)
    result = _decimal(value, EXACT_DIGITS)
    return None if result is None else str(result)
