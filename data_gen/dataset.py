"""A data set from (configuration, seed, number of examples): shards, then a merge into splits, then the manifest.

Shards are made in order until the first of them hold enough distinct functions; the merge keeps the lowest index of
each function, assigns splits by a hash of the function's fingerprint and cuts at the number asked for.  So the result
depends neither on workers nor on restarts, and no function is in two splits.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from data_gen import merge
from data_gen.collect import Collected, collect
from data_gen.runners import GenerationError, available_cores
from data_gen.shard import inputs_of, write_json
from symjax import tasks
from symjax.data.manifest import MANIFEST, SPLITS, Manifest, plain
from symjax.data.records import PARTIAL, RecordError, Signature, check_format
from symjax.tasks import Task

ATTEMPTS = "attempts"
CONFIG = "config.json"
NOT_DEFINING = ("max_attempts", "workers", "shard_seconds", "verify_every", "imported")
LEAST_MAX_ATTEMPTS = 200_000


def generate(
    *,
    task_name: str,
    task_options: Mapping[str, Any],
    seed: int,
    output_dir: str | os.PathLike[str],
    num_examples: int = 20_000,
    validation_fraction: float = 0.02,
    test_fraction: float = 0.05,
    shard_attempts: int = 10_000,
    max_attempts: int = 0,
    examples_per_file: int = 262_144,
    file_format: str = "arrayrecord",
    workers: int = 0,
    shard_seconds: float = 3600.0,
    verify_every: int = 200,
    imported: str = "",
) -> pathlib.Path:
    """The path of the data set's manifest; what is not there yet is made first.

    Interrupted at any point, `kill -9` included, the same call makes what is missing and ends in the same bytes.

    Args:
      task_name, task_options: as `tasks.load` takes them.
      seed: 0 or more; with an attempt's index it decides the attempt.
      output_dir: the data set's folder.
      num_examples: distinct examples over all splits.
      validation_fraction, test_fraction: shares of the functions.
      shard_attempts: attempts to a shard, the unit of work and of resuming.
      max_attempts: give up when so many attempts did not give enough; 0 for 200 times `num_examples`, and 200,000 at
        least.
      examples_per_file: of a finished split.
      file_format: "arrayrecord" (random access, needed for training), or "tfrecord".
      workers: processes; 0 for all cores.
      shard_seconds: a shard that takes longer is run again, then goes on without the attempt that hung.  A safety net
        that no working task reaches.
      verify_every: the first label of every shard, and every so-manieth after it, goes through the task's verifier; 0
        for none.  A refuted one ends generation, verdicts are counted in the manifest; the bytes do not depend on it.
      imported: folder of an imported data set to use instead; nothing is generated, and what is above is not looked at.

    Raises:
      ValueError: a value that does not fit.
      GenerationError: the folder belongs to another configuration or holds other files of the same names, a file
        cannot be written, a label is refuted, or there are too few distinct examples.
      KeyboardInterrupt: Ctrl-C; finished shards stay.
      Terminated: SIGTERM; the same.
    """
    task = tasks.load(task_name, **task_options)
    if imported:
        return _imported(pathlib.Path(imported), task)
    config = _identity(task, seed, {name: value for name, value in locals().items() if name in _leaves()})
    counts = {"workers": workers, "max_attempts": max_attempts, "verify_every": verify_every}
    _check(config, counts, shard_seconds=shard_seconds)
    _check_engine(task.options, shard_attempts, shard_seconds)
    directory = pathlib.Path(output_dir)
    with _writing(directory), _only_one(directory):
        manifest = directory / MANIFEST
        if manifest.exists():
            _require_same(config, _read_config(manifest).get("config"), directory)
        else:
            attempts = _claim(directory, config)
            limit = max_attempts or max(LEAST_MAX_ATTEMPTS, 200 * num_examples)
            collected = Collected(config, Signature.of(task), inputs_of(task))
            with _stoppable(collected):
                collect(
                    collected,
                    attempts,
                    workers=workers or available_cores(),
                    limit=limit,
                    seconds=shard_seconds,
                    verify_every=verify_every,
                )
                content = merge.write_splits(directory, task, config, collected.shards, collected.draws())
                write_json(manifest, content | {"name": _name(config)})
        _clean(directory)
        return manifest


def _imported(directory: pathlib.Path, task: Task) -> pathlib.Path:
    """The manifest of an imported data set that `task` can be trained on."""
    with _writing(directory):
        Manifest.read(directory).require(task)
    return directory / MANIFEST


def dataset_name(*, task_name: str, task_options: Mapping[str, Any], seed: int, **leaves: Any) -> str:
    """`<task>-<10 hexadecimal digits>`: what defines the data set; workers, limits and paths do not.

    Args:
      leaves: of `generate`; those not given have its defaults.

    Raises:
      ValueError: unknown task, option or leaf.
    """
    unknown = sorted(set(leaves) - set(_leaves()))
    if unknown:
        raise ValueError(f"data sets have no option {unknown[0]!r}; they have: {', '.join(_leaves())}")
    return _name(_identity(tasks.load(task_name, **task_options), seed, _leaves() | leaves))


def _leaves() -> dict[str, Any]:
    parameters = inspect.signature(generate).parameters.values()
    return {leaf.name: leaf.default for leaf in parameters if leaf.default is not leaf.empty}


def _identity(task: Task, seed: int, leaves: Mapping[str, Any]) -> dict[str, Any]:
    """What defines a data set, as it comes back from JSON."""
    defining = {name: value for name, value in leaves.items() if name not in NOT_DEFINING}
    return plain({"task_name": task.name, "task_options": plain(task.options), "seed": seed, **defining})


def _name(config: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    return f"{config['task_name']}-{digest[:10]}"


def _check(config: Mapping[str, Any], counts: Mapping[str, int], *, shard_seconds: float) -> None:
    check_format(config["file_format"])
    for name in ("num_examples", "shard_attempts", "examples_per_file"):
        if config[name] < 1:
            raise ValueError(f"{name} is {config[name]}; it must be 1 or more")
    for name, value in {"seed": config["seed"], **counts}.items():
        if value < 0:
            raise ValueError(f"{name} is {value}; it must be 0 or more")
    if not shard_seconds > 0:
        raise ValueError(f"shard_seconds is {shard_seconds}; it must be above 0")
    shares = config["validation_fraction"], config["test_fraction"]
    if not (all(share >= 0 for share in shares) and sum(shares) < 1):
        raise ValueError(
            f"validation_fraction {shares[0]} and test_fraction {shares[1]} must be 0 or more, and below 1 together"
        )


def _check_engine(options: Mapping[str, Any], shard_attempts: int, shard_seconds: float) -> None:
    """Refuse shards that the slow reference would not end in time: they would be lost as a whole."""
    most = int(shard_seconds / options["engine_seconds"]) if options.get("engine") == "sympy" else shard_attempts
    if shard_attempts > most:
        raise ValueError(
            f"shard_attempts is {shard_attempts}; with engine='sympy' at most {max(most, 1)} attempts of "
            f"engine_seconds {options['engine_seconds']:g} fit into shard_seconds {shard_seconds:g}; lower it"
        )


def _claim(directory: pathlib.Path, config: Mapping[str, Any]) -> pathlib.Path:
    """The folder of attempts, made for this configuration or found to be for it."""
    attempts = directory / ATTEMPTS
    if (attempts / CONFIG).exists():
        _require_same(config, _read_config(attempts / CONFIG), directory)
    else:
        _refuse_foreign(directory)
        attempts.mkdir(parents=True, exist_ok=True)
        write_json(attempts / CONFIG, config)
    return attempts


def _refuse_foreign(directory: pathlib.Path) -> None:
    """Raises where a folder without claim holds files that generation would write over."""
    there = [*(directory / ATTEMPTS).glob("*"), *(path for split in SPLITS for path in directory.glob(f"{split}-*"))]
    foreign = sorted(path for path in there if path.name != CONFIG + PARTIAL)
    if foreign:
        raise GenerationError(
            f"{foreign[0]} is of no data set that this command began, and would be written over; "
            "give another output_dir, or move it away"
        )


def _read_config(path: pathlib.Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GenerationError(f"{path} cannot be read ({error}); give another folder, or delete this one") from None
    return content if isinstance(content, dict) else {}


def _require_same(config: Mapping[str, Any], found: Any, directory: pathlib.Path) -> None:
    if not isinstance(found, Mapping) or "task_name" not in found:
        raise GenerationError(f"{directory} holds files of something that is no data set; give another output_dir")
    for name, ours, theirs in _differences(config, found):
        raise GenerationError(
            f"{directory} holds a data set with {name}={theirs!r}, asked for is {ours!r}; "
            "give another output_dir, or delete that folder"
        )


def _differences(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(name), theirs.get(name)
        if isinstance(mine, Mapping) and isinstance(other, Mapping):
            yield from _differences(mine, other, f"{prefix}{name}.")
        elif mine != other:
            yield prefix + name, mine, other


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends generation as Ctrl-C does."""


@contextlib.contextmanager
def _stoppable(collected: Collected) -> Iterator[None]:
    """Makes SIGTERM end generation as Ctrl-C does, and says what there is then."""

    def stop(*_: object) -> None:
        raise Terminated

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if main else None
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nstopped with {collected.kept:,} of {collected.wanted:,} examples; "
              "the same command goes on from there", file=sys.stderr)  # fmt: skip
        raise
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _writing(directory: pathlib.Path) -> Iterator[None]:
    """Files that cannot be written or read become one clear sentence."""
    try:
        yield
    except RecordError as error:
        raise GenerationError(str(error)) from error
    except OSError as error:
        raise GenerationError(
            f"cannot write {error.filename or directory}: {error.strerror or error}; make room or give another folder, "
            "then run the same command again: finished shards are kept"
        ) from error


@contextlib.contextmanager
def _only_one(directory: pathlib.Path) -> Iterator[None]:
    """Waits until no other process writes the data set; the lock goes with its process, however that ends.

    A finished data set, which may be read-only, is not locked.
    """
    if (directory / MANIFEST).exists() and not (directory / ATTEMPTS).exists():
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with open(directory / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another process is writing {directory}; waiting for it", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _clean(directory: pathlib.Path) -> None:
    """Removes what generation made that is not part of a finished data set, and nothing else."""
    attempts = directory / ATTEMPTS
    partial = (path for name in (*SPLITS, MANIFEST) for path in directory.glob(f"{name}*{PARTIAL}"))
    for path in (*attempts.glob("shard-*"), *attempts.glob(f"{CONFIG}*"), *partial):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not there, or holding what somebody else put there
        attempts.rmdir()
