"""The words and numbers of Lample and Charton's data files <-> raw expressions.

Their prefix text is ours with their own words: the 91 of `WORDS`, whose places in the list are the ids of their
vocabulary.  Integers may be written in any base (`IntegerFormat`), which changes the tail of the list.  Their
vocabulary puts other special words at ids 0 to 2 than ours, so a task that uses
`Vocabulary.of(WORDS[3:])` has their ids from 3 on; `FOREIGN_SPECIALS` gives the rest.

What a file holds is read as it stands: `parse_foreign` rewrites nothing and `write_foreign` gives the same words
back.  Facts about the format: docs/files.md; source: the published files and the paper (Deep Learning for Symbolic
Mathematics, 2020).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from symjax.symbolic.expression import (
    MAX_DIGITS,
    ONE,
    Expression,
    X,
    integer,
    postorder,
    rational,
    raw,
    symbol,
    unchecked,
)
from symjax.symbolic.operators import COEFFICIENTS, OPERATORS, SYMBOLS, UNKNOWNS
from symjax.tokenization import prefix
from symjax.tokenization.prefix import LEAVES, MINUS, PLUS, PrefixError
from symjax.tokenization.vocabulary import BOS, EOS, PAD

UNSIGNED: Final = "INT"
SIGNS: Final = (PLUS, MINUS, UNSIGNED)
SPECIAL_WORDS: Final = ("<s>", "</s>", "<pad>", "(", ")", *(f"<SPECIAL_{place}>" for place in range(5, 10)))
FOREIGN_SPECIALS: Final[Mapping[str, int]] = MappingProxyType({EOS: 0, BOS: 0, PAD: 1})
"""Our special tokens -> their ids: the end is `<s>`, which is also the beginning; padding is `</s>`; 2 is unused."""

MAX_BASE: Final = 10_000
_OWN_ONLY: Final = {"sq": (2, 1), "cb": (3, 1), "cbrt": (1, 3)}
_OPERATORS: Final = tuple(sorted(name for name in OPERATORS if name not in _OWN_ONLY))
_FRONT: Final = (*SPECIAL_WORDS, "pi", "E", *(name for name in SYMBOLS if name not in COEFFICIENTS), *COEFFICIENTS)
_BEFORE_DIGITS: Final = ("I", PLUS, MINUS, UNSIGNED, "FLOAT", "-", ".", "10^", *UNKNOWNS)


@dataclasses.dataclass(frozen=True)
class IntegerFormat:
    """How integers are written: a sign word, then one word for each digit, most significant first.

    In an ordinary base the sign is `INT+` or `INT-`.  In a negative or balanced base the digits carry the sign and
    the first word is `INT`.

    Args:
      base: 2 or more, or -2 or less; at most 10,000 either way.
      balanced: digits from -(base // 2) on instead of from 0; for bases of 3 or more.

    Raises:
      ValueError: a base out of its range.

    >>> " ".join(IntegerFormat().write(-120))
    'INT- 1 2 0'
    >>> " ".join(IntegerFormat(10, balanced=True).write(-12))
    'INT -1 -2'
    >>> " ".join(IntegerFormat(-10).write(-5))
    'INT 1 5'
    """

    base: int = 10
    balanced: bool = False

    def __post_init__(self) -> None:
        if not 2 <= abs(self.base) <= MAX_BASE:
            raise ValueError(f"base must be 2 or more, or -2 or less, {MAX_BASE} at most, got {self.base}")
        if self.balanced and self.base < 3:
            raise ValueError(f"balanced digits need a base of 3 or more, got {self.base}")

    @functools.cached_property
    def values(self) -> Mapping[str, int]:
        """Digit word -> value, in the order of the ids."""
        lowest = -(self.base // 2) if self.balanced else 0
        return {str(value): value for value in range(lowest, lowest + abs(self.base))}

    @functools.cached_property
    def digits(self) -> tuple[str, ...]:
        """The digit words, in the order of their ids."""
        return tuple(self.values)

    @property
    def signs(self) -> tuple[str, ...]:
        """The words that a number starts with."""
        return (UNSIGNED,) if self.balanced or self.base < 0 else (PLUS, MINUS)

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """All words of the foreign vocabulary, each at its id."""
        return (*_FRONT, *_OPERATORS, *_BEFORE_DIGITS, *self.digits)

    @functools.cached_property
    def expression_words(self) -> tuple[str, ...]:
        """The words that expressions are made of, in the order of their ids."""
        known = {*_OPERATORS, *LEAVES, *self.signs, *self.digits}
        return tuple(word for word in self.words if word in known)

    @property
    def max_digits(self) -> int:
        """The longest number that is read: 1000 digits, in small bases as many as 1000 decimal digits need."""
        return MAX_DIGITS if abs(self.base) >= 10 else 34 * MAX_DIGITS // 10

    def write(self, value: int) -> tuple[str, ...]:
        """The words of `value`."""
        if self.base == 10 and not self.balanced:
            return prefix.integer_tokens(value)
        first = self.signs[0] if len(self.signs) == 1 or value >= 0 else MINUS
        rest = value if len(self.signs) == 1 else abs(value)
        lowest, size, words = self.values[self.digits[0]], abs(self.base), []
        while rest or not words:
            digit = (rest - lowest) % size + lowest
            words.append(str(digit))
            rest = (rest - digit) // self.base
        return (first, *reversed(words))

    def read(self, sign: str, digits: Sequence[str]) -> int:
        """The number with this sign word and these digits.

        Raises:
          ValueError: no digits, too many, a leading zero or a negative zero; the text says which.
        """
        if not digits:
            raise ValueError(f"{sign} must be followed by a digit")
        if len(digits) > self.max_digits:
            raise ValueError(f"the number has {len(digits)} digits; at most {self.max_digits} are read")
        if digits[0] == "0" and len(digits) > 1:
            raise ValueError("a number does not start with 0")
        if digits[0] == "0" and sign == MINUS:
            raise ValueError(f"zero is written {PLUS} 0")
        value = 0
        for digit in digits:
            value = value * self.base + self.values[digit]
        return -value if sign == MINUS else value


DECIMAL: Final = IntegerFormat()
WORDS: Final[tuple[str, ...]] = DECIMAL.words
"""The 91 words of base 10; a word's place is its id."""


def parse_foreign(tokens: Sequence[str], fmt: IntegerFormat = DECIMAL) -> Expression:
    """The raw expression that `tokens` write, exactly: `f x` stays a function of x, see `name_unknowns`.

    Raises:
      PrefixError: unknown word, too few or too many operands, or a malformed number, with the first word at fault.
    """
    if fmt == DECIMAL:
        return prefix.parse(tokens, words=DECIMAL.expression_words)
    items = _items(tokens, fmt)
    stack: list[Expression] = []
    for item in reversed(items):
        if isinstance(item, Expression):
            stack.append(item)
        else:
            args = tuple(stack.pop() for _ in range(OPERATORS[item].arity))
            stack.append(unchecked(item, args))
    return stack[0]


def _items(tokens: Sequence[str], fmt: IntegerFormat) -> list[str | Expression]:
    """Operators and leaves in prefix order; they are one expression.  Reads from the left."""
    items: list[str | Expression] = []
    known, wanted, position, count = set(fmt.expression_words), 1, 0, len(tokens)
    while position < count:
        token, start = tokens[position], position
        if not isinstance(token, str) or token not in known:
            raise PrefixError(
                position, f"unknown token {str(token)[:40]!r}; known: {' '.join(fmt.expression_words)[:2000]}"
            )
        if token in fmt.values:
            raise PrefixError(position, f"digit {token} does not follow {' or '.join(fmt.signs)}")
        if not wanted:
            raise PrefixError(position, f"the expression is complete before {token!r}; drop what follows")
        position += 1
        if token in fmt.signs:
            while position < count and tokens[position] in fmt.values:
                position += 1
            items.append(_number(tokens[start:position], start, fmt))
        else:
            items.append(LEAVES.get(token, token))
        wanted += (OPERATORS[token].arity if token in OPERATORS else 0) - 1
    if wanted:
        raise PrefixError(count, f"the tokens end early: {wanted} more operand{'s' * (wanted != 1)} needed")
    return items


def _number(words: Sequence[str], position: int, fmt: IntegerFormat) -> Expression:
    """The integer of a sign word and digits."""
    try:
        return integer(fmt.read(words[0], words[1:]))
    except ValueError as error:
        leading_zero = len(words) > 2 and words[1] == "0" and len(words) <= fmt.max_digits
        raise PrefixError(position + leading_zero, str(error)) from None


def write_foreign(expr: Expression, fmt: IntegerFormat = DECIMAL) -> tuple[str, ...]:
    """The words of `expr`, which are all in `fmt.words`.

    Squares, cubes and cube roots, which have words of ours alone, are written as powers.

    Raises:
      ValueError: a symbol that has no word, or more than 4,000,000 words.
    """
    integer_words = prefix.integer_tokens if fmt is DECIMAL else fmt.write
    tokens, words = prefix.write(expr, integer_words=integer_words), _words(fmt)
    if not words.issuperset(tokens):
        tokens = prefix.write(_without_own(expr), integer_words=integer_words)
        for token in tokens:
            if token not in words:
                raise ValueError(f"{token!r} is no word of the foreign vocabulary")
    return tokens


def write_canonical(expr: Expression) -> tuple[tuple[str, ...], int]:
    """`write_foreign(foreign_form(expr))` of a canonical expression, and how many of the words are operators."""
    tokens: list[str] = []
    operators, integer_words = 0, prefix.integer_tokens
    stack: list[Expression | str] = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, str):  # the operator of what is left of a sum or product
            tokens.append(node)
            continue
        args, op = node.args, node.op
        if not args:
            value = node.value
            if isinstance(value, int):
                tokens += integer_words(value)
            elif isinstance(value, tuple):
                operators += 1
                tokens += ("div", *integer_words(value[0]), *integer_words(value[1]))
            else:
                tokens.append(str(value))
        elif op == "exp" and args[0] is ONE:
            tokens.append("E")
        elif op == "pow" and args[1] is _HALF:
            root = args[0] is not _MINUS_ONE
            operators += root
            tokens.append("sqrt" if root else "I")
            stack += args[:root]
        else:
            operators += len(args) - 1 or 1
            tokens.append(op)
            stack.append(args[-1])
            for arg in args[-2:0:-1]:
                stack += (arg, op)
            stack += args[: len(args) > 1]
    return tuple(tokens), operators


_HALF: Final = rational(1, 2)
_MINUS_ONE: Final = integer(-1)


@functools.cache
def _words(fmt: IntegerFormat) -> frozenset[str]:
    return frozenset(fmt.expression_words)


def _without_own(expr: Expression) -> Expression:
    """`expr` with `sq`, `cb` and `cbrt` written as powers."""
    built: dict[Expression, Expression] = {}
    for node in postorder(expr):
        args = tuple(built[arg] for arg in node.args)
        if node.op in _OWN_ONLY:
            top, bottom = _OWN_ONLY[node.op]
            exponent = integer(top) if bottom == 1 else raw("div", integer(top), integer(bottom))
            built[node] = raw("pow", args[0], exponent)
        else:
            built[node] = unchecked(node.op, args) if args else node
    return built[expr]


_UNKNOWN: Final = tuple(symbol(name) for name in UNKNOWNS)
_F_OF_X: Final = raw("f", X)


def name_unknowns(expr: Expression) -> Expression:
    """`expr` with f(x) written Y, its derivative by x written Y' and the second one Y''.

    >>> " ".join(write_foreign(name_unknowns(parse_foreign("sub derivative f x x pow x f x".split()))))
    "sub Y' pow x Y"
    """
    built: dict[Expression, Expression] = {_F_OF_X: _UNKNOWN[0]}
    for node in postorder(expr):
        if node in built:
            continue
        args = tuple(built[arg] for arg in node.args)
        if node.op == "derivative" and args[1] is X and args[0] in _UNKNOWN[:-1]:
            built[node] = _UNKNOWN[_UNKNOWN.index(args[0]) + 1]
        else:
            built[node] = unchecked(node.op, args) if args else node
    return built[expr]


def spell_unknowns(expr: Expression) -> Expression:
    """`expr` with Y written f(x), and Y' and Y'' as its derivatives: the inverse of `name_unknowns`."""
    first = raw("derivative", _F_OF_X, X)
    written = dict(zip(_UNKNOWN, (_F_OF_X, first, raw("derivative", first, X)), strict=True))
    built: dict[Expression, Expression] = {}
    for node in postorder(expr):
        args = tuple(built[arg] for arg in node.args)
        built[node] = unchecked(node.op, args) if args else written.get(node, node)
    return built[expr]
