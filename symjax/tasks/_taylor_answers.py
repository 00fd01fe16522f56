"""How five Taylor coefficients are written as tokens, read back and constrained while they are decoded."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from decimal import Decimal

from symjax.tasks import ParseError, Tokens
from symjax.tokenization.grammar import GrammarSpec, State
from symjax.tokenization.numbers import P10, ZERO, NumberError
from symjax.tokenization.vocabulary import EOS, Vocabulary

ORDER = 4
DEGREES = tuple(range(ORDER + 1))
SPARSE, DENSE = "sparse", "dense"
NO_DEGREES: Tokens = (ZERO,)
"""The sparse answer that says "all zero".  No label is that (it would be a constant), so the grammar leaves it out."""

Coefficients = tuple[Decimal, ...]


def degree_token(degree: int) -> str:
    """The token in front of the coefficient of x^degree."""
    return f"x{degree}"


_DEGREE_OF = {degree_token(degree): degree for degree in DEGREES}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerFormat:
    """One way to write c0..c4.

    Attributes:
      notation: how a number is written.
      layout: "sparse" writes the coefficients that are not zero, at least one; "dense" writes all five.
      degree_tokens: whether each coefficient begins with its degree; dense lists can do without.
      descending: whether the highest degree comes first.
    """

    notation: P10
    layout: str
    degree_tokens: bool
    descending: bool

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """Degrees in the order in which they are written."""
        return DEGREES[::-1] if self.descending else DEGREES

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """Degrees, then the tokens of numbers."""
        degrees = tuple(_DEGREE_OF) if self.degree_tokens else ()
        return Vocabulary.of((*degrees, *self.notation.tokens))

    @property
    def max_length(self) -> int:
        """Most tokens that an answer has, `<eos>` included."""
        return len(DEGREES) * (self.degree_tokens + len(self.notation.slots)) + 1

    def write(self, coefficients: Sequence[Decimal]) -> Tokens:
        """Tokens of c0..c4, given by degree.

        Raises:
          OutOfRange: a coefficient's exponent does not fit.
        """
        tokens: list[str] = []
        for degree in self.order:
            if self.layout == DENSE or coefficients[degree]:
                if self.degree_tokens:
                    tokens.append(degree_token(degree))
                tokens.extend(self.notation.encode(coefficients[degree]))
        return tuple(tokens) or NO_DEGREES

    def read(self, tokens: Tokens) -> Coefficients | ParseError:
        """c0..c4 by degree, or the first fault."""
        if self.layout == SPARSE and tuple(tokens) == NO_DEGREES:
            return (Decimal(0),) * len(DEGREES)
        try:
            return self._read_dense(tokens) if self.layout == DENSE else self._read_sparse(tokens)
        except NumberError as error:
            return ParseError(error.position, error.reason)

    def _read_sparse(self, tokens: Tokens) -> Coefficients:
        found: dict[int, Decimal] = {}
        position, allowed = 0, list(self.order)
        while position < len(tokens) or not found:
            degree = _read_degree(tokens, position, allowed)
            allowed = allowed[allowed.index(degree) + 1 :]
            found[degree], end = self.notation.read(tokens, position + 1)
            if not found[degree]:
                raise NumberError(position + 1, "a sparse list leaves zero coefficients out")
            position = end
        return tuple(found.get(degree, Decimal(0)) for degree in DEGREES)

    def _read_dense(self, tokens: Tokens) -> Coefficients:
        found: dict[int, Decimal] = {}
        position = 0
        for degree in self.order:
            if self.degree_tokens:
                _read_degree(tokens, position, [degree])
                position += 1
            found[degree], position = self.notation.read(tokens, position)
        if position < len(tokens):
            raise NumberError(position, f"{tokens[position]!r} follows the last coefficient")
        return tuple(found[degree] for degree in DEGREES)

    def grammar(self) -> GrammarSpec:
        """The well-formed answers; codes are (1 + degree, place): 1 degree token, 2.. the number."""
        states: dict[str, State] = {"start": State(moves=self._next_degrees(0))}
        for rank, degree in enumerate(self.order):
            states |= self._number_states(degree, self._next_degrees(rank + 1))
        return GrammarSpec(start="start", states=states, code_sizes=(2 + ORDER, 2 + len(self.notation.slots)))

    def _next_degrees(self, rank: int) -> dict[str, str]:
        """Moves in front of the coefficient at place `rank` of the order, or to the end."""
        left = self.order[rank:]
        if self.layout == SPARSE:
            moves = {degree_token(degree): f"degree {degree}" for degree in left}
            return moves if rank == 0 else moves | {EOS: "end"}
        if not left:
            return {EOS: "end"}
        return {degree_token(left[0]): f"degree {left[0]}"} if self.degree_tokens else self._numbers(left[0])

    def _numbers(self, degree: int) -> dict[str, str]:
        zero = {ZERO: f"zero {degree}"} if self.layout == DENSE else {}
        return self._slot(degree, 0) | zero

    def _number_states(self, degree: int, following: dict[str, str]) -> dict[str, State]:
        """States inside the coefficient of `degree`; `following` are the moves behind it."""
        group, last = 1 + degree, len(self.notation.slots) - 1
        states = {}
        if self.degree_tokens:
            states[f"degree {degree}"] = State(moves=self._numbers(degree), code=(group, 1))
        if self.layout == DENSE:
            states[f"zero {degree}"] = State(moves=following, code=(group, 2))
        for place in range(last + 1):
            moves = following if place == last else self._slot(degree, place + 1)
            states[f"place {place} of {degree}"] = State(moves=moves, code=(group, 2 + place))
        return states

    def _slot(self, degree: int, place: int) -> dict[str, str]:
        return dict.fromkeys(self.notation.slots[place], f"place {place} of {degree}")


def _read_degree(tokens: Tokens, position: int, allowed: Sequence[int]) -> int:
    """The degree at `position`, which must be one of `allowed`."""
    names = ", ".join(map(degree_token, allowed)) or "nothing"
    if position >= len(tokens):
        raise NumberError(position, f"the answer ends where {names} should follow")
    degree = _DEGREE_OF.get(tokens[position])
    if degree is None or degree not in allowed:
        raise NumberError(position, f"{tokens[position]!r} stands where {names} should")
    return degree
