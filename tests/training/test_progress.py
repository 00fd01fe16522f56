from __future__ import annotations

import dataclasses
import io
import json
import signal
import sys

import jax
import jax.numpy as jnp
import pytest

from symjax.training import progress
from symjax.training.progress import DivergenceError, Progress, Rates, StopRequest, Window, say


def metrics(loss, norm=1.0, tokens=10.0):
    return {"loss": jnp.float32(loss), "gradient_norm": jnp.float32(norm), "target_tokens": jnp.float32(tokens)}


def test_window_takes_means_and_sums_tokens():
    window = Window()
    for step, loss in enumerate([1.0, 2.0, 6.0]):
        window.add(step, metrics(loss))
    assert window.take() == {"loss": 3.0, "gradient_norm": 1.0, "target_tokens": 30.0}
    assert window.saved() == {"count": 0, "sums": {}}


def test_window_goes_on_after_json_as_if_never_stopped():
    whole, first = Window(), Window()
    for step, loss in enumerate([0.1, 0.2]):
        whole.add(step, metrics(loss))
        first.add(step, metrics(loss))
    second = Window(json.loads(json.dumps(first.saved())))
    for window in (whole, second):
        window.add(2, metrics(0.7))
    assert second.take() == whole.take()


@pytest.mark.parametrize(
    ("loss", "norm", "message"),
    [(float("nan"), 1.0, "loss is nan at step 7"), (1.0, float("inf"), "gradient_norm is inf at step 7")],
)
def test_window_refuses_what_is_no_number(loss, norm, message):
    with pytest.raises(DivergenceError, match=message):
        Window().add(7, metrics(loss, norm))


def test_progress_counts_evaluations_since_the_best():
    found = Progress()
    assert not found.finished(1)
    counts = []
    for score in (0.1, 0.3, 0.3, 0.2, 0.4):
        found = found.after(score)
        counts.append(found.since_best)
    assert counts == [0, 0, 1, 2, 0]
    stale = Progress(best_score=1.0, since_best=2)
    assert (stale.finished(2), stale.finished(3), stale.finished(0)) == (True, False, False)
    assert Progress(**json.loads(json.dumps(dataclasses.asdict(stale)))) == stale


def test_rates_leave_out_what_is_not_training(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(progress, "peak_flops", lambda: 100.0)
    rates = Rates(batch_size=4)
    clock[0] = 100.0  # compilation
    rates.step(flops=20)
    rates.compiled()
    assert rates.take(10.0) == {"seconds": 100.0}
    for _ in range(5):
        clock[0] += 2.0
        rates.step(flops=20)
    found = rates.take(10.0)
    assert found["examples_per_second"] == 2.0
    assert found["tokens_per_second"] == 5.0
    assert found["model_flops_utilisation"] == 0.1
    assert found["seconds"] == 110.0
    assert rates.time_left(10) == 20.0


def test_rates_are_of_the_steps_since_a_pause(monkeypatch):
    """A checkpoint between two lines of the log starts the clock anew; the tokens before it do not count."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    rates = Rates(batch_size=4)
    for pause in (50.0, 0.0, 0.0):
        clock[0] += 1.0
        rates.step()
        clock[0] += pause
        if pause:
            rates.start()
    found = rates.take(10.0)
    assert (found["examples_per_second"], found["tokens_per_second"]) == (4.0, 10.0)


@pytest.mark.parametrize(
    ("kind", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("TPU v5 lite", 197e12),
        ("TPU v5", 459e12),
        ("TPU v5p", 459e12),
    ],
)
def test_peak_is_known_for_named_devices_only(kind, peak, monkeypatch):
    assert progress.peak_flops() is None
    device = type("Device", (), {"device_kind": kind})()
    monkeypatch.setattr(progress.jax, "devices", lambda: [device])
    assert progress.peak_flops() == peak * jax.device_count()


@pytest.mark.parametrize(("seconds", "text"), [(7.9, "7s"), (73.4, "1m13s"), (3661, "1h01m")])
def test_durations(seconds, text):
    assert progress.duration(float(seconds)) == text


def test_second_signal_interrupts_at_once():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal_number == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


class Interrupting(io.RawIOBase):
    """A place to write to, where Ctrl-C arrives while a line is being written."""

    def writable(self) -> bool:
        return True

    def write(self, data, /) -> int:
        signal.raise_signal(signal.SIGINT)
        return len(data)


def test_a_signal_may_come_while_a_line_is_printed(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(Interrupting())))
    with StopRequest() as stop:
        say("step 1")
    assert stop.signal_number == signal.SIGINT
    assert capfd.readouterr().err == "SIGINT: saving after this step; once more to leave at once\n"
