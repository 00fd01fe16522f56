"""The tree schemes against their definition with explicit pair tensors, forward and gradient."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax import attention
from symjax.attention import positions
from symjax.attention.positions import Features, Tables

B, L, H, K, D, C = 2, 6, 2, 8, 6, 4
PATH = {"pos_dim": 6, "levels": 8}
TOLERANCE = 5e-6


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def problem_codes() -> jax.Array:
    """sin(x) * 31 as `mul sin x INT+ 3 1`, and `add x sin cos x` with a row of padding."""
    product = [[0, 0, 0, 0], [2, 0, 0, 0], [2, 1, 0, 0], [3, 0, 0, 0], [3, 0, 0, 1], [3, 0, 0, 2]]
    total = [[0, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0], [3, 1, 0, 0], [3, 1, 1, 0], [0, 0, 0, 0]]
    return jnp.array([product, total], jnp.int8)


def answer_codes() -> jax.Array:
    return jnp.array(
        [[[0, 0], [1, 1], [1, 2], [1, 3], [2, 1], [2, 2]], [[0, 0], [2, 1], [2, 2], [2, 3], [3, 1], [0, 0]]]
    )


def naive(q, k, v, u_q, u_k, p_q, p_k, weights, *, causal, scale, lengths):
    """The definition: relations of all pairs, four terms, softmax.  Biases included, b_kr too."""
    relation = u_q[:, :, None] - u_k[:, None]
    key_relation = jnp.einsum("bijp,phd->bijhd", relation, weights["kr"]) + weights["bkr"][None, None, None]
    query_relation = jnp.einsum("bijp,phd->bijhd", relation, weights["qr"]) + weights["bqr"][None, None, None]
    scores = jnp.einsum("bihd,bjhd->bhij", q, k) + jnp.einsum("bihd,bijhd->bhij", q, key_relation)
    scores += jnp.einsum("bjhd,bijhd->bhij", k, query_relation)
    if "ax" in weights:
        scores += jnp.einsum("bip,hpr,bjr->bhij", p_q, weights["ax"], p_k)
    else:
        left = jnp.einsum("bip,phd->bihd", p_q, weights["aq"])
        scores += jnp.einsum("bihd,bjhd->bhij", left, jnp.einsum("bjp,phd->bjhd", p_k, weights["ak"]))
    queries, keys = jnp.arange(q.shape[1])[None, :, None], jnp.arange(k.shape[1])[None, None]
    seen = keys < lengths[:, None, None]
    if causal:
        seen = seen & (keys <= queries)
    scores = jnp.where(seen[:, None], scores * scale, -1e30)
    return jnp.einsum("bhij,bjhd->bihd", jax.nn.softmax(scores, axis=-1), v)


def compare(run, truth, *arguments) -> None:
    """Outputs and all gradients agree, each to `TOLERANCE` of the largest element (or of 1)."""
    with jax.default_matmul_precision("highest"):
        out, pullback = jax.vjp(jax.jit(run), *arguments)
        true_out, true_pullback = jax.vjp(jax.jit(truth), *arguments)
        cotangent = normal(99, *out.shape)
        ours, theirs = (out, pullback(cotangent)), (true_out, true_pullback(cotangent))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        scale = max(1.0, float(jnp.abs(b).max()))
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=TOLERANCE)


def self_weights(size: int, tied: bool) -> dict[str, jax.Array]:
    """Position tables about as large as a model starts with."""
    weights = {name: normal(i, size, H, K) / 2 for i, name in enumerate(("kr", "qr", "aq", "ak"))}
    weights |= {"bkr": normal(5, H, K), "bqr": normal(6, H, K)}
    if tied:
        del weights["ak"]
    return weights


def features_of(case: str) -> Features:
    if case == "answer":
        return positions.answer_features(answer_codes(), (4, 4))
    if case == "general":
        absolute = positions.path_bits(problem_codes(), 6) * jnp.array([[[1.0, 2.0, -1.0, 0.5, 3.0, 1.0]]])
        return Features((absolute > 0).astype(jnp.float32), absolute)
    return positions.problem_features(case, problem_codes(), **PATH)


@pytest.mark.parametrize(
    ("case", "tied", "rule"),
    [
        ("seed", True, "seed"),
        ("seed", False, "deberta"),
        ("seed_fixed", True, "deberta"),
        ("seed_fixed", False, "seed"),
        ("general", True, "deberta"),
        ("general", False, "deberta"),
        ("answer", True, "deberta"),
    ],
)
def test_self_attention_equals_its_definition(case: str, tied: bool, rule: str) -> None:
    features = features_of(case)
    u = features.relation
    p = u if features.absolute is None else features.absolute
    causal, scale = case == "answer", positions.score_scale(K, rule)
    lengths = jnp.array([L, L - 1])

    def run(q, k, v, w):
        tables = positions.self_tables(w["kr"], w["qr"], w["bqr"], w["aq"], w.get("ak", w["aq"]))
        q2, k2 = positions.extend(q, k, features, features, tables)
        assert q2.shape[-1] == K + u.shape[-1] + (0 if features.absolute is None else p.shape[-1])
        return attention.attend(q2, k2, v, scale=scale, key_lengths=lengths, causal=causal)

    def truth(q, k, v, w):
        w = {**w, "ak": w.get("ak", w["aq"])}
        return naive(q, k, v, u, u, p, p, w, causal=causal, scale=scale, lengths=lengths)

    qkv = normal(11, B, L, H, K), normal(12, B, L, H, K), normal(13, B, L, H, D)
    compare(run, truth, *qkv, self_weights(u.shape[-1], tied))


@pytest.mark.parametrize("name", positions.TREE)
def test_cross_attention_equals_its_definition(name: str) -> None:
    """r_ij = psi_i E_d - phi_j E_e, written as one relation over the components of both sides."""
    source = positions.problem_features(name, problem_codes(), **PATH)
    target = positions.answer_features(answer_codes()[:, :4], (4, 4))
    f, e = target.relation.shape[-1], source.relation.shape[-1]
    lengths, scale = jnp.array([L, L - 1]), positions.score_scale(K, "deberta")

    def run(q, k, v, w):
        tables = Tables(w["kr"][f:], w["qr"][:f], w["qr"][f:], w["bqr"], w["ax"])
        q2, k2 = positions.extend(q, k, target, source, tables)
        assert q2.shape[-1] == K + f
        return attention.attend(q2, k2, v, scale=scale, key_lengths=lengths)

    def truth(q, k, v, w):
        psi = jnp.pad(target.relation, ((0, 0), (0, 0), (0, e)))
        phi = jnp.pad(source.relation, ((0, 0), (0, 0), (f, 0)))
        both = target.relation, source.relation
        return naive(q, k, v, psi, phi, *both, w, causal=False, scale=scale, lengths=lengths)

    weights = {"kr": normal(1, f + e, H, K) / 2, "qr": normal(2, f + e, H, K) / 2, "ax": normal(3, H, f, e)}
    weights |= {"bkr": normal(5, H, K), "bqr": normal(6, H, K)}
    compare(run, truth, normal(11, B, 4, H, K), normal(12, B, L, H, K), normal(13, B, L, H, D), weights)


def test_one_query_at_a_time_equals_all_at_once() -> None:
    features = features_of("answer")
    w = self_weights(features.relation.shape[-1], tied=True)
    tables = positions.self_tables(w["kr"], w["qr"], w["bqr"], w["aq"], w["aq"])
    q, k = normal(1, B, L, H, K), normal(2, B, L, H, K)
    whole = positions.extend(q, k, features, features, tables)
    for i in range(L):
        part = Features(features.relation[:, i : i + 1])
        single = positions.extend(q[:, i : i + 1], k[:, i : i + 1], part, part, tables)
        for one, every in zip(single, whole, strict=True):
            np.testing.assert_allclose(one[:, 0], every[:, i], atol=1e-6)


def test_seed_paths_are_its_bits() -> None:
    bits = positions.path_bits(problem_codes(), 6)
    assert bits[0, 0].tolist() == [1, 0, 0, 0, 0, 0]
    assert bits[0, 1].tolist() == [1, 1, 0, 0, 0, 0]  # sin, left child
    assert bits[0, 2].tolist() == [1, 1, 0, 0, 0, 0]  # x in it: an only child appends the value of padding
    assert bits[0, 4].tolist() == bits[0, 3].tolist() == [1, 0, 1, 0, 0, 0]  # digits share the path of their number
    deep = positions.path_bits(jnp.array([[[3, 1, 2, 3, 0]]]), 6)
    assert deep[0, 0].tolist() == [1, 0, 1, 0, 1, 0]  # 1, 01, 0, 10, 01 without what is beyond six
    assert positions.path_bits(jnp.array([[[3, 1, 2, 3, 0]]]), 9)[0, 0].tolist() == [1, 0, 1, 0, 1, 0, 0, 1, 0]


def test_one_hot_paths_tell_all_tokens_apart() -> None:
    paths = [path for path in itertools.product(range(4), repeat=2) if path[0] or not path[1]]
    codes = jnp.array([[[*path, place] for path in paths for place in range(positions.NUMBER_PLACES + 1)]])
    rows = {tuple(row) for row in positions.path_one_hots(codes, 2)[0].tolist()}
    assert len(rows) == codes.shape[1]
    assert all(row[0] == 1 for row in rows)


def test_answer_features_tell_all_codes_apart() -> None:
    codes = jnp.array([list(itertools.product(range(4), range(5)))])
    rows = positions.answer_features(codes, (4, 5)).relation[0]
    assert rows.shape[-1] == positions.answer_feature_count((4, 5))
    assert len({tuple(row) for row in rows.tolist()}) == 20


@pytest.mark.parametrize("name", positions.TREE)
def test_feature_counts(name: str) -> None:
    features = positions.problem_features(name, problem_codes(), **PATH)
    assert features.relation.shape == (B, L, positions.problem_feature_count(name, C, **PATH))


def test_scales() -> None:
    assert positions.score_scale(16, "seed") == positions.score_scale(16, "deberta", positioned=False) == 0.25
    assert positions.score_scale(16, "deberta") == 0.125
    with pytest.raises(ValueError, match="'bert'"):
        positions.score_scale(16, "bert")


def test_sinusoidal_columns() -> None:
    table = positions.sinusoidal(5, 6)
    np.testing.assert_allclose(table[:, 0], np.sin(np.arange(5)), atol=1e-6)
    np.testing.assert_allclose(table[:, 3], np.cos(np.arange(5)), atol=1e-6)


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="'alibi'"):
        positions.check("alibi")
