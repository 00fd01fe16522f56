"""Second-order differential equations and their general solutions, by an encoder-decoder Transformer.

    python main.py --config=configs/ode2.py

Problems are equations in x, Y, Y' and Y'' that a random family of functions solves, answers are such families, with
the free constants a8 and a9. Presets, as `configs/ode2.py:<preset>`:

| preset | data | model | meant for |
|---|---|---|---|
| (none) | 100,000 equations of up to 96 tokens | 4+2 layers, 128 wide | 2 CPU cores, about an hour in all |
| tiny | 2,000 equations of up to 48 tokens | 1+1 layers, 64 wide | tests, a few minutes in all |
| paper | 10,000,000 equations of up to 512 tokens | 6+6 layers, 512 wide, 8 heads | one accelerator or several |

`paper` has the trees of Lample and Charton (Deep Learning for Symbolic Mathematics, 2020) as their README passes them,
and the model and optimizer of the paper; they train on 40 million equations.  No preset but `tiny` has been run
to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from symjax.assembly import make_config

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "": {
        "task": {"max_operators": 10, "max_problem_tokens": 96, "max_answer_tokens": 40, "code_depth": 24},
        "dataset": {"num_examples": 100_000, "validation_fraction": 0.01, "test_fraction": 0.02},
        "data": {"batch_size": 64, "buckets": ((24, 16), (48, 24), (96, 41))},
        "model": {"num_encoder_layers": 4, "num_decoder_layers": 2, "width": 128, "num_heads": 4, "mlp_width": 512},
        "optimizer": {"algorithm": "muon", "learning_rate": 6e-3, "warmup_steps": 200},
        "train": {"num_steps": 6000, "log_every": 100, "eval_every": 1500, "eval_examples": 256},
        "evals": {"batch_size": 64, "unconstrained_examples": 128},
    },
    "tiny": {
        "task": {"max_operators": 7, "max_problem_tokens": 48, "max_answer_tokens": 20, "code_depth": 20},
        "dataset": {
            "num_examples": 2000, "validation_fraction": 0.05, "test_fraction": 0.05, "shard_attempts": 10000,
        },
        "data": {"batch_size": 32, "window": 4},
        "model": {"num_encoder_layers": 1, "num_decoder_layers": 1, "width": 64, "num_heads": 4, "mlp_width": 128},
        "optimizer": {"learning_rate": 4e-3, "warmup_steps": 20},
        "train": {"num_steps": 600, "log_every": 50, "eval_every": 300, "eval_examples": 32},
        "evals": {"batch_size": 32, "bootstrap": 100, "unconstrained_examples": 32, "num_examples": 100},
    },
    "paper": {
        "dataset": {"num_examples": 10_000_000, "validation_fraction": 0.001, "test_fraction": 0.001},
        "data": {
            "batch_size": 256, "window": 256,
            "buckets": ((64, 32), (128, 48), (256, 64), (512, 128), (512, 513)),
        },
        "model": {
            "num_encoder_layers": 6, "num_decoder_layers": 6, "width": 512, "num_heads": 8, "mlp_width": 2048,
            "compute_dtype": "bfloat16",
        },
        "optimizer": {"learning_rate": 1e-4, "schedule": "constant", "warmup_steps": 1000, "weight_decay": 0.0},
        "train": {"num_steps": 400_000, "log_every": 200, "eval_every": 10_000, "eval_examples": 2048},
        "evals": {"max_training": 20_000},
    },
}  # fmt: skip


def get_config(arg: str = "") -> ConfigDict:
    """The config of preset `arg`.

    Raises:
      ValueError: there is no such preset.
    """
    if arg not in PRESETS:
        raise ValueError(f"unknown preset {arg!r}; known presets: {', '.join(name or '(none)' for name in PRESETS)}")
    chosen: Mapping[str, dict[str, Any]] = PRESETS[arg]
    return make_config(task="ode2", model="tree_transformer", values=chosen)
