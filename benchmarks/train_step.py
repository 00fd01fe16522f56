"""Speed, memory and number of compilations of the train step of a preset, on batches of one length.

python -m benchmarks.train_step [--preset=] [--batch_size=64] [--problem=16] [--answer=24] [--steps=20] [--repeats=5]

Batches are random ids on the device already, so the input pipeline is not in the figures; problems fill their length.
Each repeat times `steps` steps; the median, the quartiles and the model FLOPs behind them are printed.  Memory is the
compiled program's.  Exit code 1 if the step was compiled more than once.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from configs import taylor_transformer
from symjax.assembly import Setup, set_up
from symjax.data.batches import Batch
from symjax.training import sharding
from symjax.training.progress import peak_flops
from symjax.training.step import make_train_step


def random_batch(setup: Setup, size: int, problem: int, answer: int, seed: int) -> Batch:
    """Well-shaped nonsense: every id and code within its bounds."""
    rng = np.random.default_rng(seed)
    groups, places = setup.task.grammar().code_sizes
    codes = [rng.integers(0, bound, (size, answer)) for bound in (groups, places)]
    return Batch(
        inputs=rng.integers(3, len(setup.task.problem_vocabulary), (size, problem)).astype(np.int32),
        input_codes=rng.integers(0, 4, (size, problem, setup.task.code_depth)).astype(np.int8),
        input_lengths=np.full(size, problem, np.int32),
        targets=rng.integers(3, len(setup.task.answer_vocabulary), (size, answer)).astype(np.int32),
        target_codes=np.stack(codes, -1).astype(np.int8),
        target_lengths=np.full(size, answer, np.int32),
        weights=np.ones((size, answer), np.float32),
        example_ids=np.arange(size, dtype=np.int32),
    )


def jitted(setup: Setup) -> Any:
    """The step as a run compiles it."""
    options = setup.options
    step = make_train_step(
        setup.graphdef,
        setup.optimizer,
        label_smoothing=options.label_smoothing,
        token_weights=setup.token_weights,
        gradient_accumulation=options.gradient_accumulation,
    )
    places = jax.tree.map(lambda leaf: leaf.sharding, setup.abstract)
    return jax.jit(step, donate_argnums=0, out_shardings=(places, sharding.replicated(setup.mesh)))


def measure(setup: Setup, args: argparse.Namespace) -> int:
    """Prints the figures; number of compilations."""
    shape = (args.batch_size, args.problem, args.answer)
    batches = [sharding.shard_batch(random_batch(setup, *shape, seed), setup.mesh) for seed in range(4)]
    step, state = jitted(setup), setup.init()
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    started = time.perf_counter()
    state, metrics = step(state, batches[0])
    jax.block_until_ready(metrics)
    compiled = time.perf_counter() - started
    seconds = []
    for _ in range(args.repeats):
        started = time.perf_counter()
        for number in range(args.steps):
            state, metrics = step(state, batches[number % len(batches)])
        jax.block_until_ready(metrics)
        seconds.append((time.perf_counter() - started) / args.steps)
    middle = statistics.median(seconds)
    low, _, high = statistics.quantiles(seconds, n=4)
    flops, peak = setup.flops(*shape), peak_flops()
    memory = step.lower(setup.abstract, batches[0]).compile().memory_analysis()
    print(f"{parameters:,} parameters; batch {shape[0]}, problem {shape[1]}, answer {shape[2]} tokens")
    print(f"first step, compilation included: {compiled:.1f} s; compilations: {step._cache_size()}")
    print(f"step: {1e3 * middle:.2f} ms (quartiles {1e3 * low:.2f} to {1e3 * high:.2f}, {args.repeats} repeats)")
    print(f"examples/s: {shape[0] / middle:,.0f}; tokens/s: {shape[0] * sum(shape[1:]) / middle:,.0f}")
    print(f"model FLOP/s: {flops / middle:.3g}" + (f" ({flops / middle / peak:.1%} of the peak)" if peak else ""))
    mebi = {name: getattr(memory, f"{name}_size_in_bytes") / 2**20 for name in ("argument", "temp", "output")}
    print("memory, MiB: " + ", ".join(f"{name} {size:.1f}" for name, size in mebi.items()))
    return step._cache_size()


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--problem", type=int, default=16)
    parser.add_argument("--answer", type=int, default=24)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    config = taylor_transformer.get_config(args.preset)
    config.data.batch_size = args.batch_size
    with tempfile.TemporaryDirectory() as folder:
        setup = set_up(config, Path(folder) / "runs" / "benchmark")
    print(f"{platform.processor() or platform.machine()}, {jax.device_count()} x {jax.devices()[0].device_kind}")
    print(f"jax {jax.__version__}, preset {args.preset or '(none)'}")
    return int(measure(setup, args) > 1)


if __name__ == "__main__":
    sys.exit(main())
