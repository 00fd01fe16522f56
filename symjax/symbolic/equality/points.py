"""Where equations are tried: a fixed, endless sequence of exact points.

Every point gives a value to every symbol, whichever of them occur: x is small, 1/32 to 4 in size, where few functions
saturate; constants are 1/32 to 8 in size; both have both signs, and no small denominators, by which a value could be
special.  A complex point moves x, and in every second point the
constants too, off the real line.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Mapping
from typing import Final

from flint import fmpq

from symjax.symbolic.operators import SYMBOLS

_DENOMINATORS: Final = (53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103)


@dataclasses.dataclass(frozen=True)
class Point:
    """Exact values of the symbols: real parts, and imaginary parts where they are not zero."""

    real: Mapping[str, fmpq]
    imaginary: Mapping[str, fmpq]

    def describe(self, names: tuple[str, ...]) -> dict[str, str]:
        """The values of `names` as text, "p/q" or "p/q + r/s*I"."""
        return {
            name: f"{self.real[name]} + {self.imaginary[name]}*I" if name in self.imaginary else str(self.real[name])
            for name in names
        }

    @functools.cached_property
    def beside(self) -> Point:
        """A point so near that the base neighbourhood of a proof holds it, moved in no special direction."""
        rng = random.Random("beside")
        shifts = {name: fmpq(1 + int(rng.random() * 2.0**30), 2**112) for name in self.real}
        return Point({name: value + shifts[name] for name, value in self.real.items()}, self.imaginary)


@functools.cache
def real_point(place: int) -> Point:
    """The real point number `place` of the sequence."""
    return Point(_draw(f"real {place}"), {})


@functools.cache
def complex_point(place: int) -> Point:
    """The complex point number `place` of the sequence."""
    imaginary = _draw(f"imaginary {place}")
    return Point(_draw(f"complex {place}"), imaginary if place % 2 else {"x": imaginary["x"]})


def _draw(key: str) -> dict[str, fmpq]:
    rng = random.Random(key)
    return {name: _rational(rng, 7 if name == "x" else 8) for name in SYMBOLS}


def _rational(rng: random.Random, octaves: int) -> fmpq:
    """A number of either sign whose size is spread over so many octaves from 1/32 on, each equally likely."""
    denominator = _DENOMINATORS[int(rng.random() * len(_DENOMINATORS))]
    size = 2.0 ** (int(rng.random() * octaves) - 5) * (1.0 + rng.random())
    numerator = max(1, int(size * denominator))
    numerator += numerator % denominator == 0
    return fmpq(numerator if rng.random() < 0.5 else -numerator, denominator)
