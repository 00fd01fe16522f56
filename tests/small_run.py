"""A whole run that takes seconds, in this process or in one of its own, and what to compare of two of them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import jax
import numpy as np

from symjax.assembly import make_config, set_up
from symjax.training.checkpoint import Checkpointer
from symjax.training.metrics_writer import TIMING_FIELDS, read_metrics

ROOT = pathlib.Path(__file__).parent.parent
TINY = f"{ROOT}/configs/taylor_transformer.py:tiny"
STEPS = 12

# The tests' own run: a quarter of `:tiny`.
SMALL = {
    "task": {"max_depth": 2, "layout": "dense", "degree_tokens": False, "number_groups": (3, 2)},
    "dataset": {
        "num_examples": 120, "validation_fraction": 0.2, "test_fraction": 0.2, "shard_attempts": 500, "workers": 1,
    },
    "data": {"batch_size": 8, "window": 1},
    "model": {
        "num_encoder_layers": 1, "num_decoder_layers": 1, "width": 16, "num_heads": 2, "mlp_width": 32, "dropout": 0.1,
    },
    "optimizer": {"learning_rate": 5e-3, "warmup_steps": 2},
    "train": {"num_steps": STEPS, "log_every": 2, "eval_every": 6, "eval_examples": 8},
    "evals": {"batch_size": 8, "num_examples": 16, "bootstrap": 10, "unconstrained_examples": 8},
    "checkpoint": {"save_every": 1},
}  # fmt: skip
FLAGS = [f"--config.{part}.{name}={value}" for part, values in SMALL.items() for name, value in values.items()]


def small(**changes):
    values = {part: dict(leaves) for part, leaves in SMALL.items()}
    for name, value in changes.items():
        part, leaf = name.split("__")
        values[part][leaf] = value
    return make_config(task="taylor", model="tree_transformer", values=values)


def lines(run_dir):
    """What the metrics file says, times aside."""
    found = read_metrics(run_dir / "metrics.jsonl")
    return [{name: value for name, value in line.items() if name not in TIMING_FIELDS} for line in found]


def params(run_dir, step=STEPS):
    setup = set_up(small(), run_dir)
    return Checkpointer(run_dir / "checkpoints").restore_params(step, setup.abstract.params)


def assert_same_run(run_dir, unbroken):
    assert lines(run_dir) == lines(unbroken)
    jax.tree.map(np.testing.assert_array_equal, params(run_dir), params(unbroken))


def command(workdir, *extra, config=TINY, flags=FLAGS, env=None, **options):
    """`main.py` in a process of its own, on the small config unless another is given."""
    where = [f"--workdir={workdir}"] if workdir else []
    return subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), f"--config={config}", *where, *flags, *extra],
        env=os.environ | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def finish(process, code=0):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == code, output
    return output


def wait_for(condition, process):
    """Waits until the condition holds while the process runs."""
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.001)
