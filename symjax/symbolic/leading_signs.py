"""Which of an expression and its negative is the one with a minus sign: SymPy's choice, without SymPy.

It decides how odd and even functions are written.  A sum with as many negative terms as positive ones goes by the term
that SymPy prints first, so this module also has SymPy's order of printing (`Expr.sort_key`, `Add.as_ordered_terms`).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final, NamedTuple

from symjax.symbolic.balls import evaluate
from symjax.symbolic.expression import (
    CONSTANT,
    ONE,
    PI,
    SYMBOL,
    Expression,
    integer,
    rational,
    raw,
    remembered,
    symbol,
    unchecked,
)
from symjax.symbolic.limits import number, split
from symjax.symbolic.nodes import set_leads
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.ordering import in_order, is_constant, is_number, ratio, spelled_key

_RANKED_FUNCTIONS: Final = {"exp": 10, "ln": 11, "sin": 20, "cos": 21, "tan": 22, "sinh": 30, "cosh": 31, "tanh": 32}
_NUMBER: Final = (1, 0, "Number")
_CLASSES: Final[dict[str, tuple[int, int, str]]] = {
    row.name: (4, _RANKED_FUNCTIONS.get(row.name, 10_000), row.sympy) for row in OPERATORS.values()
} | {"add": (3, 1, "Add"), "mul": (3, 0, "Mul"), "pow": (3, 2, "Pow"), CONSTANT: (2, 0, "Pi"), SYMBOL: (2, 0, "Symbol")}
_DEEP: Final = (6, 0, "")
_MAX_DEPTH: Final = 60
"""Deeper operands are ordered as in `ordering`, as these keys are found and compared with recursion."""
_MAX_SIZE: Final = 60
"""Larger constant factors count as 1 in the order of printing."""

_Key = tuple[Any, ...]
_ONE_KEY: Final[_Key] = (_NUMBER, (0, ()), (), Fraction(1))
_ATOMS: Final[dict[Expression, _Key]] = {
    raw("exp", ONE): ((2, 0, "Exp1"), (1, ("E",)), _ONE_KEY),
    raw("pow", integer(-1), rational(1, 2)): ((2, 0, "ImaginaryUnit"), (1, ("I",)), _ONE_KEY),
}
_UNKNOWNS: Final[dict[Expression, _Key]] = {
    symbol("Y"): ((4, 0, "f"), (1, ())),
    symbol("Y'"): ((5, 0, "Derivative"), (2, (1,))),
    symbol("Y''"): ((5, 0, "Derivative"), (2, (2,))),
}
"""To SymPy the unknowns are a function of x, called f here, and its derivatives."""
_CONSTANTS: Final = (PI, raw("exp", ONE))


def leads_negative(expr: Expression) -> bool:
    """Whether a minus sign is pulled out of the canonical `expr`: never true of both `expr` and its negative.

    A sum with more negative than positive terms gives up its sign; at a tie the term that SymPy prints first
    decides.
    """
    op = expr.op
    if op == "add":
        known = expr._leads
        if known is None:
            known = _sum_leads_negative(expr)
            set_leads(expr, known)
        return known
    if op == "mul":
        expr = expr.args[0]
    return is_number(expr) and ratio(expr)[0] < 0


def _sum_leads_negative(total: Expression) -> bool:
    negative = sum(1 for arg in total.args if leads_negative(arg))
    if 2 * negative != len(total.args):
        return 2 * negative > len(total.args)
    terms = _terms(_without_signs(total))
    for ours, theirs in zip(_printed(terms, 1), _printed(terms, -1), strict=True):
        if ours is theirs:
            return ours.coefficient < 0
        left, right = (*_unsigned_key(ours.rest), ours.coefficient), (*_unsigned_key(theirs.rest), -theirs.coefficient)
        if left != right:
            return left < right
    return False


class _Term(NamedTuple):
    """A term of a sum: as it is, its rational coefficient and rest, the value of its constants, degrees in kernels."""

    whole: Expression
    coefficient: Fraction
    rest: Expression
    value: complex
    degrees: list[int]


def _without_signs(total: Expression) -> list[Expression]:
    """The terms of a sum in an order that its negative has as well, for where doubles cannot tell terms apart."""
    by_rest = {split(arg)[1]: arg for arg in total.args}
    return [by_rest[rest] for rest in in_order(by_rest)]


def _terms(args: Iterable[Expression]) -> list[_Term]:
    found: list[tuple[Expression, Fraction, Expression, complex, dict[Expression, int]]] = []
    for arg in args:
        coefficient, rest = split(arg)
        value, degrees = complex(coefficient[0] / coefficient[1]), {}
        for factor in rest.args if rest.op == "mul" else (rest,):
            constant = _value(factor) if is_constant(factor) else None
            if constant is None:
                kernel, degree = _decompose(factor)
                degrees[kernel] = degree
            else:
                value *= constant
        found.append((arg, Fraction(*coefficient), rest, value, degrees))
    kernels = list(dict.fromkeys(kernel for term in found for kernel in term[4]))
    if len(kernels) > 1:
        kernels.sort(key=_printing_key)
    return [
        _Term(whole, coefficient, rest, value, [degrees.get(kernel, 0) for kernel in kernels])
        for whole, coefficient, rest, value, degrees in found
    ]


def _printed(terms: list[_Term], sign: int) -> list[_Term]:
    """The terms of a sum, or of its negative, in the order in which SymPy prints them."""

    def place(term: _Term) -> _Key:
        real, imag = sign * term.value.real, sign * term.value.imag
        return [-degree for degree in term.degrees], imag != 0, imag, real

    if len(terms) == 2:
        for first, second in (terms, terms[::-1]):
            multiple = second.rest is not ONE and second.rest.op != "mul" and second.coefficient * sign < 0
            if multiple and _leads_in_print(first, sign):
                return [first, second]
    return sorted(terms, key=place)


def _leads_in_print(term: _Term, sign: int) -> bool:
    """Whether a term is a positive number, pi or E, which SymPy prints before a single negative multiple."""
    return term.coefficient * sign > 0 if term.rest is ONE else term.rest in _CONSTANTS and term.coefficient == sign


def _value(constant: Expression) -> complex | None:
    """A constant in double precision; None where it has no value."""
    if constant is ONE or constant.size > _MAX_SIZE:
        return 1
    ball = evaluate(constant, (1, 1), precision=64)
    return complex(ball) if ball.is_finite() else None


def _decompose(factor: Expression) -> tuple[Expression, int]:
    """(kernel, degree): the exponent's numerator is the degree, its denominator stays in the kernel."""
    base, exponent = _base_and_exponent(factor)
    (top, bottom), rest = split(exponent)
    if top == 1 and (bottom == 1 or rest is ONE):
        return factor, 1
    scaled = number(1, bottom) if rest is ONE else rest if bottom == 1 else unchecked("mul", (number(1, bottom), rest))
    if base is None:
        return unchecked("exp", (scaled,)), top
    return base if scaled is ONE else unchecked("pow", (base, scaled)), top


def _base_and_exponent(factor: Expression) -> tuple[Expression | None, Expression]:
    """(base, exponent); None as the base of an exponential."""
    if factor.op == "pow":
        return factor.args[0], factor.args[1]
    return (None, factor.args[0]) if factor.op == "exp" else (factor, ONE)


def _printing_key(expr: Expression) -> _Key:
    """SymPy's `Expr.sort_key`: class, operands, exponent, coefficient."""
    return remembered(expr, "printing", _find_printing_key)


def _find_printing_key(expr: Expression) -> _Key:
    if expr.depth > _MAX_DEPTH:
        return (_DEEP, spelled_key(expr))
    if is_number(expr):
        return (_NUMBER, (0, ()), (), Fraction(*ratio(expr)))
    coefficient, rest = split(expr)
    return (*_unsigned_key(rest), Fraction(*coefficient))


def _unsigned_key(rest: Expression) -> _Key:
    """Class, operands and exponent of a term without its rational coefficient."""
    if rest is ONE:
        return _ONE_KEY[:3]
    if rest in _ATOMS:
        return _ATOMS[rest]
    base, exponent = (rest.args[0], _printing_key(rest.args[1])) if rest.op == "pow" else (rest, _ONE_KEY)
    if not base.args:
        if base in _UNKNOWNS:
            return (*_UNKNOWNS[base], exponent)
        name = _NUMBER if is_number(base) else _CLASSES[base.op]
        return name, (1, (_text(base),)), exponent
    if base.op == "add":
        operands = [_printing_key(term.whole) for term in _printed(_terms(base.args), 1)]
    elif base.op == "mul":
        operands = sorted(_printing_key(factor) for factor in base.args)
    else:
        operands = [_printing_key(arg) for arg in base.args]
    return _CLASSES[base.op], (len(operands), tuple(operands)), exponent


def _text(leaf: Expression) -> str:
    if is_number(leaf):
        top, bottom = ratio(leaf)
        return str(top) if bottom == 1 else f"{top}/{bottom}"
    return str(leaf.value)
