"""The operator table: what an operator is called, takes, prints as and how often it is drawn.

Every other module reads this table and keeps no list of its own, so that a new operator is one new row.
SymPy classes are named by strings: the table itself needs no SymPy.

Beside the operators stand the words without operands: the constants; the symbols, real variables and coefficients; and
the unknowns of integration and of differential equations, a function of x called Y with its derivatives Y' and Y''.
`SEED_OPERATORS` and `SEED_SYMBOLS` are what the Taylor task is made of.
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
      sympy: name of the SymPy class or function, for the bridge and for the order of arguments.
      infix: format string over `{0}`, `{1}`, ... (operands, parenthesised where `precedence` asks for it), which need
        not be in order.
      latex: the same for LaTeX.
      mathml: the same for presentation MathML.
      precedence: binding strength of the infix form; 1 sums, 2 products, 3 signs, 4 powers, 5 function calls.
      layout_precedence: the same for LaTeX and MathML, where fractions and powers are boxes.
      boxed: operands that LaTeX and MathML set apart (numerator, radicand, exponent, function argument), so that
        they need no parentheses.
      family: operators of one family exclude each other below themselves in the seed's sampler; "" for none.
      weight: relative frequency in the seed's sampler, 0 for what it does not draw (the seed does not state its
        weights; these are the stand-ins of the measurements that our figures are compared with).
    """

    name: str
    arity: int
    sympy: str
    infix: str
    latex: str
    mathml: str
    precedence: int = 5
    layout_precedence: int = 5
    boxed: tuple[int, ...] = ()
    family: str = ""
    weight: float = 1.0


def _function(name: str, family: str, weight: float = 0, *, sympy: str = "", latex: str = "") -> Operator:
    """Row for a unary function written `name(x)`."""
    return Operator(
        name=name,
        arity=1,
        sympy=sympy or name,
        infix=name + "({0})",
        latex=(latex or "\\" + name) + r"\left({0}\right)",
        mathml=f"<mi>{name}</mi><mo>&#x2061;</mo><mrow><mo>(</mo>{{0}}<mo>)</mo></mrow>",
        boxed=(0,),
        family=family,
        weight=weight,
    )


def _operation(
    name: str, sign: str, latex: str, mathml: str, precedence: int, *, sympy: str, weight: float
) -> Operator:
    """Row for a binary operation written with a sign between its operands."""
    return Operator(
        name=name,
        arity=2,
        sympy=sympy,
        infix=f"{{0}}{sign}{{1}}",
        latex=f"{{0}} {latex} {{1}}",
        mathml=f"{{0}}<mo>{mathml}</mo>{{1}}",
        precedence=precedence,
        layout_precedence=precedence,
        weight=weight,
    )


def _power(name: str, exponent: str, weight: float, *, latex: str = "") -> Operator:
    """Row for a fixed power, which infix writes as a call.

    `latex` is the exponent with what tells operators of one meaning apart when their LaTeX is read back.
    """
    return Operator(
        name=name,
        arity=1,
        sympy="Pow",
        infix=name + "({0})",
        latex="{{{0}}}^{{" + (latex or exponent) + "}}",
        mathml=f"<msup><mrow>{{0}}</mrow><mn>{exponent}</mn></msup>",
        layout_precedence=4,
        family="power",
        weight=weight,
    )


def _unknown_function(name: str, arity: int) -> Operator:
    """Row for a function of which nothing is known, such as the solution of a differential equation."""
    operands = [f"{{{place}}}" for place in range(arity)]
    return Operator(
        name=name,
        arity=arity,
        sympy=name,
        infix=f"{name}({', '.join(operands)})",
        latex=rf"{name}\left({', '.join(operands)}\right)",
        mathml=f"<mi>{name}</mi><mo>&#x2061;</mo><mrow><mo>(</mo>{'<mo>,</mo>'.join(operands)}<mo>)</mo></mrow>",
        boxed=tuple(range(arity)),
        weight=0,
    )


def _root(name: str, latex: str, mathml: str, weight: float) -> Operator:
    """Row for a root."""
    return Operator(
        name=name,
        arity=1,
        sympy=name,
        infix=name + "({0})",
        latex=latex,
        mathml=mathml,
        boxed=(0,),
        family="power",
        weight=weight,
    )


_SEED_ROWS = (
    _operation("add", " + ", "+", "+", 1, sympy="Add", weight=5),
    _operation("sub", " - ", "-", "&#x2212;", 1, sympy="Add", weight=5),
    _operation("mul", "*", r"\cdot", "&#x22C5;", 2, sympy="Mul", weight=6),
    Operator(
        name="div",
        arity=2,
        sympy="Mul",
        infix="{0}/{1}",
        latex=r"\frac{{{0}}}{{{1}}}",
        mathml="<mfrac><mrow>{0}</mrow><mrow>{1}</mrow></mfrac>",
        precedence=2,
        layout_precedence=4,
        boxed=(0, 1),
        weight=5,
    ),
    Operator(
        name="pow",
        arity=2,
        sympy="Pow",
        infix="{0}**{1}",
        latex="{{{0}}}^{{{{{1}}}}}",  # one pair of braces more than `sq` and `cb`: looks the same, reads back exactly
        mathml="<msup><mrow>{0}</mrow><mrow>{1}</mrow></msup>",
        precedence=4,
        layout_precedence=4,
        boxed=(1,),
        family="power",
        weight=3,
    ),
    _power("sq", "2", 4),
    _root("sqrt", r"\sqrt{{{0}}}", "<msqrt>{0}</msqrt>", 3),
    _power("cb", "3", 3),
    _root("cbrt", r"\sqrt[3]{{{0}}}", "<mroot><mrow>{0}</mrow><mn>3</mn></mroot>", 2),
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

# What the files of Lample and Charton's system hold beside these: every one of its 44 operators has a row.
_FURTHER_ROWS = (
    Operator(
        name="abs",
        arity=1,
        sympy="Abs",
        infix="abs({0})",
        latex=r"\left|{0}\right|",
        mathml="<mrow><mo>|</mo>{0}<mo>|</mo></mrow>",
        boxed=(0,),
        weight=0,
    ),
    _function("sign", "", latex=r"\operatorname{{sign}}"),
    _function("sec", "trigonometric"),
    _function("csc", "trigonometric"),
    _function("cot", "trigonometric"),
    _function("asec", "trigonometric", latex=r"\operatorname{{arcsec}}"),
    _function("acsc", "trigonometric", latex=r"\operatorname{{arccsc}}"),
    _function("acot", "trigonometric", latex=r"\operatorname{{arccot}}"),
    _function("sech", "hyperbolic", latex=r"\operatorname{{sech}}"),
    _function("csch", "hyperbolic", latex=r"\operatorname{{csch}}"),
    _function("coth", "hyperbolic"),
    _function("asech", "hyperbolic", latex=r"\operatorname{{asech}}"),
    _function("acsch", "hyperbolic", latex=r"\operatorname{{acsch}}"),
    _function("acoth", "hyperbolic", latex=r"\operatorname{{acoth}}"),
    _power("inv", "-1", 0),
    _power("pow2", "2", 0, latex="2{{}}"),
    _power("pow3", "3", 0, latex="3{{}}"),
    _power("pow4", "4", 0),
    _power("pow5", "5", 0),
    Operator(
        name="rac",  # rac(a, b) = a**(1/b)
        arity=2,
        sympy="Pow",
        infix="rac({0}, {1})",
        latex=r"\sqrt[{{{1}}}]{{{0}}}",
        mathml="<mroot><mrow>{0}</mrow><mrow>{1}</mrow></mroot>",
        boxed=(0, 1),
        family="power",
        weight=0,
    ),
    Operator(
        name="derivative",
        arity=2,
        sympy="Derivative",
        infix="derivative({0}, {1})",
        latex=r"\frac{{d}}{{d {1}}}\left({0}\right)",
        mathml="<mfrac><mi>d</mi><mrow><mi>d</mi>{1}</mrow></mfrac><mrow><mo>(</mo>{0}<mo>)</mo></mrow>",
        boxed=(0, 1),
        weight=0,
    ),
    _unknown_function("f", 1),
    _unknown_function("g", 2),
    _unknown_function("h", 3),
)

_ROWS = (*_SEED_ROWS, *_FURTHER_ROWS)

OPERATORS: Mapping[str, Operator] = MappingProxyType({row.name: row for row in _ROWS})
SEED_OPERATORS: tuple[str, ...] = tuple(row.name for row in _SEED_ROWS)

UNARY: tuple[str, ...] = tuple(row.name for row in _ROWS if row.arity == 1)

CONSTANTS: tuple[str, ...] = ("pi", "E", "I")

COEFFICIENTS: tuple[str, ...] = tuple(f"a{place}" for place in range(10))
SYMBOLS: tuple[str, ...] = ("x", "y", "z", "t", *COEFFICIENTS)
UNKNOWNS: tuple[str, ...] = ("Y", "Y'", "Y''")

LATEX_NAMES: Mapping[str, str] = MappingProxyType(
    {"pi": r"\pi", "E": "e", "I": "i"} | {name: f"a_{{{name[1:]}}}" for name in COEFFICIENTS}
)
"""How LaTeX writes names that it does not write as they are."""

SEED_SYMBOLS: tuple[str, ...] = ("x",)
SYMBOL_WEIGHT: float = 5.0
