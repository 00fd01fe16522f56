"""Linear systems modulo a prime: which monomials an antiderivative may hold, and whether they suffice.

A monomial in the kernels is one integer, eight bits to a kernel, so that products are sums; the highest bit of each
eight stays free and tells, after a subtraction, whether an exponent fell below zero.  Constants are replaced by fixed
residues.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from flint import fmpq_mpoly, nmod_mat

from symjax.symbolic.integration.discovery import TooWide

PRIME: Final = 2305843009213693951
BITS: Final = 8
HIGH: Final = 1 << (BITS - 1)
DIGITS: Final = HIGH - 1
MAX_COLUMNS: Final = 70
MAX_ROWS: Final = 400
MAX_CHECKS: Final = 5000
"""Most pairs of a row and an offset that are looked at; a search that goes on longer hardly ever ends in a solution."""

Column = dict[int, int]
"""Packed exponents -> residue."""
Terms = list[tuple[int, int]]
"""(packed exponents, residue) of the terms of a polynomial."""


class Packing:
    """Polynomials as terms of packed exponents and residues."""

    def __init__(self, moving: Sequence[int], constants: Sequence[int]) -> None:
        """Generators that move get eight bits each, the others a residue."""
        self.shifts = {index: place * BITS for place, index in enumerate(moving)}
        self.guard = sum(HIGH << shift for shift in self.shifts.values())
        self._residues = {index: pow(3, 1009 + 7919 * place, PRIME) for place, index in enumerate(constants)}

    def terms(self, polynomial: fmpq_mpoly) -> Terms:
        """The terms of `polynomial`.

        Raises:
          TooWide: an exponent of 64 or more, or a denominator that the prime divides.
        """
        found: Column = {}
        for exponents, coefficient in polynomial.to_dict().items():
            top, bottom = int(coefficient.p), int(coefficient.q)
            if bottom % PRIME == 0:
                raise TooWide("a denominator has no residue")
            value = top % PRIME if bottom == 1 else top * pow(bottom, -1, PRIME) % PRIME
            key = 0
            for index, exponent in enumerate(exponents):
                if exponent:
                    shift = self.shifts.get(index)
                    if shift is None:
                        value = value * pow(self._residues[index], int(exponent), PRIME) % PRIME
                    elif exponent >= HIGH // 2:
                        raise TooWide("an exponent is too large")
                    else:
                        key += int(exponent) << shift
            found[key] = (found.get(key, 0) + value) % PRIME
        return [(key, value) for key, value in found.items() if value]


class Columns:
    """The cleared derivatives of monomials: sum of e_i * m/t_i * rise_i - m * fall, reduced by relations."""

    def __init__(
        self,
        packing: Packing,
        rises: Mapping[int, Terms],
        fall: Terms,
        relations: Mapping[int, tuple[int, Terms]],
        bounds: int,
    ) -> None:
        """Sets up the columns.

        Args:
          packing: how exponents are packed.
          rises: generator -> terms of its cleared derivative.
          fall: terms of the cleared logarithmic derivative of the denominator.
          relations: generator -> (degree, terms of what the generator to this degree equals), in reduction order.
          bounds: largest exponents of monomials, packed.
        """
        self._guard, self._bounds, self._fall = packing.guard, bounds | packing.guard, fall
        self._moves = [(1 << packing.shifts[index], packing.shifts[index], rise) for index, rise in rises.items()]
        self._relations = [
            (packing.shifts[index], degree, image)
            for index, (degree, image) in relations.items()
            if index in packing.shifts
        ]
        self._offsets = self._find_offsets()

    def _find_offsets(self) -> list[tuple[int, int]]:
        """(monomial - row, digits of the monomial that must not all be 0) for the rows of any column."""
        found: dict[tuple[int, int], None] = {}
        for unit, shift, rise in self._moves:
            for step, _ in rise:
                for reduced in (step, *self._reduced_once(step)):
                    found[unit - reduced, DIGITS << shift] = None
        for step, _ in self._fall:
            for reduced in (step, *self._reduced_once(step)):
                found[-reduced, -1] = None
        return list(found)

    def _reduced_once(self, step: int) -> Iterator[int]:
        """What a factor may become where it completes the power of a root or sine that a relation replaces."""
        for shift, degree, image in self._relations:
            if (step >> shift) & DIGITS:
                for other, _ in image:
                    yield step - (degree << shift) + other

    def search(self, target: Collection[int], given: Collection[int]) -> dict[int, Column]:
        """Monomials within the bounds whose derivatives may be needed, with their columns, breadth first.

        Empty if a row of `target` can come from no monomial and is not in `given`, the rows of other unknowns, or if
        the search is too long.
        """
        columns: dict[int, Column] = {}
        queue = list(dict.fromkeys((*target, *given)))
        seen = set(queue)
        guard, bounds = self._guard, self._bounds
        place = 0
        while place < len(queue) and len(columns) < MAX_COLUMNS:
            row = queue[place]
            above = row + guard
            orphan = place < len(target) and row not in given
            place += 1
            for offset, digits in self._offsets:
                monomial = above + offset
                if monomial & guard != guard:
                    continue
                monomial -= guard
                if (bounds - monomial) & guard == guard and (digits < 0 or monomial & digits):
                    orphan = False
                    if monomial not in columns and (monomial or self._fall) and len(columns) < MAX_COLUMNS:
                        columns[monomial] = column = self.column(monomial)
                        for key in column:
                            if key not in seen and len(seen) < MAX_ROWS:
                                seen.add(key)
                                queue.append(key)
            if orphan or place * len(self._offsets) > MAX_CHECKS:
                return {}
        return columns

    def column(self, monomial: int) -> Column:
        """The cleared derivative of a monomial over the denominator."""
        column: Column = {}
        for unit, shift, rise in self._moves:
            exponent = (monomial >> shift) & DIGITS
            if exponent:
                rest = monomial - unit
                for step, value in rise:
                    key = rest + step
                    column[key] = column.get(key, 0) + exponent * value
        for step, value in self._fall:
            key = monomial + step
            column[key] = column.get(key, 0) - value
        if self._relations:
            self._reduce(column)
        return {key: value % PRIME for key, value in column.items() if value % PRIME}

    def _reduce(self, column: Column) -> None:
        for shift, degree, image in self._relations:
            unit = degree << shift
            while high := [key for key in column if (key >> shift) & DIGITS >= degree]:
                for key in high:
                    value = column.pop(key) % PRIME
                    for step, factor in image:
                        other = key - unit + step
                        column[other] = column.get(other, 0) + value * factor


def solution(columns: Sequence[Column], target: Column) -> tuple[list[int], list[int]] | None:
    """(places of columns with unknowns that are not zero, as many rows that determine them); None without solution."""
    rows: dict[int, int] = {}
    for column in columns:
        for key in column:
            rows.setdefault(key, len(rows))
    if any(key not in rows for key in target):
        return None
    width = len(columns)
    matrix = nmod_mat(len(rows), width + 1, PRIME)
    for place, column in enumerate((*columns, target)):
        for key, value in column.items():
            matrix[rows[key], place] = value
    reduced, rank = matrix.rref()
    pivots = _pivots(reduced, rank)
    if pivots and pivots[-1] == width:
        return None
    chosen = [pivot for row, pivot in enumerate(pivots) if reduced[row, width] != 0]
    small = nmod_mat(len(chosen), len(rows), PRIME)
    for place, pivot in enumerate(chosen):
        for key, value in columns[pivot].items():
            small[place, rows[key]] = value
    keys = list(rows)
    return chosen, [keys[pivot] for pivot in _pivots(*small.rref())]


def _pivots(reduced: nmod_mat, rank: int) -> list[int]:
    """The columns of the leading entries of a reduced matrix."""
    found, place = [], 0
    for row in range(rank):
        while reduced[row, place] == 0:
            place += 1
        found.append(place)
    return found
