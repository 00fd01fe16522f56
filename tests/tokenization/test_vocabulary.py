"""Vocabularies: ids are places, the special tokens come first, and the hash notices any change."""

from __future__ import annotations

import pytest

from symjax.tokenization.vocabulary import BOS_ID, EOS_ID, PAD_ID, Vocabulary

VOCABULARY = Vocabulary.of(("a", "b", "c"))


def test_ids_are_places() -> None:
    assert VOCABULARY.tokens[:3] == ("<pad>", "<bos>", "<eos>")
    assert (PAD_ID, BOS_ID, EOS_ID) == (0, 1, 2)
    assert VOCABULARY.ids["<pad>"] == PAD_ID
    assert VOCABULARY.ids["<bos>"] == BOS_ID
    assert VOCABULARY.ids["<eos>"] == EOS_ID
    assert VOCABULARY.encode(("c", "a", "b")) == [5, 3, 4]
    assert len(VOCABULARY) == 6


def test_decoding_stops_at_the_end_and_drops_the_beginning() -> None:
    assert VOCABULARY.decode([3, 4, 5]) == ("a", "b", "c")
    assert VOCABULARY.decode([BOS_ID, 3, EOS_ID, 4]) == ("a",)
    assert VOCABULARY.decode([3, PAD_ID, 4]) == ("a",)
    assert VOCABULARY.decode([]) == ()


def test_unknown_tokens_are_named() -> None:
    with pytest.raises(KeyError, match="token 'd' is not in the vocabulary of 6 tokens"):
        VOCABULARY.encode(("a", "d"))


def test_twice_the_same_token_is_refused() -> None:
    with pytest.raises(ValueError, match="occur twice in the vocabulary: a"):
        Vocabulary.of(("a", "b", "a"))


def test_special_tokens_stand_in_front() -> None:
    with pytest.raises(ValueError, match="a vocabulary starts with"):
        Vocabulary(("a", "<pad>", "<bos>", "<eos>"))


def test_the_hash_changes_with_tokens_and_order() -> None:
    hashes = {Vocabulary.of(tokens).hash for tokens in (("a", "b"), ("b", "a"), ("a",), ("a", "b", "c"), ("a b",))}
    assert len(hashes) == 5
    assert Vocabulary.of(("a", "b", "c")).hash == VOCABULARY.hash
    assert len(VOCABULARY.hash) == 16
