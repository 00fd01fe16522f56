import random

import pytest

from symjax.symbolic.canonical import TooLarge, Undefined, canonicalise
from symjax.symbolic.conventions import foreign_depth, foreign_form, operator_count, token_length
from symjax.symbolic.derivative import derivative
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.reader import read_infix
from symjax.symbolic.tree_sampling import TreeSampler
from symjax.tokenization.foreign import write_canonical
from symjax.tokenization.prefix import parse, write

SAMPLER = TreeSampler()


# The words that SymPy's expressions have in the files: by hand, from the description of the format.
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1/x", "pow x INT- 1"),
        ("-x", "mul INT- 1 x"),
        ("1/sqrt(x)", "pow x div INT- 1 INT+ 2"),
        ("x - 1", "add INT- 1 x"),
        ("sqrt(x)", "sqrt x"),
        ("x**(3/2)", "pow x div INT+ 3 INT+ 2"),
        ("cbrt(x)", "pow x div INT+ 1 INT+ 3"),
        ("x**2", "pow x INT+ 2"),
        ("sq(x)/2", "mul div INT+ 1 INT+ 2 pow x INT+ 2"),
        ("2/3", "div INT+ 2 INT+ 3"),
        ("-12", "INT- 1 2"),
        ("exp(1)", "E"),
        ("exp(1)*x", "mul E x"),
        ("exp(x)", "exp x"),
        ("sqrt(-1)*x", "mul I x"),
        ("acos(-1)", "pi"),
        ("ln(x) + x + 1 + sin(x)", "add INT+ 1 add x add ln x sin x"),
        ("x*sin(x)*exp(x)", "mul x mul exp x sin x"),
        ("sqrt(x**2)", "abs x"),
        ("x/y", "mul x pow y INT- 1"),
        ("tan(x)", "tan x"),
    ],
)
def test_words(text, words):
    form = canonicalise(read_infix(text))
    assert " ".join(write(foreign_form(form))) == words
    assert " ".join(write_canonical(form)[0]) == words
    assert token_length(form) == len(words.split())


def test_lengths_and_words_of_random_expressions():
    seen = 0
    for seed in range(150):
        rng = random.Random(seed)
        try:
            expr = SAMPLER.canonical(rng, 4 + seed % 12)
            forms = (expr, derivative(expr))
        except (TooLarge, Undefined):
            continue
        for form in forms:
            raw = foreign_form(form)
            tokens = write(raw)
            assert write_canonical(form) == (tokens, sum(token in OPERATORS for token in tokens))
            assert foreign_depth(form) == raw.depth
            assert parse(tokens) is raw
            assert token_length(form) == len(tokens)
            assert operator_count(form) == sum(token in OPERATORS for token in tokens)
            assert canonicalise(raw) is form
            assert not {"sub", "inv", "rac", "sq", "pow2"} & set(tokens)
            seen += 1
    assert seen > 250
