"""What a training loop tells while it runs: means of a window of steps, rates, time left, and whether to stop."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import jax

# Dense bfloat16 peaks of one device by the start of its `device_kind`, the first that fits, from the vendors' data
# sheets, in FLOP/s.
PEAK_FLOPS = {
    "NVIDIA A100": 312e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA H100": 989e12,
    "NVIDIA GH200": 989e12,
    "NVIDIA H200": 989e12,
    "NVIDIA B200": 2250e12,
    "TPU v4 lite": 138e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5": 459e12,  # also called v5p
    "TPU v6 lite": 918e12,
}
COUNTS = ("target_tokens", "problem_tokens")


class DivergenceError(RuntimeError):
    """The loss or the gradient is no number any more."""


class Interrupted(Exception):  # noqa: N818 - not an error
    """The run was asked to stop, and saved its state first."""

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.signal_number = signal_number


class Window:
    """Sums of the steps since the last line of the log; checkpointed, so that a resumed run logs the same means."""

    def __init__(self, saved: Mapping[str, Any] | None = None) -> None:
        self.count = int(saved["count"]) if saved else 0
        self.sums: dict[str, float] = dict(saved["sums"]) if saved else {}

    def add(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Waits for the metrics of `step` and adds them.

        Raises:
          DivergenceError: the loss or the gradient norm is not finite.
        """
        values = {name: float(value) for name, value in jax.device_get(dict(metrics)).items()}
        for name in ("loss", "gradient_norm"):
            if not math.isfinite(values[name]):
                raise DivergenceError(f"{name} is {values[name]} at step {step}")
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        """Means over the window, token counts summed; the window starts afresh."""
        found = {name: total if name in COUNTS else total / self.count for name, total in self.sums.items()}
        self.count, self.sums = 0, {}
        return found

    def saved(self) -> dict[str, Any]:
        """JSON-able; give it to a new Window to go on."""
        return {"count": self.count, "sums": dict(self.sums)}


class Rates:
    """Examples and tokens per second since the last look, and the time that the remaining steps will take."""

    def __init__(self, *, batch_size: int) -> None:
        self.batch_size = batch_size
        self.peak = peak_flops()
        self.started = self.paced = self.looked = time.perf_counter()
        self.steps = self.steps_in_all = 0
        self.flops = 0

    def step(self, flops: int = 0) -> None:
        """Counts one step of that many model FLOPs."""
        self.steps += 1
        self.steps_in_all += 1
        self.flops += flops

    def compiled(self) -> None:
        """The first step is done; its time tells nothing of the others, and it counts in no rate."""
        self.paced = time.perf_counter()
        self.start()

    def start(self) -> None:
        """Time before now is not training: compilation, an evaluation."""
        self.looked = time.perf_counter()
        self.steps = self.flops = 0

    def take(self, tokens_per_step: float) -> dict[str, float]:
        """Rates since the last look, the timing fields of the metrics file; `seconds` alone where no step was made."""
        now = time.perf_counter()
        seconds = max(now - self.looked, 1e-9)
        found = {"seconds": round(now - self.started, 3)}
        if self.steps:
            found["examples_per_second"] = round(self.steps * self.batch_size / seconds, 2)
            found["tokens_per_second"] = round(self.steps * tokens_per_step / seconds, 1)
            if self.peak and self.flops:
                found["model_flops_utilisation"] = round(self.flops / seconds / self.peak, 4)
        self.start()
        return found

    def time_left(self, remaining_steps: int) -> float:
        """Seconds, at the mean pace of all steps but the first, evaluations included."""
        return remaining_steps * (time.perf_counter() - self.paced) / max(self.steps_in_all - 1, 1)


def peak_flops() -> float | None:
    """Peak of all devices together, None where the kind of device is not in the table."""
    kind = jax.devices()[0].device_kind
    peak = next((peak for name, peak in PEAK_FLOPS.items() if kind.startswith(name)), None)
    return peak and peak * jax.device_count()


STANDARD_ERROR = 2
"""The file descriptor."""


def say(message: str) -> None:
    """One line on standard error, from the first process only."""
    if jax.process_index() == 0:
        print(message, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`73.4` -> "1m13s"; minutes from a minute on, hours from an hour on."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class StopRequest:
    """Turns the first Ctrl-C or SIGTERM into a flag that the loop looks at; a second one interrupts at once."""

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def interrupted(self, saved: str) -> Interrupted:
        """The exception that ends the run; another process may have been the one that was asked to stop."""
        number = self.signal_number or signal.SIGTERM
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        return Interrupted(int(number), f"{name}: {saved}; the same command goes on")

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal_number:
            raise KeyboardInterrupt
        self.signal_number = number
        # Written past Python's buffer, in which the loop may be printing at this moment.
        if jax.process_index() == 0:
            message = f"{signal.Signals(number).name}: saving after this step; once more to leave at once\n"
            os.write(STANDARD_ERROR, message.encode())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """What decides when to stop, and what the next line of the log starts from; JSON-able, kept in checkpoints."""

    best_score: float | None = None
    since_best: int = 0
    window: dict[str, Any] | None = None

    def after(self, score: float) -> Progress:
        """Progress after an evaluation with that score."""
        if self.best_score is None or score > self.best_score:
            return dataclasses.replace(self, best_score=score, since_best=0)
        return dataclasses.replace(self, since_best=self.since_best + 1)

    def finished(self, patience: int) -> bool:
        """Whether `patience` evaluations passed without a better score; never for a patience of 0."""
        return bool(patience) and self.since_best >= patience
