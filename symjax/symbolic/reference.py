"""The slow reference engine: Taylor coefficients by SymPy, the way the Taylor task began, in a watched process.

Differentiate, substitute 0, and take a limit where that is undefined.  Nothing here is certified, and a clock decides
whether there is an answer: use it to compare with, and `series` for labels.  Known differences: SymPy's limits are
one-sided (x > 0), so that sqrt(x**2) gets the label of x.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Any, Self

from symjax.processes import Lost, Watched
from symjax.symbolic.expression import (
    CONSTANT,
    LEAVES,
    RATIONAL,
    SYMBOL,
    Expression,
    constant,
    integer,
    postorder,
    rational,
    raw,
    symbol,
)
from symjax.symbolic.series import Refusal

if TYPE_CHECKING:
    from types import TracebackType

Encoded = tuple[tuple[str, Any, tuple[int, ...]], ...]

EXACT_DIGITS = 30
WORKING_DIGITS = 50
MEMORY_LIMIT = 2 * 2**30

PATIENCE = 10
"""Wall time over CPU time that a call may take: as busy as that the machine may be."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReferenceSeries:
    """Coefficients as SymPy has them, not certified; attributes as those of `series.TaylorSeries`."""

    exact: tuple[str, ...]
    rational: tuple[bool, ...]
    rounded: tuple[Decimal, ...]
    two_sided: bool = False
    numeric_zero: bool = False


class SympyEngine:
    """Taylor coefficients by SymPy, each call under limits, in a worker that is killed and replaced at need.

    Use it as a context manager, or call `close`.

    Args:
      seconds: limit of one call in CPU time, so that a busy machine loses no more calls than an idle one; in wall time,
        for a call that waits, `PATIENCE` times as much.
      memory_limit: bytes of address space of the worker.
    """

    def __init__(self, *, seconds: float = 10.0, memory_limit: int | None = MEMORY_LIMIT) -> None:
        self._watched = Watched(
            sympy_coefficients, time_limit=PATIENCE * seconds, memory_limit=memory_limit, cpu_limit=seconds
        )

    def taylor(self, expr: Expression, order: int = 4, digits: int = 5) -> ReferenceSeries | Refusal:
        """Coefficients of x**0 ... x**order, or why there are none.

        Reasons: "time_limit", "memory_limit", "worker_died", "worker_error" (SymPy failed); "undefined" (not finite,
        or no limit), "complex", "constant".
        """
        try:
            status, found = self._watched.call((encode(expr), order))
        except Lost as lost:
            return Refusal(lost.failure, str(lost))
        if status != "coefficients":
            return Refusal(status, found)
        context = Context(prec=digits, rounding=ROUND_HALF_EVEN)
        return ReferenceSeries(
            exact=tuple(found),
            rational=tuple(_is_rational(text) for text in found),
            rounded=tuple(_rounded(text, context) for text in found),
        )

    def close(self) -> None:
        """Ends the worker."""
        self._watched.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def encode(expr: Expression) -> Encoded:
    """The expression as plain data that another process can read: its distinct nodes, operands first."""
    places: dict[Expression, int] = {}
    for node in postorder(expr):
        places[node] = len(places)
    return tuple((node.op, node.value, tuple(places[arg] for arg in node.args)) for node in places)


def decode(encoded: Encoded) -> Expression:
    """The expression that `encode` wrote."""
    nodes: list[Expression] = []
    for op, value, places in encoded:
        if op not in LEAVES:
            nodes.append(raw(op, *(nodes[place] for place in places)))
        elif op == SYMBOL:
            nodes.append(symbol(value))
        elif op == CONSTANT:
            nodes.append(constant(value))
        else:
            nodes.append(rational(*value) if op == RATIONAL else integer(value))
    return nodes[-1]


def _is_rational(text: str) -> bool:
    return "." not in text and "E" not in text


def _rounded(text: str, context: Context) -> Decimal:
    numerator, _, denominator = text.partition("/")
    return context.divide(Decimal(numerator), Decimal(denominator or 1))


def sympy_coefficients(argument: tuple[Encoded, int]) -> tuple[str, Any]:
    """("coefficients", texts), or a reason and a sentence, for an encoded expression and an order.

    Without limits: for a worker of `processes`.
    """
    import sympy

    from symjax.symbolic.sympy_bridge import to_sympy

    encoded, order = argument
    x = sympy.Symbol("x")
    derivative = to_sympy(decode(encoded))
    texts: list[str] = []
    for k in range(order + 1):
        value = _at_zero(derivative, x)
        if value is None:
            return "undefined", f"the derivative of order {k} has no finite value at 0"
        text = _text(value / sympy.factorial(k))
        if text is None:
            return "complex", f"the coefficient of x**{k} is not real"
        texts.append(text)
        if k < order:
            derivative = sympy.diff(derivative, x)
    if _all_zero(texts[1:]):
        return "constant", f"every coefficient of x to x**{order} is zero"
    return "coefficients", texts


def _all_zero(texts: Sequence[str]) -> bool:
    return all(text == "0" for text in texts)


def _at_zero(derivative: Any, x: Any) -> Any:
    """The value at 0, by a limit from the right where substitution gives none; None where that is not finite."""
    import sympy

    bad = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.AccumBounds)
    value = derivative.subs(x, 0)
    if value.has(*bad):
        value = sympy.limit(derivative, x, 0)
    if value.has(*bad) or value.free_symbols or not value.is_number:
        return None
    return value


def _text(value: Any) -> str | None:
    """A SymPy number as "p/q", "p" or 30 significant digits; None where it is not real."""
    if value.is_Rational:
        return str(value)
    real, imag = value.evalf(WORKING_DIGITS).as_real_imag()
    tiny = Decimal(10) ** -(WORKING_DIGITS - 15)
    if abs(_plain(imag)) > tiny * (1 + abs(_plain(real))):
        return None
    number = _plain(real)
    if abs(number) < tiny:
        return "0"
    text = str(Context(prec=EXACT_DIGITS, rounding=ROUND_HALF_EVEN).create_decimal(number))
    return text if not _is_rational(text) else f"{text}.0"


def _plain(value: Any) -> Decimal:
    """A real SymPy number as Decimal, about `WORKING_DIGITS` digits."""
    import sympy

    return Decimal(str(sympy.Float(value, WORKING_DIGITS)))
