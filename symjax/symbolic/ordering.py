"""What is known of canonical expressions without evaluating them: SymPy's argument order, signs, reality.

Symbols stand for real numbers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from symjax.symbolic.expression import CONSTANT, INTEGER, ONE, RATIONAL, SYMBOL, Expression, fact, integer, rational
from symjax.symbolic.operators import OPERATORS

NUMBERS: Final = frozenset({INTEGER, RATIONAL})

# Ranks of SymPy's classes (the list `ordering_of_classes` of sympy.core.basic); functions follow by class name.
_ZERO, _ONE, _HALF, _NEGATIVE_ONE, _INTEGER, _RATIONAL, _E, _PI, _I, _SYMBOL, _POW, _MUL, _ADD, _DERIVATIVE = range(14)
_FUNCTIONS: Final = {
    name: 100 + rank for rank, name in enumerate(sorted({row.sympy for row in OPERATORS.values() if row.arity == 1}))
}
_RANKS: Final = {row.name: _FUNCTIONS[row.sympy] for row in OPERATORS.values() if row.arity == 1} | {
    "pow": _POW,
    "mul": _MUL,
    "add": _ADD,
}
_FUNCTION_OF_X: Final = (_FUNCTIONS["f"], 1, _SYMBOL, "x")
_UNKNOWNS: Final[dict[str, tuple[Any, ...]]] = {
    "Y": _FUNCTION_OF_X,
    "Y'": (_DERIVATIVE, 1, *_FUNCTION_OF_X),
    "Y''": (_DERIVATIVE, 2, *_FUNCTION_OF_X),
}
_SPECIAL: Final = {0: _ZERO, 1: _ONE, -1: _NEGATIVE_ONE, (1, 2): _HALF}
_MINUS_ONE: Final = integer(-1)
_ONE_HALF: Final = rational(1, 2)

# Ranks of classes in SymPy's other order, which decides signs; other functions come last.
_CLASS_KEYS: Final = (
    {row.name: (4, 10_000, row.sympy) for row in OPERATORS.values() if row.arity == 1}
    | {INTEGER: (1, 0, ""), RATIONAL: (1, 0, ""), SYMBOL: (2, 0, ""), CONSTANT: (2, 0, "")}
    | {"mul": (3, 0, ""), "add": (3, 1, ""), "pow": (3, 2, ""), "exp": (4, 10, ""), "ln": (4, 11, "")}
    | {"sin": (4, 20, ""), "cos": (4, 21, ""), "tan": (4, 22, "")}
    | {"sinh": (4, 30, ""), "cosh": (4, 31, ""), "tanh": (4, 32, "")}
)


def sort_key(expr: Expression) -> tuple[Any, ...]:
    """Key that sorts the operands of a canonical sum or product as SymPy's constructors do, numbers aside.

    SymPy compares class, number of operands, then operands from left to right; spelling the tree in prefix order
    compares the same way, without nesting.
    """
    return fact(expr, "order", _order)


def _order(node: Expression, below: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    value = node.value
    if node.op in NUMBERS:
        if value in _SPECIAL:
            return (_SPECIAL[value],)
        return (_INTEGER if node.op == INTEGER else _RATIONAL, *ratio(node))
    if node.op == SYMBOL:
        return _UNKNOWNS.get(str(value)) or (_SYMBOL, value)
    if node.op == CONSTANT:
        return (_PI,)
    if node.op == "exp" and node.args[0].value == 1:
        return (_E,)
    if node.op == "pow" and node.args[0] is _MINUS_ONE and node.args[1] is _ONE_HALF:
        return (_I,)
    return (_RANKS[node.op], len(below), *(item for key in below for item in key))


def ratio(expr: Expression) -> tuple[int, int]:
    """(numerator, denominator) of a number node."""
    if isinstance(expr.value, int):
        return expr.value, 1
    if isinstance(expr.value, tuple):
        return expr.value
    raise TypeError(f"{expr!r} is no number")


def is_number(expr: Expression) -> bool:
    """Whether `expr` is an integer or rational node."""
    return expr.op in NUMBERS


def is_constant(expr: Expression) -> bool:
    """Whether no symbol occurs."""
    return fact(expr, "constant", lambda node, below: node.op != SYMBOL and all(below))


def is_real(expr: Expression) -> bool:
    """Whether the canonical `expr` is proved real wherever it is defined; False says nothing."""
    return fact(expr, "signs", _signs)[0]


def is_nonnegative(expr: Expression) -> bool:
    """Whether the canonical `expr` is proved real and at least 0 wherever it is defined; False says nothing."""
    return fact(expr, "signs", _signs)[1]


_REAL_OF_REAL: Final = frozenset({"exp", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "sign"})


def _signs(node: Expression, below: list[tuple[bool, bool]]) -> tuple[bool, bool]:
    """(real, non-negative)."""
    op = node.op
    if op in NUMBERS:
        return True, ratio(node)[0] >= 0
    if op == SYMBOL:
        return True, False
    if op == CONSTANT:
        return True, True
    if op == "abs":
        return True, True
    if op in ("add", "mul"):
        return all(real for real, _ in below), all(positive for _, positive in below)
    if op == "pow":
        (base_real, base_positive), (exponent_real, _) = below
        whole = ratio(node.args[1])[0] if node.args[1].op == INTEGER else None
        positive = (base_positive and exponent_real) or (base_real and whole is not None and whole % 2 == 0)
        return positive or (base_real and whole is not None), positive
    if op == "ln":
        return below[0][1], False
    if op in _REAL_OF_REAL:
        return below[0][0], below[0][0] and op in ("exp", "cosh")
    return False, False


def leads_negative(expr: Expression) -> bool:
    """Whether a minus sign is pulled out of the canonical `expr`: never true of both `expr` and its negative.

    A sum with more negative than positive terms gives up its sign; at a tie the term that SymPy prints first
    decides.
    """
    if is_number(expr):
        return ratio(expr)[0] < 0
    if expr.op == "mul":
        return is_number(expr.args[0]) and leads_negative(expr.args[0])
    if expr.op != "add":
        return False
    negative = sum(leads_negative(arg) for arg in expr.args)
    if 2 * negative != len(expr.args):
        return 2 * negative > len(expr.args)
    return leads_negative(_first_printed(expr))


def _first_printed(total: Expression) -> Expression:
    """The term of highest degree in the first kernel, then in the next."""
    degrees = []
    for term in total.args:
        factors = term.args if term.op == "mul" else (term,)
        degrees.append(dict(_degree(factor) for factor in factors if not is_constant(factor)))
    kernels = sorted(dict.fromkeys(kernel for found in degrees for kernel in found), key=_kernel_key)
    rows = zip(degrees, total.args, strict=True)
    return min(rows, key=lambda row: ([-row[0].get(kernel, 0) for kernel in kernels], _unsigned_key(row[1])))[1]


def _degree(factor: Expression) -> tuple[Expression, int]:
    """(kernel, integer exponent)."""
    if factor.op == "pow" and factor.args[1].op == INTEGER:
        return factor.args[0], ratio(factor.args[1])[0]
    return factor, 1


def _kernel_key(kernel: Expression) -> tuple[Any, ...]:
    base, exponent = kernel.args if kernel.op == "pow" else (kernel, ONE)
    power = (0, Fraction(*ratio(exponent))) if is_number(exponent) else (1, sort_key(exponent))
    return _CLASS_KEYS[base.op], sort_key(base), power


def _unsigned_key(term: Expression) -> tuple[Any, ...]:
    """Sort key of a term without its numeric factor."""
    if is_number(term):
        return ()
    factors = term.args if term.op == "mul" else (term,)
    return tuple(item for factor in factors if not is_number(factor) for item in sort_key(factor))
