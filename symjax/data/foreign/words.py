"""The words of foreign files: what each is, and how it is found in bytes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from symjax.tokenization import prefix
from symjax.tokenization.vocabulary import Vocabulary

WORD_BYTES = 8
_SLOT_BITS = 10


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why a line is left out: `reason` is a short fixed name, `detail` a sentence."""

    reason: str
    detail: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Largest sizes of what is kept: tokens of the two sides, levels of operators of a problem, digits of a number."""

    problem_tokens: int
    answer_tokens: int
    problem_levels: int
    number_digits: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Form:
    """What lines of a task look like.

    Attributes:
      head: tokens that every input begins with.
      needed: a token that every input holds behind its head; empty for none.
      input_without, output_without: tokens that no input holds behind its head, and no output at all.
    """

    head: tuple[str, ...] = ()
    needed: str = ""
    input_without: tuple[str, ...] = ()
    output_without: tuple[str, ...] = ()

    def fault(self, problem: Sequence[str], answer: Sequence[str]) -> Fault | None:
        """In what way the line is of another task, if it is."""
        head, body = tuple(problem[: len(self.head)]), problem[len(self.head) :]
        wrong = ""
        if head != self.head or not body:
            wrong = f"the input does not begin {' '.join(self.head)}, followed by an expression"
        elif self.needed and self.needed not in body:
            wrong = f"the input has no {self.needed}"
        for name, tokens, without in (("input", body, self.input_without), ("output", answer, self.output_without)):
            found = next((token for token in tokens if token in without), "")
            wrong = wrong or (f"the {name} has {found}, which none of the task has" if found else "")
        return Fault("other_task", wrong) if wrong else None


def too_deep(expressions: Sequence[bytes], levels: int) -> list[bool]:
    """Which expressions nest more than so many operators; each is given as the arities of its tokens, digits left out.

    Every round takes away the innermost operators of all of them at once.
    """
    text = b",".join(expressions)
    for _ in range(levels):
        if b"1" not in text and b"2" not in text and b"3" not in text:
            break
        for operator in (b"10", b"200", b"3000"):
            text = text.replace(operator, b"n")  # not 0: an operator around it is one for the next round
        text = text.replace(b"n", b"0")
    return [left != b"0" for left in text.split(b",")] if expressions else []


class Words:
    """Tables over the ids of a vocabulary, and words -> ids by a perfect hash."""

    def __init__(self, vocabulary: Vocabulary, limits: Limits, form: Form) -> None:
        if len(vocabulary) >= 256:
            raise ValueError(f"foreign files are read in vocabularies below 256 tokens, not of {len(vocabulary)}")
        self.limits = limits
        arities = prefix.arities()
        self.known = tuple(token for token in vocabulary.tokens if token in arities or token in prefix.DIGITS)
        self.unknown_id = len(vocabulary)
        """Stands for any word that is not in the vocabulary."""
        size = self.unknown_id + 1
        self.change, self.arity = np.zeros(size, np.int8), np.zeros(size, np.int8)
        self.digit, self.sign = np.zeros(size, bool), np.zeros(size, bool)
        for token in self.known:
            number = vocabulary.ids[token]
            self.arity[number] = arities.get(token, 0)
            self.digit[number] = token in prefix.DIGITS
            self.sign[number] = token in (prefix.PLUS, prefix.MINUS)
            # A number ends in its last digit, so its sign changes nothing.
            self.change[number] = 0 if self.sign[number] else self.arity[number] - 1
        self.operator = self.arity > 0
        self.arity_text = np.where(self.digit, b" "[0], self.arity + b"0"[0]).astype(np.uint8)
        self.zero, self.minus = vocabulary.ids.get("0", -1), vocabulary.ids.get(prefix.MINUS, -1)
        self.head = vocabulary.encode(form.head)
        self.needed = vocabulary.ids[form.needed] if form.needed else -1
        self.without = np.zeros((2, size), bool)  # in inputs, in outputs
        self.without[:, self.unknown_id] = True
        for row, tokens in zip(self.without, (form.input_without, form.output_without), strict=True):
            row[vocabulary.encode(tokens)] = True
        self.long = {token.encode(): vocabulary.ids[token] for token in self.known if len(token) > WORD_BYTES}
        self._keys, self._ids, self._factor = _perfect_hash(
            {token.encode(): vocabulary.ids[token] for token in self.known if len(token) <= WORD_BYTES},
            self.unknown_id,
        )

    def find(self, keys: np.ndarray) -> UInt8[np.ndarray, "tokens"]:
        """The id of the word that each key packs; `unknown_id` for none."""
        slots = ((keys * self._factor) >> np.uint64(64 - _SLOT_BITS)).view(np.int64)
        ids = self._ids.take(slots)
        foreign = self._keys.take(slots) != keys
        if foreign.any():
            ids[foreign] = self.unknown_id
        return ids


def _packed(word: bytes) -> int:
    return int.from_bytes(word.ljust(WORD_BYTES, b"\0"), "little")


def _perfect_hash(words: dict[bytes, int], unknown: int) -> tuple[np.ndarray, np.ndarray, np.uint64]:
    """(keys by slot, ids by slot, factor) such that the high bits of key * factor tell all words apart."""
    packed = np.array([_packed(word) for word in words], np.uint64)
    factor = 0x9E3779B97F4A7C15
    while True:
        slots = (packed * np.uint64(factor)) >> np.uint64(64 - _SLOT_BITS)
        if len(np.unique(slots)) == len(words):
            break
        factor = (factor * 0xD1342543DE82EF95 + 2) % 2**64 | 1
    keys = np.zeros(1 << _SLOT_BITS, np.uint64)  # no word packs to 0
    ids = np.full(1 << _SLOT_BITS, unknown, np.uint8)
    keys[slots], ids[slots] = packed, list(words.values())
    return keys, ids, np.uint64(factor)


@functools.cache
def masks() -> np.ndarray:
    """Length of a word -> the bits of eight bytes that it fills."""
    return np.array([(1 << 8 * length) - 1 for length in range(WORD_BYTES + 1)], np.uint64)
