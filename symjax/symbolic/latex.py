"""LaTeX as `printing.to_latex` writes it -> raw expression."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from symjax.symbolic.expression import MAX_DIGITS, Expression, constant, integer, rational, raw, symbol
from symjax.symbolic.operators import CONSTANTS, LATEX_NAMES, OPERATORS, SYMBOLS, UNKNOWNS
from symjax.symbolic.reader import ReadError

MAX_LENGTH: Final = 100_000
MAX_NESTING: Final = 100

_PIECE: Final = re.compile(
    r"\s*(\\left[(|]|\\right[)|]|\\sqrt\[(?:3\])?|\\operatorname\{[a-z]+\}|\\[a-z]+|[0-9]+|a_\{[0-9]\}|Y'{1,2}|[A-Za-z]"
    r"|[-+^{},\]])",
    re.ASCII,
)
_HEADS: Final = {name: row.latex.split(r"\left(")[0] for name, row in OPERATORS.items() if r"\left(" in row.latex}
_FUNCTIONS: Final = {head.format(): name for name, head in _HEADS.items() if "{1}" not in head}
_LEAVES: Final = {LATEX_NAMES.get(name, name): symbol(name) for name in (*SYMBOLS, *UNKNOWNS)} | {
    LATEX_NAMES[name]: constant(name) for name in CONSTANTS
}
_ROOTS: Final = {r"\sqrt": "sqrt", r"\sqrt[3]": "cbrt"}
_FIXED_POWERS: Final = {"2": "sq", "3": "cb", "2{}": "pow2", "3{}": "pow3", "4": "pow4", "5": "pow5", "-1": "inv"}
_END: Final = ""


def read_latex(text: str) -> Expression:
    """The raw expression whose `to_latex` is `text`; spaces do not matter.

    Other people's LaTeX is read as far as it is written in the same way: functions with `\\left(` and `\\right)`,
    products with `\\cdot`, bases and exponents of powers in braces.  Empty and doubled braces, which do not show, tell
    apart what looks the same: `{x}^{2}` is the square of x, `{x}^{2{}}` is `pow2` and `{x}^{{2}}` a power.

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
        if piece in _LEAVES:
            return _LEAVES[self._take()]
        if piece == r"\left(":
            return self._inside(r"\left(", r"\right)")
        if piece == r"\left|":
            return raw("abs", self._inside(r"\left|", r"\right|"))
        if piece in (r"\frac", r"\sqrt["):
            self._take()
            return self._fraction() if piece == r"\frac" else self._any_root()
        if piece in _ROOTS:
            return raw(_ROOTS[self._take()], self._group(self.sum))
        if piece in _FUNCTIONS:
            name = _FUNCTIONS[self._take()]
            return raw(name, *self._operands(OPERATORS[name].arity))
        raise self._fail("an expression")

    def _operands(self, count: int) -> list[Expression]:
        """Operands between parentheses."""
        self.expect(r"\left(")
        found = [self.sum()]
        while len(found) < count:
            self.expect(",")
            found.append(self.sum())
        self.expect(r"\right)")
        return found

    def _inside(self, opening: str, closing: str) -> Expression:
        self.expect(opening)
        expr = self.sum()
        self.expect(closing)
        return expr

    def _fraction(self) -> Expression:
        """A quotient, or a derivative: `\\frac{d}{d x}\\left(y\\right)`."""
        self.expect("{")
        if self._peek() == "d":
            for piece in ("d", "}", "{", "d"):
                self.expect(piece)
            variable = self.sum()
            self.expect("}")
            return raw("derivative", *self._operands(1), variable)
        numerator = self.sum()
        self.expect("}")
        return raw("div", numerator, self._group(self.sum))

    def _any_root(self) -> Expression:
        order = self._group(self.sum)
        self.expect("]")
        return raw("rac", self._group(self.sum), order)

    def _group(self, inside: Callable[[], Expression]) -> Expression:
        self.expect("{")
        expr = inside()
        self.expect("}")
        return expr

    def _power(self) -> Expression:
        base = self._group(self.sum)
        self.expect("^")
        self.expect("{")
        expr = raw("pow", base, self._group(self.sum)) if self._peek() == "{" else raw(self._fixed_power(), base)
        self.expect("}")
        return expr

    def _fixed_power(self) -> str:
        """The operator of an exponent without braces of its own."""
        sign = self._take() if self._peek() == "-" else ""
        exponent = sign + self._peek()
        if not {exponent, exponent + "{}"} & set(_FIXED_POWERS):
            raise self._fail("-1, 2 to 5, or a group")
        self._next += 1
        if self._peek() == "{":
            self.expect("{")
            if exponent + "{}" not in _FIXED_POWERS:
                raise self._fail("'}' as the end of the exponent")
            self.expect("}")
            exponent += "{}"
        return _FIXED_POWERS[exponent]

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
