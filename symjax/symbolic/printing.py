"""Raw expressions as infix text, LaTeX and presentation MathML, straight from the operator table.

`reader.read_infix(to_infix(expr)) is expr` and `read_latex(to_latex(expr)) is expr` for every expression built of
binary operators, integers and symbols.  Sums and products of more than two operands print as a chain, which reads
back nested to the left; rational numbers print as quotients.
"""

from __future__ import annotations

import dataclasses
import functools
import string
from typing import Final, Literal

from symjax.symbolic.expression import INTEGER, LEAVES, RATIONAL, Expression
from symjax.symbolic.latex import read_latex
from symjax.symbolic.operators import OPERATORS, Operator

__all__ = ["read_latex", "to_infix", "to_latex", "to_mathml"]

MAX_NODES: Final = 1_000_000
Notation = Literal["infix", "latex", "mathml"]
_BRACKETS: Final = {
    "infix": ("(", ")"),
    "latex": (r"\left(", r"\right)"),
    "mathml": ("<mrow><mo>(</mo>", "<mo>)</mo></mrow>"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Form:
    """How one operator prints.

    Attributes:
      pieces: literal text before, between and after the operands.
      precedence: binding strength of the whole.
      required: least binding strength of the first and of every later operand without parentheses.
    """

    pieces: tuple[str, ...]
    precedence: int
    required: tuple[int, int]


def to_infix(expr: Expression) -> str:
    """Python's notation: `x**2 + sin(x)`, with `sq`, `cb`, `sqrt` and `cbrt` as functions.

    Raises:
      ValueError: more than a million nodes.
    """
    return _print(expr, "infix")


def to_latex(expr: Expression) -> str:
    """LaTeX, without dollar signs.

    Raises:
      ValueError: more than a million nodes.
    """
    return _print(expr, "latex")


def to_mathml(expr: Expression) -> str:
    """A `<math>` element of presentation MathML.

    Raises:
      ValueError: more than a million nodes.
    """
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>{_print(expr, "mathml")}</mrow></math>'


def _print(expr: Expression, notation: Notation) -> str:
    if expr.size > MAX_NODES:
        raise ValueError(f"the expression has {expr.size} nodes; at most {MAX_NODES} are printed")
    forms, (opening, closing) = _forms(notation), _BRACKETS[notation]
    parts: list[str] = []
    stack: list[str | tuple[Expression, int, bool]] = [(expr, 0, True)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        node, required, first = item
        if node.op in LEAVES:
            text, strength = _leaf(node, notation, first)
            parts.append(text if strength >= required else opening + text + closing)
            continue
        form = forms[node.op]
        if form.precedence < required:
            parts.append(opening)
            stack.append(closing)
        before, *between, after = form.pieces
        stack.append(after)
        bound = 1 if form.precedence <= 2 else 0
        for place in range(len(node.args) - 1, -1, -1):
            inherits = place == 0 and bool(bound) and (first or form.precedence < required)
            needed = form.required[place > 0]
            stack.append((node.args[place], needed, inherits or needed == 0))
            if place:
                stack.append(between[0])
        stack.append(before)
    return "".join(parts)


def _leaf(node: Expression, notation: Notation, first: bool) -> tuple[str, int]:
    """Text and binding strength.  A minus sign binds like a sign where it comes first, else it wants parentheses."""
    if node.op == INTEGER:
        value = int(str(node.value))
        sign = 5 if value >= 0 else 3 if first else -1
        digits = str(abs(value))
        text = f"<mn>{digits}</mn>" if notation == "mathml" else digits
        return (("<mo>&#x2212;</mo>" if notation == "mathml" else "-") + text if value < 0 else text), sign
    if node.op == RATIONAL and isinstance(node.value, tuple):
        numerator, denominator = node.value
        if notation == "infix":
            return f"{numerator}/{denominator}", 2 if numerator > 0 or first else -1
        box = r"\tfrac{%d}{%d}" if notation == "latex" else "<mfrac><mn>%d</mn><mn>%d</mn></mfrac>"
        minus = "" if numerator > 0 else "-" if notation == "latex" else "<mo>&#x2212;</mo>"
        return minus + box % (abs(numerator), denominator), 4 if numerator > 0 else 3 if first else -1
    return (f"<mi>{node.value}</mi>" if notation == "mathml" else str(node.value)), 5


@functools.cache
def _forms(notation: Notation) -> dict[str, _Form]:
    """Operator -> how it prints."""
    return {row.name: _form(row, notation) for row in OPERATORS.values()}


def _form(row: Operator, notation: Notation) -> _Form:
    template = {"infix": row.infix, "latex": row.latex, "mathml": row.mathml}[notation]
    pieces = tuple(text for text in _literals(template))
    precedence = row.precedence if notation == "infix" else row.layout_precedence
    if precedence <= 2 and row.arity == 2:
        return _Form(pieces=pieces, precedence=precedence, required=(precedence, precedence + 1))
    if notation == "infix":
        return _Form(pieces=pieces, precedence=precedence, required=(5, 4) if row.arity == 2 else (0, 0))
    return _Form(
        pieces=pieces, precedence=precedence, required=(0 if 0 in row.boxed else 5, 0 if 1 in row.boxed else 5)
    )


def _literals(template: str) -> list[str]:
    """The text before, between and after the fields of a format string, whose fields are in order."""
    pieces = [""]
    for literal, field, _, _ in string.Formatter().parse(template):
        pieces[-1] += literal
        if field is not None:
            pieces.append("")
    return pieces
