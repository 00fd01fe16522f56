"""Derivatives of canonical expressions, by rules.

Symbols stand for real numbers; where a function is not differentiable in the complex plane (`abs`, `sign`) the
derivative is the one on the real line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from symjax.symbolic.arithmetic import MINUS_ONE, add, multiply, negative, power
from symjax.symbolic.budget import current_budget
from symjax.symbolic.canonical import apply
from symjax.symbolic.expression import ONE, ZERO, Expression, integer, rational, symbol
from symjax.symbolic.nodes import bit_of

_TWO: Final = integer(2)
_MINUS_HALF: Final = rational(-1, 2)
_BITS_OF_X: Final = bit_of("x") | bit_of("Y") | bit_of("Y'") | bit_of("Y''")
"""Symbols that x or the unknown function of x are."""
MEMO_ENTRIES: Final = 2048
_RECENT: Final[dict[str, dict[Expression, Expression]]] = {}
"""Symbol -> node -> derivative, of nodes met of late.  A slot of the node would keep cycles of nodes alive."""
_PRIMES: Final = {"Y": symbol("Y'"), "Y'": symbol("Y''")}


def _square(u: Expression) -> Expression:
    return power(u, _TWO)


_RULES: Final[dict[str, Callable[[Expression], tuple[Expression, ...]]]] = {
    "ln": lambda u: (power(u, MINUS_ONE),),
    "sin": lambda u: (apply("cos", u),),
    "cos": lambda u: (MINUS_ONE, apply("sin", u)),
    "tan": lambda u: (add(ONE, _square(apply("tan", u))),),
    "asin": lambda u: (power(add(ONE, negative(_square(u))), _MINUS_HALF),),
    "acos": lambda u: (MINUS_ONE, power(add(ONE, negative(_square(u))), _MINUS_HALF)),
    "atan": lambda u: (power(add(ONE, _square(u)), MINUS_ONE),),
    "sinh": lambda u: (apply("cosh", u),),
    "cosh": lambda u: (apply("sinh", u),),
    "tanh": lambda u: (add(ONE, negative(_square(apply("tanh", u)))),),
    "asinh": lambda u: (power(add(ONE, _square(u)), _MINUS_HALF),),
    # on the right branch everywhere, unlike 1/sqrt(u**2 - 1)
    "acosh": lambda u: (power(add(u, MINUS_ONE), _MINUS_HALF), power(add(u, ONE), _MINUS_HALF)),
    "atanh": lambda u: (power(add(ONE, negative(_square(u))), MINUS_ONE),),
    "abs": lambda u: (apply("sign", u),),
    "sign": lambda _: (ZERO,),
}
"""Function -> argument -> factors of its derivative."""


def derivative(expr: Expression, name: str = "x") -> Expression:
    """The canonical derivative of a canonical expression by the symbol `name`.

    By x it is the total one: the unknowns Y and Y' depend on x.

    Raises:
      TooLarge: above the limits on canonical expressions.
      Undefined: there is none anywhere, as for asin(abs(x)/x).
      OutOfBudget: one node more than the budget in force allows.
      ValueError: Y'' depends on x, and has no derivative in the table.
    """
    bit = _BITS_OF_X if name == "x" else bit_of(name)
    if not expr.names & bit:
        return ZERO
    budget = current_budget()
    memo = _RECENT.setdefault(name, {}) if budget is None else budget.memo.setdefault(name, {})
    found = memo.get(expr)
    if found is not None:
        return found
    known = _all_below(expr, bit, name, memo)
    if budget is None and len(memo) > MEMO_ENTRIES:
        memo.clear()
    memo.update(known)
    return known[expr]


def _all_below(
    expr: Expression, bit: int, name: str, memo: dict[Expression, Expression]
) -> dict[Expression, Expression]:
    """Node -> derivative, for `expr` and the nodes below it that depend on the symbols of `bit`."""
    known: dict[Expression, Expression] = {}
    stack = [expr]
    while stack:
        node = stack[-1]
        missing = []
        for arg in node.args:
            if arg not in known and arg.names & bit:
                found = memo.get(arg)
                if found is None:
                    missing.append(arg)
                else:
                    known[arg] = found
        if missing:
            stack += missing
            continue
        stack.pop()
        if node not in known:
            known[node] = _rule(node, [known[arg] if arg.names & bit else ZERO for arg in node.args], name)
    return known


def _rule(node: Expression, below: list[Expression], name: str) -> Expression:
    """The derivative of `node` from those of its operands."""
    op = node.op
    if not below:
        return _of_leaf(node, name)
    if op == "add":
        return add(*below)
    if op == "mul":
        return _of_product(node, below)
    if op == "pow":
        return _of_power(node, below)
    if op == "exp":
        return multiply(node, below[0])
    return multiply(*_RULES[op](node.args[0]), below[0])


def _of_leaf(node: Expression, name: str) -> Expression:
    if node.value == name:
        return ONE
    if node.value not in _PRIMES:
        raise ValueError(f"{node.value} has no derivative by {name}: the table of symbols ends there")
    return _PRIMES[str(node.value)]


def _of_product(node: Expression, below: list[Expression]) -> Expression:
    terms = []
    for place, inner in enumerate(below):
        if inner is not ZERO:
            terms.append(multiply(*node.args[:place], inner, *node.args[place + 1 :]))
    return add(*terms)


def _of_power(node: Expression, below: list[Expression]) -> Expression:
    base, exponent = node.args
    if below[1] is ZERO:
        return multiply(power(base, add(exponent, MINUS_ONE)), multiply(exponent, below[0]))
    first = multiply(below[1], apply("ln", base))
    if below[0] is ZERO:
        return multiply(node, first)
    return multiply(node, add(first, multiply(exponent, power(base, MINUS_ONE), below[0])))
