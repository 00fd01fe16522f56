"""The operator table: what an operator is called, takes, prints as and how often it is drawn.

Every other module reads this table and keeps no list of its own, so that a new operator is one new row.
SymPy classes are named by strings: the table itself needs no SymPy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operator:
    """One row of the table.

    Attributes:
      name: the prefix token.
      arity: number of operands.
      sympy: name of the SymPy class or function that `reference` and `printing` look up.
      infix: format string over `{0}`, `{1}` (operands, parenthesised where `precedence` asks for it).
      latex: format string over `{0}`, `{1}`.
      precedence: binding strength of the infix form; 1 sums, 2 products, 3 signs, 4 powers, 5 function calls.
      family: operators of one family exclude each other below themselves in the seed's sampler; "" for none.
      weight: relative frequency in the seed's sampler (the seed does not state its weights; these are the
        stand-ins of the measurements that our figures are compared with).
    """

    name: str
    arity: int
    sympy: str
    infix: str
    latex: str
    precedence: int = 5
    family: str = ""
    weight: float = 1.0


def _function(name: str, family: str, weight: float, *, sympy: str = "", infix: str = "", latex: str = "") -> Operator:
    """Row for a unary function written `name(x)`."""
    return Operator(
        name=name,
        arity=1,
        sympy=sympy or name,
        infix=(infix or name) + "({0})",
        latex=(latex or "\\" + name) + r"\left({0}\right)",
        family=family,
        weight=weight,
    )


_ROWS = (
    Operator(name="add", arity=2, sympy="Add", infix="{0} + {1}", latex="{0} + {1}", precedence=1, weight=5),
    Operator(name="sub", arity=2, sympy="Add", infix="{0} - {1}", latex="{0} - {1}", precedence=1, weight=5),
    Operator(name="mul", arity=2, sympy="Mul", infix="{0}*{1}", latex=r"{0} \cdot {1}", precedence=2, weight=6),
    Operator(name="div", arity=2, sympy="Mul", infix="{0}/{1}", latex=r"\frac{{{0}}}{{{1}}}", precedence=2, weight=5),
    Operator(
        name="pow",
        arity=2,
        sympy="Pow",
        infix="{0}**{1}",
        latex="{{{0}}}^{{{1}}}",
        precedence=4,
        family="power",
        weight=3,
    ),
    Operator(name="sq", arity=1, sympy="Pow", infix="sq({0})", latex="{{{0}}}^{{2}}", family="power", weight=4),
    Operator(name="sqrt", arity=1, sympy="sqrt", infix="sqrt({0})", latex=r"\sqrt{{{0}}}", family="power", weight=3),
    Operator(name="cb", arity=1, sympy="Pow", infix="cb({0})", latex="{{{0}}}^{{3}}", family="power", weight=3),
    Operator(name="cbrt", arity=1, sympy="cbrt", infix="cbrt({0})", latex=r"\sqrt[3]{{{0}}}", family="power", weight=2),
    _function("exp", "exponential", 4),
    _function("ln", "exponential", 4, sympy="log"),
    _function("sin", "trigonometric", 4),
    _function("cos", "trigonometric", 4),
    _function("tan", "trigonometric", 3),
    _function("asin", "trigonometric", 2, latex=r"\arcsin"),
    _function("acos", "trigonometric", 2, latex=r"\arccos"),
    _function("atan", "trigonometric", 2, latex=r"\arctan"),
    _function("sinh", "hyperbolic", 3),
    _function("cosh", "hyperbolic", 3),
    _function("tanh", "hyperbolic", 3),
    _function("asinh", "hyperbolic", 2, latex=r"\operatorname{{asinh}}"),
    _function("acosh", "hyperbolic", 2, latex=r"\operatorname{{acosh}}"),
    _function("atanh", "hyperbolic", 2, latex=r"\operatorname{{atanh}}"),
)

OPERATORS: Mapping[str, Operator] = MappingProxyType({row.name: row for row in _ROWS})

BINARY: tuple[str, ...] = tuple(row.name for row in _ROWS if row.arity == 2)
UNARY: tuple[str, ...] = tuple(row.name for row in _ROWS if row.arity == 1)

SYMBOLS: tuple[str, ...] = ("x",)
SYMBOL_WEIGHT: float = 5.0
