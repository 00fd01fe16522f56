"""Kernels: the functions, roots, exponentials and constants that an expression and its derivatives are rational in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from math import lcm
from typing import Final

from flint import fmpq_mpoly

from symjax.symbolic.arithmetic import exponential, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import INTEGER, ONE, RATIONAL, Expression, X, postorder
from symjax.symbolic.integration.views import PARTNERS, depends, terms
from symjax.symbolic.limits import split
from symjax.symbolic.ordering import is_number, ratio

MAX_KERNELS: Final = 8
MAX_CONSTANTS: Final = 6

Key = tuple[str, Expression, Expression]
"""(kind, base, rest) of a kernel."""


class TooWide(ArithmeticError):  # noqa: N818 (names what is the matter)
    """A field has more kernels, or its polynomials more terms, than are worked with."""


@dataclasses.dataclass(slots=True)
class Kernel:
    """What a generator stands for.

    Attributes:
      kind: "x", "constant", "function", "root" (base**(1/step)), "exponential" (exp(rest/step)) or "power"
        (base**(rest/step)).
      base, rest, step: see `kind`; `base` is the node itself for functions and constants.
      index: the generator's number in the polynomials; later kernels have smaller ones and are larger in the order.
      scale: (p, q) if the generator is the root or absolute value times p/q, so that its power is a polynomial
        without whole powers; None for itself.
    """

    kind: str
    base: Expression
    rest: Expression = ONE
    step: int = 1
    index: int = -1
    scale: tuple[fmpq_mpoly, fmpq_mpoly] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether x does not move it."""
        return self.kind == "constant"


class Finder:
    """Collects kernels until derivatives bring no new one.

    Attributes:
      kernels: by key, in the order in which they were met; what a kernel's relation needs comes before it.
    """

    def __init__(self, exprs: Iterable[Expression]) -> None:
        """Finds the kernels of `exprs`; x is always the first.

        Raises:
          TooWide: above the limits.
          TooLarge, Undefined: see `canonical`.
        """
        exprs = list(exprs)
        self.kernels: dict[Key, Kernel] = {}
        self._constants = 0
        self._visited: set[Expression] = set()
        self._paired = {
            (node.op in ("sin", "cos"), node.args[0])
            for expr in exprs
            for node in postorder(expr)
            if node.op in PARTNERS
        }
        self._register("x", X, ONE, 1)
        for expr in exprs:
            self._visit(expr)

    def _register(self, kind: str, base: Expression, rest: Expression, step: int) -> bool:
        """Enters a kernel; whether it is new."""
        key = kind, base, rest
        known = self.kernels.get(key)
        if known is not None:
            known.step = lcm(known.step, step)
            return False
        self._constants += kind == "constant"
        if self._constants > MAX_CONSTANTS or len(self.kernels) - self._constants >= MAX_KERNELS:
            raise TooWide(f"more than {MAX_KERNELS} kernels that move, or {MAX_CONSTANTS} constants")
        self.kernels[key] = Kernel(kind, base, rest, step)
        return True

    def _visit(self, expr: Expression) -> None:
        """Registers the kernels of `expr` and of their derivatives."""
        if expr in self._visited or is_number(expr) or expr is X:
            return
        self._visited.add(expr)
        op = expr.op
        if op in ("add", "mul"):
            for arg in expr.args:
                self._visit(arg)
        elif op == "pow" and expr.args[1].op == INTEGER:
            self._visit(expr.args[0])
        elif not depends(expr):
            self._register("constant", expr, ONE, 1)
        elif op == "pow" and expr.args[1].op == RATIONAL:
            base = expr.args[0]
            self._visit(base)
            self._visit(derivative(base))
            self._register("root", base, ONE, ratio(expr.args[1])[1])
        elif op == "exp":
            self._visit_exponent(ONE, expr.args[0])
        elif op == "pow":
            self._visit_exponent(expr.args[0], expr.args[1])
        else:
            self._visit_function(expr)

    def _visit_exponent(self, base: Expression, exponent: Expression) -> None:
        """Registers a kernel for each term of the exponent; a base of 1 stands for E."""
        for term in terms(exponent):
            (_, bottom), rest = split(term)
            if base is ONE and not depends(rest):
                self._visit(exponential(term))
            elif rest is ONE:
                self._visit(power(base, term))
            else:
                kind = "exponential" if base is ONE else "power"
                if self._register(kind, base, rest, bottom):
                    self._visit(derivative(rest) if depends(rest) else rest)
                    if base is not ONE:
                        self._visit(base)
                        self._visit(derivative(base))
                        if depends(rest):
                            self._visit(apply("ln", base))

    def _visit_function(self, expr: Expression) -> None:
        op, arg = expr.op, expr.args[0]
        if op in PARTNERS or (op in ("tan", "tanh") and (op == "tan", arg) in self._paired):
            names = ("cos", "sin") if op in ("sin", "cos", "tan") else ("cosh", "sinh")
            if self._register("function", apply(names[0], arg), ONE, 1):
                self._register("function", apply(names[1], arg), ONE, 1)
                self._visit(derivative(arg))
            return
        if op == "sign":
            self._visit(apply("abs", arg))
            self._visit(arg)
            return
        self._visit(derivative(expr) if op != "abs" else arg)
        if op == "abs":
            self._visit(derivative(arg))
        self._register("function", expr, ONE, 1)
