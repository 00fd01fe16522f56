"""Integrals of functions that are derivatives, by an encoder-decoder Transformer.

    python main.py --config=configs/integration_bwd.py

Problems are derivatives of random functions, half of them simplified; answers are those functions.
Presets, as `configs/integration_bwd.py:<preset>`:

| preset | data | model | meant for |
|---|---|---|---|
| (none) | 100,000 problems of up to 96 tokens | 4+2 layers, 128 wide | 2 CPU cores, about an hour in all |
| tiny | 4,000 problems of up to 32 tokens | 1+1 layers, 64 wide | tests, a few minutes in all |
| paper | 10,000,000 problems | 6+6 layers, 512 wide, 8 heads | one accelerator or several |
| readme | 10,000,000 problems | 6+6 layers, 512 wide, 8 heads | one accelerator or several |

`paper` follows Lample and Charton (Deep Learning for Symbolic Mathematics, 2020) in trees, model and optimizer;
they train on 40 million such problems.  `readme` has the trees of the README of their program instead, which
go with the data that they published.  No preset but `tiny` has been run to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from symjax.assembly import make_config
from symjax.symbolic.tree_sampling import PRESETS as TREES

LARGE: dict[str, dict[str, Any]] = {
    "dataset": {"num_examples": 10_000_000, "validation_fraction": 0.001, "test_fraction": 0.001},
    "data": {
        "batch_size": 256, "window": 256,
        "buckets": ((32, 32), (64, 64), (128, 128), (512, 513)),
    },
    "model": {
        "num_encoder_layers": 6, "num_decoder_layers": 6, "width": 512, "num_heads": 8, "mlp_width": 2048,
        "compute_dtype": "bfloat16",
    },
    "optimizer": {"learning_rate": 1e-4, "schedule": "constant", "warmup_steps": 1000, "weight_decay": 0.0},
    "train": {"num_steps": 400_000, "log_every": 200, "eval_every": 10_000, "eval_examples": 2048},
    "evals": {"max_training": 20_000},
}  # fmt: skip

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "": {
        "task": {"max_operators": 8, "max_problem_tokens": 96, "max_answer_tokens": 48, "code_depth": 32},
        "dataset": {
            "num_examples": 100_000, "validation_fraction": 0.01, "test_fraction": 0.02,
        },
        "data": {"batch_size": 64, "buckets": ((24, 24), (48, 48), (96, 97))},
        "model": {"num_encoder_layers": 4, "num_decoder_layers": 2, "width": 128, "num_heads": 4, "mlp_width": 512},
        "optimizer": {"algorithm": "muon", "learning_rate": 6e-3, "warmup_steps": 200},
        "train": {"num_steps": 6000, "log_every": 100, "eval_every": 1500, "eval_examples": 256},
        "evals": {"batch_size": 64, "unconstrained_examples": 128},
    },
    "tiny": {
        "task": {"max_operators": 3, "max_problem_tokens": 32, "max_answer_tokens": 16, "code_depth": 20},
        "dataset": {
            "num_examples": 4000, "validation_fraction": 0.05, "test_fraction": 0.05, "shard_attempts": 2000,
        },
        "data": {"batch_size": 32, "window": 4},
        "model": {"num_encoder_layers": 1, "num_decoder_layers": 1, "width": 64, "num_heads": 4, "mlp_width": 128},
        "optimizer": {"learning_rate": 4e-3, "warmup_steps": 20},
        "train": {"num_steps": 900, "log_every": 50, "eval_every": 450, "eval_examples": 32},
        "evals": {"batch_size": 32, "bootstrap": 100, "unconstrained_examples": 32, "num_examples": 100},
    },
    "paper": LARGE | {"task": dict(TREES["paper"])},
    "readme": LARGE,
}  # fmt: skip


def get_config(arg: str = "") -> ConfigDict:
    """The config of preset `arg`.

    Raises:
      ValueError: there is no such preset.
    """
    if arg not in PRESETS:
        raise ValueError(f"unknown preset {arg!r}; known presets: {', '.join(name or '(none)' for name in PRESETS)}")
    chosen: Mapping[str, dict[str, Any]] = PRESETS[arg]
    return make_config(task="integration_bwd", model="tree_transformer", values=chosen)
