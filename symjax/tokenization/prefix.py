"""Prefix tokens <-> raw expressions, inverse of each other.

    add x div INT+ 1 INT- 2 0        is        x + 1/(-20)

An integer is `INT+` or `INT-`, then its decimal digits, most significant first: no leading zeros, except that zero
is `INT+ 0`.  A rational number p/q is written `div p q`, and reads back as that quotient; a sum or product of more
than two operands is written nested to the right.  So `write(parse(tokens)) == tokens` for all well-formed tokens,
and `parse(write(expr)) is expr` for every expression that `parse` can build.

A task may use some of the words only: `parse(tokens, words=...)` knows no others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NoReturn

from symjax.symbolic.expression import (
    CONSTANT,
    INTEGER,
    MAX_DIGITS,
    N_ARY,
    RATIONAL,
    SYMBOL,
    Expression,
    constant,
    integer,
    symbol,
    unchecked,
)
from symjax.symbolic.operators import CONSTANTS, OPERATORS, SYMBOLS, UNKNOWNS

PLUS: Final = "INT+"
MINUS: Final = "INT-"
DIGITS: Final[tuple[str, ...]] = tuple("0123456789")
LEAVES: Final[Mapping[str, Expression]] = MappingProxyType(
    {name: symbol(name) for name in SYMBOLS}
    | {name: constant(name) for name in CONSTANTS}
    | {name: symbol(name) for name in UNKNOWNS}
)
TOKENS: Final[tuple[str, ...]] = (*OPERATORS, *LEAVES, PLUS, MINUS, *DIGITS)
MAX_TOKENS: Final = 4_000_000

_ARITIES: Final = {name: row.arity for name, row in OPERATORS.items()} | dict.fromkeys((*LEAVES, PLUS, MINUS), 0)
_LEAF, _DIGIT, _INTEGER = 0, -1, -2
_KINDS: Final = _ARITIES | dict.fromkeys(DIGITS, _DIGIT) | dict.fromkeys((PLUS, MINUS), _INTEGER)


class PrefixError(ValueError):
    """Tokens that are no expression: `position` of the first token at fault, and the `reason`, a sentence."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"token {position}: {reason}")
        self.position = position
        self.reason = reason


def arities() -> Mapping[str, int]:
    """Token -> number of operands that follow it; 0 for names and for `INT+` and `INT-`.  Digits are not in it."""
    return MappingProxyType(_ARITIES)


@functools.cache
def _kinds_of(words: tuple[str, ...]) -> dict[str, int]:
    """What each of `words` is."""
    return {word: _KINDS[word] for word in words}


def parse(tokens: Sequence[str], *, max_depth: int | None = None, words: tuple[str, ...] | None = None) -> Expression:
    """The raw expression that `tokens` write.

    Args:
      tokens: well-formed prefix tokens.
      max_depth: largest number of operators on a path from the root to a leaf; None for no limit.
      words: the tokens that are known; None for all of `TOKENS`.

    Raises:
      PrefixError: unknown token, too few or too many operands, a malformed number, a number of more than
        1000 digits, or an expression deeper than `max_depth`.
    """
    kinds = _KINDS if words is None else _kinds_of(words)
    stack, digits = [], ""
    push, pop = stack.append, stack.pop
    try:
        for token in reversed(tokens):
            kind = kinds[token]
            if kind == _DIGIT:
                digits = token + digits
                if len(digits) > MAX_DIGITS:
                    _refuse(tokens, kinds)
                continue
            if kind == _INTEGER:
                push(_number(token, digits))
                digits = ""
                continue
            if digits:
                _refuse(tokens, kinds)
            if kind == 1:
                push(unchecked(token, (pop(),)))
            elif kind == 2:
                push(unchecked(token, (pop(), pop())))
            elif kind == _LEAF:
                push(LEAVES[token])
            else:
                push(unchecked(token, (pop(), pop(), pop())))
    except (KeyError, IndexError, ValueError, TypeError):
        _refuse(tokens, kinds)
    if len(stack) != 1 or digits:
        _refuse(tokens, kinds)
    if max_depth is not None and stack[0].depth > max_depth:
        _refuse_depth(tokens, max_depth)
    return stack[0]


def _number(sign: str, digits: str) -> Expression:
    """The integer node; ValueError where `digits` are malformed for `sign`."""
    if not digits or len(digits) > MAX_DIGITS or (digits[0] == "0" and (sign == MINUS or len(digits) > 1)):
        raise ValueError(digits)
    return integer(int(digits) if sign == PLUS else -int(digits))


def _refuse(tokens: Sequence[str], kinds: Mapping[str, int]) -> NoReturn:
    """Raise the PrefixError of the first token at fault.  Reads from the left; only for malformed tokens."""
    wanted, position, count = 1, 0, len(tokens)
    while position < count:
        token = tokens[position]
        if not isinstance(token, str) or token not in kinds:
            raise PrefixError(position, f"unknown token {str(token)[:40]!r}; known: {' '.join(kinds)}")
        if token in DIGITS:
            raise PrefixError(position, f"digit {token} does not follow {PLUS} or {MINUS}")
        if not wanted:
            raise PrefixError(position, f"the expression is complete before {token!r}; drop what follows")
        if token in (PLUS, MINUS):
            end = position + 1
            while end < count and tokens[end] in DIGITS:
                end += 1
            _refuse_number(position, token, tokens[position + 1 : end])
            position = end
        else:
            position += 1
        wanted += _ARITIES[token] - 1
    raise PrefixError(count, f"the tokens end early: {wanted} more operand{'s' * (wanted != 1)} needed")


def _refuse_number(position: int, sign: str, digits: Sequence[str]) -> None:
    if not digits:
        raise PrefixError(position, f"{sign} must be followed by a digit")
    if len(digits) > MAX_DIGITS:
        raise PrefixError(position, f"the number has {len(digits)} digits; at most {MAX_DIGITS} are read")
    if digits[0] == "0" and len(digits) > 1:
        raise PrefixError(position + 1, "a number does not start with 0")
    if digits[0] == "0" and sign == MINUS:
        raise PrefixError(position, f"zero is written {PLUS} 0")


def _refuse_depth(tokens: Sequence[str], max_depth: int) -> NoReturn:
    """Raise the PrefixError of the first operator that is too deep.  `tokens` are well formed."""
    pending = [0]
    for position, token in enumerate(tokens):
        arity = _ARITIES.get(token)
        if arity is None:
            continue
        depth = pending.pop()
        if arity and depth == max_depth:
            raise PrefixError(position, f"operator {token!r} is nested deeper than the limit of {max_depth} operators")
        pending.extend([depth + 1] * arity)
    raise AssertionError("no operator is too deep")


@functools.lru_cache(maxsize=1024)
def integer_tokens(value: int) -> tuple[str, ...]:
    """`INT+` or `INT-` and the decimal digits of `value`."""
    return (MINUS if value < 0 else PLUS, *str(abs(value)))


def write(expr: Expression, *, integer_words: Callable[[int], tuple[str, ...]] = integer_tokens) -> tuple[str, ...]:
    """The prefix tokens of `expr`, its integers as `integer_words` writes them.

    Raises:
      ValueError: `expr` would take more than 4,000,000 tokens (shared subtrees are written out each time).
    """
    if expr.size > MAX_TOKENS:
        raise ValueError(f"the expression has {expr.size} nodes; at most {MAX_TOKENS} are written")
    tokens: list[str] = []
    stack = [expr]
    while stack:
        node = stack.pop()
        args = node.args
        if args:
            tokens.append(node.op)
            if len(args) <= 2 or node.op not in N_ARY:
                stack.extend(args[::-1])
            else:
                stack.extend(_nest(node))
        elif node.op in (SYMBOL, CONSTANT):
            tokens.append(str(node.value))
        else:
            tokens.extend(_number_tokens(node, integer_words))
    return tuple(tokens)


def _nest(node: Expression) -> tuple[Expression, Expression]:
    """(rest, first) of a sum or product of three operands or more, in the order in which a stack wants them."""
    rest = node.args[-1]
    for arg in node.args[-2:0:-1]:
        rest = unchecked(node.op, (arg, rest))
    return rest, node.args[0]


def _number_tokens(node: Expression, integer_words: Callable[[int], tuple[str, ...]]) -> tuple[str, ...]:
    if node.op == INTEGER and isinstance(node.value, int):
        return integer_words(node.value)
    if node.op == RATIONAL and isinstance(node.value, tuple):
        numerator, denominator = node.value
        return ("div", *integer_words(numerator), *integer_words(denominator))
    raise ValueError(f"{node!r} has no prefix tokens")
