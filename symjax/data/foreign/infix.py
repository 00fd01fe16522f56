"""Lines of infix text <-> ids, one by one.

A line whose text is not what the ids would be written as (other parentheses, say) keeps its own text as metadata, so
that no text is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symjax.data.foreign.columns import Ragged
from symjax.data.foreign.reading import LineReader, Read, sides_of
from symjax.data.foreign.words import Fault
from symjax.tokenization import foreign, foreign_infix

OWN_TEXT = "infix"
"""Metadata of lines in another notation: their two texts."""

_Row = tuple[int, list[int], list[int], dict[str, Any]]


class InfixReader:
    """Reads lines `input<TAB>output` of infix text, counts allowed, by the limits and the form of `lines`."""

    def __init__(self, lines: LineReader) -> None:
        self._lines = lines

    def read(self, data: bytes) -> Read:
        """The lines of `data`, each ended by a newline."""
        rows, faults = dict[int, _Row](), dict[int, Fault]()
        lines = data.replace(b"\r\n", b"\n").split(b"\n")[:-1]
        for place, line in enumerate(lines):
            read = self.read_line(line)
            if isinstance(read, Fault):
                faults[place] = read
            else:
                rows[place] = read
        found = list(rows.values())
        return Read(
            places=np.array(list(rows), np.int64),
            counts=np.array([row[0] for row in found], np.int64),
            problems=Ragged.of([row[1] for row in found]),
            answers=Ragged.of([row[2] for row in found]),
            faults=faults,
            lines=len(lines),
            extras={place: row[3] for place, row in enumerate(found) if row[3]},
        )

    def read_line(self, line: bytes) -> _Row | Fault:
        """(count, problem ids, answer ids, further metadata) of one line; or what is wrong with it."""
        parts = sides_of(line)
        if isinstance(parts, Fault):
            return parts
        count, *texts = parts
        tokens = []
        for name, text in zip(("input", "output"), texts, strict=True):
            if not text:
                return Fault(f"no_{name}", f"the {name} is empty")
            try:
                tokens.append(foreign.write_foreign(foreign_infix.parse_infix(text)))
            except ValueError as error:
                return Fault(f"malformed_{name}", f"{name}: {str(error).partition('; known')[0]}")
        problem, answer = tokens
        fault = self._lines.fault_of(problem, answer)
        if fault:
            return fault
        own = {} if _text(problem) == texts[0] and _text(answer) == texts[1] else {OWN_TEXT: texts}
        encode = self._lines.vocabulary.encode
        return count, encode(problem), encode(answer), own


def infix_line(problem: Sequence[str], answer: Sequence[str], metadata: Mapping[str, Any]) -> bytes:
    """The line of an example, newline included; its own text where it has one."""
    texts = metadata.get(OWN_TEXT) or (_text(problem), _text(answer))
    return ("\t".join(texts) + "\n").encode()


def _text(tokens: Sequence[str]) -> str:
    return foreign_infix.write_infix(foreign.parse_foreign(tokens))
