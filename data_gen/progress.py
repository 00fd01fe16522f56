"""Progress on standard error: how much is done, how fast, how long it will take."""

from __future__ import annotations

import collections
import sys
import time
from typing import TextIO

EVERY_TERMINAL = 1.0
EVERY_FILE = 10.0
_WINDOW = 30


class Progress:
    """One line, rewritten every second on a terminal, written anew every 10 seconds elsewhere.

    Args:
      total: examples wanted.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._recent: collections.deque[tuple[float, int, int]] = collections.deque([(self._started, 0, 0)], _WINDOW)
        self._next = self._started + (0.0 if self._terminal else EVERY_FILE)

    def start_at(self, done: int) -> None:
        """Notes what earlier runs had finished, so that it does not count for the rate."""
        self._recent.clear()
        self._recent.append((time.monotonic(), done, 0))

    def update(self, done: int, draws: int) -> None:
        """Notes `done` distinct examples after `draws` valid draws in this run; writes the line when it is due."""
        now = time.monotonic()
        self._recent.append((now, done, draws))
        if now >= self._next:
            self._next = now + (EVERY_TERMINAL if self._terminal else EVERY_FILE)
            self._write(self._line(now, done, draws))

    def finish(self, text: str) -> None:
        """Ends the line with a last one."""
        self._write(text)
        if self._terminal:
            self._stream.write("\n")
            self._stream.flush()

    def _line(self, now: float, done: int, draws: int) -> str:
        then, done_then, draws_then = self._recent[0]
        span = max(now - then, 1e-9)
        rate, draw_rate = (done - done_then) / span, (draws - draws_then) / span
        left = clock((self._total - done) / rate) if rate > 0 else "unknown time"
        return (
            f"generating: {done:,} of {self._total:,} examples ({done / self._total:.0%}), "
            f"{rate:,.0f} new/s from {draw_rate:,.0f} valid draws/s, {left} left"
        )

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()


def clock(seconds: float) -> str:
    """`seconds` as h:mm:ss, or m:ss below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
