"""Infix text that a user typed -> raw expression.  Nothing is ever executed.

The text is cut into numbers, names and signs by a pattern, every one of them is checked against the operator table
and against what stands before it, and operators wait on a stack for their operands: nothing recurses, and Python's
own parser is never asked.  Sizes are limited, so that hostile text costs nothing.

Reading is exact: `x**2` is a power and `sq(x)` a square, `2.50` is the quotient 250/100 in lowest terms, a minus
sign before a number is part of the number, and any other `-e` is the product `-1*e`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, Literal

from symjax.symbolic.expression import MAX_DIGITS, ONE, Expression, constant, integer, raw, symbol
from symjax.symbolic.operators import CONSTANTS, OPERATORS, SYMBOLS, UNKNOWNS

MAX_LENGTH: Final = 10_000
MAX_PIECES: Final = 1_000
MAX_NESTING: Final = 50

_ARC: Final = ("sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "sech", "csch", "coth")
ALIASES: Final = {
    "log": "ln",
    **{f"arc{name}": f"a{name}" for name in _ARC},
    **{f"ar{name}": f"a{name}" for name in _ARC if name.endswith("h")},
    "Abs": "abs",
    "sgn": "sign",
    "Derivative": "derivative",
}
_BINARY: Final = {"+": ("add", 1), "-": ("sub", 1), "*": ("mul", 2), "/": ("div", 2), "**": ("pow", 4), "^": ("pow", 4)}
_UNARY_PRECEDENCE: Final = 3
_FUNCTIONS: Final = tuple(name for name in OPERATORS if name not in {op for op, _ in _BINARY.values()})
_SPACE: Final = " \t\n\r\f\v"
_PIECE: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>Y'{1,2}|[A-Za-z_]\w*)|(?P<sign>\*\*|[-+*/^(),]))", re.ASCII
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest text that is read: characters; numbers, names and signs; parentheses inside each other."""

    length: int = MAX_LENGTH
    pieces: int = MAX_PIECES
    nesting: int = MAX_NESTING


TYPED: Final = Limits()


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Names:
    """The names that may stand in a text: of functions, with the operator of each, and of leaves."""

    functions: Mapping[str, str]
    leaves: Mapping[str, Expression]


@functools.lru_cache(maxsize=16)
def _names(words: tuple[str, ...] | None) -> _Names:
    functions = {name: name for name in _FUNCTIONS if words is None or name in words}
    aliases = {alias: name for alias, name in ALIASES.items() if name in functions}
    leaves = {name: symbol(name) for name in SYMBOLS} | {name: constant(name) for name in CONSTANTS}
    leaves |= {name: symbol(name) for name in UNKNOWNS}
    known = {name: leaf for name, leaf in leaves.items() if words is None or name in words}
    return _Names(functions=functions | aliases, leaves=known)


def read_infix(
    text: str, *, words: tuple[str, ...] | None = None, limits: Limits = TYPED, bracketed: bool = False
) -> Expression:
    """The raw expression that `text` writes: names, numbers, `+ - * /`, `**` or `^`, and the functions of the table.

    `^` is `**`.  The usual other names are known (`log` is the natural logarithm `ln`, `arcsin` is `asin`, `Abs` is
    `abs`).  The unknown function and its derivatives are `Y`, `Y'` and `Y''`.

    Args:
      text: what was typed.
      words: the operators, symbols and constants that may occur, by their prefix tokens; None for all.
      limits: the largest text that is read; without others 10,000 characters, 1,000 numbers, names and signs, and 50
        parentheses inside each other.
      bracketed: where every operand of every sign is in parentheses, as programs write it, give meaning to what is
        not: `(x)**2` is `pow2(x)` and `(x)**(2)` a power, `1/(x)` is `inv(x)`, `(x)**(1/(y))` is `rac(x, y)`.

    Raises:
      ReadError: text that is no expression, an unknown name, a number of more than 1,000 digits, or text above the
        limits.
    """
    if len(text) > limits.length:
        raise ReadError(
            limits.length, f"the text has {len(text)} characters; at most {limits.length} are read", "length"
        )
    names = _names(words)
    pieces = _Scanner(names, limits).pieces(text)
    if bracketed:
        builder = _Builder(names, bracketed=True)
        expr = builder.build(pieces)
        if builder.every_operand_bracketed:
            return expr
    return _Builder(names, bracketed=False).build(pieces)


@dataclasses.dataclass(frozen=True, slots=True)
class _Piece:
    """A number, a name or a sign; `binary` says of a sign that an operand stands before it."""

    kind: str
    text: str
    position: int
    binary: bool


class _Scanner:
    """Cuts text into pieces, each checked against what stands before it."""

    def __init__(self, names: _Names, limits: Limits) -> None:
        self._names = names
        self._limits = limits
        self._pieces: list[_Piece] = []
        self._open: list[tuple[str, int]] = []  # function of each open parenthesis, "" for none, and commas in it

    def pieces(self, text: str) -> list[_Piece]:
        """The numbers, names and signs of `text`."""
        position, text = 0, text.rstrip(_SPACE)
        while position < len(text):
            match = _PIECE.match(text, position)
            if match is None:
                position = len(text) - len(text[position:].lstrip(_SPACE))
                raise ReadError(position, f"{text[position]!r} does not belong in an expression")
            kind = str(match.lastgroup)
            piece = _Piece(kind, match[kind], match.start(kind), self._ends())
            self._check(piece)
            self._pieces.append(piece)
            if len(self._pieces) > self._limits.pieces:
                rule = f"more than {self._limits.pieces} numbers, names and signs"
                raise ReadError(piece.position, rule, "length")
            position = match.end()
        self._finish(len(text))
        return self._pieces

    def _ends(self) -> bool:
        """Whether the last piece ends an operand."""
        if not self._pieces:
            return False
        last = self._pieces[-1]
        return last.kind == "number" or last.text == ")" or last.text in self._names.leaves

    def _wants_parenthesis(self) -> str:
        """The function that the last piece names, else ""."""
        last = self._pieces[-1].text if self._pieces else ""
        return last if last in self._names.functions else ""

    def _check(self, piece: _Piece) -> None:
        """Refuse what cannot stand here."""
        position, text = piece.position, piece.text
        if text == ")" and not self._open:
            raise ReadError(position, "this parenthesis closes nothing")
        if piece.kind == "number" and len(text) > MAX_DIGITS:
            rule = f"the number has {len(text)} digits; at most {MAX_DIGITS} are read"
            raise ReadError(position, rule, "length")
        if piece.kind == "name" and text not in self._names.functions and text not in self._names.leaves:
            known = ", ".join((*self._names.leaves, *self._names.functions))
            raise ReadError(position, f"unknown name {text[:40]!r}; known: {known}")
        function = self._wants_parenthesis()
        if function and text != "(":
            raise ReadError(position, f"{function} wants its operand in parentheses: {function}(x)")
        if not piece.binary and text in (")", "*", "/", "**", "^", ","):
            raise ReadError(position, f"an operand is missing before {text!r}")
        if piece.binary and (piece.kind != "sign" or text == "("):
            raise ReadError(position, f"an operator is missing before {text[:40]!r}; write * for a product")
        self._nest(piece, function)

    def _nest(self, piece: _Piece, function: str) -> None:
        """Count parentheses and the operands inside them."""
        if piece.text == "(":
            self._open.append((function, 0))
            if len(self._open) > self._limits.nesting:
                rule = f"more than {self._limits.nesting} parentheses inside each other"
                raise ReadError(piece.position, rule, "nesting")
        elif piece.text == ",":
            name, commas = self._open.pop() if self._open else ("", 0)
            arity = OPERATORS[self._names.functions[name]].arity if name else 1
            if commas + 1 >= arity:
                owner = (
                    f"{name} takes {arity} operand{'s' * (arity > 1)}" if name else "it separates operands of functions"
                )
                raise ReadError(piece.position, f"',' does not belong here: {owner}")
            self._open.append((name, commas + 1))
        elif piece.text == ")":
            name, commas = self._open.pop()
            arity = OPERATORS[self._names.functions[name]].arity if name else 1
            if commas + 1 < arity:
                raise ReadError(piece.position, f"{name} takes {arity} operands, got {commas + 1}")

    def _finish(self, end: int) -> None:
        """Refuse an end that comes early."""
        if not self._pieces:
            raise ReadError(0, "there is no expression")
        function, last = self._wants_parenthesis(), self._pieces[-1]
        if function:
            raise ReadError(end, f"{function} wants its operand in parentheses: {function}(x)")
        if last.kind == "sign" and last.text != ")":
            raise ReadError(end, f"the expression ends early: an operand is missing after {last.text!r}")
        if self._open:
            count = len(self._open)
            raise ReadError(end, f"{count} closing parenthes{'is is' if count == 1 else 'es are'} missing")


@dataclasses.dataclass(slots=True)
class _Operand:
    """A value on the stack: whether it is a number as written, and how many parentheses stand around it."""

    expr: Expression
    literal: bool = False
    brackets: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class _Waiting:
    """What waits for its operands: a sign with its precedence, a parenthesis or a function, both with 0."""

    text: str
    precedence: int
    binary: bool = False


class _Builder:
    """Operators wait for their operands, by precedence; pieces are those that the scanner let through."""

    def __init__(self, names: _Names, *, bracketed: bool) -> None:
        self._names = names
        self._bracketed = bracketed
        self._operands: list[_Operand] = []
        self._waiting: list[_Waiting] = []
        self.every_operand_bracketed = True

    def build(self, pieces: list[_Piece]) -> Expression:
        """The expression of all pieces."""
        for piece in pieces:
            if piece.kind == "number":
                value = Fraction(piece.text)
                whole, rest = integer(value.numerator), integer(value.denominator)
                self._operands.append(_Operand(whole if rest is ONE else raw("div", whole, rest), literal=True))
            elif piece.text in self._names.leaves:
                self._operands.append(_Operand(self._names.leaves[piece.text]))
            elif piece.text in self._names.functions or piece.text == "(":
                self._waiting.append(_Waiting(piece.text, 0))
            elif piece.text == ")":
                self._close()
            else:
                self._sign(piece)
        self._apply_above(0)
        return self._operands[0].expr

    def _sign(self, piece: _Piece) -> None:
        """A comma, or a sign that waits for the operand behind it."""
        if piece.text == ",":
            self._apply_above(0)
        elif not piece.binary:
            self._waiting.append(_Waiting(piece.text, _UNARY_PRECEDENCE))
        else:
            op, precedence = _BINARY[piece.text]
            self._apply_above(precedence if op == "pow" else precedence - 1)  # powers group from the right
            self._waiting.append(_Waiting(piece.text, precedence, binary=True))

    def _apply_above(self, precedence: int) -> None:
        """Give their operands to the signs that wait on top and bind more strongly."""
        while self._waiting and self._waiting[-1].precedence > precedence:
            sign = self._waiting.pop()
            if sign.binary:
                right, left = self._operands.pop(), self._operands.pop()
                self._operands.append(_Operand(self._binary(sign.text, left, right)))
            elif sign.text == "-":
                self._operands.append(self._negative(self._operands.pop()))
            else:
                self.every_operand_bracketed = False
                self._operands.append(_Operand(self._operands.pop().expr))

    def _close(self) -> None:
        """A closing parenthesis: of a function, or around an operand."""
        self._apply_above(0)
        self._waiting.pop()
        if not self._waiting or self._waiting[-1].text not in self._names.functions:
            self._operands[-1].brackets += 1
            return
        op = self._names.functions[self._waiting.pop().text]
        args = [self._operands.pop().expr for _ in range(OPERATORS[op].arity)]
        self._operands.append(_Operand(raw(op, *args[::-1])))

    def _negative(self, operand: _Operand) -> _Operand:
        """The negative number, or the product with -1."""
        if operand.literal:
            whole, *denominator = operand.expr.args or (operand.expr,)
            negative = integer(-int(str(whole.value)))
            return _Operand(raw("div", negative, *denominator) if denominator else negative)
        self.every_operand_bracketed = False
        return _Operand(raw("mul", integer(-1), operand.expr))

    def _binary(self, sign: str, left: _Operand, right: _Operand) -> Expression:
        op = _BINARY[sign][0]
        if self._bracketed:
            is_inverse = op == "div" and left.literal and not left.brackets and left.expr is ONE
            fixed = f"pow{right.expr.value}" if op == "pow" and right.literal and not right.brackets else ""
            is_fixed = fixed in OPERATORS
            self.every_operand_bracketed &= bool((left.brackets or is_inverse) and (right.brackets or is_fixed))
            if is_inverse:
                return raw("inv", right.expr)
            if is_fixed:
                return raw(fixed, left.expr)
            if op == "pow" and right.brackets == 1 and right.expr.op == "inv":
                return raw("rac", left.expr, *right.expr.args)
        return raw(op, left.expr, right.expr)
