"""Optimizers and learning-rate schedules, put together from optax by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax
from optax.contrib import MuonDimensionNumbers, muon

ALGORITHMS = ("adamw", "muon")
SCHEDULES = ("constant", "cosine", "cosine_restarts", "inverse_sqrt")
NOT_DECAYED = re.compile(r"(^|[/_])(bias|scale|gain)$")

# The matrices that "muon" orthogonalises: those between the layers' inputs and outputs.  A kernel of several matrices
# side by side (queries, keys and values) is one matrix for each; heads are columns of one matrix.
MATRICES: tuple[tuple[str, MuonDimensionNumbers], ...] = (
    (r"/(query_key_value|key_value)/kernel$", MuonDimensionNumbers(0, (2, 3))),
    (r"/query/kernel$", MuonDimensionNumbers(0, (1, 2))),
    (r"/output/kernel$|(^|/)(up|down)/kernel$", MuonDimensionNumbers(0, -1)),
)


class Optimizer(NamedTuple):
    """An optax gradient transformation together with the schedule in it.

    Attributes:
      init: parameters -> optimizer state.
      update: (gradients, state, parameters) -> (updates, state).
      learning_rate: step -> learning rate, for the log.
    """

    init: Callable[..., Any]
    update: Callable[..., Any]
    learning_rate: optax.Schedule


def make_optimizer(
    *,
    num_steps: int,
    algorithm: str = "adamw",
    learning_rate: float = 1e-3,
    schedule: str = "cosine",
    warmup_steps: int = 200,
    final_fraction: float = 0.0,
    restart_steps: int = 1000,
    restart_factor: int = 2,
    weight_decay: float = 0.01,
    clip_norm: float = 1.0,
    beta1: float = 0.9,
    beta2: float = 0.98,
    epsilon: float = 1e-8,
) -> Optimizer:
    """AdamW or Muon with a schedule, gradients clipped by their global norm before it.

    Args:
      num_steps: updates of the whole run; "cosine" ends there.
      algorithm: "adamw"; or "muon", which moves the matrices inside the layers along the orthogonal factor of their
        momentum (0.95), with steps as large as AdamW's (root mean square 0.2, arXiv:2502.16982), and everything else
        by AdamW.
      learning_rate: peak, reached after `warmup_steps` of linear growth from 0.
      schedule: "constant"; "cosine" to `final_fraction` of the peak; "cosine_restarts", cycles of `restart_steps`,
        `restart_steps * restart_factor`, ... steps, each from the peak (arXiv:1608.03983); "inverse_sqrt", the peak
        times sqrt(warmup / step) (arXiv:1706.03762).
      final_fraction: what is left of the peak at the end of "cosine" and of each cycle of "cosine_restarts".
      weight_decay: decoupled (arXiv:1711.05101), not on parameters named bias, scale or gain; with "muon" on its
        matrices only.
      clip_norm: 0 switches clipping off.

    Raises:
      ValueError: unknown algorithm or schedule, or a number outside its range.
    """
    if learning_rate <= 0 or weight_decay < 0 or clip_norm < 0 or not 0 <= final_fraction <= 1:
        raise ValueError(
            f"learning_rate {learning_rate} must be above 0, weight_decay {weight_decay} and clip_norm {clip_norm} "
            f"at least 0, and final_fraction {final_fraction} between 0 and 1"
        )
    rate = make_schedule(
        num_steps=num_steps,
        learning_rate=learning_rate,
        schedule=schedule,
        warmup_steps=warmup_steps,
        final_fraction=final_fraction,
        restart_steps=restart_steps,
        restart_factor=restart_factor,
    )
    if algorithm == "adamw":
        update = optax.adamw(rate, b1=beta1, b2=beta2, eps=epsilon, weight_decay=weight_decay, mask=decayed)
    elif algorithm == "muon":
        update = muon(
            rate,
            weight_decay=weight_decay,
            adam_b1=beta1,
            adam_b2=beta2,
            eps=epsilon,
            muon_weight_dimension_numbers=matrices,
            consistent_rms=0.2,
        )
    else:
        raise ValueError(f"unknown algorithm {algorithm!r}; known algorithms: {', '.join(ALGORITHMS)}")
    chain = optax.chain(optax.clip_by_global_norm(clip_norm), update) if clip_norm else update
    return Optimizer(chain.init, chain.update, rate)


def matrices(params: Any) -> Any:
    """Tree like `params`: rows and columns of the parameters that "muon" orthogonalises, None for the others."""

    def axes(path: tuple[Any, ...], _: Any) -> MuonDimensionNumbers | None:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return next((numbers for pattern, numbers in MATRICES if re.search(pattern, name)), None)

    return jax.tree_util.tree_map_with_path(axes, params)


def decayed(params: Any) -> Any:
    """Tree like `params` that says which of them weight decay shrinks: all but biases and normalisation scales."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: NOT_DECAYED.search(jax.tree_util.keystr(path, simple=True, separator="/")) is None, params
    )


def make_schedule(
    *,
    num_steps: int,
    learning_rate: float,
    schedule: str,
    warmup_steps: int,
    final_fraction: float,
    restart_steps: int,
    restart_factor: int,
) -> optax.Schedule:
    """Step -> learning rate; arguments as in `make_optimizer`."""
    if warmup_steps < 0:
        raise ValueError(f"warmup_steps {warmup_steps} must be at least 0")
    if schedule == "constant":
        after = optax.constant_schedule(learning_rate)
    elif schedule == "cosine":
        after = optax.cosine_decay_schedule(learning_rate, max(num_steps - warmup_steps, 1), final_fraction)
    elif schedule == "cosine_restarts":
        after = _restarts(num_steps, learning_rate, final_fraction, restart_steps, restart_factor)
    elif schedule == "inverse_sqrt":
        after = _inverse_sqrt(learning_rate, max(warmup_steps, 1))
    else:
        raise ValueError(f"unknown schedule {schedule!r}; known schedules: {', '.join(SCHEDULES)}")
    if not warmup_steps:
        return after
    return optax.join_schedules([optax.linear_schedule(0.0, learning_rate, warmup_steps), after], [warmup_steps])


def _restarts(num_steps: int, peak: float, final_fraction: float, first: int, factor: int) -> optax.Schedule:
    if first < 1 or factor < 1:
        raise ValueError(f"restart_steps {first} and restart_factor {factor} must be at least 1")
    cycles, boundaries, end, length = [], [], 0, first
    while end < num_steps:
        cycles.append(optax.cosine_decay_schedule(peak, length, final_fraction))
        end += length
        boundaries.append(end)
        length *= factor
    return optax.join_schedules(cycles, boundaries[:-1])


def _inverse_sqrt(peak: float, warmup_steps: int) -> optax.Schedule:
    """Peak at its step 0, which is step `warmup_steps` of the run."""
    return lambda step: peak * (warmup_steps / (warmup_steps + step)) ** 0.5
