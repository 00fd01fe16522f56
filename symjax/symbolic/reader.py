"""Infix text that a user typed -> raw expression.  Nothing is ever executed.

The text is cut into numbers, names and signs by a pattern, and every one of them is checked against the operator
table before Python's `ast` sees anything; `ast` only decides what binds to what, and its tree is read back through
a whitelist.  Sizes are limited before parsing, so that hostile text costs nothing.

Reading is exact: `x**2` is a power and `sq(x)` a square, `2.50` is the quotient 250/100 in lowest terms, a minus
sign before a number is part of the number, and any other `-e` is the product `-1*e`.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from fractions import Fraction
from typing import Final, Literal

from symjax.symbolic.expression import MAX_DIGITS, Expression, integer, raw, symbol
from symjax.symbolic.operators import OPERATORS, SEED_OPERATORS, SEED_SYMBOLS

MAX_LENGTH: Final = 10_000
MAX_PIECES: Final = 1_000
MAX_NESTING: Final = 50

ALIASES: Final = {
    "log": "ln",
    **{f"arc{name[1:]}": name for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
}
_FUNCTIONS: Final = {name: name for name in SEED_OPERATORS if OPERATORS[name].arity == 1} | ALIASES
_BINARY: Final = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_SPACE: Final = " \t\n\r\f\v"
_PIECE: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\*\*|[-+*/^()]))", re.ASCII
)


class ReadError(ValueError):
    """Text that is no expression, or one above a limit.

    Attributes:
      position: of the first character at fault.
      reason: a sentence.
      limit: "length" or "nesting" where the text is above that limit.
    """

    def __init__(self, position: int, reason: str, limit: Literal["", "length", "nesting"] = "") -> None:
        super().__init__(f"character {position}: {reason}")
        self.position = position
        self.reason = reason
        self.limit = limit


@dataclasses.dataclass(frozen=True, slots=True)
class _Piece:
    kind: str
    text: str
    position: int


def read_infix(text: str) -> Expression:
    """The raw expression that `text` writes: `x`, numbers, `+ - * /`, `**` or `^`, and the functions of the table.

    `^` is `**`.  The usual other names are known (`log` is the natural logarithm `ln`, `arcsin` is `asin`).

    Raises:
      ReadError: text that is no expression, an unknown name, or text above the limits: 10,000 characters, 1,000
        numbers, names and signs, 50 parentheses inside each other, 1,000 digits in a number.
    """
    if len(text) > MAX_LENGTH:
        raise ReadError(MAX_LENGTH, f"the text has {len(text)} characters; at most {MAX_LENGTH} are read", "length")
    pieces = _pieces(text)
    source, starts = _source(pieces)
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        raise ReadError(0, "the expression is too complicated for Python's parser; nest it less", "nesting") from None
    return _Builder(pieces, starts).build(tree.body)


def _pieces(text: str) -> list[_Piece]:
    """The numbers, names and signs of `text`, each checked."""
    pieces: list[_Piece] = []
    position, nesting = 0, 0
    text = text.rstrip(_SPACE)
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            position = len(text) - len(text[position:].lstrip(_SPACE))
            raise ReadError(position, f"{text[position]!r} does not belong in an expression")
        kind = str(match.lastgroup)
        piece = _Piece(kind, match[kind], match.start(kind))
        nesting += {"(": 1, ")": -1}.get(piece.text, 0)
        _check(piece, pieces[-1] if pieces else None, nesting)
        pieces.append(piece)
        if len(pieces) > MAX_PIECES:
            raise ReadError(piece.position, f"more than {MAX_PIECES} numbers, names and signs", "length")
        position = match.end()
    if not pieces:
        raise ReadError(0, "there is no expression")
    if pieces[-1].text in _FUNCTIONS:
        raise ReadError(len(text), f"{pieces[-1].text} wants its operand in parentheses: {pieces[-1].text}(x)")
    if pieces[-1].kind == "sign" and pieces[-1].text != ")":
        raise ReadError(len(text), f"the expression ends early: an operand is missing after {pieces[-1].text!r}")
    if nesting:
        raise ReadError(len(text), f"{nesting} closing parenthes{'is is' if nesting == 1 else 'es are'} missing")
    return pieces


def _check(piece: _Piece, before: _Piece | None, nesting: int) -> None:
    """Refuse what cannot stand here."""
    if nesting < 0:
        raise ReadError(piece.position, "this parenthesis closes nothing")
    if nesting > MAX_NESTING:
        raise ReadError(piece.position, f"more than {MAX_NESTING} parentheses inside each other", "nesting")
    if piece.kind == "number" and len(piece.text) > MAX_DIGITS:
        rule = f"the number has {len(piece.text)} digits; at most {MAX_DIGITS} are read"
        raise ReadError(piece.position, rule, "length")
    if piece.kind == "name" and piece.text not in _FUNCTIONS and piece.text not in SEED_SYMBOLS:
        known = ", ".join((*SEED_SYMBOLS, *_FUNCTIONS))
        raise ReadError(piece.position, f"unknown name {piece.text[:40]!r}; known: {known}")
    if before is not None and before.text in _FUNCTIONS and piece.text != "(":
        raise ReadError(piece.position, f"{before.text} wants its operand in parentheses: {before.text}(x)")
    ends = before is not None and (before.kind == "number" or before.text == ")" or before.text in SEED_SYMBOLS)
    if not ends and piece.text in (")", "*", "/", "**", "^"):
        raise ReadError(piece.position, f"an operand is missing before {piece.text!r}")
    if ends and (piece.kind != "sign" or piece.text == "("):
        raise ReadError(piece.position, f"an operator is missing before {piece.text[:40]!r}; write * for a product")


def _source(pieces: list[_Piece]) -> tuple[str, list[int]]:
    """Python source with a name for every piece that is no sign, and where each piece starts in it."""
    words = [
        ("**" if piece.text == "^" else piece.text) if piece.kind == "sign" else f"_{number}"
        for number, piece in enumerate(pieces)
    ]
    starts, position = [], 0
    for word in words:
        starts.append(position)
        position += len(word) + 1
    return " ".join(words), starts


class _Builder:
    """Reads the tree of `ast` through a whitelist, without recursion."""

    def __init__(self, pieces: list[_Piece], starts: list[int]) -> None:
        self._pieces = pieces
        self._position = dict(zip(starts, pieces, strict=True))

    def build(self, root: ast.expr) -> Expression:
        stack: list[tuple[ast.AST, bool]] = [(root, False)]
        done: list[Expression] = []
        while stack:
            node, visited = stack.pop()
            operands = self._operands(node)
            if operands and not visited:
                stack.append((node, True))
                stack.extend((operand, False) for operand in reversed(operands))
            elif operands:
                args = [done.pop() for _ in operands][::-1]
                done.append(self._apply(node, args))
            else:
                done.append(self._leaf(node))
        return done[0]

    def _operands(self, node: ast.AST) -> list[ast.expr]:
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return [operand]
            case ast.Call(func=ast.Name(), args=[operand], keywords=[]):
                return [operand]
            case ast.Name():
                return []
        raise self._unexpected(node)

    def _apply(self, node: ast.AST, args: list[Expression]) -> Expression:
        match node:
            case ast.BinOp(op=op):
                return raw(_BINARY[type(op)], *args)
            case ast.UnaryOp(op=ast.UAdd()):
                return args[0]
            case ast.UnaryOp(operand=operand):
                return self._negative(operand, args[0])
            case ast.Call(func=ast.Name() as function):
                piece = self._position[function.col_offset]
                if piece.text in _FUNCTIONS:
                    return raw(_FUNCTIONS[piece.text], args[0])
        raise self._unexpected(node)

    def _negative(self, operand: ast.expr, value: Expression) -> Expression:
        """The negative number, or the product with -1."""
        if isinstance(operand, ast.Name) and self._position[operand.col_offset].kind == "number":
            whole, *denominator = value.args or (value,)
            negative = integer(-int(str(whole.value)))
            return raw("div", negative, *denominator) if denominator else negative
        return raw("mul", integer(-1), value)

    def _leaf(self, node: ast.AST) -> Expression:
        if isinstance(node, ast.Name):
            piece = self._position[node.col_offset]
            if piece.kind == "number":
                value = Fraction(piece.text)
                whole = integer(value.numerator)
                return whole if value.denominator == 1 else raw("div", whole, integer(value.denominator))
            if piece.text in SEED_SYMBOLS:
                return symbol(piece.text)
        raise self._unexpected(node)

    def _unexpected(self, node: ast.AST) -> ReadError:
        piece = self._position.get(getattr(node, "col_offset", -1), self._pieces[0])
        return ReadError(piece.position, f"{piece.text[:40]!r} is not expected here")
