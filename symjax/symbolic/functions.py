"""Elementary functions of truncated series: one rule for each operator, on principal branches.

Values on a branch cut follow FLINT and SymPy: an argument exactly on the cut takes the value of the side that they
choose; an argument that leaves the cut for u > 0 takes the value of the side that it leaves to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flint import acb, arb, fmpq

from symjax.symbolic import inverses, jets, recurrences
from symjax.symbolic.jets import INFINITE, Series
from symjax.symbolic.scalars import (
    COMPLEX,
    HALF,
    ONE,
    SINGULAR,
    ZERO,
    Frame,
    NeedRoot,
    Refused,
    Scalar,
    ball,
    tidy,
)

Rule = Callable[[Frame, Series], Series]


def exponential(frame: Frame, s: Series) -> Series:
    """exp(s); exp(a + q*ln t) is t**q * exp(a) for a rational constant q.

    Raises:
      NeedRoot: t**q is not a power of u.
      Refused: essential singularity, or another logarithm.
    """
    shift = 0
    if s.log is not None:
        shift = _log_exponent(frame, s.log)
    h = _argument(frame, s)
    start = h[0]
    if not start and recurrences.all_rational(h):
        return jets.made(frame, shift, recurrences.rational_function("exp", h), s.const and not shift)
    value = tidy(ball(start).exp()) if start else ONE
    return jets.made(frame, shift, recurrences.exp_terms(h, value), s.const and not shift)


def _log_exponent(frame: Frame, log: Series) -> int:
    """The power of u that exp(log * ln t) is."""
    factor = jets.lead(log)
    if not log.const or not isinstance(factor, fmpq):
        raise Refused("logarithm", "a logarithm in an exponent, with a factor that is not a rational constant")
    exponent = factor * frame.ramification
    if exponent.q != 1:
        raise NeedRoot(int(exponent.q))
    frame.flags |= SINGULAR
    return int(exponent.p)


def _argument(frame: Frame, s: Series) -> list[Scalar]:
    """Coefficients from u**0 on, as many as the result can know."""
    if s.v < 0:
        raise Refused("essential", "a pole inside a transcendental function")
    return jets.dense(s, frame.terms if s.v == INFINITE else min(frame.terms, s.known))


def _odd_argument(s: Series) -> list[Scalar]:
    """The same for functions that vanish with their argument: enough terms to keep the relative order."""
    if s.log is not None:
        raise Refused("logarithm", "a logarithm inside a transcendental function")
    if s.v < 0:
        raise Refused("essential", "a pole inside a transcendental function")
    return jets.dense(s, s.known)


_NAMES = {(False, True): "sin", (False, False): "cos", (True, True): "sinh", (True, False): "cosh"}


def _zero(s: Series) -> bool:
    return s.v == INFINITE and s.log is None


def _pair(frame: Frame, s: Series, hyperbolic: bool, odd: bool) -> Series:
    """sin, cos, sinh or cosh of s."""
    h = _odd_argument(s) if odd else _even_argument(frame, s)
    start = h[0]
    if not start:
        if recurrences.all_rational(h):
            name = _NAMES[hyperbolic, odd]
            return jets.made(frame, 0, recurrences.rational_function(name, h), s.const)
        first, second = ZERO, ONE
    else:
        value = ball(start)
        first, second = value.sinh_cosh() if hyperbolic else value.sin_cos()
        first, second = tidy(first), tidy(second)
    terms = recurrences.paired_terms(h, first, second, 1 if hyperbolic else -1)
    return jets.made(frame, 0, terms[0] if odd else terms[1], s.const)


def _even_argument(frame: Frame, s: Series) -> list[Scalar]:
    if s.log is not None:
        raise Refused("logarithm", "a logarithm inside a transcendental function")
    return _argument(frame, s)


def sine(frame: Frame, s: Series) -> Series:
    """sin(s)."""
    return s if _zero(s) else _pair(frame, s, False, True)


def cosine(frame: Frame, s: Series) -> Series:
    """cos(s)."""
    return _pair(frame, s, False, False)


def sinh(frame: Frame, s: Series) -> Series:
    """sinh(s)."""
    if _zero(s):
        return s
    if s.log is not None:
        grown = exponential(frame, s)
        difference = jets.add(frame, grown, jets.negative(frame, jets.power(frame, grown, -ONE)))
        return jets.scale(frame, difference, HALF)
    return _pair(frame, s, True, True)


def cosh(frame: Frame, s: Series) -> Series:
    """cosh(s)."""
    if s.log is not None:
        grown = exponential(frame, s)
        return jets.scale(frame, jets.add(frame, grown, jets.power(frame, grown, -ONE)), HALF)
    return _pair(frame, s, True, False)


def tangent(frame: Frame, s: Series) -> Series:
    """tan(s)."""
    if _zero(s):
        return s
    h = _odd_argument(s)
    start = h[0]
    if start:
        sin, cos = ball(start).sin_cos()
        if frame.is_zero(cos):
            return jets.div(frame, sine(frame, s), cosine(frame, s))
        start = tidy(sin / cos)
    elif recurrences.all_rational(h):
        return jets.made(frame, 0, recurrences.rational_function("tan", h))
    return jets.made(frame, 0, recurrences.tangent_terms(h, start, 1), s.const)


def tanh(frame: Frame, s: Series) -> Series:
    """tanh(s)."""
    if _zero(s):
        return s
    if s.log is not None:
        square = jets.power(frame, exponential(frame, s), fmpq(2))
        one = jets.constant(frame, ONE)
        return jets.div(frame, jets.add(frame, square, jets.negative(frame, one)), jets.add(frame, square, one))
    h = _odd_argument(s)
    start = h[0]
    if start:
        sin, cos = ball(start).sinh_cosh()
        if frame.is_zero(cos):
            return jets.div(frame, sinh(frame, s), cosh(frame, s))
        start = tidy(sin / cos)
    elif recurrences.all_rational(h):
        return jets.made(frame, 0, recurrences.rational_function("tanh", h))
    return jets.made(frame, 0, recurrences.tangent_terms(h, start, -1), s.const)


def logarithm(frame: Frame, s: Series) -> Series:
    """ln(s); a zero or pole of order v at 0 adds (v/r) * ln t.

    Raises:
      Refused: s is zero or carries a logarithm.
    """
    if s.log is not None:
        raise Refused("logarithm", "a logarithm of a logarithm")
    if s.v == INFINITE:
        raise Refused("undefined", "the logarithm of zero")
    value = jets.lead(s)
    real = frame.real_part(value)
    if real is None:
        start: Scalar = ball(value).log()
    elif frame.sign(real) > 0:
        start = ZERO if isinstance(real, fmpq) and real == 1 else arb(real).log()
    else:
        side = jets.cut_side(frame, s) or 1
        frame.flags |= COMPLEX
        start = acb(ZERO if isinstance(real, fmpq) and real == -1 else arb(-real).log(), arb.pi() * side)
    log = None
    if s.v:
        frame.flags |= SINGULAR
        log = jets.constant(frame, fmpq(s.v, frame.ramification))
    return jets.made(frame, 0, recurrences.log_terms(s.c, start), s.const, log)


def general_power(frame: Frame, base: Series, exponent: Series) -> Series:
    """base**exponent; 0**0 is 1, 0**g is 0 where g(0) > 0, as in SymPy.

    Raises:
      Refused: the base vanishes or has a pole at 0 and the exponent is no rational constant.
    """
    if exponent.v == INFINITE and exponent.log is None:
        return jets.constant(frame, ONE)
    if exponent.const and exponent.log is None and isinstance(exponent.c[0], fmpq):
        return jets.power(frame, base, exponent.c[0])
    if base.v == INFINITE and base.log is None:
        if exponent.v == 0 and exponent.log is None:
            real = frame.real_part(jets.lead(exponent))
            if real is not None and frame.sign(real) > 0:
                return base
        raise Refused("undefined", "zero to a power that is not positive")
    if base.log is not None:
        raise Refused("logarithm", "a power of a logarithm")
    jets.lead(base)
    if base.v:
        raise Refused("power", "the base vanishes or has a pole at 0 and the exponent is no rational constant")
    return exponential(frame, jets.mul(frame, exponent, logarithm(frame, base)))


FUNCTIONS: Mapping[str, Rule] = MappingProxyType(
    {
        "sq": lambda frame, s: jets.mul(frame, s, s),
        "cb": lambda frame, s: jets.mul(frame, s, jets.mul(frame, s, s)),
        "sqrt": lambda frame, s: jets.power(frame, s, HALF),
        "cbrt": lambda frame, s: jets.power(frame, s, fmpq(1, 3)),
        "exp": exponential,
        "ln": logarithm,
        "sin": sine,
        "cos": cosine,
        "tan": tangent,
        "asin": inverses.asin,
        "acos": inverses.acos,
        "atan": inverses.atan,
        "sinh": sinh,
        "cosh": cosh,
        "tanh": tanh,
        "asinh": inverses.asinh,
        "acosh": inverses.acosh,
        "atanh": inverses.atanh,
    }
)
