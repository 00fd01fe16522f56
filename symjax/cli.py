"""The `symjax` command: `label`, `inspect`, `audit`, and the commands of `symjax.commands`.

Every command works for every task; nothing here names one.  User text is read and refused before anything heavy is
imported: no command needs JAX, and SymPy only where a task's own reference engine is asked for.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from symjax import tasks
from symjax.commands import files, verify
from symjax.commands.options import OPTION, UsageError, positive, task_options
from symjax.processes import watched_map
from symjax.tasks import Example, Rejection, Task

if TYPE_CHECKING:
    from symjax.data.records import StoredExample

EXIT_DISAGREEMENTS = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
BLOCK_SECONDS = 600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the command: 0, or 1 where an audit found something, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except BrokenPipeError:  # the reader went away; what it wanted it has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"symjax: {_sentence(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT


def _sentence(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.filename:
        return f"cannot use {error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="symjax", description="Labels problems, checks records, reads files.")
    commands = parser.add_subparsers(required=True, metavar="command")

    label = commands.add_parser("label", help="one problem a line from standard input -> one JSON object a line")
    label.add_argument("--task", required=True, help="; ".join(sorted(tasks.names())))
    label.add_argument("--option", **OPTION)
    label.set_defaults(run=_label)

    inspect = commands.add_parser("inspect", help="records of a shard, a data set or a run, for reading")
    inspect.add_argument("path", type=pathlib.Path, help="a shard file, a data set folder or a run folder")
    inspect.add_argument("--num", type=positive, default=5, help="records to show (default 5)")
    inspect.add_argument("--option", **OPTION)
    inspect.set_defaults(run=_inspect)

    audit = commands.add_parser("audit", help="compute every label of a shard or data set again; exit 1 if any differs")
    audit.add_argument("path", type=pathlib.Path, help="a shard file or a data set folder")
    audit.add_argument("--workers", type=positive, default=1, help="processes (default 1)")
    audit.add_argument("--option", **OPTION)
    audit.set_defaults(run=_audit)

    for module in (verify, files):
        module.add(commands)
    return parser


def _label(options: argparse.Namespace) -> int:
    task = tasks.load(options.task, **task_options(options.option))
    if sys.stdin is None:
        raise UsageError("standard input is closed; give problems there, one a line")
    label_lines(task, sys.stdin.buffer, sys.stdout)
    return 0


def label_lines(task: Task, lines: IO[bytes], output: IO[str]) -> None:
    """Writes one JSON object for each line, in order, as soon as it is known."""
    for line in lines:
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        output.write(json.dumps(label_line(task, text), allow_nan=False) + "\n")
        output.flush()


def label_line(task: Task, text: str) -> dict[str, Any]:
    """`tokens`, `status`, `reason`, `answer` of one problem; `detail` says in a sentence why it was rejected."""
    problem = task.read_problem(text)
    if isinstance(problem, Rejection):
        return _rejected((), problem)
    example = task.label(problem)
    if isinstance(example, Rejection):
        return _rejected(problem, example)
    return {"tokens": list(problem), "status": "valid", "reason": None, "answer": task.answer_json(example)}


def _rejected(problem: tasks.Tokens, why: Rejection) -> dict[str, Any]:
    named = {"tokens": list(problem), "status": "rejected", "reason": why.reason, "answer": None}
    return named | ({"detail": why.detail} if why.detail else {})


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Record:
    """One record, for reading: where it is from, the example, and lines about an answer to it."""

    source: str
    example: Example
    lines: tuple[str, ...] = ()


def _task_of(shard: pathlib.Path, named: str, options: Mapping[str, Any]) -> Task:
    """The task that wrote `shard`: its options are in the data set's files beside it, or given by the user."""
    for name, section in (("dataset.json", "config"), ("config.json", None)):
        path = shard.parent / name
        if path.exists() and not options:
            content = _json(path)
            config = content.get(section, {}) if section else content
            if isinstance(config, dict) and "task_name" in config:
                made_with = config.get("task_options")
                if not isinstance(made_with, dict):
                    raise UsageError(f"{path} names no task options; move it away, and give --option=key=value")
                return tasks.load(config["task_name"], **made_with)
    return tasks.load(named, **options)


def _is_run(path: pathlib.Path) -> bool:
    """Whether `path` is a run folder, which has a copy of its data set's manifest beside its config."""
    config = path / "config.json"
    return config.exists() and "task" in _json(config)


def _json(path: pathlib.Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} holds no JSON object")
    return content


def _blocks(path: pathlib.Path, options: Mapping[str, Any]) -> Iterator[tuple[str, Task, list[StoredExample]]]:
    """(file name, task, examples) of every block of a shard file or a data set folder.

    Raises:
      RecordError: not a shard or data set, damaged, or of other task options.
      UsageError: there is nothing of the kind.
    """
    from symjax.data.manifest import SPLITS, Manifest
    from symjax.data.records import ShardReader, Signature

    if not path.exists():
        raise UsageError(f"{path} does not exist")
    if path.is_dir():
        manifest = Manifest.read(path)
        readers = [reader for split in SPLITS for reader in manifest.readers(split)]
    else:
        readers = [ShardReader(path)]
    task = None
    for reader in readers:
        for block in reader:
            task = task or _task_of(reader.path, block.signature.task, options)
            Signature.of(task).require(block.signature, str(reader.path))
            yield reader.path.name, task, list(block.examples())


def _inspect(options: argparse.Namespace) -> int:
    chosen = task_options(options.option)
    shown = 0
    for task, record in _run_records(options.path) if _is_run(options.path) else _stored_records(options.path, chosen):
        if shown == options.num:
            break
        shown += 1
        print(f"--- {record.source}", task.describe(record.example), sep="\n")
        facts = " ".join(f"{key}={value}" for key, value in sorted(record.example.metadata.items()))
        print(f"facts   {facts}", *record.lines, "", sep="\n")
    if not shown:
        raise UsageError(f"{options.path} holds no record")
    return 0


def _stored_records(path: pathlib.Path, options: Mapping[str, Any]) -> Iterator[tuple[Task, _Record]]:
    from symjax.data.records import decode

    for name, task, block in _blocks(path, options):
        for stored in block:
            yield task, _Record(source=f"{name} attempt {stored.index}", example=decode(stored, task))


def _run_records(run_dir: pathlib.Path) -> Iterator[tuple[Task, _Record]]:
    """The judged answers of a run, as its evaluations wrote them."""
    from symjax.evaluation.rows import example_of, read_rows

    section = _json(run_dir / "config.json").get("task")
    if not isinstance(section, dict) or "name" not in section:
        raise UsageError(f"{run_dir / 'config.json'} names no task, so {run_dir} is no run folder")
    task = tasks.load(**section)
    parts = sorted(run_dir.glob("evaluation/*/part-*.jsonl"))
    if not parts:
        raise UsageError(f"{run_dir} holds no evaluation yet; run main.py with --mode=evaluate first")
    for part in parts:
        for row in read_rows(part):
            lines = (
                "predict " + " ".join(row["prediction"]),
                f"verdict {row['verdict']}  {json.dumps(row['evidence'])}",
            )
            source = f"{part.parent.name}/{part.name} example {row['id']}"
            yield task, _Record(source=source, example=example_of(row), lines=lines)


@dataclasses.dataclass(frozen=True)
class _Job:
    """A block to label again, as plain data for another process."""

    source: str
    task: str
    options: str
    examples: list[tuple[int, Example]]


def _audit(options: argparse.Namespace) -> int:
    if _is_run(options.path):
        raise UsageError(f"{options.path} is a run folder, whose labels are those of its data set; audit that")
    count, found, sources, functions = 0, _wrong_files(options.path), [], {}

    def jobs() -> Iterator[_Job]:
        nonlocal count
        from symjax.data.records import decode

        for name, task, block in _blocks(options.path, task_options(options.option)):
            examples = [(stored.index, decode(stored, task)) for stored in block]
            for index, example in examples:
                where = f"{name} attempt {index}"
                fingerprint = example.metadata.get("fingerprint")  # imported examples have none
                first = functions.setdefault(fingerprint, where) if fingerprint else where
                if first is not where:
                    found.append(f"{where}: the same function as {first}")
            count += len(examples)
            sources.append(f"{name}: a block of {len(examples)} examples")
            yield _Job(name, task.name, json.dumps(dict(task.options)), examples)

    unsure = []
    for place, outcome in watched_map(audit_block, jobs(), workers=options.workers, time_limit=BLOCK_SECONDS):
        if outcome.failure is None:
            for kind, line in outcome.value:
                (unsure if kind == "undetermined" else found).append(line)
        else:
            found.append(f"{sources[place]} was not audited: {outcome.detail}")
    for line in (*sorted(found), *sorted(unsure)):
        print(line)
    undecided = f", {len(unsure)} undetermined" if unsure else ""
    print(f"{count} examples of {options.path}: {len(found)} disagreements{undecided}", file=sys.stderr)
    return EXIT_DISAGREEMENTS if found else 0


def _wrong_files(path: pathlib.Path) -> list[str]:
    """Files of a data set whose bytes are not those that its manifest lists."""
    if not path.is_dir():
        return []
    import hashlib

    from symjax.data.manifest import SPLITS, Manifest

    manifest, wrong = Manifest.read(path), []
    for info in (file for split in SPLITS for file in manifest.shards(split)):
        with open(path / info.name, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != info.sha256:
            wrong.append(f"{info.name}: SHA-256 {digest}, the manifest says {info.sha256}")
    return wrong


def audit_block(job: _Job) -> list[tuple[str, str]]:
    """(verdict, line) for each example of the block whose label is not proved again; runs in a worker."""
    task = tasks.load(job.task, **json.loads(job.options))
    lines = []
    for index, example in job.examples:
        verdict = task.audit(example)
        if verdict.kind != "proved":
            difference = verdict.evidence.get("difference") or f"{verdict.kind} {json.dumps(verdict.evidence)}"
            lines.append((verdict.kind, f"{job.source} attempt {index}: {' '.join(example.problem)}: {difference}"))
    return lines


if __name__ == "__main__":
    sys.exit(main())
