"""Exact values of functions at constants, where SymPy has them, and what multiples of pi and I in an argument do.

Arguments are canonical, and so are results; None stands for no such value.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from flint import arb

from symjax.symbolic.arithmetic import HALF, IMAGINARY_UNIT, MINUS_ONE, absolute, multiply, negative, power
from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import CONSTANT, ONE, PI, ZERO, Expression, integer
from symjax.symbolic.limits import Undefined, split
from symjax.symbolic.nodes import bit_of
from symjax.symbolic.signs import is_real
from symjax.symbolic.sums import add, scaled

_BITS: Final = 128
_OF_INVERSE: Final = {
    "asin": "sin",
    "acos": "cos",
    "atan": "tan",
    "asinh": "sinh",
    "acosh": "cosh",
    "atanh": "tanh",
}
_HYPERBOLIC: Final = frozenset({"asinh", "atanh"})
PI_BIT: Final = bit_of("pi", CONSTANT)
_HALF: Final = Fraction(1, 2)


def _sqrt(value: int) -> Expression:
    return power(integer(value), HALF)


def _combination(*terms: tuple[Fraction | int, Expression]) -> Expression:
    """The sum of coefficient * value."""
    return add(*[scaled(Fraction(factor).as_integer_ratio(), value) for factor, value in terms])


def _pi(top: int, bottom: int) -> Expression:
    return scaled((top, bottom), PI)


def _cosines() -> dict[Fraction, Expression]:
    """Fraction of pi in [0, 1/2] -> its cosine."""
    quarter, eighth = Fraction(1, 4), Fraction(1, 8)
    return {
        Fraction(0): ONE,
        Fraction(1, 12): _combination((quarter, _sqrt(2)), (quarter, _sqrt(6))),
        Fraction(1, 10): power(_combination((5 * eighth, ONE), (eighth, _sqrt(5))), HALF),
        Fraction(1, 8): power(_combination((_HALF, ONE), (quarter, _sqrt(2))), HALF),
        Fraction(1, 6): scaled((1, 2), _sqrt(3)),
        Fraction(1, 5): _combination((quarter, ONE), (quarter, _sqrt(5))),
        Fraction(1, 4): scaled((1, 2), _sqrt(2)),
        Fraction(3, 10): power(_combination((5 * eighth, ONE), (-eighth, _sqrt(5))), HALF),
        Fraction(1, 3): HALF,
        Fraction(3, 8): power(_combination((_HALF, ONE), (-quarter, _sqrt(2))), HALF),
        Fraction(2, 5): _combination((-quarter, ONE), (quarter, _sqrt(5))),
        Fraction(5, 12): _combination((-quarter, _sqrt(2)), (quarter, _sqrt(6))),
        Fraction(1, 2): ZERO,
    }


def _tangents() -> dict[Fraction, Expression]:
    """Fraction of pi in [0, 1/2) -> its tangent."""
    fifth = Fraction(2, 5)
    return {
        Fraction(0): ZERO,
        Fraction(1, 12): _combination((2, ONE), (-1, _sqrt(3))),
        Fraction(1, 10): power(_combination((1, ONE), (-fifth, _sqrt(5))), HALF),
        Fraction(1, 8): _combination((-1, ONE), (1, _sqrt(2))),
        Fraction(1, 6): scaled((1, 3), _sqrt(3)),
        Fraction(1, 5): power(_combination((5, ONE), (-2, _sqrt(5))), HALF),
        Fraction(1, 4): ONE,
        Fraction(3, 10): power(_combination((1, ONE), (fifth, _sqrt(5))), HALF),
        Fraction(1, 3): _sqrt(3),
        Fraction(3, 8): _combination((1, ONE), (1, _sqrt(2))),
        Fraction(2, 5): power(_combination((5, ONE), (2, _sqrt(5))), HALF),
        Fraction(5, 12): _combination((2, ONE), (1, _sqrt(3))),
    }


_COSINES: Final = _cosines()
_TANGENTS: Final = _tangents()


def _inverses() -> dict[str, dict[Expression, Expression]]:
    """Function -> argument -> value."""
    arccosines, arcsines = {}, {}
    for fraction, value in _COSINES.items():
        complement = _HALF - fraction
        arccosines[value] = _pi(*fraction.as_integer_ratio())
        arccosines[negative(value)] = _pi(*(1 - fraction).as_integer_ratio())
        arcsines[value] = _pi(*complement.as_integer_ratio())
        arcsines[negative(value)] = _pi(*(-complement).as_integer_ratio())
    arctangents = {value: _pi(*fraction.as_integer_ratio()) for fraction, value in _TANGENTS.items()}
    arctangents |= {negative(value): negative(angle) for value, angle in arctangents.items()}
    return {
        "acos": arccosines,
        "asin": arcsines,
        "atan": arctangents,
        "acosh": {value: multiply(IMAGINARY_UNIT, angle) for value, angle in arccosines.items()},
    }


VALUES: Final = _inverses() | {
    "sin": {ZERO: ZERO},
    "cos": {ZERO: ONE},
    "tan": {ZERO: ZERO},
    "sinh": {ZERO: ZERO},
    "cosh": {ZERO: ONE},
    "tanh": {ZERO: ZERO},
    "asinh": {ZERO: ZERO},
    "atanh": {ZERO: ZERO},
    "ln": {ONE: ZERO},
    "sign": {ZERO: ZERO},
}
"""Function -> argument -> value.  The logarithms that asinh(1) and its like are to SymPy are `LOGARITHMS`."""
LOGARITHMS: Final = {
    ("asinh", ONE): _combination((1, ONE), (1, _sqrt(2))),
    ("asinh", MINUS_ONE): _combination((-1, ONE), (1, _sqrt(2))),
}
"""(function, argument) -> the number of which its value is the logarithm."""


def multiple_of_pi(arg: Expression) -> tuple[Fraction, Expression]:
    """(fraction, rest) with arg = fraction * pi + rest."""
    if not arg.names & PI_BIT:
        return Fraction(0), arg
    if arg.op != "add":
        coefficient, rest = split(arg)
        return (Fraction(*coefficient), ZERO) if rest is PI else (Fraction(0), arg)
    for place, term in enumerate(arg.args):
        coefficient, rest = split(term)
        if rest is PI:
            return Fraction(*coefficient), add(*arg.args[:place], *arg.args[place + 1 :])
    return Fraction(0), arg


def at_fraction_of_pi(name: str, fraction: Fraction) -> tuple[Expression | None, int, Fraction]:
    """(value, sign, reduced fraction): sin, cos or tan of fraction * pi is sign * value, or sign times its value at
    the reduced fraction in [0, 1/2] of pi where there is no value in radicals.

    Raises:
      Undefined: the tangent of an odd multiple of pi/2.
    """
    sign = 1
    period = 1 if name == "tan" else 2
    fraction %= period
    if name == "tan":
        if fraction > _HALF:
            fraction, sign = 1 - fraction, -1
        if fraction == _HALF:
            raise Undefined("tan has no value at pi/2")
        return _TANGENTS.get(fraction), sign, fraction
    if name == "sin":
        if fraction > 1:
            fraction, sign = fraction - 1, -1
        fraction = min(fraction, 1 - fraction)
        return _COSINES.get(_HALF - fraction), sign, fraction
    if fraction > 1:
        fraction = 2 - fraction
    if fraction > _HALF:
        fraction, sign = 1 - fraction, -1
    return _COSINES.get(fraction), sign, fraction


def half_turns(fraction: Fraction) -> int:
    """How many times pi/2 is taken out of a multiple of pi, which leaves something in [0, pi/2)."""
    return int(fraction // _HALF)


def without_imaginary_unit(arg: Expression) -> Expression | None:
    """arg/I where the canonical `arg` has a factor I."""
    if arg is IMAGINARY_UNIT:
        return ONE
    if arg.op == "mul" and IMAGINARY_UNIT in arg.args:
        rest = tuple(factor for factor in arg.args if factor is not IMAGINARY_UNIT)
        return multiply(*rest)
    return None


def inverted_at_constant(name: str, arg: Expression) -> Expression | None:
    """An inverse function of its function of a real constant, as in asin(sin(2)) = pi - 2.

    Args:
      name: the inverse function.
      arg: a canonical constant.
    """
    inner = arg.args[0] if arg.args else arg
    if not is_real(inner):
        return None
    if _OF_INVERSE.get(name) == arg.op:
        return absolute(inner) if name == "acosh" else inner if name in _HYPERBOLIC else _angle(name, inner)
    if (name, arg.op) in (("asin", "cos"), ("acos", "sin")):
        angle = _angle("acos" if name == "asin" else "asin", inner)
        return None if angle is None else add(_pi(1, 2), negative(angle))
    return None


def _angle(name: str, inner: Expression) -> Expression | None:
    """asin(sin(c)), acos(cos(c)) or atan(tan(c)) of a real constant c; None where the turn is not to be had."""
    value = evaluate(inner, (1, 1), precision=_BITS)
    shift = arb(0 if name == "acos" else 1) / 2
    turns = (value.real / arb.pi() + shift).floor().unique_fmpz() if value.is_finite() else None
    if turns is None:
        return None
    left = add(inner, scaled((-int(turns), 1), PI))
    if name == "atan" or turns % 2 == 0:
        return left
    return negative(left) if name == "asin" else add(PI, negative(left))
