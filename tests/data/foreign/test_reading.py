"""Lines read in arrays against the full parse, one by one; every way of being wrong has its name."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax import tasks
from symjax.data.foreign.columns import NO_COUNT
from symjax.data.foreign.fast import read_fast
from symjax.data.foreign.layouts import form_of, longest_number
from symjax.data.foreign.reading import LineReader
from symjax.data.foreign.words import Fault, Form, Limits, Words, too_deep
from symjax.symbolic.operators import UNKNOWNS
from symjax.tokenization import prefix
from symjax.tokenization.foreign import WORDS
from symjax.tokenization.vocabulary import Vocabulary
from tests.data.foreign.files import Prim, expression, lines

VOCABULARY = Vocabulary.of(WORDS[3:])
LIMITS = Limits(problem_tokens=40, answer_tokens=30, problem_levels=6, number_digits=12)
READER = LineReader(VOCABULARY, LIMITS, form_of(Prim()))  # type: ignore[arg-type]


def texts(read) -> list[str]:
    """The kept lines as text."""
    found, problems, answers = [], read.problems, read.answers
    for row in range(len(read.places)):
        sides = (side.slice(row, row + 1).ids.tolist() for side in (problems, answers))
        text = "\t".join(" ".join(VOCABULARY.tokens[number] for number in ids) for ids in sides)
        count = read.counts[row]
        found.append(text if count == NO_COUNT else f"{count}|{text}")
    return found


def encoded(found: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in found).encode("utf-8", errors="surrogateescape")


def test_text_comes_back() -> None:
    found = lines(300) + lines(50, seed=1, counted=False)
    read = READER.read(encoded(found))
    fitting = [line for line in found if not isinstance(READER.read_line(line.encode()), Fault)]
    assert len(fitting) > 200
    assert texts(read) == fitting
    assert read.lines == len(found)
    assert len(read.places) + len(read.faults) == len(found)


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("", "empty_line", "empty"),
        ("sub Y' x x", "no_tab", "no tab"),
        ("sub Y' x\tx\tx", "several_tabs", "2 tabs"),
        ("sub Y' add x\tx", "malformed_input", "token 4"),
        ("sub Y' x x\tx", "malformed_input", "token 3"),
        ("sub Y' foo\tx", "malformed_input", "token 2: unknown token 'foo'"),
        ("sub Y' (\tx", "malformed_input", "unknown token '('"),
        ("sub Y' x\tadd INT+ x", "malformed_output", "token 1"),
        ("sub Y' x\tINT+ 0 1", "malformed_output", "token 1: a number does not start with 0"),
        ("sub Y' x\tINT- 0", "malformed_output", "token 0"),
        ("sub Y' x\t5", "malformed_output", "digit 5"),
        ("sub Y' x\t" + "foo " * 40 + "x", "too_long", "the output has 41 tokens; the task takes 30"),
        ("sub Y'  x\tx", "spacing", "2 tokens"),
        ("sub Y' x \tx", "spacing", "3 tokens"),
        ("\tx", "no_input", "empty"),
        ("sub Y' x\t", "no_output", "empty"),
        ("x|sub Y' x\tx", "bad_count", "'x'"),
        ("|sub Y' x\tx", "bad_count", "''"),
        ("07|sub Y' x\tx", "bad_count", "'07'"),
        ("1|2|sub Y' x\tx", "malformed_input", "'2|sub'"),
        ("12 sub|Y' x\tx", "bad_count", "'12 sub'"),
        ("sub Y' x\t1|x", "malformed_output", "'1|x'"),
        ("9" * 19 + "|sub Y' x\tx", "bad_count", "is no count"),
        ("sub Y' \udce9\tx", "not_text", "byte 7 is 0xe9"),
        ("sub Y' x\0\tx", "not_text", "byte 8 is 0x00"),
        ("sub\0Y' x\tx", "not_text", "byte 3 is 0x00"),
        ("sub Y'\vx\tx", "not_text", "byte 6 is 0x0b"),
        ("sub x Y'\tx", "other_task", "does not begin sub Y'"),
        ("sub Y' Y\tx", "other_task", "has Y"),
        ("sub Y' x\tY'", "other_task", "output has Y'"),
        ("sub Y' x\tsin a7", "other_task", "output has a7"),
        ("sub Y' x\tINT+" + " 1" * 13, "long_number", "number of the output has 13 digits"),
        ("sub Y' INT-" + " 1" * 13 + "\tx", "long_number", "number of the input has 13 digits"),
        ("sub Y' " + "sin " * 38 + "x\tx", "too_long", "41 tokens"),
        ("sub Y' x\t" + "sin " * 30 + "x", "too_long", "output has 31 tokens"),
        ("sub Y' " + "sin " * 6 + "x\tx", "too_deep", "more than 6"),
    ],
)
def test_fault_is_named(line: str, reason: str, detail: str) -> None:
    read = READER.read(encoded(["sub Y' x\tx", line, "3|sub Y' exp x\texp x"]))
    assert texts(read) == ["sub Y' x\tx", "3|sub Y' exp x\texp x"]
    assert set(read.faults) == {1}
    assert read.faults[1].reason == reason
    assert detail in read.faults[1].detail


@pytest.mark.parametrize("line", ["sub Y' derivative f x x\tx", "sub Y' x\tx\r", "0|sub Y' x\tx", "sub Y' x\tINT+ 0"])
def test_odd_line_is_kept(line: str) -> None:
    read = READER.read(encoded([line]))
    assert texts(read) == [line.rstrip("\r")]


def test_deepest_and_longest_lines_are_kept() -> None:
    found = ["sub Y' " + "sin " * 5 + "x\tx", "sub Y' " + "add x " * 5 + "x\tx", "sub Y' x\t" + "sin " * 29 + "x"]
    assert texts(READER.read(encoded(found))) == found


def test_numbers_of_too_many_digits_are_refused() -> None:
    limits = Limits(problem_tokens=4000, answer_tokens=4000, problem_levels=6, number_digits=2000)
    roomy = LineReader(VOCABULARY, limits, READER.form)
    sides = ["INT+ " + " ".join("1" * digits) for digits in (1000, 1001)]
    read = roomy.read(encoded([f"sub Y' x\t{side}" for side in sides]))
    assert read.places.tolist() == [0]
    assert read.faults[1].reason == "malformed_output"


@pytest.mark.parametrize(
    ("task", "good", "bad"),
    [
        ("ode1", "add Y Y'\ta8", ["add Y x\ta8", "add Y' Y''\ta8", "Y'\tY"]),
        ("ode2", "add Y Y''\ta8", ["add Y' x\ta8", "Y''\tY"]),
        ("prim_ibp", "sub Y' x\tx", ["Y'\tx", "sub Y'\tx", "sub Y' add Y' x\tx"]),
    ],
)
def test_lines_of_another_task_are_refused(task: str, good: str, bad: list[str]) -> None:
    own = Prim()
    own.name = task
    reader = LineReader(VOCABULARY, LIMITS, form_of(own))  # type: ignore[arg-type]
    read = reader.read(encoded([*bad, good]))
    assert texts(read) == [good]
    assert {fault.reason for fault in read.faults.values()} <= {"other_task", "malformed_input"}


def test_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match=r"taylor.*prim_fwd"):
        form_of(tasks.load("taylor"))


def test_limits_of_numbers_are_those_of_the_grammar() -> None:
    assert longest_number(Prim()) == 12  # type: ignore[arg-type]
    assert longest_number(tasks.load("prim_fwd")) >= 20


FREE = Form()
WIDE = Limits(problem_tokens=60, answer_tokens=60, problem_levels=4, number_digits=2)
PIECES = st.sampled_from(
    [
        "add",
        "sin",
        "h",
        "x",
        "a8",
        "Y'",
        "INT+",
        "INT-",
        "0",
        "1",
        "9",
        "foo",
        "",
        "derivative",
        "|",
        "12|",
        "\t",
        "(",
        "f",
    ]
)


@given(st.lists(st.lists(PIECES, max_size=14), min_size=1, max_size=8), st.booleans())
def test_fast_reading_takes_only_what_the_full_parse_takes(rows: list[list[str]], headed: bool) -> None:
    form = Form(head=("sub", "Y'"), output_without=UNKNOWNS) if headed else FREE
    reader = LineReader(VOCABULARY, WIDE, form)
    check_agreement(reader, [" ".join(row).replace(" \t ", "\t").replace("| ", "|") for row in rows])


@pytest.mark.parametrize("seed", range(20))
def test_fast_reading_agrees_on_lines_spoiled_by_one_word(seed: int) -> None:
    rng = random.Random(seed)
    found = []
    for line in lines(60, seed=seed):
        words = line.split(" ")
        place = rng.randrange(len(words))
        words[place : place + rng.randrange(2)] = [rng.choice(["add", "x", "INT+", "3", "0", "exp", "cosine"])]
        found.append(" ".join(words))
    check_agreement(LineReader(VOCABULARY, WIDE, FREE), found)


def check_agreement(reader: LineReader, found: list[str]) -> None:
    """The fast way takes the very lines that the full parse takes, but for those that it leaves to it."""
    slow = [reader.read_line(line.encode()) for line in found]
    fast = read_fast(encoded(found), Words(VOCABULARY, reader.limits, reader.form))
    assert fast.lines == len(found)
    assert fast.places.tolist() == [place for place, row in enumerate(slow) if not isinstance(row, Fault)]
    expected = [
        f"{row[0]}|" * (row[0] != NO_COUNT) + "\t".join(map(" ".join, row[1:]))
        for row in slow
        if not isinstance(row, Fault)
    ]
    assert texts(fast) == expected


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_depth_is_that_of_the_expression(seed: int, levels: int) -> None:
    rng, arities = random.Random(seed), prefix.arities()
    found = [expression(rng, rng.randrange(12)).split(" ") for _ in range(5)]
    given_as = ["".join(str(arities[token]) for token in words if token in arities).encode() for words in found]
    assert too_deep(given_as, levels) == [prefix.parse(words).depth > levels for words in found]


def test_words_of_the_vocabulary_are_told_apart() -> None:
    words = Words(VOCABULARY, LIMITS, FREE)
    keys = np.array([int.from_bytes(word.encode()[:8].ljust(8, b"\0"), "little") for word in words.known], np.uint64)
    expected = [VOCABULARY.ids[word] if len(word) <= 8 else words.unknown_id for word in words.known]
    assert words.find(keys).tolist() == expected
