"""Lines of prefix text -> ids, checked: thousands of lines at a time, and one by one where something is wrong.

`count|input<TAB>output`, the count optional, tokens one space apart.  Lines that `fast` does not take are parsed in
full: that finds the fault, or takes the line after all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64

from symjax.data.foreign.columns import NO_COUNT, Ragged
from symjax.data.foreign.fast import COUNT_DIGITS, read_fast
from symjax.data.foreign.words import Fault, Form, Limits, Words, too_deep
from symjax.tokenization import prefix, tree_paths
from symjax.tokenization.vocabulary import Vocabulary

SPACE, TAB, NEWLINE = b" \t\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Read:
    """What some lines hold.

    Attributes:
      places: of the lines that are kept, from 0, ascending.
      counts: of these; `NO_COUNT` for lines without one.
      faults: place of each other line -> why.
      lines: how many lines there were.
      extras: row -> further metadata.
    """

    places: Int64[np.ndarray, "rows"]
    counts: Int64[np.ndarray, "rows"]
    problems: Ragged
    answers: Ragged
    faults: dict[int, Fault]
    lines: int
    extras: Mapping[int, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


class LineReader:
    """Reads lines in the words of a vocabulary.

    Args:
      vocabulary: of problems and answers alike.
      limits: of what is kept.
      form: of the task's lines.
    """

    def __init__(self, vocabulary: Vocabulary, limits: Limits, form: Form) -> None:
        self.vocabulary = vocabulary
        self.limits = limits
        self.form = form
        self._words = Words(vocabulary, limits, form)

    def read(self, data: bytes) -> Read:
        """The lines of `data`, each ended by a newline."""
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        found = read_fast(data, self._words)
        read = Read(**{field.name: getattr(found, field.name) for field in dataclasses.fields(found)}, faults={})
        return read if len(read.places) == read.lines else self._with_slow(data, read)

    def _with_slow(self, data: bytes, found: Read) -> Read:
        """`found` with every line of `data` that it lacks, read one by one."""
        lacks = np.ones(found.lines, bool)
        lacks[found.places] = False
        missing = np.flatnonzero(lacks).tolist()
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE)
        faults, rows = dict[int, Fault](), dict[int, tuple[int, list[int], list[int]]]()
        for place in missing:
            line = self.read_line(data[ends[place - 1] + 1 if place else 0 : ends[place]])
            if isinstance(line, Fault):
                faults[place] = line
            else:
                count, problem, answer = line
                rows[place] = count, self.vocabulary.encode(problem), self.vocabulary.encode(answer)
        if not rows:
            return dataclasses.replace(found, faults=faults)
        places = np.concatenate([found.places, np.array(list(rows), np.int64)])
        order = np.argsort(places)
        counts = np.concatenate([found.counts, np.array([count for count, _, _ in rows.values()], np.int64)])
        return Read(
            places=places[order],
            counts=counts[order],
            problems=Ragged.join([found.problems, Ragged.of([row[1] for row in rows.values()])]).take(order),
            answers=Ragged.join([found.answers, Ragged.of([row[2] for row in rows.values()])]).take(order),
            faults=faults,
            lines=found.lines,
        )

    def read_line(self, line: bytes) -> tuple[int, tuple[str, ...], tuple[str, ...]] | Fault:
        """(count, problem tokens, answer tokens) of one line, by a full parse; or what is wrong with it."""
        parts = sides_of(line)
        if isinstance(parts, Fault):
            return parts
        count, *sides = parts
        tokens = []
        for name, side in zip(("input", "output"), sides, strict=True):
            read = self._side(side, name)
            if isinstance(read, Fault):
                return read
            tokens.append(read)
        problem, answer = tokens
        return self.fault_of(problem, answer) or (count, problem, answer)

    def _side(self, text: str, name: str) -> tuple[str, ...] | Fault:
        tokens = tuple(text.split(" "))
        if not text:
            return Fault(f"no_{name}", f"the {name} is empty")
        if "" in tokens:
            return Fault(
                "spacing", f"the {name} has spaces that separate nothing, first behind {tokens.index('')} tokens"
            )
        if long := self._too_long(tokens, name):  # before the parse, which a line of a megabyte would keep busy
            return long
        try:
            prefix.parse(tokens, words=self._words.known)
        except prefix.PrefixError as error:
            return Fault(f"malformed_{name}", f"{name}: {str(error).partition('; known')[0]}")
        return tokens

    def fault_of(self, problem: Sequence[str], answer: Sequence[str]) -> Fault | None:
        """Why the task cannot take the two expressions, if it cannot."""
        other, limits = self.form.fault(problem, answer), self.limits
        if other:
            return other
        for name, tokens in (("input", problem), ("output", answer)):
            if long := self._too_long(tokens, name):
                return long
            digits = max(tree_paths.places(tokens))
            if digits > limits.number_digits:
                detail = f"a number of the {name} has {digits} digits; the task takes {limits.number_digits}"
                return Fault("long_number", detail)
        arities = prefix.arities()
        text = "".join(str(arities[token]) for token in problem if token in arities)
        if too_deep([text.encode()], limits.problem_levels)[0]:
            return Fault(
                "too_deep", f"the input nests more than {limits.problem_levels} operators, which the task takes"
            )
        return None

    def _too_long(self, tokens: Sequence[str], name: str) -> Fault | None:
        most = self.limits.problem_tokens if name == "input" else self.limits.answer_tokens
        if len(tokens) <= most:
            return None
        return Fault("too_long", f"the {name} has {len(tokens)} tokens; the task takes {most}")


def sides_of(line: bytes) -> tuple[int, str, str] | Fault:
    """(count, input, output) as text."""
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError as error:
        return Fault("not_text", f"byte {error.start} is 0x{line[error.start]:02x}, which is no text")
    control = next((place for place, byte in enumerate(line) if byte < SPACE and byte != TAB), None)
    if control is not None:
        return Fault("not_text", f"byte {control} is 0x{line[control]:02x}, which is no text")
    if not text:
        return Fault("empty_line", "the line is empty")
    sides = text.split("\t")
    if len(sides) != 2:
        found = "no tab" if len(sides) == 1 else f"{len(sides) - 1} tabs"
        reason = "no_tab" if len(sides) == 1 else "several_tabs"
        return Fault(reason, f"the line has {found}; one tab stands between input and output")
    head, pipe, rest = sides[0].partition("|")
    if not pipe:
        return NO_COUNT, sides[0], sides[1]
    if not head.isdecimal() or len(head) > COUNT_DIGITS or (len(head) > 1 and head[0] == "0"):
        return Fault("bad_count", f"{head[:40]!r} in front of | is no count")
    return int(head), rest, sides[1]
