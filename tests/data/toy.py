"""A stand-in task: the problem is a number in unary, the answer its decimal digits."""

from __future__ import annotations

import numpy as np

from symjax.tasks import Example, Rejection
from symjax.tokenization.grammar import GrammarSpec, State
from symjax.tokenization.vocabulary import EOS, Vocabulary

DIGITS = tuple("0123456789")


class Toy:
    """Numbers 1..`largest`; what the number is decides how long problem and answer are."""

    name = "toy"
    max_problem_length = 40
    max_answer_length = 6
    code_depth = 3
    problem_vocabulary = Vocabulary.of(("one", "two"))
    answer_vocabulary = Vocabulary.of(DIGITS)

    def __init__(self, largest: int = 5000) -> None:
        self.options = {"largest": largest, "pair": (1, 2)}

    def sample(self, rng):
        number = int(rng.random() * self.options["largest"])
        if number % 7 == 0:
            return Rejection("seven")
        return example(number)

    def problem_codes(self, ids):
        real = ids > 0
        steps = np.where(real, np.arange(ids.shape[1]) % 4, 0)
        return np.stack([steps, ids * real, 0 * ids], axis=-1).astype(np.int8)

    def grammar(self):
        moves = dict.fromkeys(DIGITS, "more") | {EOS: "end"}
        return GrammarSpec(
            start="first",
            states={
                "first": State(moves=dict.fromkeys(DIGITS, "more")),
                "more": State(moves=moves, code=(1, 2)),
            },
            code_sizes=(2, 3),
        )


def example(number: int) -> Example:
    """The example of `number`."""
    return Example(
        problem=("one",) * (1 + number % 20) + ("two",) * (number % 3),
        answer=tuple(str(number)),
        exact=(f"{number}/1", "0"),
        metadata={"fingerprint": f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}", "size": number % 20},
    )
