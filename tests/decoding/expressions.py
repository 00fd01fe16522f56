"""A grammar of expressions in few words, and by brute force what may come next in it."""

from __future__ import annotations

import functools
import itertools

from symjax.tokenization import prefix
from symjax.tokenization.grammar import GrammarTables, compile_grammar, prefix_grammar
from symjax.tokenization.vocabulary import EOS, Vocabulary

WORDS = ("add", "sin", "x", "INT+", "INT-", "0", "2")
VOCABULARY = Vocabulary.of(("(", *WORDS, "cos"))
LONGEST, MAX_DIGITS = 7, 2
"""Tokens of the longest answers that are listed, `<eos>` included; digits of the longest number."""


def tables(words: tuple[str, ...] = WORDS, max_digits: int = MAX_DIGITS) -> GrammarTables:
    return compile_grammar(prefix_grammar(words, max_digits=max_digits, number_places=3), VOCABULARY)


def is_expression(tokens: tuple[str, ...], max_digits: int = MAX_DIGITS) -> bool:
    """By the reader of prefix tokens, which knows nothing of grammars."""
    try:
        prefix.parse(tokens)
    except prefix.PrefixError:
        return False
    runs = "".join("d" if token in prefix.DIGITS else " " for token in tokens).split()
    return all(len(run) <= max_digits for run in runs)


@functools.cache
def answers() -> frozenset[tuple[str, ...]]:
    """All answers of up to `LONGEST` tokens, `<eos>` included."""
    strings = (tokens for length in range(LONGEST) for tokens in itertools.product(WORDS, repeat=length))
    return frozenset((*tokens, EOS) for tokens in strings if is_expression(tokens))


@functools.cache
def shortest_completions() -> dict[tuple[str, ...], int]:
    """Each beginning of an answer -> tokens of the shortest answer that begins so."""
    found: dict[tuple[str, ...], int] = {}
    for answer in answers():
        for length in range(len(answer) + 1):
            beginning = answer[:length]
            found[beginning] = min(len(answer), found.get(beginning, len(answer)))
    return found
