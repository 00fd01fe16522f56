"""What the configs share: choosing a preset, and the sections that runs on expressions have in common by size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from symjax.assembly import make_config

Sections = Mapping[str, Mapping[str, Any]]

HOUR: Sections = {
    "dataset": {"validation_fraction": 0.01, "test_fraction": 0.02},
    "data": {"batch_size": 64},
    "model": {"num_encoder_layers": 4, "num_decoder_layers": 2, "width": 128, "num_heads": 4, "mlp_width": 512},
    "optimizer": {"algorithm": "muon", "learning_rate": 6e-3, "warmup_steps": 200},
    "train": {"num_steps": 6000, "log_every": 100, "eval_every": 1500, "eval_examples": 256},
    "evals": {"batch_size": 64, "unconstrained_examples": 128, "reference_verdicts": 100},
}
"""Expressions in, expressions out, on two CPU cores."""

TINY: Sections = {
    "dataset": {"validation_fraction": 0.05, "test_fraction": 0.05},
    "data": {"batch_size": 32, "window": 4},
    "model": {"num_encoder_layers": 1, "num_decoder_layers": 1, "width": 64, "num_heads": 4, "mlp_width": 128},
    "optimizer": {"learning_rate": 4e-3, "warmup_steps": 20},
    "train": {"num_steps": 900, "log_every": 50, "eval_every": 450, "eval_examples": 32},
    "evals": {
        "batch_size": 32,
        "bootstrap": 100,
        "unconstrained_examples": 32,
        "num_examples": 100,
        "reference_verdicts": 20,
    },
}
"""The same in minutes."""

LARGE: Sections = {
    "dataset": {"validation_fraction": 0.001, "test_fraction": 0.001},
    "data": {"batch_size": 256, "window": 256},
    "model": {
        "num_encoder_layers": 6, "num_decoder_layers": 6, "width": 512, "num_heads": 8, "mlp_width": 2048,
        "compute_dtype": "bfloat16",
    },
    "optimizer": {"learning_rate": 1e-4, "schedule": "constant", "warmup_steps": 1000, "weight_decay": 0.0},
    "train": {"num_steps": 400_000, "log_every": 200, "eval_every": 10_000, "eval_examples": 2048},
    "evals": {"max_training": 20_000, "reference_verdicts": 500},
}  # fmt: skip
"""Model and optimizer of Lample and Charton (2020), on accelerators."""


def with_values(sections: Sections, **values: Mapping[str, Any]) -> Sections:
    """`sections` with some values set: `values` maps a section to them."""
    return {name: {**sections.get(name, {}), **values.get(name, {})} for name in dict.fromkeys([*sections, *values])}


def chosen(presets: Mapping[str, Sections], arg: str, *, task: str) -> ConfigDict:
    """The config of `task` and the Transformer with the values of preset `arg`.

    Raises:
      ValueError: there is no such preset.
    """
    if arg not in presets:
        raise ValueError(f"unknown preset {arg!r}; known presets: {', '.join(name or '(none)' for name in presets)}")
    return make_config(task=task, model="tree_transformer", values=presets[arg])
