"""Lines of prefix text -> ids, thousands at a time: only what is right beyond doubt, in array operations throughout.

Words are found by a perfect hash of their first eight bytes.  A side is one expression when the number of operands
that are still open, counted over its tokens, reaches zero at its last token and not before.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from symjax.data.foreign.columns import NO_COUNT, Ragged
from symjax.data.foreign.words import WORD_BYTES, Words, masks, too_deep

SPACE, TAB, NEWLINE, PIPE = b" \t\n|"
COUNT_DIGITS = 18
MAX_TOKENS = 1000
"""Of a side: beyond, a number may have too many digits, so such lines are left to the full parse."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """Lines that are right: their places, ascending, and what they hold; `lines` counts the others too."""

    places: Int64[np.ndarray, "rows"]
    counts: Int64[np.ndarray, "rows"]
    problems: Ragged
    answers: Ragged
    lines: int


@dataclasses.dataclass(frozen=True)
class _Text:
    """The words of a text: where they begin and end, the byte behind each, and its id."""

    body: UInt8[np.ndarray, "bytes"]
    starts: Int64[np.ndarray, "words"]
    ends: Int64[np.ndarray, "words"]
    kinds: UInt8[np.ndarray, "words"]
    ids: UInt8[np.ndarray, "words"]


def read_fast(data: bytes, words: Words) -> Found:
    """The lines of `data`, each ended by a newline, that are right."""
    text = _words_of(data, words)
    last = np.flatnonzero(text.kinds == NEWLINE)
    first = np.empty_like(last)
    first[:1], first[1:] = 0, last[:-1] + 1
    tab, right = _only(TAB, text.kinds, last)
    pipe, counted = _only(PIPE, text.kinds, last)
    counted &= pipe == first
    several = np.bincount(np.searchsorted(last, np.flatnonzero(text.kinds == PIPE)), minlength=len(last)) > counted
    right &= ~several
    right[np.searchsorted(last, np.flatnonzero(~_SEPARATES[text.kinds]))] = False
    counts = np.full(len(last), NO_COUNT, np.int64)
    with_count = np.flatnonzero(counted & right)
    counts[with_count], well_formed = _numbers(text, first[with_count])
    right[with_count[~well_formed]] = False
    first += counted
    sizes = np.where(right, [first - np.r_[0, last[:-1] + 1], tab - first + 1, last - tab], 0)
    skipped = np.where(right, sizes[0], last - np.r_[-1, last[:-1]])
    part = np.repeat(np.tile(np.array([0, 1, 2], np.uint8), len(last)), np.stack([skipped, *sizes[1:]], 1).ravel())
    rows = np.flatnonzero(right)
    lengths = sizes[1:, rows].T.ravel()
    ids = text.ids if len(rows) == len(last) and not len(with_count) else text.ids[part > 0]
    good = _sides_right(ids, lengths, words)
    kept = good[0::2] & good[1::2]
    if not kept.all():
        ids, rows = ids[np.repeat(np.repeat(kept, 2), lengths)], rows[kept]
        lengths = lengths[np.repeat(kept, 2)]
    side = np.repeat(np.tile(np.array([True, False]), len(rows)), lengths)
    return Found(
        places=rows,
        counts=counts[rows],
        problems=Ragged(ids[side], lengths[0::2]),
        answers=Ragged(ids[~side], lengths[1::2]),
        lines=len(last),
    )


_SEPARATES = np.zeros(256, bool)
_SEPARATES[[SPACE, TAB, NEWLINE, PIPE]] = True


def _words_of(data: bytes, words: Words) -> _Text:
    padded = np.frombuffer(data + b"\0" * WORD_BYTES, np.uint8)
    body = padded[: len(data)]
    ends = np.flatnonzero((body <= SPACE) | (body == PIPE))
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1
    lengths = ends - starts
    packed = np.ndarray((len(body) + 1,), "<u8", padded, strides=(1,))
    ids = words.find(packed.take(starts) & masks().take(np.minimum(lengths, WORD_BYTES)))
    for place in np.flatnonzero(lengths > WORD_BYTES).tolist():
        ids[place] = words.long.get(data[starts[place] : ends[place]], words.unknown_id)
    return _Text(body, starts, ends, body[ends], ids)


def _only(
    kind: int, kinds: UInt8[np.ndarray, "words"], last: Int64[np.ndarray, "lines"]
) -> tuple[Int64[np.ndarray, "lines"], Bool[np.ndarray, "lines"]]:
    """The word of each line in front of a separator of that kind (-1 for none), and whether there is exactly one."""
    words = np.flatnonzero(kinds == kind)
    lines = np.searchsorted(last, words)
    found = np.full(len(last), -1, np.int64)
    found[lines] = words
    return found, np.bincount(lines, minlength=len(last)) == 1


def _numbers(
    text: _Text, places: Int64[np.ndarray, "rows"]
) -> tuple[Int64[np.ndarray, "rows"], Bool[np.ndarray, "rows"]]:
    """The decimal numbers that some words are, and whether they are: no sign, no leading zero, 18 digits at most."""
    starts, lengths = text.starts[places], text.ends[places] - text.starts[places]
    right = (lengths > 0) & (lengths <= COUNT_DIGITS)
    values = np.zeros(len(places), np.int64)
    for place in range(int(lengths[right].max(initial=0))):
        inside = right & (place < lengths)
        digits = text.body[np.minimum(starts + place, len(text.body) - 1)].astype(np.int64) - ord("0")
        right &= ~inside | ((digits >= 0) & (digits <= 9))
        if place == 0:
            right &= (digits > 0) | (lengths == 1)
        values = np.where(inside, 10 * values + digits, values)
    return values, right


def _sides_right(
    ids: UInt8[np.ndarray, "tokens"], lengths: Int64[np.ndarray, "sides"], words: Words
) -> Bool[np.ndarray, "sides"]:
    """Which sides (inputs at even places, outputs at odd ones) the task takes."""
    if not len(lengths):
        return np.zeros(0, bool)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    right = lengths <= np.minimum(
        MAX_TOKENS, np.resize([words.limits.problem_tokens, words.limits.answer_tokens], len(lengths))
    )
    opens = np.zeros(len(ids) + 1, bool)  # a side begins here, or nothing does behind the last
    opens[starts] = opens[-1] = True
    change, wrong = _changes(ids, opens, words)
    right[np.searchsorted(ends, wrong, "right")] = False
    right &= _complete(change, starts, ends)
    for parity, barred in enumerate(words.without):
        places = np.flatnonzero(barred.take(ids))
        sides = np.searchsorted(ends, places, "right")
        behind = places - starts[sides] >= (0 if parity else len(words.head))
        right[sides[(sides % 2 == parity) & behind]] = False
    _check_problems(ids, starts, lengths, right, words)
    return right


def _changes(
    ids: UInt8[np.ndarray, "tokens"], opens: Bool[np.ndarray, "places"], words: Words
) -> tuple[np.ndarray, Int64[np.ndarray, "wrong"]]:
    """By how many operands each token changes what is wanted, and where words or numbers are wrong."""
    change = words.change.take(ids)
    digits = np.flatnonzero(words.digit.take(ids))
    before = np.where(opens[digits], words.unknown_id, ids[digits - 1])
    following = np.where(opens[digits + 1], words.unknown_id, ids[np.minimum(digits + 1, len(ids) - 1)])
    continued, signed = words.digit[following], words.sign[before]
    change[digits[continued]] = 0
    zero = ids[digits] == words.zero
    wrong = ~(signed | words.digit[before]) | (zero & signed & (continued | (before == words.minus)))
    first = np.flatnonzero(~words.digit[before])
    long = digits[first[np.diff(np.append(first, len(digits))) > words.limits.number_digits]]
    signs = np.flatnonzero(words.sign.take(ids))
    bare = opens[signs + 1] | ~words.digit[ids[np.minimum(signs + 1, len(ids) - 1)]]
    unknown = np.flatnonzero(ids == words.unknown_id)
    return change, np.concatenate([digits[wrong], long, signs[bare], unknown])


def _complete(
    change: np.ndarray, starts: Int64[np.ndarray, "sides"], ends: Int64[np.ndarray, "sides"]
) -> Bool[np.ndarray, "sides"]:
    """Which sides are complete at their last token and not before; a token completes one operand at most."""
    count = np.cumsum(change, dtype=np.int32)
    done = count[starts] - change[starts] - 1
    complete = np.flatnonzero(count == np.repeat(done, ends - starts))
    sides = np.searchsorted(ends, complete, "right")
    return (np.bincount(sides, minlength=len(ends)) == 1) & (count[ends - 1] == done)


def _check_problems(
    ids: UInt8[np.ndarray, "tokens"],
    starts: Int64[np.ndarray, "sides"],
    lengths: Int64[np.ndarray, "sides"],
    right: Bool[np.ndarray, "sides"],
    words: Words,
) -> None:
    """Clears `right` for inputs that lack what the task's inputs have, or nest too many operators."""
    first, size = starts[0::2], lengths[0::2]
    right[0::2] &= size > len(words.head)
    for place, number in enumerate(words.head):
        right[0::2] &= ids[np.minimum(first + place, len(ids) - 1)] == number
    operators = words.operator.take(ids)
    if words.needed >= 0:
        right[0::2] &= np.add.reduceat(ids == words.needed, starts, dtype=np.int32)[0::2] > 0
    many = np.add.reduceat(operators, starts, dtype=np.int32)[0::2] > words.limits.problem_levels
    rows = np.flatnonzero(many & right[0::2])
    if len(rows):
        arities = words.arity_text.take(ids)
        texts = [arities[first[row] : first[row] + size[row]].tobytes().replace(b" ", b"") for row in rows.tolist()]
        right[2 * rows[too_deep(texts, words.limits.problem_levels)]] = False
