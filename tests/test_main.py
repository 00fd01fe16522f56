"""The command line: what is refused, in one sentence and with an exit code."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.small_run import ROOT, command, finish, wait_for

CONFIG = f"--config={ROOT}/configs/taylor_transformer.py"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--config is missing; for example --config=configs/taylor_transformer.py"),
        (["--config=nowhere.py"], "No such file or directory"),
        ([f"{CONFIG}:huge"], "unknown preset 'huge'; known presets: (none), tiny, base, large, seed"),
        ([CONFIG, "--config.train.num_step=3"], "unknown config key train.num_step; train has: eval_every, "),
        (["--config", CONFIG[9:], "--config.train.num_step=3"], "unknown config key train.num_step; train has: "),
        ([CONFIG, "--config.task.integers.x=1"], "unknown config key task.integers.x; task.integers has: no keys"),
        ([CONFIG, "--config.trains.num_steps=3"], "unknown config key trains; it has: checkpoint, data, "),
        ([CONFIG, "--config.train.num_steps=many"], "--config.train.num_steps=many: invalid literal for int()"),
        ([CONFIG, "--mode=sweep"], "--mode=sweep: value should be one of <train|evaluate>"),
        ([CONFIG, "tiny"], "unexpected argument 'tiny'; every option is a flag"),
        ([CONFIG, "--workdri=x"], "Unknown command line flag 'workdri'. Did you mean: workdir ?"),
    ],
)
def test_refused_in_one_sentence(flags, message, tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *flags], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("main.py: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_value_that_does_not_fit(tmp_path):
    output = finish(command(tmp_path / "run", "--config.optimizer.schedule=linear"), code=2)
    known = "constant, cosine, cosine_restarts, inverse_sqrt"
    assert output == f"main.py: unknown schedule 'linear'; known schedules: {known}\n"
    output = finish(command(tmp_path / "run", "--config.optimizer.schedule=linear", "--verbosity=1"), code=1)
    assert "Traceback" in output


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("data.window=0", "window is 0; it must be 1 or more"),
        ("seed=-1", "seed is -1; it must be 0 or more"),
        ("data.buckets=((0, 3),)", "buckets ((0, 3),) must be pairs of lengths of 1 or more"),
    ],
)
def test_input_options_are_refused_before_data_are_made(flag, message, tmp_path):
    assert finish(command(tmp_path / "run", f"--config.{flag}"), code=2) == f"main.py: {message}\n"
    assert not (tmp_path / "data").exists()


def test_evaluating_what_is_not_there(tmp_path):
    output = finish(command(tmp_path / "run", "--mode=evaluate"), code=2)
    assert output.startswith(f"main.py: {tmp_path}/run holds no run; train it first")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_while_data_are_made_keep_the_shards(name, tmp_path):
    process = command(tmp_path / "runs" / "run", "--config.dataset.num_examples=100000", "--config.task.max_depth=3")
    wait_for(lambda: list(tmp_path.glob("data/*/attempts/shard-*.json")), process)
    number = signal.Signals[name]
    process.send_signal(number)
    output = finish(process, code=128 + number)
    assert "of 100,000 examples; the same command goes on from there" in output
    assert list(tmp_path.glob("data/*/attempts/shard-*.json"))


def test_a_full_disk(data, tmp_path):
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    run_dir = tmp_path / "runs" / "unbroken"
    before = (run_dir / "report.html").read_bytes()
    (run_dir / "report.html.tmp").symlink_to("/dev/full")
    output = finish(command(run_dir, "--mode=evaluate"), code=2)
    assert "No space left on device; make room" in output.splitlines()[-1]
    assert (run_dir / "report.html").read_bytes() == before


IN_A_CALLBACK = """
import gc, os, signal, sys, time
sys.path.insert(0, {root!r})
import main

def callback(phase, info):
    if phase == "start":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)

main.leave_on_sigterm("over", 143)
gc.callbacks.append(callback)
gc.collect()
gc.callbacks.clear()
time.sleep(20)
"""


def test_sigterm_in_a_callback_of_the_garbage_collector():
    script = IN_A_CALLBACK.format(root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (143, "main.py: over\n")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_save_and_leave(name, workdir):
    process = command(workdir, "--config.train.num_steps=100000", "--config.checkpoint.save_every=0")
    metrics = workdir / "metrics.jsonl"
    while not metrics.exists() or metrics.stat().st_size < 1000:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    number = signal.Signals[name]
    process.send_signal(number)
    output = finish(process, code=128 + number)
    assert "saved step" in output.splitlines()[-1]
    assert "the same command goes on" in output.splitlines()[-1]
    assert any(path.name.isdigit() for path in (workdir / "checkpoints").iterdir())
