"""Whether a run killed with `kill -9` and resumed has the losses and parameters of an unbroken one, bit for bit.

python -m benchmarks.resume [--kills=5] [--steps=200] [--seed=0]

Trains `configs/taylor_transformer.py:tiny` once without a break, and once killed `kills` times: in turn at a random
time while it trains, and while a checkpoint is being written.  Prints what differs; exit code 1 if anything does.
"""

from __future__ import annotations

import argparse
import pathlib
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import jax
import numpy as np

from configs import taylor_transformer
from symjax.assembly import set_up
from symjax.training.checkpoint import Checkpointer
from symjax.training.metrics_writer import TIMING_FIELDS, read_metrics

ROOT = pathlib.Path(__file__).parent.parent


def start(run_dir: pathlib.Path, steps: int) -> subprocess.Popen[bytes]:
    """The command, saving often."""
    values = {"train.num_steps": steps, "train.log_every": 1, "train.eval_every": 50, "checkpoint.save_every": 5}
    flags = [f"--config.{name}={value}" for name, value in values.items()]
    command = [sys.executable, str(ROOT / "main.py"), f"--config={ROOT}/configs/taylor_transformer.py:tiny"]
    return subprocess.Popen([*command, f"--workdir={run_dir}", *flags], stderr=subprocess.DEVNULL)


def kill(process: subprocess.Popen[bytes], moment: Callable[[], bool]) -> bool:
    """Kills the process at that moment; False if it ended before."""
    while process.poll() is None:
        if moment():
            process.send_signal(signal.SIGSTOP)
            if moment():
                process.kill()
                process.wait()
                return True
            process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    return False


def lines(run_dir: pathlib.Path) -> list[dict]:
    """What the metrics file says, times aside."""
    found = read_metrics(run_dir / "metrics.jsonl")
    return [{name: value for name, value in line.items() if name not in TIMING_FIELDS} for line in found]


def steps_done(run_dir: pathlib.Path) -> int:
    return max((line["step"] for line in read_metrics(run_dir / "metrics.jsonl")), default=0)


def last_parameters(run_dir: pathlib.Path) -> list[np.ndarray]:
    setup = set_up(taylor_transformer.get_config("tiny"), run_dir)
    checkpointer = Checkpointer(run_dir / "checkpoints")
    return [
        np.asarray(leaf)
        for leaf in jax.tree.leaves(checkpointer.restore_params(checkpointer.latest_step, setup.abstract.params))
    ]


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = (pathlib.Path(folder) / "runs" / name for name in ("whole", "broken"))
        start(whole, args.steps).wait()
        at = sorted(rng.sample(range(1, args.steps), args.kills))
        killed = 0
        for number, step in enumerate(at):
            saving = number % 2 == 1

            def moment(step: int = step, saving: bool = saving) -> bool:
                unfinished = any((broken / "checkpoints").glob("*.orbax-checkpoint-tmp*"))
                return steps_done(broken) >= step and (unfinished or not saving)

            if kill(start(broken, args.steps), moment):
                killed += 1
                print(f"killed at step {steps_done(broken)}{', while saving' if saving else ''}", flush=True)
        start(broken, args.steps).wait()
        same_lines = lines(whole) == lines(broken)
        pairs = zip(last_parameters(whole), last_parameters(broken), strict=True)
        difference = max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)
        count = len(lines(whole))
    print(f"{platform.processor() or platform.machine()}, jax {jax.__version__}, {args.steps} steps, {killed} kills")
    print(f"metrics, {count} lines: {'equal' if same_lines else 'DIFFERENT'}")
    print(f"parameters: largest difference {difference}")
    return int(not same_lines or difference != 0.0 or killed != args.kills)


if __name__ == "__main__":
    sys.exit(main())
