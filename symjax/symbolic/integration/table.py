"""Antiderivatives of functions and powers of a linear argument a*x + b."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from symjax.symbolic.arithmetic import HALF, MINUS_ONE, add, multiply, negative, over, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.expression import ONE, Expression, X, integer
from symjax.symbolic.integration.views import depends, linear

_TWO: Final = integer(2)


def _root(sign: int, u: Expression) -> Expression:
    """sqrt(1 + sign*u**2)."""
    return power(add(ONE, multiply(integer(sign), power(u, _TWO))), HALF)


_INTEGRALS: Final[dict[str, Callable[[Expression], Expression]]] = {
    "exp": lambda u: apply("exp", u),
    "ln": lambda u: add(multiply(u, apply("ln", u)), negative(u)),
    "sin": lambda u: negative(apply("cos", u)),
    "cos": lambda u: apply("sin", u),
    "tan": lambda u: negative(apply("ln", apply("cos", u))),
    "asin": lambda u: add(multiply(u, apply("asin", u)), _root(-1, u)),
    "acos": lambda u: add(multiply(u, apply("acos", u)), negative(_root(-1, u))),
    "atan": lambda u: add(
        multiply(u, apply("atan", u)), multiply(negative(HALF), apply("ln", add(ONE, power(u, _TWO))))
    ),
    "sinh": lambda u: apply("cosh", u),
    "cosh": lambda u: apply("sinh", u),
    "tanh": lambda u: apply("ln", apply("cosh", u)),
    "asinh": lambda u: add(multiply(u, apply("asinh", u)), negative(_root(1, u))),
    "acosh": lambda u: add(
        multiply(u, apply("acosh", u)),
        negative(multiply(power(add(u, MINUS_ONE), HALF), power(add(u, ONE), HALF))),
    ),
    "atanh": lambda u: add(
        multiply(u, apply("atanh", u)), multiply(HALF, apply("ln", add(ONE, negative(power(u, _TWO)))))
    ),
    "abs": lambda u: multiply(HALF, u, apply("abs", u)),
    "sign": lambda u: apply("abs", u),
}


def of_linear(expr: Expression) -> Expression | None:
    """The antiderivative of a function, a power or an exponential of a linear argument; None of anything else.

    Raises:
      TooLarge, Undefined: see `canonical`.
    """
    if expr is X:
        return multiply(HALF, power(X, _TWO))
    if expr.op == "pow":
        return _of_power(*expr.args)
    rule = _INTEGRALS.get(expr.op)
    if rule is None:
        return None
    found = linear(expr.args[0])
    return None if found is None else over(rule(expr.args[0]), found[0])


def _of_power(base: Expression, exponent: Expression) -> Expression | None:
    if not depends(exponent):
        found = linear(base)
        if found is None:
            return None
        if exponent is MINUS_ONE:
            return over(apply("ln", base), found[0])
        raised = add(exponent, ONE)
        return over(power(base, raised), multiply(found[0], raised))
    found = linear(exponent)
    if found is None or depends(base):
        return None
    return over(power(base, exponent), multiply(found[0], apply("ln", base)))
