"""The infix text of Lample and Charton's data files <-> raw expressions.

Every operand of a sign stands in parentheses: `(x)*(ln((x)+(2)))`.  The unknown function is `f(x)`, its derivatives
are `Derivative(f(x),x)` and so on; they are Y, Y' and Y'' here, see `foreign.name_unknowns`.  What is written reads
back exactly, fixed powers and roots included.  Text with fewer parentheses, as SymPy prints it, is read as well.
"""

from __future__ import annotations

from typing import Final

from symjax.symbolic.expression import INTEGER, RATIONAL, Expression
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.reader import Limits, read_infix
from symjax.tokenization.foreign import DECIMAL, name_unknowns, spell_unknowns
from symjax.tokenization.prefix import MAX_TOKENS

LIMITS: Final = Limits(length=1_000_000, pieces=200_000, nesting=100_000)

_SIGNS: Final = {
    "add": ("(", ")+(", ")"),
    "sub": ("(", ")-(", ")"),
    "mul": ("(", ")*(", ")"),
    "div": ("(", ")/(", ")"),
    "pow": ("(", ")**(", ")"),
    "rac": ("(", ")**(1/(", "))"),
    "inv": ("1/(", ")"),
    "sq": ("(", ")**(2)"),
    "cb": ("(", ")**(3)"),
    "cbrt": ("(", ")**((1)/(3))"),
    **{f"pow{exponent}": ("(", f")**{exponent}") for exponent in (2, 3, 4, 5)},
}
_NAMES: Final = {"abs": "Abs", "derivative": "Derivative"}


def _pieces(name: str) -> tuple[str, ...]:
    """Text before, between and behind the operands."""
    if name in _SIGNS:
        return _SIGNS[name]
    return (_NAMES.get(name, name) + "(", *[","] * (OPERATORS[name].arity - 1), ")")


_FORMS: Final = {name: _pieces(name) for name in OPERATORS}


def write_infix(expr: Expression) -> str:
    """The infix text of `expr`, with the unknown function spelled out.

    Raises:
      ValueError: more than 4,000,000 nodes.
    """
    if expr.size > MAX_TOKENS:
        raise ValueError(f"the expression has {expr.size} nodes; at most {MAX_TOKENS} are written")
    parts: list[str] = []
    stack: list[str | Expression] = [spell_unknowns(expr)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            parts.append(item)
        elif item.args:
            stack.extend(reversed(_operation(item)))
        else:
            parts.append(_leaf(item))
    return "".join(parts)


def _operation(node: Expression) -> list[str | Expression]:
    """Text and operands, in order; sums and products of more than two operands nest to the right."""
    form, args = _FORMS[node.op], node.args
    if len(args) > len(form) - 1:
        opening, between, closing = form
        chain: list[str | Expression] = [opening]
        for arg in args[:-2]:
            chain += [arg, between + opening]
        return [*chain, args[-2], between, args[-1], closing * (len(args) - 1)]
    items: list[str | Expression] = [form[0]]
    for arg, text in zip(args, form[1:], strict=True):
        items += [arg, text]
    if node.op == "pow" and args[1].op == "inv":  # a single pair of parentheses would say `rac`
        items[3:] = ["(", args[1], "))"]
    return items


def _leaf(node: Expression) -> str:
    if node.op == INTEGER:
        return str(node.value)
    if node.op == RATIONAL and isinstance(node.value, tuple):
        return "({})/({})".format(*node.value)
    return str(node.value)


def parse_infix(text: str) -> Expression:
    """The raw expression that infix text writes, f(x) and its derivatives named Y, Y' and Y''.

    Raises:
      ReadError: text that is no expression of foreign words, with the place, or more than a million characters.
    """
    return name_unknowns(read_infix(text, words=DECIMAL.expression_words, limits=LIMITS, bracketed=True))
