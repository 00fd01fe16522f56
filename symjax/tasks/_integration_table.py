"""The table of known integrals that integration by parts reads: made once from its options, and never added to.

A table is a function of its options and of the program.  It is kept in a file named by a hash of both, so that a
program that changed makes its own; the file begins with the SHA-256 of its lines, which is checked when it is read
and recorded with every data set that used it.  Without a folder that can be written it is made in memory again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import random
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any, Final

from symjax import symbolic, tokenization
from symjax.symbolic.conventions import foreign_form, token_length
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import Expression
from symjax.symbolic.fingerprint import up_to_factor
from symjax.symbolic.limits import TooLarge, Undefined
from symjax.symbolic.tree_sampling import TreeSampler
from symjax.tasks import Rejection
from symjax.tasks._integration_pairs import Pair, antiderivative_of, drawn_function, refusal
from symjax.tasks._integration_parts import KnownIntegrals
from symjax.tokenization import prefix

FOLDER: Final = "SYMJAX_CACHE"
"""Environment variable that names the folder of tables; without it `symjax` in the user's cache folder."""

LARGEST_TREE: Final = 8
SOLVED_FRACTION: Final = 0.2
"""Share of the trees that are taken as integrands, and solved by rules."""

SOLVING_BUDGET: Final = 600
ATTEMPTS_PER_ENTRY: Final = 50
_SEED_BITS: Final = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredTable:
    """A table, and the SHA-256 of its lines."""

    integrals: KnownIntegrals
    digest: str


@functools.lru_cache(maxsize=4)
def load_table(definition: str) -> StoredTable:
    """The table of `definition`, from its file if there is one, else made and, if possible, kept.

    Args:
      definition: JSON of `size`, `seed`, and the options of `TreeSampler`.
    """
    path = table_path(definition)
    lines = _read(path)
    if lines is None:
        lines = list(make_lines(json.loads(definition)))
        _keep(path, lines)
    return StoredTable(integrals=_integrals(lines), digest=_digest(lines))


def table_path(definition: str) -> pathlib.Path:
    """Where the table is kept."""
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = os.environ.get(FOLDER) or home / "symjax"
    name = hashlib.sha256((definition + _program()).encode()).hexdigest()[:20]
    return pathlib.Path(folder) / f"integrals-{name}.tsv"


@functools.cache
def _program() -> str:
    """A hash of everything that decides what a table holds, beside its options."""
    digest = hashlib.sha256(metadata.version("python-flint").encode())
    folders = [pathlib.Path(str(package.__file__)).parent for package in (symbolic, tokenization)]
    sources = [source for folder in folders for source in folder.rglob("*.py")]
    for source in sorted([*sources, *pathlib.Path(__file__).parent.glob("_integration_*.py")]):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


def make_lines(definition: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: key, integrand and antiderivative with tabs between; in the order in which they were found.

    Most are derivatives of random functions; the rest random functions that the rules solve.  Of antiderivatives of
    one integrand, up to a factor, the shortest is kept.
    """
    size, seed = definition["size"], definition["seed"]
    sampler = TreeSampler(**{key: value for key, value in definition.items() if key not in ("size", "seed")})
    found: dict[str, tuple[int, str]] = {}
    rng = random.Random()
    for attempt in range(ATTEMPTS_PER_ENTRY * size):
        if len(found) == size:
            break
        rng.seed(seed << _SEED_BITS | attempt)
        pair = _pair(rng, sampler)
        key = None if pair is None else up_to_factor(pair.integrand)
        if pair is not None and key is not None:
            entry = token_length(pair.antiderivative), f"{_text(pair.integrand)}\t{_text(pair.antiderivative)}"
            found[key] = min(found.get(key, entry), entry, key=lambda entry: entry[0])
    for key, (_, text) in found.items():
        yield f"{key}\t{text}"


def _pair(rng: random.Random, sampler: TreeSampler) -> Pair | None:
    """A checked pair from one random tree."""
    count = 1 + int(rng.random() * LARGEST_TREE)
    solved = rng.random() < SOLVED_FRACTION
    function = drawn_function(rng, sampler, count, keep_constant=0.0, fewest=0)
    if isinstance(function, Rejection):
        return None
    pair = _solved(function) if solved else _differentiated(function)
    return None if pair is None or isinstance(refusal(pair), Rejection) else pair


def _solved(integrand: Expression) -> Pair | None:
    answer = antiderivative_of(integrand, SOLVING_BUDGET)
    return None if answer is None else Pair(integrand=integrand, antiderivative=answer)


def _differentiated(answer: Expression) -> Pair | None:
    try:
        return Pair(integrand=derivative(answer), antiderivative=answer)
    except (TooLarge, Undefined):
        return None


def _text(expr: Expression) -> str:
    return " ".join(prefix.write(foreign_form(expr)))


def _integrals(lines: list[str]) -> KnownIntegrals:
    """The table that lines hold."""
    rows = (line.split("\t") for line in lines)
    return KnownIntegrals({key: (integrand, antiderivative) for key, integrand, antiderivative in rows})


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def _read(path: pathlib.Path) -> list[str] | None:
    """The lines of a whole file; None where there is none, or a damaged one."""
    try:
        digest, *lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return lines if digest == _digest(lines) else None


def _keep(path: pathlib.Path, lines: list[str]) -> None:
    """Writes the file beside its place and renames it there; quietly without, where the folder cannot be written."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.writelines(line + "\n" for line in (_digest(lines), *lines))
        os.replace(file.name, path)
