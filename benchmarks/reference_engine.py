"""Examples per CPU-second that the SymPy engine draws, the slow reference beside the generators.

python -m benchmarks.reference_engine [--attempts=60] [--seconds=5] [--tasks=integration_bwd,ode1,...]

One process draws, one is SymPy; both count, as CPU time, and a call of SymPy ends after `--seconds` of it.  Beside the
rate: the share of attempts that gave an example, why the others did not, mean lengths, and how many of the labels the
verifier proves.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
from collections import Counter

from symjax import tasks
from symjax.tasks import Example

TASKS = "integration_fwd,integration_bwd,integration_ibp,ode1,ode2"


def cpu_seconds() -> float:
    """CPU time of this process and of the children that have ended."""
    own, ended = (resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def measure(name: str, attempts: int, seconds: float) -> str:
    """A line of figures."""
    task = tasks.load(name, engine="sympy", engine_seconds=seconds)
    start, examples, reasons = cpu_seconds(), list[Example](), Counter[str]()
    for number in range(attempts):
        drawn = task.sample(random.Random(number))
        if isinstance(drawn, Example):
            examples.append(drawn)
        else:
            reasons[drawn.reason] += 1
    task.__dict__["_engine"].close()  # its process counts when it has ended
    spent = cpu_seconds() - start
    verdicts = Counter(task.verify(example.problem, example.answer).kind for example in examples)
    lengths = [
        statistics.fmean(len(getattr(example, side)) for example in examples) if examples else 0.0
        for side in ("problem", "answer")
    ]
    return (
        f"{name}: {len(examples) / spent:.2f} examples per CPU-second ({len(examples)} of {attempts} attempts), "
        f"lengths {lengths[0]:.1f} and {lengths[1]:.1f}; verdicts {dict(verdicts)}; without: {dict(reasons)}"
    )


def main() -> None:
    """Prints a line for each task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--tasks", default=TASKS)
    options = parser.parse_args()
    for name in options.tasks.split(","):
        print(measure(name, options.attempts, options.seconds), flush=True)


if __name__ == "__main__":
    main()
