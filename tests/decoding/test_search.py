"""Decoding: what comes out is well formed, scored by its probability, and what the model itself would say."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from symjax import models
from symjax.attention import positions
from symjax.decoding.search import Decoded, decode
from symjax.tokenization.foreign import DECIMAL, WORDS, parse_foreign, write_foreign
from symjax.tokenization.grammar import accepts, answer_codes, compile_grammar, prefix_grammar
from symjax.tokenization.vocabulary import BOS_ID, EOS, EOS_ID, PAD_ID, Vocabulary
from tests.decoding import expressions
from tests.decoding.stand_in import LONGEST, SHORTEST, VOCABULARY, Script, tables
from tests.models.stand_in import CODE_DEPTH, PROBLEM_TOKENS, Batch, S, random_batch

LENGTHS = (SHORTEST, SHORTEST + 1, LONGEST + 2)


def model(scheme: str = "learned", seed: int = 0, answer_tokens: int = len(VOCABULARY)) -> models.Model:
    return models.load(
        "tree_transformer",
        problem_vocabulary_size=PROBLEM_TOKENS,
        answer_vocabulary_size=answer_tokens,
        problem_code_depth=CODE_DEPTH,
        answer_code_sizes=(4, 5),
        max_problem_length=S,
        max_answer_length=LONGEST + 2,
        rngs=nnx.Rngs(seed),
        positions=scheme,
        num_encoder_layers=1,
        num_decoder_layers=1,
        width=16,
        num_heads=2,
        mlp_width=24,
    )


@functools.partial(jax.jit, static_argnums=(0, 3, 4))
def run(graphdef: nnx.GraphDef, params: nnx.State, batch: Batch, length: int, constrained: bool) -> Decoded:
    return decode(nnx.merge(graphdef, params), batch, tables(), max_length=length, constrained=constrained)


def rows(decoded: Decoded) -> list[list[int]]:
    """Tokens of the first answer of each row, without padding."""
    return [tokens[0, : length[0]].tolist() for tokens, length in zip(decoded.tokens, decoded.lengths, strict=True)]


def say(likes: dict[str, float], length: int = LONGEST, constrained: bool = True) -> tuple[list[str], Decoded]:
    """What a model decodes that likes some tokens better, and all others alike."""
    logits = jnp.zeros((1, len(VOCABULARY)))
    for token, logit in likes.items():
        logits = logits.at[0, VOCABULARY.ids[token]].set(logit)
    decoded = decode(Script(logits[0]), random_batch(2), tables(), max_length=length, constrained=constrained)
    return [VOCABULARY.tokens[i] for i in rows(decoded)[0]], decoded


@pytest.mark.parametrize("length", LENGTHS)
def test_every_answer_of_untrained_models_is_well_formed(length: int) -> None:
    for seed in range(4):
        decoded = run(*nnx.split(model(seed=seed)), random_batch(200, seed), length, True)
        assert decoded.tokens.shape == (200, 1, length)
        assert all(accepts(tables(), row) for row in rows(decoded))
        behind = np.arange(length) >= np.asarray(decoded.lengths)
        assert (np.asarray(decoded.tokens)[:, 0][behind] == PAD_ID).all()


@pytest.mark.parametrize("length", [3, LONGEST + 2])
def test_every_expression_of_untrained_models_is_well_formed(length: int) -> None:
    grammar, vocabulary = expressions.tables(), expressions.VOCABULARY

    @functools.partial(jax.jit, static_argnums=0)
    def answers(graphdef: nnx.GraphDef, params: nnx.State, batch: Batch) -> Decoded:
        return decode(nnx.merge(graphdef, params), batch, grammar, max_length=length)

    different = set()
    for seed in range(3):
        decoded = answers(*nnx.split(model(seed=seed, answer_tokens=len(vocabulary))), random_batch(200, seed))
        for row in rows(decoded):
            assert accepts(grammar, row)
            assert expressions.is_expression(vocabulary.decode(row))
            different.add(tuple(row))
    assert len(different) > 1


def test_an_expression_is_closed_in_time() -> None:
    """A model that never stops opening slots gets them filled in the room that is left."""
    vocabulary = expressions.VOCABULARY
    likes = {"add": 9.0, "INT-": 8.0, "0": 7.0, "2": 6.0}
    logits = (
        jnp.zeros((len(vocabulary),)).at[jnp.array(vocabulary.encode(list(likes)))].set(jnp.array([*likes.values()]))
    )
    for length, text in ((2, "x"), (3, "INT- 2"), (5, "add INT- 2 x"), (8, "add add add x x x x")):
        decoded = decode(Script(logits), random_batch(1), expressions.tables(), max_length=length)
        assert " ".join(vocabulary.decode(rows(decoded)[0])) == text


class Noise(Script):
    """Likes other tokens at every place of every answer: `logits` are "B T V"."""

    def step(self, cache: dict, tokens: jax.Array, codes: jax.Array) -> tuple[jax.Array, dict]:
        del codes
        return self.logits[jnp.arange(tokens.shape[0]), cache["place"]], cache | {"place": cache["place"] + 1}


@pytest.mark.parametrize("length", [2, 40])
def test_noise_decodes_to_expressions_in_all_foreign_words(length: int) -> None:
    """Every word, operators of three operands included, and the codes are those of the loader."""
    vocabulary = Vocabulary.of(WORDS[3:])
    grammar = compile_grammar(prefix_grammar(DECIMAL.expression_words, max_digits=3, number_places=3), vocabulary)
    logits = 3 * np.random.default_rng(length).standard_normal((200, length, len(vocabulary)))
    for digit in "123456789":
        logits[:, :, vocabulary.ids[digit]] += 4
    decoded = decode(Noise(jnp.asarray(logits, jnp.float32)), random_batch(200), grammar, max_length=length)
    words = set()
    for row in rows(decoded):
        tokens = vocabulary.decode(row)
        assert write_foreign(parse_foreign(tokens)) == tokens
        assert len(row) <= length
        words.update(tokens)
    assert len(words) >= 20
    assert length == 2 or {"h", "Y''", "INT-"} <= words
    codes = answer_codes(grammar, np.asarray(decoded.tokens)[:, 0])
    assert codes.max(axis=(0, 1)).tolist() == ([1, 1] if length == 2 else [2, 3])


def test_the_model_is_shown_the_codes_of_an_expression() -> None:
    shown = {}

    class Spy(Script):
        def step(self, cache: dict, tokens: jax.Array, codes: jax.Array) -> tuple[jax.Array, dict]:
            logits, cache = super().step(cache, tokens, codes)
            jax.debug.callback(lambda seen: shown.update(codes=np.asarray(seen)), cache["codes"])
            return logits, cache

    grammar, vocabulary = expressions.tables(), expressions.VOCABULARY
    likes = {"add": 9.0, "INT-": 8.0, "2": 6.0}
    logits = jnp.array([likes.get(token, 0.0) for token in vocabulary.tokens])
    decoded = decode(Spy(logits), random_batch(1), grammar, max_length=7)
    jax.block_until_ready(decoded)
    jax.effects_barrier()
    assert "INT-" in vocabulary.decode(rows(decoded)[0])
    truth = answer_codes(grammar, np.asarray(decoded.tokens)[:, 0])
    np.testing.assert_array_equal(shown["codes"][0, 1:7], truth[0, :6])
    assert shown["codes"][0, 0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("scheme", "constrained"), [*((scheme, True) for scheme in positions.NAMES), ("learned", False), ("seed", False)]
)
def test_equals_decoding_by_the_full_pass(scheme: str, constrained: bool) -> None:
    """The logits of the whole answer, teacher forced, choose each of its tokens again, and give its scores."""
    graphdef, params = nnx.split(model(scheme))
    batch, length = random_batch(20), LONGEST
    decoded = run(graphdef, params, batch, length, constrained)
    ids = np.asarray(decoded.tokens)[:, 0]
    codes = np.zeros((*ids.shape, 2), np.int8)
    for row, tokens in enumerate(rows(decoded)):
        state = tables().start
        for place, token in enumerate(tokens):
            state = tables().next_state[state, token] if state >= 0 else -1
            codes[row, place] = tables().codes[state] if state >= 0 else 0
    if constrained:
        np.testing.assert_array_equal(codes, answer_codes(tables(), ids))
    forced = Batch(
        inputs=batch.inputs,
        input_codes=batch.input_codes,
        input_lengths=batch.input_lengths,
        targets=jnp.asarray(ids),
        target_codes=jnp.asarray(codes),
        target_lengths=decoded.lengths[:, 0],
    )
    logits = np.asarray(jax.jit(lambda p: nnx.merge(graphdef, p)(forced))(params))
    for row, tokens in enumerate(rows(decoded)):
        state, score, raw = tables().start, 0.0, 0.0
        for place, token in enumerate(tokens):
            options = [i for i in range(len(VOCABULARY)) if i not in (PAD_ID, BOS_ID)]
            if constrained:
                targets = tables().next_state[state]
                room = length - place
                options = [i for i in options if targets[i] >= 0 and 1 + tables().remaining[targets[i]] <= room]
                state = targets[token]
            here = logits[row, place]
            assert here[token] >= here[options].max() - 1e-4
            score += here[token] - np.log(np.exp(here[options]).sum())
            raw += here[token] - np.log(np.exp(here).sum())
        np.testing.assert_allclose(decoded.scores[row, 0], score, atol=1e-3)
        np.testing.assert_allclose(decoded.raw_scores[row, 0], raw, atol=1e-3)


def test_the_mask_ends_an_answer_in_time() -> None:
    never_ends = {"a": 5.0, "b": 4.0, "c": 3.0, "1": 9.0, EOS: -9.0}
    assert say(never_ends)[0] == ["a", "1", "1", "b", "1", "1", "c", "1", "1", EOS]
    assert say(never_ends, 8)[0] == ["a", "1", "1", "b", "1", "1", EOS]
    assert say(never_ends, 4)[0] == ["a", "1", "1", EOS]
    assert say(never_ends, SHORTEST)[0] == ["a", "1", EOS]


def test_scores_are_renormalised_over_what_is_allowed() -> None:
    tokens, decoded = say({"b": 1.0, EOS: 2.0, "2": 1.0}, SHORTEST)
    assert tokens == ["b", "2", EOS]
    e = np.e
    np.testing.assert_allclose(decoded.scores, np.log(e / (e + 2)) + np.log(e / (e + 1)), rtol=1e-5)
    total = np.log(2 * e + e**2 + len(VOCABULARY) - 3)
    np.testing.assert_allclose(decoded.raw_scores, 4 - 3 * total, rtol=1e-5)


def test_the_model_is_shown_the_codes_of_its_tokens() -> None:
    shown = {}

    class Spy(Script):
        def step(self, cache: dict, tokens: jax.Array, codes: jax.Array) -> tuple[jax.Array, dict]:
            logits, cache = super().step(cache, tokens, codes)
            jax.debug.callback(lambda seen: shown.update(codes=np.asarray(seen)), cache["codes"])
            return logits, cache

    logits = jnp.zeros((len(VOCABULARY),)).at[VOCABULARY.ids["c"]].set(1.0)
    decoded = decode(Spy(logits), random_batch(1), tables(), max_length=4)
    jax.block_until_ready(decoded)
    jax.effects_barrier()
    assert VOCABULARY.tokens[rows(decoded)[0][0]] == "c"
    assert shown["codes"][0][:3].tolist() == [[0, 0], [3, 1], [3, 2]]


def test_without_the_mask_anything_but_padding_may_come() -> None:
    tokens, decoded = say({"<pad>": 9.0, "<bos>": 8.0, "2": 7.0}, 4, constrained=False)
    assert tokens == ["2"] * 4
    assert decoded.lengths[0, 0] == 4
    tokens, decoded = say({EOS: 9.0}, 4, constrained=False)
    assert tokens == [EOS]
    assert decoded.tokens[0, 0].tolist() == [EOS_ID, PAD_ID, PAD_ID, PAD_ID]


def test_ends_as_soon_as_every_answer_has() -> None:
    steps = []

    class Counting(Script):
        def step(self, cache: dict, tokens: jax.Array, codes: jax.Array) -> tuple[jax.Array, dict]:
            jax.debug.callback(lambda _: steps.append(1), tokens[0])
            return super().step(cache, tokens, codes)

    logits = jnp.zeros((len(VOCABULARY),)).at[EOS_ID].set(9.0)
    jax.block_until_ready(decode(Counting(logits), random_batch(2), tables(), max_length=LONGEST))
    jax.effects_barrier()
    assert len(steps) == SHORTEST


def test_an_unknown_method_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"'beam'.*greedy"):
        decode(model(), random_batch(), tables(), max_length=LONGEST, method="beam")


def test_too_little_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"max_length 2.*3 tokens"):
        decode(model(), random_batch(), tables(), max_length=SHORTEST - 1)
