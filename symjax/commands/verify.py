"""`symjax verify`: answers from anywhere, judged by the task's own verifier.

One JSON object a line in, one out for each, in order.  A line that cannot be read is `unparsable` like any other answer
that is none: nothing that a line holds ends the command, and work is counted, so nothing hangs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import IO, Any, Final

from symjax import tasks
from symjax.commands.options import OPTION, UsageError, task_options
from symjax.tasks import ReadsAnswers, Rejection, Task, Verdict, VerifiesStrictly

MAX_LINE: Final = 4_000_000
"""Bytes of the longest line that is read; what is longer is skipped and named."""


def add(commands: Any) -> None:
    """Adds the parser to the subparsers `commands`."""
    parser = commands.add_parser("verify", help='{"problem": ..., "answer": ...} a line -> a verdict a line')
    parser.add_argument("--task", required=True, help="; ".join(sorted(tasks.names())))
    parser.add_argument("--option", **OPTION)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refute an integral that fails at a real point, though it may hold elsewhere",
    )
    parser.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    task = tasks.load(options.task, **task_options(options.option))
    if sys.stdin is None:
        raise UsageError("standard input is closed; give problems with answers there, one JSON object a line")
    if sys.stdout is None:
        raise UsageError("standard output is closed; verdicts go there")
    if options.strict and not isinstance(task, VerifiesStrictly):
        raise UsageError(f"{options.task} has no --strict; integration has")
    verify_lines(task, sys.stdin.buffer, sys.stdout, strict=options.strict)
    return 0


def verify_lines(task: Task, lines: IO[bytes], output: IO[str], *, strict: bool = False) -> None:
    """Writes one JSON object for each line, in order, as soon as it is known."""
    for line in _lines(lines):
        output.write(json.dumps(verify_line(task, line, strict=strict), allow_nan=False) + "\n")
        output.flush()


def _lines(lines: IO[bytes]) -> Iterator[bytes | None]:
    """The lines; None for one that is too long."""
    while line := lines.readline(MAX_LINE):
        if line.endswith(b"\n") or len(line) < MAX_LINE:
            yield line
            continue
        while (rest := lines.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass
        yield None


def verify_line(task: Task, line: bytes | None, *, strict: bool = False) -> dict[str, Any]:
    """`verdict`, `evidence` and `seconds` of one line."""
    start = time.perf_counter()
    verdict = _judge(task, line, strict=strict)
    seconds = time.perf_counter() - start
    return {"verdict": verdict.kind, "evidence": dict(verdict.evidence), "seconds": round(seconds, 6)}


def _judge(task: Task, line: bytes | None, *, strict: bool) -> Verdict:
    if line is None:
        return _unparsable("line", f"the line is longer than {MAX_LINE} bytes")
    try:
        content = json.loads(line, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        return _unparsable("line", f"the line is not JSON ({error})")
    texts = {}
    for key in ("problem", "answer"):
        value = content.get(key) if isinstance(content, dict) else None
        if isinstance(value, list) and all(isinstance(token, str) for token in value):
            value = " ".join(value)
        if not isinstance(value, str):
            return _unparsable("line", f'the line wants {{"problem": text, "answer": text}}; {key} is no text')
        texts[key] = value
    problem = task.read_problem(texts["problem"])
    if isinstance(problem, Rejection):
        return _unparsable("problem", problem.detail or problem.reason)
    answer = task.read_answer(texts["answer"]) if isinstance(task, ReadsAnswers) else tuple(texts["answer"].split())
    if isinstance(answer, Rejection):
        return _unparsable("answer", answer.detail or answer.reason)
    if strict and isinstance(task, VerifiesStrictly):
        return task.verify_strictly(problem, answer)
    return task.verify(problem, answer)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of `pairs`, if no key is there twice: which of them counts, nobody can tell."""
    content, seen = dict(pairs), set()
    for key, _ in pairs if len(content) < len(pairs) else ():
        if key in seen:
            raise ValueError(f"the key {key[:40]!r} is there twice")
        seen.add(key)
    return content


def _unparsable(what: str, reason: str) -> Verdict:
    return Verdict(kind="unparsable", evidence={"reason": what, "detail": " ".join(reason.split())}, seconds=0.0)
