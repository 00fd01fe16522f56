"""Raw expressions as infix text, LaTeX and presentation MathML, straight from the operator table.

`reader.read_infix(to_infix(expr)) is expr` and `read_latex(to_latex(expr)) is expr` for every expression of the words
that prefix tokens have, whose sums and products have two operands.  Longer sums and products print as a chain, which
reads back nested to the left; rational numbers print as quotients.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import string
from typing import Final, Literal

from symjax.symbolic.expression import INTEGER, LEAVES, RATIONAL, Expression
from symjax.symbolic.latex import read_latex
from symjax.symbolic.operators import COEFFICIENTS, LATEX_NAMES, OPERATORS, UNKNOWNS, Operator

__all__ = ["read_latex", "to_infix", "to_latex", "to_mathml"]

MAX_NODES: Final = 1_000_000
Notation = Literal["infix", "latex", "mathml"]
_BRACKETS: Final = {
    "infix": ("(", ")"),
    "latex": (r"\left(", r"\right)"),
    "mathml": ("<mrow><mo>(</mo>", "<mo>)</mo></mrow>"),
}
_PRIMES: Final = {UNKNOWNS[1]: "&#x2032;", UNKNOWNS[2]: "&#x2033;"}
_MATHML_NAMES: Final = (
    {"pi": "<mi>&#x3C0;</mi>", "E": "<mi>e</mi>", "I": "<mi>i</mi>"}
    | {name: f"<msub><mi>a</mi><mn>{name[1:]}</mn></msub>" for name in COEFFICIENTS}
    | {name: f"<msup><mi>Y</mi><mo>{prime}</mo></msup>" for name, prime in _PRIMES.items()}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Form:
    """How one operator prints.

    Attributes:
      pieces: literal text before, between and after the operands.
      order: which operand stands at each place.
      precedence: binding strength of the whole.
      required: least binding strength of each operand without parentheses; of a chain's last ones, the last entry.
    """

    pieces: tuple[str, ...]
    order: tuple[int, ...]
    precedence: int
    required: tuple[int, ...]

    def operand(self, place: int) -> tuple[int, int]:
        """Which operand stands at `place`, and the binding strength that it needs."""
        which = self.order[place] if place < len(self.order) else place
        return which, self.required[min(which, len(self.required) - 1)]

    def text_before(self, place: int) -> str:
        """The literal text in front of `place`."""
        return self.pieces[min(place, len(self.pieces) - 2)]


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
        stack.append(form.pieces[-1])
        chained = form.precedence <= 2
        for place in range(len(node.args) - 1, -1, -1):
            inherits = place == 0 and chained and (first or form.precedence < required)
            which, needed = form.operand(place)
            stack.append((node.args[which], needed, inherits or needed == 0))
            stack.append(form.text_before(place))
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
    return _name(str(node.value), notation), 5


def _name(name: str, notation: Notation) -> str:
    """A symbol or constant."""
    if notation == "mathml":
        return _MATHML_NAMES.get(name) or f"<mi>{html.escape(name)}</mi>"
    return LATEX_NAMES.get(name, name) if notation == "latex" else name


@functools.cache
def _forms(notation: Notation) -> dict[str, _Form]:
    """Operator -> how it prints."""
    return {row.name: _form(row, notation) for row in OPERATORS.values()}


def _form(row: Operator, notation: Notation) -> _Form:
    template = {"infix": row.infix, "latex": row.latex, "mathml": row.mathml}[notation]
    pieces, order = _fields(template)
    precedence = row.precedence if notation == "infix" else row.layout_precedence
    if precedence <= 2 and row.arity == 2:
        required = (precedence, precedence + 1)
    elif notation == "infix":
        required = (5, 4) if row.name == "pow" else (0,) * row.arity
    else:
        required = tuple(0 if place in row.boxed else 5 for place in range(row.arity))
    return _Form(pieces=pieces, order=order, precedence=precedence, required=required)


def _fields(template: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The text before, between and after the fields of a format string, and which fields they are."""
    pieces, order = [""], []
    for literal, field, _, _ in string.Formatter().parse(template):
        pieces[-1] += literal
        if field is not None:
            pieces.append("")
            order.append(int(field))
    return tuple(pieces), tuple(order)
