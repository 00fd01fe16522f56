"""Small linear systems over the rational numbers, or over quotients of polynomials in constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from flint import fmpq, fmpq_mat, fmpq_mpoly

from symjax.symbolic.integration.field import Field, Quotient, TooWide

MAX_SYMBOLIC: Final = 14


def solve(
    field: Field,
    vectors: Sequence[fmpq_mpoly],
    target: fmpq_mpoly,
    rows: Sequence[int],
    shifts: Mapping[int, int],
) -> list[Quotient] | None:
    """Coefficients c with sum of c_i * vectors[i] = target, from as many rows as there are vectors.

    Args:
      field: what the vectors are polynomials of.
      vectors, target: polynomials; their coefficients as polynomials in moving kernels are the entries.
      rows: packed exponents of the moving kernels, as many as there are vectors, independent.
      shifts: generator index of a moving kernel -> its place in packed exponents.

    Raises:
      TooWide: above the limits.
    """
    wanted = {key: place for place, key in enumerate(rows)}
    entries = [_entries(field, vector, wanted, shifts) for vector in (*vectors, target)]
    size = len(vectors)
    if all(entry.is_constant() for column in entries for entry in column):
        return _over_rationals(field, entries, size)
    if size > MAX_SYMBOLIC:
        raise TooWide(f"a system of more than {MAX_SYMBOLIC} equations with constants")
    return _over_constants(field, entries, size)


def _entries(
    field: Field, vector: fmpq_mpoly, wanted: Mapping[int, int], shifts: Mapping[int, int]
) -> list[fmpq_mpoly]:
    """The coefficients of `vector` in the rows that are wanted."""
    parts: list[dict[tuple[int, ...], fmpq]] = [{} for _ in wanted]
    for exponents, coefficient in vector.to_dict().items():
        key, rest = 0, []
        for index, exponent in enumerate(exponents):
            shift = shifts.get(index)
            if shift is None:
                rest.append(int(exponent))
            else:
                rest.append(0)
                key += int(exponent) << shift
        place = wanted.get(key)
        if place is not None:
            parts[place][tuple(rest)] = coefficient
    return [field.context.from_dict(part) for part in parts]


def _over_rationals(field: Field, entries: list[list[fmpq_mpoly]], size: int) -> list[Quotient] | None:
    def value(entry: fmpq_mpoly) -> fmpq:
        return fmpq(0) if entry.is_zero() else entry.leading_coefficient()

    matrix = fmpq_mat(size, size, [value(entries[column][row]) for row in range(size) for column in range(size)])
    right = fmpq_mat(size, 1, [value(entry) for entry in entries[size]])
    try:
        found = matrix.solve(right)
    except ZeroDivisionError:
        return None
    return [(field.context.constant(found[row, 0]), field.one) for row in range(size)]


def _over_constants(field: Field, entries: list[list[fmpq_mpoly]], size: int) -> list[Quotient] | None:
    """Fraction-free elimination (Bareiss), then back substitution over a common denominator."""
    rows = [[entries[column][row] for column in range(size + 1)] for row in range(size)]
    before = field.one
    for step in range(size):
        pivot = next((row for row in range(step, size) if not rows[row][step].is_zero()), None)
        if pivot is None:
            return None
        rows[step], rows[pivot] = rows[pivot], rows[step]
        lead = rows[step][step]
        for row in range(size):
            if row == step:
                continue
            factor = rows[row][step]
            rows[row] = [
                divmod(field.product(lead, entry) - field.product(factor, above), before)[0]
                for entry, above in zip(rows[row], rows[step], strict=True)
            ]
        before = lead
    return [field.reduced(row[size], row[place]) for place, row in enumerate(rows)]
