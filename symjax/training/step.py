"""One training step: weighted cross-entropy, its gradient, the update.  Pure: (state, batch) -> (state, metrics)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, PyTree

from symjax.models import BatchLike
from symjax.tokenization.vocabulary import Vocabulary
from symjax.training.optimizer import Optimizer

Metrics = dict[str, Any]


class WeightedBatch(BatchLike, Protocol):
    """What a model reads, and how much every target counts; 0 for padding."""

    weights: Float[Array, "B T"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainState:
    """Everything that an update changes, and the key that it does not.

    The fields hold arrays; the same class also holds their shapes or their shardings.

    Attributes:
      step: updates made so far, int32.
      params: parameters as nested dictionaries.
      opt_state: what optax keeps.
      key: key data, uint32; the key of a step is this one folded with the step, so that resuming needs no other state.
    """

    step: PyTree
    params: PyTree
    opt_state: PyTree
    key: PyTree


def init_state(params: PyTree, optimizer: Optimizer, *, seed: int) -> TrainState:
    """The state before the first step.  Trace it under jit with `out_shardings` to have it made in place."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.init(params),
        key=jax.random.key_data(jax.random.key(seed)),
    )


def class_weights(vocabulary: Vocabulary, rules: Sequence[Any]) -> Float[np.ndarray, "V"]:
    """Weight of every answer token: that of the first pattern that matches the whole token, 1 where none does.

    Raises:
      ValueError: a rule is not a (regular expression, weight of at least 0) pair, or matches no token.
    """
    weights = np.ones(len(vocabulary), np.float32)
    taken = np.zeros(len(vocabulary), bool)
    for rule in rules:
        pattern, weight = _class_rule(rule)
        matches = np.array([pattern.fullmatch(token) is not None for token in vocabulary.tokens])
        if not matches.any():
            raise ValueError(f"token class {pattern.pattern!r} matches no answer token; they are {vocabulary.tokens}")
        weights[matches & ~taken] = weight
        taken |= matches
    return weights


def _class_rule(rule: Any) -> tuple[re.Pattern[str], float]:
    try:
        pattern, weight = rule
        compiled, weight = re.compile(pattern), float(weight)
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(f"token class {rule!r} is not a (regular expression, weight) pair") from error
    if weight < 0:
        raise ValueError(f"token class {pattern!r} has the weight {weight}; it must be at least 0")
    return compiled, weight


def loss_sums(
    logits: Float[Array, "B T V"],
    targets: Int[Array, "B T"],
    weights: Float[Array, "B T"],
    *,
    label_smoothing: float = 0.0,
) -> tuple[Float[Array, ""], Metrics]:
    """The weighted sum of the token losses, and what the metrics are made of.

    With smoothing e the target distribution is 1 - e on the token and e spread evenly over all V.  The reported
    `cross_entropy` is never smoothed.
    """
    log_probs = jax.nn.log_softmax(logits.astype(jnp.float32))
    nll = -jnp.take_along_axis(log_probs, targets[..., None].astype(jnp.int32), axis=-1)[..., 0]
    smoothed = (1 - label_smoothing) * nll - label_smoothing * log_probs.mean(-1)
    real = weights > 0
    right = (logits.argmax(-1) == targets) & real
    sums = {
        "weight": weights.sum(),
        "cross_entropy": (weights * nll).sum(),
        "tokens": real.sum().astype(jnp.float32),
        "right": right.sum().astype(jnp.float32),
    }
    return (weights * smoothed).sum(), sums


def make_loss(
    graphdef: nnx.GraphDef, *, label_smoothing: float = 0.0, token_weights: Float[np.ndarray, "V"] | None = None
) -> Callable[..., tuple[Float[Array, ""], Metrics]]:
    """`loss(params, batch, key) -> (sum of losses, sums for the metrics)`; no dropout where `key` is None."""

    def loss(params: PyTree, batch: WeightedBatch, key: Any) -> tuple[Float[Array, ""], Metrics]:
        weights = batch.weights if token_weights is None else batch.weights * jnp.asarray(token_weights)[batch.targets]
        logits = nnx.merge(graphdef, params)(batch, key=key)
        return loss_sums(logits, batch.targets, weights, label_smoothing=label_smoothing)

    return loss


def make_train_step(
    graphdef: nnx.GraphDef,
    optimizer: Optimizer,
    *,
    label_smoothing: float = 0.0,
    token_weights: Float[np.ndarray, "V"] | None = None,
    gradient_accumulation: int = 1,
) -> Callable[[TrainState, WeightedBatch], tuple[TrainState, Metrics]]:
    """The step function; the caller jits it, with the state donated and the shardings of what it returns pinned.

    Gradients are of the weighted mean over the whole batch, however many micro-batches it is cut into.
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing {label_smoothing} must be at least 0 and below 1")
    loss = make_loss(graphdef, label_smoothing=label_smoothing, token_weights=token_weights)
    gradient = jax.value_and_grad(loss, has_aux=True)

    def train_step(state: TrainState, batch: WeightedBatch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        (total, sums), grads = _accumulated(gradient, state.params, batch, key, gradient_accumulation)
        scale = 1 / jnp.maximum(sums["weight"], 1e-9)
        grads = jax.tree.map(lambda grad: grad * scale, grads)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {
            "loss": total * scale,
            **means(sums),
            "gradient_norm": optax.tree.norm(grads),
            "learning_rate": jnp.asarray(optimizer.learning_rate(state.step), jnp.float32),
            "target_tokens": sums["tokens"],
            "problem_tokens": batch.input_lengths.sum().astype(jnp.float32),
        }
        return dataclasses.replace(state, step=state.step + 1, params=params, opt_state=opt_state), metrics

    return train_step


def make_loss_step(
    graphdef: nnx.GraphDef, *, token_weights: Float[np.ndarray, "V"] | None = None
) -> Callable[[PyTree, WeightedBatch], Metrics]:
    """Sums for the teacher-forced validation loss of a batch; add them up, then `means`."""
    loss = make_loss(graphdef, token_weights=token_weights)
    return lambda params, batch: loss(params, batch, None)[1]


def means(sums: Metrics) -> Metrics:
    """Cross-entropy and accuracy per token from (sums of) the sums of `loss_sums`."""
    return {
        "cross_entropy": sums["cross_entropy"] / jnp.maximum(sums["weight"], 1e-9),
        "token_accuracy": sums["right"] / jnp.maximum(sums["tokens"], 1.0),
    }


def _accumulated(gradient: Any, params: PyTree, batch: WeightedBatch, key: Any, parts: int) -> Any:
    """Value, sums and gradients of the batch, added up over `parts` micro-batches one after the other."""
    if parts == 1:
        return gradient(params, batch, key)
    # Strided, so that every micro-batch has rows on every device and nothing moves.
    micro = jax.tree.map(lambda x: x.reshape(x.shape[0] // parts, parts, *x.shape[1:]).swapaxes(0, 1), batch)

    def add(carry: Any, part: Any) -> tuple[Any, None]:
        number, micro_batch = part
        result = gradient(params, micro_batch, jax.random.fold_in(key, number))
        return jax.tree.map(jnp.add, carry, result), None

    first = jax.tree.map(lambda x: x[0], micro)
    shapes = jax.eval_shape(gradient, params, first, key)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    return jax.lax.scan(add, zeros, (jnp.arange(parts), micro))[0]
