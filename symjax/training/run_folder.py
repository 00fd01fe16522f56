"""What a run folder says about itself: its config, where it came from, and who is working in it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import jax

# What may differ between two starts of one run, because no update depends on it.
FREE = ("evals.", "checkpoint.", "dataset.workers", "data.prefetch")
PACKAGES = ("symjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "python-flint", "sympy")


def plain(config: Any) -> dict[str, Any]:
    """The config as JSON would give it back: tuples are lists, references are resolved."""
    return json.loads(json.dumps(config.to_dict()))


def check_config(run_dir: pathlib.Path, config: Mapping[str, Any]) -> None:
    """Refuses to go on with a run under another config than it was begun with.

    Raises:
      ValueError: with the first key that differs and both values.
    """
    path = run_dir / "config.json"
    try:
        before = flat(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}), so this run cannot go on; choose another --workdir"
        ) from error
    now = flat(config)
    for key in sorted(before.keys() | now.keys()):
        if not key.startswith(FREE) and before.get(key) != now.get(key):
            raise ValueError(
                f"{run_dir} was begun with {key}={before.get(key)!r} and this start has {now.get(key)!r}; "
                "use the same value to go on, or another --workdir to begin anew"
            )


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes beside and renames, so that `path` is the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, path)


def provenance(manifest: pathlib.Path) -> dict[str, Any]:
    """Commit, versions, machine kind and the hash of the data set's manifest."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "commit": _commit(),
        "versions": versions,
        "python": platform.python_version(),
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "processes": jax.process_count(),
        "dataset": manifest.parent.name,
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
    }


@contextlib.contextmanager
def locked(run_dir: pathlib.Path) -> Iterator[None]:
    """Holds the folder, made if missing, for this process; the system lets go of it however the process ends.

    Raises:
      OSError: another process works in it, or it cannot be made.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with open(run_dir / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(
                f"another process is working in {run_dir}; wait for it, or choose another --workdir"
            ) from None
        yield


def _commit() -> str:
    """Hash of the checked-out commit, followed by " and changes" where files that git tracks differ from it."""
    here = pathlib.Path(__file__).parent
    command = ["git", "describe", "--always", "--exclude=*", "--abbrev=40", "--dirty= and changes"]
    try:
        found = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() if found.returncode == 0 else "unknown"
