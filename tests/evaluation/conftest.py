from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest

from symjax.tasks import Example, Metric, ParseError, Verdict
from symjax.tokenization.vocabulary import EOS_ID, Vocabulary


class Spelling:
    """Stand-in task: the answer of a word over a, b, c is the same word in capitals."""

    name = "spelling"
    options: ClassVar = {}
    problem_vocabulary = Vocabulary.of("abc")
    answer_vocabulary = Vocabulary.of("ABC")
    max_problem_length = max_answer_length = 5
    metrics = (
        Metric(name="exact", statistic="mean", higher_is_better=True, title="exact"),
        Metric(name="letters", statistic="median", higher_is_better=False, title="wrong letters"),
        Metric(name="size", statistic="root_mean", higher_is_better=False, title="length error"),
        Metric(name="pairs", statistic="mean", higher_is_better=True, title="exact where two letters long"),
    )

    def example(self, word: str, **metadata) -> Example:
        return Example(problem=tuple(word), answer=tuple(word.upper()), exact=(word,), metadata=metadata)

    def decode(self, answer):
        return "".join(answer) if answer else ParseError(0, "an answer has a letter")

    def verify(self, problem, answer, reference=None):  # noqa: ARG002
        if not answer:
            return Verdict(kind="unparsable", evidence={}, seconds=0.0)
        right = "".join(problem).upper() == "".join(answer)
        return Verdict(kind="proved" if right else "refuted", evidence={"right": right}, seconds=0.25)

    def measure(self, example, answer):
        wrong = sum(a != b for a, b in zip(example.answer, answer, strict=False))
        exact = float(example.answer == answer)
        measures = {"exact": exact, "letters": wrong if answer else float("inf")}
        measures["size"] = float(len(answer) - len(example.answer)) ** 2
        return measures | ({"pairs": exact} if len(example.answer) == 2 else {"pairs": float("nan")})

    def trivial_answers(self, training):  # noqa: ARG002
        return {"always_a": ("A",)}

    def slices(self, example):
        return {"size": str(len(example.problem))}

    def operators(self, example):
        return tuple(sorted(set(example.problem)))

    def speller(self, *, ends=True, mistake=lambda word: word):
        """A decoder that spells, after `mistake` has had its way."""

        def decode(batch):
            ids = np.zeros((len(batch.words), 1, 6), np.int32)
            for row, word in enumerate(batch.words):
                letters = self.answer_vocabulary.encode(mistake(word).upper())
                ids[row, 0, : len(letters) + ends] = letters + [EOS_ID] * ends
            return Decoded(ids, np.linspace(-1, 0, len(batch.words))[:, None])

        return decode

    def batched(self, words, *, batch_size=3, unseen=()):
        """Padded batches of `words`, as `batches()` gives them; ids count from 100."""

        def batches():
            for start in range(0, len(words), batch_size):
                chunk = words[start : start + batch_size]
                ids = np.full(batch_size, -1)
                ids[: len(chunk)] = np.arange(start, start + len(chunk)) + 100
                examples = [self.example(word, label_unseen=word in unseen) for word in chunk]
                yield Batch(ids, chunk + ["c"] * (batch_size - len(chunk))), examples

        return batches


@dataclasses.dataclass
class Batch:
    example_ids: np.ndarray
    words: list[str]


@dataclasses.dataclass
class Decoded:
    tokens: np.ndarray
    scores: np.ndarray


@pytest.fixture
def task():
    return Spelling()
