"""Tokens <-> ids.  Vocabularies are built from tables, never from data, so ids never move with a data set."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
PAD_ID, BOS_ID, EOS_ID = 0, 1, 2
SPECIAL = (PAD, BOS, EOS)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens of one side of a task; a token's id is its place in `tokens`.

    The first three are always `<pad>` (0), `<bos>` (1) and `<eos>` (2).

    Raises:
      ValueError: the special tokens are not in front, or a token occurs twice.
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.tokens[:3] != SPECIAL:
            raise ValueError(f"a vocabulary starts with {SPECIAL}, got {self.tokens[:3]}")
        if len(set(self.tokens)) != len(self.tokens):
            twice = sorted({token for token in self.tokens if self.tokens.count(token) > 1})
            raise ValueError(f"tokens occur twice in the vocabulary: {', '.join(twice)}")

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Vocabulary:
        """A vocabulary of the special tokens followed by `tokens`."""
        return cls((*SPECIAL, *tokens))

    @functools.cached_property
    def ids(self) -> Mapping[str, int]:
        """Token -> id."""
        return {token: number for number, token in enumerate(self.tokens)}

    @functools.cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that change with any token or its place."""
        return hashlib.sha256("\n".join(self.tokens).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Ids of `tokens`.

        Raises:
          KeyError: a token is not in the vocabulary.
        """
        ids = self.ids
        try:
            return [ids[token] for token in tokens]
        except KeyError as error:
            raise KeyError(f"token {error.args[0]!r} is not in the vocabulary of {len(self)} tokens") from None

    def decode(self, ids: Iterable[int]) -> tuple[str, ...]:
        """Tokens of `ids` up to the first `<eos>` or `<pad>`, without it; a leading `<bos>` is dropped."""
        tokens = []
        for number in ids:
            if number in (PAD_ID, EOS_ID):
                break
            if number != BOS_ID:
                tokens.append(self.tokens[number])
        return tuple(tokens)
