"""Differential equations as people and SymPy write them -> the words Y, Y' and Y''.

`f(x)`, `y(x)` and `y` are Y; `y'`, `f'(x)`, `Derivative(f(x), x)` and `diff(y, x)` are Y', and so for the second
derivative, also as `Derivative(f(x), (x, 2))`.  One `=` may stand between two sides.
"""

from __future__ import annotations

import re
from typing import Final

from symjax.symbolic.expression import Expression, postorder, raw, symbol, unchecked
from symjax.symbolic.operators import UNKNOWNS
from symjax.symbolic.reader import MAX_LENGTH
from symjax.tasks import Rejection
from symjax.tasks._reading import read_expression

_FUNCTION: Final = r"[fyY](?:\(\s*x\s*\))?"
_TWICE: Final = r"x\s*,\s*x|\(\s*x\s*,\s*2\s*\)|x\s*,\s*2"
_DERIVATIVE: Final = re.compile(
    rf"(?<!\w)(?:Derivative|derivative|diff)\(\s*{_FUNCTION}\s*,\s*(?:(?P<twice>{_TWICE})|x)\s*\)", re.ASCII
)
_NAME: Final = re.compile(
    r"(?<!\w)(?:[fyY](?P<primes>'{1,2})|y)(?:\(\s*x\s*\))?(?![\w'(])|(?<!\w)[fyY]\(\s*x\s*\)", re.ASCII
)
_X: Final = symbol("x")


def read_equation(text: str, words: tuple[str, ...]) -> Expression | Rejection:
    """The raw left side of an equation whose right side is zero; or rejected as `read_expression` does.

    Places in messages are those of the text as it was typed.
    """
    left, equals, right = text.partition("=")
    if "=" in right:
        return Rejection("malformed", f"character {len(left) + 1 + right.index('=')}: an equation has one '='")
    if equals and not (left.strip() and right.strip()):
        return Rejection("malformed", f"character {len(left)}: a side of the equation is missing")
    sides = [read_expression(_with_unknowns(left), words)]
    if equals:
        sides.append(read_expression(" " * (len(left) + 1) + _with_unknowns(right), words))
    named = []
    for side in sides:
        if isinstance(side, Rejection):
            return side
        named.append(_named(side))
    return named[0] if len(named) == 1 or named[1].value == 0 else unchecked("sub", tuple(named))


def _with_unknowns(text: str) -> str:
    """`text` with unknowns in words, padded so that everything stays in its place."""
    if len(text) > MAX_LENGTH:  # refused soon, unless it is prefix
        return text
    text = _DERIVATIVE.sub(lambda found: _padded("Y''" if found["twice"] else "Y'", found[0]), text)
    return _NAME.sub(lambda found: _padded("Y" + (found["primes"] or ""), found[0]), text)


def _padded(word: str, typed: str) -> str:
    return word.ljust(len(typed))


def _named(expr: Expression) -> Expression:
    """`expr` with f(x) and its derivatives as unknowns."""
    known: dict[Expression, Expression] = {}
    for node in postorder(expr):
        args = [known[arg] for arg in node.args]
        if node.op == "f" and args[0] is _X:
            known[node] = symbol("Y")
        elif node.op == "derivative" and args[1] is _X and args[0].value in UNKNOWNS[:-1]:
            known[node] = symbol(UNKNOWNS[UNKNOWNS.index(str(args[0].value)) + 1])
        else:
            known[node] = raw(node.op, *args) if args else node
    return known[expr]
