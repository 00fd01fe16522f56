"""Prefix tokens -> where each token stands in its tree.

A token's path is the child code of every step from the root down to it: 1 an only child, 2 a left child, 3 a right
child, 1 again the middle one of three; the root's path is empty.  The digits of a number share the path of its
`INT+` or `INT-` and are told apart by their place, 1 for the most significant.  (path, place) differs between any
two tokens of an expression, and the relation of two tokens (ancestor, sibling, common ancestor) can be read from
it.  Sums and products of more than two operands are binary trees in prefix tokens, so they need nothing of their own.

`path_codes` is what the loader calls; `paths` and `places` are the slow reference beside it.  The two-bit scheme
of the original Taylor experiment, which is not injective, is `seed_bits`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool, Int, Int8

from symjax.tokenization import prefix
from symjax.tokenization.foreign import DECIMAL, SIGNS, IntegerFormat, parse_foreign
from symjax.tokenization.vocabulary import SPECIAL, Vocabulary

ONLY, LEFT, RIGHT = 1, 2, 3
MIDDLE: Final = ONLY
MAX_PLACE: Final = 127
SEED_POS_DIM: Final = 6

_STEPS: Final = {0: (), 1: (ONLY,), 2: (LEFT, RIGHT), 3: (LEFT, MIDDLE, RIGHT)}
_DIGIT: Final = re.compile(r"-?[0-9]+")

Path = tuple[int, ...]


class DepthOverflow(ValueError):  # noqa: N818 - it names what happened
    """An expression with more levels than its path codes hold."""

    def __init__(self, row: int, levels: int) -> None:
        self.row = row
        super().__init__(
            f"expression {row} of the batch is deeper than {levels} operators, which is what path codes of depth "
            f"{levels + 1} hold; use a larger code_depth or shallower expressions"
        )


def paths(tokens: Sequence[str], fmt: IntegerFormat = DECIMAL) -> list[Path]:
    """The path of each token; a digit has the path of its number.

    Args:
      tokens: an expression.
      fmt: how its integers are written.

    Raises:
      PrefixError: the tokens are not one expression.

    >>> paths("add sin x mul x INT+ 1 2".split())
    [(), (2,), (2, 1), (3,), (3, 2), (3, 3), (3, 3), (3, 3)]
    """
    _ = prefix.parse(tokens) if fmt == DECIMAL else parse_foreign(tokens, fmt)
    arities = prefix.arities()
    pending: list[Path] = [()]
    found: list[Path] = []
    for token in tokens:
        if _is_digit(token):
            found.append(found[-1])
            continue
        path = pending.pop()
        found.append(path)
        pending.extend((*path, step) for step in reversed(_STEPS[arities.get(token, 0)]))
    return found


def _is_digit(token: str) -> bool:
    """Whether `token` is a digit of some base: a number, in balanced bases with a sign."""
    return _DIGIT.fullmatch(token) is not None


def places(tokens: Sequence[str]) -> list[int]:
    """The place of each token inside its number: 1.. for the digits behind `INT+` or `INT-`, 0 for all others.

    >>> places("mul x INT+ 1 2".split())
    [0, 0, 0, 1, 2]
    """
    found: list[int] = []
    for token in tokens:
        found.append(found[-1] + 1 if _is_digit(token) else 0)
    return found


def draw(tokens: Sequence[str]) -> list[str]:
    """One line for each node of the tree, indented by depth, with its path.

    Raises:
      PrefixError: the tokens are not one expression.

    >>> print("\\n".join(draw("mul x INT+ 1 2".split())))
    mul         root
      x         2
      INT+ 1 2  3
    """
    labels: list[str] = []
    shown: list[str] = []
    for token, path, place in zip(tokens, paths(tokens), places(tokens), strict=True):
        if place:
            labels[-1] += f" {token}"
        else:
            labels.append("  " * len(path) + token)
            shown.append(".".join(map(str, path)) or "root")
    width = max(map(len, labels)) + 2
    return [label.ljust(width) + path for label, path in zip(labels, shown, strict=True)]


@dataclasses.dataclass(frozen=True)
class _Tables:
    """What each id of a vocabulary is in a tree; `operands` is the arity of operators and 0 for all others.

    `homeless` are words that stand in no expression, such as the brackets of the foreign vocabulary.
    """

    operands: Int[np.ndarray, "V"]
    digit: Bool[np.ndarray, "V"]
    number: Bool[np.ndarray, "V"]
    special: Bool[np.ndarray, "V"]
    homeless: Bool[np.ndarray, "V"]


@functools.lru_cache(maxsize=16)
def _tables(vocabulary: Vocabulary) -> _Tables:
    arities, tokens = prefix.arities(), vocabulary.tokens
    digit = np.array([_is_digit(token) for token in tokens])
    special = np.array([token in SPECIAL for token in tokens])
    number = np.array([token in SIGNS for token in tokens])
    return _Tables(
        operands=np.array([arities.get(token, 0) for token in tokens], np.int64),
        digit=digit,
        number=number,
        special=special,
        homeless=~(digit | special | number | np.array([token in arities for token in tokens])),
    )


def path_codes(ids: Int[np.ndarray, "B S"], vocabulary: Vocabulary, depth: int) -> Int8[np.ndarray, "B S C"]:
    """Path and place of every token of a padded batch, as int8; C is `depth`.

    Columns 0..C-2 hold the path, one child code a level, 0 beyond the token's own depth; the last column holds the
    place.  `<eos>` and `<pad>` behind an expression have zeros only.

    Raises:
      DepthOverflow: an expression has more than C-1 levels.
      ValueError: a row is not one expression, or a number has more than 127 digits.
    """
    if depth < 2:
        raise ValueError(f"path codes need a depth of 2 or more (levels, then the place), got {depth}")
    tables = _tables(vocabulary)
    by_position = np.asarray(ids).T  # S first: a row of each step's array is contiguous
    place = _places(tables.digit[by_position])
    wrong = _is_malformed(tables, by_position) | (place > MAX_PLACE).any(axis=0)
    wrong |= tables.homeless[by_position].any(axis=0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"row {row} of the batch is not one expression: {' '.join(vocabulary.decode(ids[row]))[:200]}")
    codes = np.zeros((*by_position.shape, depth), np.int8)
    _fill_paths(codes[:, :, :-1], tables.operands[by_position], ~(tables.digit | tables.special)[by_position])
    codes[tables.special[by_position]] = 0
    codes[:, :, -1] = place
    return codes.transpose(1, 0, 2)


def _places(digit: Bool[np.ndarray, "S B"]) -> Int[np.ndarray, "S B"]:
    """Number of digits since the last token that is none, the token itself included."""
    position = np.arange(len(digit))[:, None]
    return position - np.maximum.accumulate(np.where(digit, -1, position), axis=0)


def _is_malformed(tables: _Tables, ids: Int[np.ndarray, "S B"]) -> Bool[np.ndarray, "B"]:
    """Which columns are not one expression followed by special tokens."""
    if not len(ids):
        return np.ones(ids.shape[1], bool)
    digit, number, special = tables.digit[ids], tables.number[ids], tables.special[ids]
    structural = ~(digit | special)
    change = np.where(structural, tables.operands[ids] - 1, 0)
    wanted = 1 + np.cumsum(change, axis=0)
    wrong = structural & (wanted - change <= 0) | special & (wanted > 0)
    wrong[1:] |= digit[1:] & ~(digit | number)[:-1] | number[:-1] & ~digit[1:]
    wrong[:1] |= digit[:1]
    wrong[-1:] |= number[-1:] | (wanted[-1:] != 0)
    return np.asarray(wrong.any(axis=0))


def _fill_paths(
    paths: Int8[np.ndarray, "S B levels"], operands: Int[np.ndarray, "S B"], structural: Bool[np.ndarray, "S B"]
) -> None:
    """Write the paths of well-formed expressions, position by position; tokens that are not structural repeat the last.

    The current path is nearly all the state that is needed: behind a leaf, the next operand's path is the leaf's with a
    step to the next sibling at the deepest level that has one, and all below cut off.  Only operators of three operands
    ask to be remembered, since a middle child has the code of an only one.
    """
    length, rows, levels = paths.shape
    level = np.arange(levels)
    path, own_depth = np.zeros((rows, levels), np.int8), np.zeros(rows, np.int64)
    ternary = np.zeros((rows, levels), bool) if (operands == 3).any() else None
    for position in range(length):
        fresh, count = structural[position], operands[position]
        paths[position] = path if fresh.all() else np.where(fresh[:, None], path, paths[position - 1])
        inner = count > 0
        too_deep = inner & (own_depth == levels)
        if too_deep.any():
            raise DepthOverflow(int(np.argmax(too_deep)), levels)
        turns = path == LEFT if ternary is None else (path == LEFT) | ternary & (path == MIDDLE)
        deepest = np.where(turns, level + 1, 0).max(axis=1)  # 1 + level of the deepest, 0 for none
        cut = np.where(inner, own_depth, deepest - 1)
        step = np.where(inner, np.where(count == 1, ONLY, LEFT), RIGHT).astype(np.int8)
        above, here = level < cut[:, None], level == cut[:, None]
        if ternary is not None:
            to_middle = ~inner & (here & ternary & (path == LEFT)).any(axis=1)
            step[to_middle] = MIDDLE
            following = np.where(here & inner[:, None], (count == 3)[:, None], ternary & (above | here))
            ternary = np.where(fresh[:, None], following, ternary)
        path = np.where(fresh[:, None], np.where(here, step[:, None], path * above), path)
        own_depth = np.where(fresh, cut + 1, own_depth)


def seed_bits(path: Path, pos_dim: int = SEED_POS_DIM) -> tuple[int, ...]:
    """The original experiment's position vector of a path: `pos_dim` bits, padded with 0, cut off behind.

    The root is 1; an only child appends 0, a left child 1 0, a right child 0 1.  (Its text writes 1 0 1 for the left
    child of the root as well; read as a slip, since its own rule is followed one level below.)  Not injective: an
    only child looks like padding, and six bits end below depth 3.

    >>> seed_bits((3, 2))
    (1, 0, 1, 1, 0, 0)
    """
    bits = [1]
    for code in path:
        bits.extend(_SEED_STEPS[code])
    return tuple((bits + [0] * pos_dim)[:pos_dim])


_SEED_STEPS = {ONLY: (0,), LEFT: (1, 0), RIGHT: (0, 1)}
