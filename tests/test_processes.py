"""Limits, hard kill, restart and the end of workers."""

from __future__ import annotations

import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from symjax.processes import MemoryLimit, Outcome, TimeLimit, Watched, WorkerDied, WorkerError, watched_map

kept: list[Watched] = []


def double(number: int) -> int:
    return 2 * number


def sleep_for(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def wait_or_make(item: tuple[str, pathlib.Path]) -> str:
    what, path = item
    if what == "make":
        path.touch()
    while not path.exists():
        time.sleep(0.01)
    return path.name


def act(what: str) -> object:
    if what == "spin":
        return pow(7, 10**9)  # one C call that no signal handler interrupts
    if what == "spend":
        ends = time.process_time() + 0.2
        while time.process_time() < ends:
            pass
        return True
    if what == "wait":
        return time.sleep(0.5) is None
    if what == "eat":
        return len(bytearray(4 << 30))
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "raise":
        raise LookupError("nothing there")
    if what == "lambda":
        return lambda: None
    if what == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    if what == "nest":
        with Watched(double, time_limit=30) as inner:
            return inner.call(21)
    if what == "forget":
        kept.append(Watched(act, time_limit=30))
        return kept[-1].call("pid")
    if what == "modules":
        return sorted(sys.modules)
    if what == "hash":
        return os.environ["PYTHONHASHSEED"], hash("symjax")
    return os.getpid()


def test_values_and_one_worker_for_many_calls():
    with Watched(act, time_limit=30) as worker:
        assert worker.call("pid") == worker.call("pid") != os.getpid()


def test_time_limit_kills_a_c_call_and_the_next_call_works():
    with Watched(act, time_limit=0.3) as worker:
        first = worker.call("pid")
        started = time.monotonic()
        with pytest.raises(TimeLimit, match=r"0\.3 s"):
            worker.call("spin")
        assert time.monotonic() - started < 5
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert worker.call("pid") != first


def test_cpu_limit_counts_the_worker_alone_and_anew_for_each_call():
    with Watched(act, time_limit=60, cpu_limit=0.3) as worker:
        with pytest.raises(TimeLimit, match=r"0\.3 s of CPU time"):
            worker.call("spin")
        first = worker.call("pid")
        assert [worker.call("spend") for _ in range(3)] == [True] * 3
        assert worker.call("wait") is True
        assert worker.call("pid") == first


def test_a_call_that_waits_ends_at_the_time_limit():
    with Watched(sleep_for, time_limit=0.5, cpu_limit=10) as worker, pytest.raises(TimeLimit, match=r"0\.5 s"):
        worker.call(60.0)


def test_an_interrupted_call_leaves_nothing_behind():
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Watched(sleep_for, time_limit=30) as worker:
            assert worker.call(0.0) == 0.0
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                worker.call(0.5)
            assert worker.call(0.01) == 0.01
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is honoured on Linux only")
def test_memory_limit():
    with Watched(act, time_limit=30, memory_limit=1 << 30) as worker:
        with pytest.raises(MemoryLimit, match="1073741824 bytes"):
            worker.call("eat")
        assert isinstance(worker.call("pid"), int)


def test_death_and_errors_are_told_apart():
    with Watched(act, time_limit=30) as worker:
        with pytest.raises(WorkerDied, match="SIGKILL"):
            worker.call("die")
        with pytest.raises(WorkerError, match="LookupError: nothing there"):
            worker.call("raise")
        with pytest.raises(WorkerError, match="pickle"):
            worker.call("lambda")
        assert isinstance(worker.call("pid"), int)


def test_workers_ignore_interrupts_and_fix_the_hash_seed():
    before = os.environ.get("PYTHONHASHSEED")
    with Watched(act, time_limit=30) as worker:
        assert isinstance(worker.call("interrupt"), int)
        first = worker.call("hash")
        worker.close()
        assert worker.call("hash") == first
        assert first[0] == "0"
        assert "jax" not in worker.call("modules")
    assert os.environ.get("PYTHONHASHSEED") == before


def test_workers_may_watch_workers_which_die_with_them():
    with Watched(act, time_limit=30) as worker:
        assert worker.call("nest") == 42
        inner = worker.call("forget")
        assert _alive(inner)
    _wait_until(lambda: not _alive(inner))


def test_a_forgotten_worker_does_not_keep_the_program(tmp_path):
    program = (
        "from symjax.processes import Watched\n"
        "from tests.test_processes import act\n"
        "if __name__ == '__main__':\n"
        "    worker = Watched(act, time_limit=30)\n"
        "    print(worker.call('pid'))\n"
    )
    (tmp_path / "program.py").write_text(program)
    run = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT,
        check=True,
    )
    assert not _alive(int(run.stdout))


@pytest.mark.parametrize(
    "options", [{"time_limit": 0}, {"time_limit": 1, "memory_limit": 0}, {"time_limit": 1, "cpu_limit": 0}]
)
def test_limits_must_be_positive(options):
    with pytest.raises(ValueError, match="must be above 0"):
        Watched(double, **options)


def test_map_covers_every_item_once_in_completion_order(tmp_path):
    """The first item waits for the last one, which it must not hold up."""
    items = [
        ("wait", tmp_path / "done"),
        ("make", tmp_path / "1"),
        ("make", tmp_path / "2"),
        ("make", tmp_path / "done"),
    ]
    results = list(watched_map(wait_or_make, items, workers=2, time_limit=30))
    assert [place for place, _ in results] in ([1, 2, 3, 0], [1, 2, 0, 3])
    assert all(outcome.get() == items[place][1].name for place, outcome in results)


def test_map_gives_lost_items_an_outcome_each():
    results = dict(watched_map(act, ["pid", "die", "raise", "pid", "die"], workers=2, time_limit=30))
    assert [results[place].failure for place in range(5)] == [None, "worker_died", "worker_error", None, "worker_died"]
    with pytest.raises(WorkerDied):
        results[1].get()


def test_map_takes_endless_items_and_ends_its_workers_when_closed():
    stream = watched_map(act, itertools.repeat("pid"), workers=2, time_limit=30)
    pids = {next(stream)[1].get() for _ in range(20)}
    stream.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_map_refuses_no_workers():
    with pytest.raises(ValueError, match="workers is 0"):
        watched_map(double, [1], workers=0, time_limit=1)


def test_outcome_without_failure():
    assert Outcome(value=None).get() is None


ROOT = pathlib.Path(__file__).parent.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
ORPHAN = """
from tests_support import act_forever
from symjax.processes import Watched, watched_map
if __name__ == "__main__":
    for place, outcome in watched_map(act_forever, {folder!r}.split() * 2, workers=2, time_limit=60):
        pass
"""
SUPPORT = """
import os, pathlib, time
def act_forever(folder):
    pathlib.Path(folder, str(os.getpid())).touch()
    time.sleep(60)
"""


def test_workers_die_with_a_killed_parent(tmp_path):
    (tmp_path / "tests_support.py").write_text(SUPPORT)
    pids = tmp_path / "pids"
    pids.mkdir()
    (tmp_path / "program.py").write_text(ORPHAN.format(folder=str(pids)))
    parent = subprocess.Popen([sys.executable, str(tmp_path / "program.py")], env=ENVIRONMENT)
    try:
        _wait_until(lambda: len(list(pids.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    _wait_until(lambda: not any(_alive(int(path.name)) for path in pids.iterdir()))


def _wait_until(condition, limit: float = 30.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if sys.platform == "linux":  # a zombie that nobody reaps is no worker any more
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    return True
