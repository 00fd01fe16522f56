"""A stand-in task of expressions, and files of its lines."""

from __future__ import annotations

import pathlib
import random
from typing import ClassVar

from symjax.symbolic.operators import UNKNOWNS
from symjax.tokenization import prefix
from symjax.tokenization.foreign import WORDS
from symjax.tokenization.grammar import GrammarSpec, prefix_grammar
from symjax.tokenization.vocabulary import Vocabulary


class Prim:
    """What an import asks of a task."""

    name = "prim_fwd"
    options: ClassVar = {"max_problem_tokens": 40, "max_answer_tokens": 30, "code_depth": 7}
    max_problem_length = 40
    max_answer_length = 31
    code_depth = 7
    problem_vocabulary = answer_vocabulary = Vocabulary.of(WORDS[3:])

    def grammar(self) -> GrammarSpec:
        known = {*prefix.arities(), *prefix.DIGITS} - {*UNKNOWNS, "a7"}
        return prefix_grammar([word for word in WORDS if word in known], max_digits=12)


OPERATORS = ("add", "mul", "pow", "sin", "exp", "ln", "sqrt", "h", "derivative")


def expression(rng: random.Random, operators: int) -> str:
    """Random words of one expression with at most so many operators."""
    arities, words, wanted = prefix.arities(), [], 1
    while wanted:
        wanted -= 1
        if operators and rng.random() < 0.7:
            operators -= 1
            words.append(rng.choice(OPERATORS))
            wanted += arities[words[-1]]
        else:
            number = str(rng.randrange(120))
            words += rng.choice((["x"], ["a8"], ["INT+", *number], ["INT-", "7"]))
    return " ".join(words)


def lines(count: int, seed: int = 0, *, counted: bool = True) -> list[str]:
    """Lines of random expressions, all different."""
    rng, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        problem, answer = expression(rng, rng.randrange(5)), expression(rng, rng.randrange(4))
        found[f"sub Y' {problem}\t{answer}"] = None
    return [f"{place + 1}|{line}" if counted else line for place, line in enumerate(found)]


def write(path: pathlib.Path, text: list[str]) -> pathlib.Path:
    """The lines as a file."""
    path.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    return path
