"""Long-lived worker processes that can be killed: time and memory limits, hard kill, restart, no lost item.

Some mathematics cannot be interrupted from inside: one C call of a big-number library may run for a minute, and
running out of memory there aborts the whole process.  So such work runs in a worker, and the parent kills the worker.

Workers are spawned (never forked), run with `PYTHONHASHSEED=0`, ignore Ctrl-C (the parent decides), and leave when
their parent dies, `kill -9` included.  Functions must be importable by name; a program that starts workers needs the
usual `if __name__ == "__main__"` guard, and whatever its main module imports at the top every worker imports too.

Limits are a safety net.  They follow the clock and the machine, so nothing that must be reproducible may depend on
where they fall: give the work itself size limits, and report a limit that was reached.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import multiprocessing.process
import multiprocessing.reduction
import multiprocessing.util
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Literal, Self

Failure = Literal["time_limit", "memory_limit", "worker_died", "worker_error"]

START_LIMIT = 120.0
"""Seconds that a worker may take to start and to import its function."""


class Lost(RuntimeError):  # noqa: N818 (named for what happened, like its subclasses)
    """A call gave no value; the subclass says why."""

    failure: Failure


class TimeLimit(Lost):
    """The call took longer than the time limit, and its worker was killed."""

    failure = "time_limit"


class MemoryLimit(Lost):
    """The call needed more memory than the limit, and its worker was replaced."""

    failure = "memory_limit"


class WorkerDied(Lost):
    """The worker ended without an answer: killed from outside, or aborted by a library."""

    failure = "worker_died"


class WorkerError(Lost):
    """The function raised; the message is the worker's traceback.  The worker was replaced."""

    failure = "worker_error"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one call: `value`, or the name of the `failure` and a sentence about it."""

    value: Any = None
    failure: Failure | None = None
    detail: str = ""

    def get(self) -> Any:
        """The value.

        Raises:
          Lost: there is none; the subclass says why.
        """
        if self.failure is None:
            return self.value
        raise {kind.failure: kind for kind in (TimeLimit, MemoryLimit, WorkerDied, WorkerError)}[self.failure](
            self.detail
        )


@dataclasses.dataclass(frozen=True)
class _Worker:
    """A running process; `end` kills it, once."""

    process: multiprocessing.process.BaseProcess
    connection: multiprocessing.connection.Connection
    end: Callable[[], None]


class Watched:
    """`function` in a worker process, one call at a time, within limits.

    Use it as a context manager, or call `close`.  The worker starts with the first call, lives until it is closed or
    loses a call, and is then replaced with the next call.

    Args:
      function: importable by name, of one picklable argument, with a picklable value.
      time_limit: seconds for one call; starting the worker does not count.
      memory_limit: bytes of address space for the worker, interpreter included (300 MiB are a sensible least with
        NumPy); enforced where the system has RLIMIT_AS and honours it (Linux does, macOS does not).
      cpu_limit: seconds of the worker's own CPU time for one call, a time limit that other work on the machine does not
        shorten.  A call that waits uses none, so `time_limit` stays behind it.  Not on Windows.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        time_limit: float,
        memory_limit: int | None = None,
        cpu_limit: float | None = None,
    ) -> None:
        for name, limit in (("time_limit", time_limit), ("cpu_limit", cpu_limit)):
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} is {limit!r} seconds; it must be above 0")
        if memory_limit is not None and not memory_limit > 0:
            raise ValueError(f"memory_limit is {memory_limit!r} bytes; it must be above 0, or None for no limit")
        self._function = function
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._cpu_limit = cpu_limit
        self._worker: _Worker | None = None
        self._ready = False
        self._deadline = 0.0

    def call(self, argument: Any) -> Any:
        """`function(argument)`, computed in the worker.

        Raises:
          TimeLimit, MemoryLimit, WorkerDied, WorkerError: there is no value, for that reason.
        """
        try:
            outcome = self._begin(argument)
            while outcome is None:
                self.connection.poll(max(0.0, self._deadline - time.monotonic()))
                outcome = self._advance()
        except BaseException:
            self.close()  # an answer that nobody waited for must not reach the next call
            raise
        return outcome.get()

    def close(self) -> None:
        """Ends the worker at once.  The next call starts a new one."""
        if self._worker is not None:
            self._worker.end()
        self._worker, self._ready = None, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> multiprocessing.connection.Connection:
        """The pipe to the worker, to wait for several of them; there is one while a call is under way."""
        assert self._worker is not None
        return self._worker.connection

    def _start(self) -> _Worker:
        """Spawns the worker and returns without waiting for it."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # Not a daemon in multiprocessing's sense: those may not watch workers of their own.
        process = context.Process(
            target=_serve, args=(theirs, self._function, self._memory_limit, self._cpu_limit), name="symjax-worker"
        )
        with _inherited_settings():
            process.start()
        theirs.close()
        self._ready, self._deadline = False, time.monotonic() + START_LIMIT
        end = multiprocessing.util.Finalize(self, _kill, args=(process, ours), exitpriority=10)
        return _Worker(process, ours, end)

    def _begin(self, argument: Any) -> Outcome | None:
        """Hands `argument` to the worker; an outcome only if that failed."""
        self._worker = self._worker or self._start()
        try:
            self.connection.send(argument)
        except (BrokenPipeError, ConnectionResetError):
            return self._died()
        if self._ready:
            self._deadline = time.monotonic() + self._time_limit
        return None

    def _advance(self) -> Outcome | None:
        """The outcome of the call under way, or None while there is none.  Does not wait."""
        try:
            if not self.connection.poll():
                return self._overdue() if time.monotonic() >= self._deadline else None
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            return self._died()
        if kind == "ready":
            self._ready, self._deadline = True, time.monotonic() + self._time_limit
            return None
        if kind == "value":
            return Outcome(value=value)
        self.close()
        return Outcome(failure=kind, detail=value)

    def _overdue(self) -> Outcome:
        ready = self._ready
        self.close()
        if not ready:
            return Outcome(failure="worker_died", detail=f"the worker did not start within {START_LIMIT:g} s")
        return Outcome(failure="time_limit", detail=f"no value within the time limit of {self._time_limit:g} s")

    def _died(self) -> Outcome:
        assert self._worker is not None
        self._worker.process.join(10.0)
        code = self._worker.process.exitcode
        self.close()
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        if self._cpu_limit and how == "signal SIGPROF":
            return Outcome(failure="time_limit", detail=f"no value within {self._cpu_limit:g} s of CPU time")
        if self._memory_limit and how == "signal SIGABRT":  # FLINT and GMP abort when an allocation fails
            return Outcome(failure="memory_limit", detail=f"aborted under the limit of {self._memory_limit} bytes")
        return Outcome(failure="worker_died", detail=f"the worker ended with {how} before it answered")


def _kill(process: multiprocessing.process.BaseProcess, connection: multiprocessing.connection.Connection) -> None:
    """Ends a worker; also runs when its `Watched` is forgotten, and before the interpreter waits for children."""
    connection.close()
    process.kill()
    process.join()
    process.close()


def watched_map(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    workers: int,
    time_limit: float,
    memory_limit: int | None = None,
) -> Generator[tuple[int, Outcome], None, None]:
    """(place of the item, its outcome) for every item, as they finish.

    Every item has exactly one outcome, lost ones included, so losses can be counted by `Outcome.failure`.  Items are
    taken one at a time as workers come free, so `items` may be endless; closing the iterator ends the workers.

    Args:
      function, time_limit, memory_limit: as in `Watched`.
      workers: number of processes.

    Raises:
      ValueError: a limit or the number of workers is not above 0.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; it must be 1 or more")
    pool = [Watched(function, time_limit=time_limit, memory_limit=memory_limit) for _ in range(workers)]
    return _run_pool(pool, enumerate(items))


def _run_pool(pool: list[Watched], numbered: Iterator[tuple[int, Any]]) -> Generator[tuple[int, Outcome], None, None]:
    idle, busy = list(reversed(pool)), {}
    try:
        while True:
            while idle and (item := next(numbered, None)) is not None:
                worker = idle.pop()
                outcome = worker._begin(item[1])
                if outcome is None:
                    busy[worker] = item[0]
                else:
                    idle.append(worker)
                    yield item[0], outcome
            if not busy:
                return
            earliest = min(worker._deadline for worker in busy)
            connections = [worker.connection for worker in busy]
            multiprocessing.connection.wait(connections, max(0.0, earliest - time.monotonic()))
            for worker in list(busy):
                outcome = worker._advance()
                if outcome is not None:
                    idle.append(worker)
                    yield busy.pop(worker), outcome
    finally:
        for worker in pool:
            worker.close()


_ENVIRONMENT = threading.Lock()


@contextlib.contextmanager
def _inherited_settings() -> Iterator[None]:
    """What a process started inside inherits: PYTHONHASHSEED=0, and Ctrl-C blocked from its first instruction.

    A Ctrl-C that arrives meanwhile reaches this process when the block is lifted.
    """
    with _ENVIRONMENT:
        before = os.environ.get("PYTHONHASHSEED")
        masked = (
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
        )
        os.environ["PYTHONHASHSEED"] = "0"
        try:
            yield
        finally:
            if before is None:
                del os.environ["PYTHONHASHSEED"]
            else:
                os.environ["PYTHONHASHSEED"] = before
            if masked is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _serve(
    connection: multiprocessing.connection.Connection,
    function: Callable[[Any], Any],
    memory_limit: int | None,
    cpu_limit: float | None,
) -> None:
    """The worker's life: answers one argument after the other until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if memory_limit is not None:
        _limit_memory(memory_limit)
    pickled = multiprocessing.reduction.ForkingPickler.dumps
    answer = pickled(("ready", None))
    while True:
        try:
            connection.send_bytes(answer)
            argument = connection.recv()
        except (EOFError, OSError):  # the parent is gone, or done with this worker
            return
        try:
            with _cpu_limited(cpu_limit):
                answer = pickled(("value", function(argument)))
        except MemoryError:
            connection.send(("memory_limit", f"out of memory under the limit of {memory_limit} bytes"))
            return
        except BaseException:
            # Passed on, never swallowed: the parent raises it, and the next call has a fresh worker.
            with contextlib.suppress(OSError):
                connection.send(("worker_error", traceback.format_exc()))
            return


@contextlib.contextmanager
def _cpu_limited(seconds: float | None) -> Iterator[None]:
    """Lets the system end this process, within C code too, when the block takes so much CPU time."""
    if seconds is None or sys.platform == "win32":
        yield
        return
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _leave_with_parent() -> None:
    """Ends this process when its parent is gone, also in the middle of a call."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _limit_memory(limit: int) -> None:
    """Sets the address space limit where the system has one."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses limits below what is mapped already
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
