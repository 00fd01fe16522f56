"""P10: decimal numbers as a sign, an exponent of ten and digits.

A number is written `+`/`-`, `E-5`..`E5`, then its significant digits, the first of them not zero:
sign d.dddd * 10^E.  The digits are cut into tokens by `groups`, so (1, 1, 1, 1, 1) writes a token for each digit
and (3, 2) writes `314 16`.  `joined` writes sign, first group and exponent as one token, `-3E-2`.  Exact zero is the
one token `ZERO`.

Writing never rounds.  Whoever makes the number rounds it to the width of the notation, half to even on its exact
value (`round_half_even` here does it for fractions, `symbolic.series` with a certificate for real numbers);
`encode` refuses a number with more digits, and names a number outside the exponents instead of clipping it.

Example:
  >>> P10().encode(Decimal("-0.031416"))
  ('-', 'E-2', '3', '1', '4', '1', '6')
  >>> P10((3, 2)).decode(("+", "E0", "100", "00"))
  Decimal('1.0000')
  >>> P10((1, 2, 2), joined=True).encode(Decimal("-0.031416"))
  ('-3E-2', '14', '16')
"""

from __future__ import annotations

import dataclasses
import decimal
import functools
import itertools
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

ZERO = "ZERO"
PLUS, MINUS = "+", "-"
MIN_EXPONENT, MAX_EXPONENT = -5, 5
EXPONENTS = tuple(f"E{exponent}" for exponent in range(MIN_EXPONENT, MAX_EXPONENT + 1))


class OutOfRange(ValueError):  # noqa: N818 - it names what the value is
    """A number whose exponent of ten lies outside `E-5`..`E5`."""

    def __init__(self, value: Decimal) -> None:
        self.value = value
        super().__init__(
            f"{value} is outside the range of P10 numbers; write numbers with 1e{MIN_EXPONENT} <= |value| < "
            f"1e{MAX_EXPONENT + 1}, or exactly 0"
        )


class NumberError(ValueError):
    """Tokens that are not a number; `position` is the place of the first wrong one, `reason` a sentence."""

    def __init__(self, position: int, reason: str) -> None:
        self.position = position
        self.reason = reason
        super().__init__(f"token {position}: {reason}")


@dataclasses.dataclass(frozen=True)
class P10:
    """The notation with its digits cut into tokens of `groups` digits each, from the left.

    `joined`: sign, first group and exponent are one token instead of three.

    Raises:
      ValueError: a width outside 1..3, or no group at all.
    """

    groups: tuple[int, ...] = (1, 1, 1, 1, 1)
    joined: bool = False

    def __post_init__(self) -> None:
        if not self.groups or any(width not in (1, 2, 3) for width in self.groups):
            raise ValueError(f"groups {self.groups!r} must be one or more widths of 1, 2 or 3 digits each")

    @functools.cached_property
    def digits(self) -> int:
        """Number of significant digits."""
        return sum(self.groups)

    @functools.cached_property
    def slots(self) -> tuple[tuple[str, ...], ...]:
        """The tokens that may stand at each place of a number that is not zero."""
        groups = tuple(self.group_tokens(place) for place in range(len(self.groups)))
        if not self.joined:
            return ((PLUS, MINUS), EXPONENTS, *groups)
        heads = (
            f"{sign}{digits}{exponent}" for sign in (PLUS, MINUS) for exponent in EXPONENTS for digits in groups[0]
        )
        return (tuple(heads), *groups[1:])

    @functools.cached_property
    def tokens(self) -> tuple[str, ...]:
        """Every token that numbers use: signs, zero and exponents, or zero and heads; then digit groups by width."""
        fixed = 1 if self.joined else 2
        groups = {token for slot in self.slots[fixed:] for token in slot}
        front = (ZERO, *self.slots[0]) if self.joined else (*self.slots[0], ZERO, *self.slots[1])
        return (*front, *sorted(groups, key=lambda token: (len(token), token)))

    def group_tokens(self, place: int) -> tuple[str, ...]:
        """The digits that may stand at group `place`; the first group does not begin with 0."""
        width = self.groups[place]
        first = 10 ** (width - 1) if place == 0 else 0
        return tuple(f"{number:0{width}d}" for number in range(first, 10**width))

    def encode(self, value: Decimal) -> tuple[str, ...]:
        """Tokens of `value`, exactly.

        Raises:
          OutOfRange: the exponent does not fit.
          ValueError: `value` is not finite, or has more significant digits than the notation.
        """
        return _encode(self, value)

    def decode(self, tokens: Sequence[str]) -> Decimal:
        """The number that `tokens` write.

        Raises:
          NumberError: they are not one whole number.
        """
        value, end = self.read(tokens, 0)
        if end != len(tokens):
            raise NumberError(end, f"{tokens[end]!r} follows a number that is complete")
        return value

    def read(self, tokens: Sequence[str], start: int) -> tuple[Decimal, int]:
        """The number that begins at `start`, and the place behind it.

        Raises:
          NumberError: no whole number stands there.
        """
        if start < len(tokens) and tokens[start] == ZERO:
            return Decimal(0), start + 1
        slots = _slot_sets(self)
        parts = [_expect(tokens, start + place, allowed, self._slot_name(place)) for place, allowed in enumerate(slots)]
        if self.joined:
            first, exponent = parts[0][1:].split("E")
            text = "".join((first, *parts[1:]))
        else:
            exponent, text = parts[1][1:], "".join(parts[2:])
        digits = tuple(map(int, text))
        value = Decimal((int(parts[0].startswith(MINUS)), digits, int(exponent) - len(digits) + 1))
        return value, start + len(slots)

    def _slot_name(self, place: int) -> str:
        if place == 0:
            return "sign, first digits and exponent, or ZERO," if self.joined else "a sign or ZERO"
        if place == 1 and not self.joined:
            return "an exponent E-5..E5"
        width = self.groups[place if self.joined else place - 2]
        return f"{width} digit{'s' * (width > 1)}"


def _expect(tokens: Sequence[str], position: int, allowed: frozenset[str], what: str) -> str:
    """The token at `position`, which must be one of `allowed`."""
    if position >= len(tokens):
        raise NumberError(position, f"the number ends where {what} should follow")
    if tokens[position] not in allowed:
        raise NumberError(position, f"{tokens[position]!r} stands where {what} should")
    return tokens[position]


@functools.cache
def _slot_sets(notation: P10) -> tuple[frozenset[str], ...]:
    return tuple(map(frozenset, notation.slots))


@functools.lru_cache(maxsize=1 << 16)
def _encode(notation: P10, value: Decimal) -> tuple[str, ...]:
    """See `P10.encode`; equal numbers have equal tokens, whatever trailing zeros they carry."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if not value:
        return (ZERO,)
    width = notation.digits
    sign, digits, _ = value.as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    if len(text) > width:
        raise ValueError(f"{value} has {len(text)} significant digits; round it to {width} before it is written")
    exponent = value.adjusted()
    if not MIN_EXPONENT <= exponent <= MAX_EXPONENT:
        raise OutOfRange(value)
    text = text.ljust(width, "0")
    ends = list(itertools.accumulate(notation.groups))
    first, *rest = (text[end - width : end] for end, width in zip(ends, notation.groups, strict=True))
    mark = MINUS if sign else PLUS
    head = (f"{mark}{first}E{exponent}",) if notation.joined else (mark, f"E{exponent}", first)
    return (*head, *rest)


def round_half_even(value: Fraction, digits: int = 5) -> Decimal:
    """`value` to `digits` significant digits, ties to the even digit.

    The quotient is rounded once, from its exact value, so 5/128 = 0.0390625 gives 0.039062.

    >>> round_half_even(Fraction(5, 128))
    Decimal('0.039062')
    """
    context = decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_EVEN)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))
