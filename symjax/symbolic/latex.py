"""LaTeX as `printing.to_latex` writes it -> raw expression."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from symjax.symbolic.expression import MAX_DIGITS, Expression, integer, rational, raw, symbol
from symjax.symbolic.operators import OPERATORS, SEED_OPERATORS, SEED_SYMBOLS
from symjax.symbolic.reader import ReadError

MAX_LENGTH: Final = 100_000
MAX_NESTING: Final = 100

_PIECE: Final = re.compile(
    r"\s*(\\left\(|\\right\)|\\sqrt\[3\]|\\operatorname\{[a-z]+\}|\\[a-z]+|[0-9]+|[A-Za-z]|[-+^{}])", re.ASCII
)
_FUNCTIONS: Final = {
    OPERATORS[name].latex.split(r"\left(")[0].format(): name
    for name in SEED_OPERATORS
    if r"\left(" in OPERATORS[name].latex
}
_ROOTS: Final = {r"\sqrt": "sqrt", r"\sqrt[3]": "cbrt"}
_FIXED_POWERS: Final = {"2": "sq", "3": "cb"}
_END: Final = ""


def read_latex(text: str) -> Expression:
    """The raw expression whose `to_latex` is `text`; spaces do not matter.

    Other people's LaTeX is read as far as it is written in the same way: functions with `\\left(` and `\\right)`,
    products with `\\cdot`, bases and exponents of powers in braces.

    Raises:
      ReadError: anything else, more than 100,000 characters, or more than 100 groups inside each other.
    """
    if len(text) > MAX_LENGTH:
        raise ReadError(MAX_LENGTH, f"the text has {len(text)} characters; at most {MAX_LENGTH} are read")
    reader = _Reader(text)
    expr = reader.sum()
    reader.expect(_END)
    return expr


class _Reader:
    """Recursive descent; the nesting is bounded, and sums and products are loops."""

    def __init__(self, text: str) -> None:
        self._pieces: list[tuple[str, int]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _PIECE.match(text, position)
            if match is None:
                raise ReadError(position, f"{text[position : position + 20]!r} is not LaTeX as it is printed here")
            self._pieces.append((match[1], match.start(1)))
            position = match.end()
        self._pieces.append((_END, end))
        self._next = 0
        self._nesting = 0

    def _peek(self) -> str:
        return self._pieces[self._next][0]

    def _take(self) -> str:
        piece = self._peek()
        self._next += 1
        return piece

    def _fail(self, wanted: str) -> ReadError:
        piece, position = self._pieces[self._next]
        return ReadError(
            position, f"expected {wanted}, found {piece[:40]!r}" if piece else f"expected {wanted}, found the end"
        )

    def expect(self, piece: str) -> None:
        """Step over `piece`."""
        if self._peek() != piece:
            raise self._fail(repr(piece) if piece else "the end")
        if piece != _END:
            self._next += 1

    def sum(self) -> Expression:
        """product (+ product | - product)*."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ReadError(self._pieces[self._next][1], f"more than {MAX_NESTING} groups inside each other")
        expr = self._product()
        while self._peek() in ("+", "-"):
            op = "add" if self._take() == "+" else "sub"
            expr = raw(op, expr, self._product())
        self._nesting -= 1
        return expr

    def _product(self) -> Expression:
        expr = self._atom()
        while self._peek() == r"\cdot":
            self._take()
            expr = raw("mul", expr, self._atom())
        return expr

    def _atom(self) -> Expression:
        piece = self._peek()
        if piece == "-":
            self._take()
            return self._number(-1)
        if piece.isdigit() or piece == r"\tfrac":
            return self._number(1)
        if piece == "{":
            return self._power()
        if piece in SEED_SYMBOLS:
            return symbol(self._take())
        if piece == r"\left(":
            return self._parentheses()
        if piece == r"\frac":
            self._take()
            numerator = self._group(self.sum)
            return raw("div", numerator, self._group(self.sum))
        if piece in _ROOTS:
            return raw(_ROOTS[self._take()], self._group(self.sum))
        if piece in _FUNCTIONS:
            return raw(_FUNCTIONS[self._take()], self._parentheses())
        raise self._fail("an expression")

    def _parentheses(self) -> Expression:
        self.expect(r"\left(")
        expr = self.sum()
        self.expect(r"\right)")
        return expr

    def _group(self, inside: Callable[[], Expression]) -> Expression:
        self.expect("{")
        expr = inside()
        self.expect("}")
        return expr

    def _power(self) -> Expression:
        base = self._group(self.sum)
        self.expect("^")
        self.expect("{")
        if self._peek() == "{":
            expr = raw("pow", base, self._group(self.sum))
        elif self._peek() in _FIXED_POWERS:
            expr = raw(_FIXED_POWERS[self._take()], base)
        else:
            raise self._fail("2, 3 or a group")
        self.expect("}")
        return expr

    def _digits(self) -> int:
        digits = self._peek()
        if not digits.isdigit() or len(digits) > MAX_DIGITS or (digits[0] == "0" and len(digits) > 1):
            raise self._fail(f"a number of at most {MAX_DIGITS} digits")
        return int(self._take())

    def _number(self, sign: int) -> Expression:
        if self._peek() != r"\tfrac":
            return integer(sign * self._digits())
        self._take()
        self.expect("{")
        numerator = sign * self._digits()
        self.expect("}")
        self.expect("{")
        denominator = self._digits()
        if denominator == 0:
            raise self._fail("a denominator other than 0 before this")
        self.expect("}")
        return rational(numerator, denominator)
