"""Checkpoints of a run: the latest ones and the best one, written in the background, refused when they do not fit."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils

from symjax.training.step import TrainState

_POLICY = ocp.checkpoint_managers.preservation_policy
_STATE_ITEMS = ("params", "opt_state", "rest")


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or that belongs to another model or data set."""


class Checkpointer:
    """The checkpoints in one folder.  A checkpoint is complete or it is not there: a kill leaves the ones before.

    Args:
      directory: made if missing.
      keep_latest: how many of the newest checkpoints stay, for resuming.
      keep_best: how many of those with the highest score stay besides.
      save_every: steps between checkpoints besides those that every evaluation writes; 0 for none.
      background: write while training goes on.
    """

    def __init__(
        self,
        directory: str | pathlib.Path,
        *,
        keep_latest: int = 2,
        keep_best: int = 1,
        save_every: int = 0,
        background: bool = True,
    ) -> None:
        if keep_latest < 1 or keep_best < 1 or save_every < 0:
            raise ValueError(
                f"checkpoint.keep_latest {keep_latest} and keep_best {keep_best} must be at least 1, "
                f"save_every {save_every} at least 0"
            )
        self.directory = pathlib.Path(directory).absolute()
        self.save_every = save_every
        self.directory.mkdir(parents=True, exist_ok=True)
        best = _POLICY.BestN(get_metric_fn=_score, n=keep_best, keep_checkpoints_without_metrics=False)
        options = ocp.CheckpointManagerOptions(
            best_fn=_score,  # without it Orbax writes no metrics
            preservation_policy=_POLICY.AnyPreservationPolicy([_POLICY.LatestN(keep_latest), best]),
            enable_async_checkpointing=background,
        )
        handlers = {name: ocp.StandardCheckpointHandler() for name in _STATE_ITEMS}
        handlers["meta"] = ocp.JsonCheckpointHandler()
        self._manager = ocp.CheckpointManager(epath.Path(self.directory), options=options, item_handlers=handlers)

    def remove_unfinished(self) -> None:
        """Removes what killed writers left half done; call it only where no other process can be writing."""
        if jax.process_index() == 0:
            for unfinished in self.directory.glob("*.orbax-checkpoint-tmp*"):
                shutil.rmtree(unfinished)
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("symjax: unfinished checkpoints removed")

    @property
    def latest_step(self) -> int | None:
        """Step of the newest checkpoint, None if there is none."""
        return self._manager.latest_step()

    def scores(self) -> dict[int, float]:
        """Step -> score of the checkpoints that have one, when all are on disk."""
        self.wait()
        found = {}
        for step in self._manager.all_steps():
            metrics = self._manager.metrics(step)
            if metrics and "score" in metrics:
                found[int(step)] = float(metrics["score"])
        return found

    @property
    def best_step(self) -> int | None:
        """Step of the highest score, the later of equals; the latest step where no checkpoint has a score."""
        scores = self.scores()
        return max(scores, key=lambda step: (scores[step], step)) if scores else self.latest_step

    def save(
        self, step: int, state: TrainState, *, data_state: Any, meta: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> None:
        """Starts writing checkpoint `step`; the state's buffers may be donated straight after.

        Args:
          data_state: JSON-able position of the data iterator, the same in every process.
          meta: JSON-able; `restore` gives it back.
          metrics: "score" decides which checkpoint is the best; empty for checkpoints outside that contest.

        Raises:
          OSError: it cannot be written, or an earlier one could not; earlier complete ones are untouched.
        """
        if step in self._manager.all_steps():
            return
        items = {
            "params": ocp.args.StandardSave(_text_keys(state.params)),
            "opt_state": ocp.args.StandardSave(_text_keys(state.opt_state)),
            "rest": ocp.args.StandardSave({"step": state.step, "key": state.key}),
            "meta": ocp.args.JsonSave({**meta, "data_state": data_state}),
        }
        with _Writing(self.directory):
            self._manager.save(step, args=ocp.args.Composite(**items), metrics=dict(metrics) or None)

    def restore(self, step: int, abstract: TrainState) -> tuple[TrainState, Any, dict[str, Any]]:
        """State, data position and meta of checkpoint `step`.

        Args:
          abstract: a state of `ShapeDtypeStruct`s with shardings, of the model that is to go on.

        Raises:
          CheckpointError: shapes, names or types differ, or the files are damaged.
        """
        rest = {"step": abstract.step, "key": abstract.key}
        found = self._restore(step, {"params": abstract.params, "opt_state": abstract.opt_state, "rest": rest})
        meta = self.meta(step)
        position = meta.pop("data_state")
        return TrainState(params=found["params"], opt_state=found["opt_state"], **found["rest"]), position, meta

    def restore_params(self, step: int, abstract_params: Any) -> Any:
        """Only the parameters of checkpoint `step`; raises as `restore` does."""
        return self._restore(step, {"params": abstract_params})["params"]

    def meta(self, step: int) -> dict[str, Any]:
        """What `save` was given as meta, and "data_state"."""
        with _Reading(self.directory / str(step)):
            return dict(self._manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore()))["meta"])

    def wait(self) -> None:
        """Returns when everything is on disk.

        Raises:
          OSError: a write failed.
        """
        with _Writing(self.directory):
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits and releases the background writer."""
        with _Writing(self.directory):
            self._manager.close()

    def _restore(self, step: int, abstract: Mapping[str, Any]) -> dict[str, Any]:
        self.wait()
        self._check(step, abstract)
        args = {name: ocp.args.StandardRestore(_text_keys(tree)) for name, tree in abstract.items()}
        with _Reading(self.directory / str(step)):
            found = self._manager.restore(step, args=ocp.args.Composite(**args))
        return {name: _with_keys_of(tree, found[name]) for name, tree in abstract.items()}

    def _check(self, step: int, abstract: Mapping[str, Any]) -> None:
        """Compares names, shapes and types with those on disk: Orbax alone would cast types in silence."""
        for name, tree in abstract.items():
            with _Reading(self.directory / str(step)):
                metadata = self._manager.item_metadata(step)[name]
                stored = _leaves(getattr(metadata, "tree", metadata))
            wanted = _leaves(_text_keys(tree))
            for path in [*wanted, *stored]:
                here, there = wanted.get(path), stored.get(path)
                if here != there:
                    raise CheckpointError(
                        f"checkpoint {self.directory / str(step)} is of another model: {name}/{path} is "
                        f"{there or 'missing'} there and {here or 'missing'} here; use the config it was made with, "
                        "or another --workdir"
                    )


def _score(metrics: Mapping[str, float]) -> float:
    return metrics["score"]


class _Writing(contextlib.AbstractContextManager[None]):
    """Turns what a failed write raises, whatever the library, into an OSError with the folder's name."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (OSError, ValueError, jax.errors.JaxRuntimeError)):
            raise OSError(
                f"no checkpoint could be written to {self.directory} ({_one_line(error)}); make room where the disk is "
                "full, then run the same command again: it goes on from the last complete one"
            ) from error


class _Reading(_Writing):
    """Turns what a failed read raises into a CheckpointError.  Orbax raises the bare `Exception` for damaged arrays."""

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if kind is Exception or isinstance(error, (ValueError, OSError, KeyError, TypeError, AttributeError)):
            raise CheckpointError(
                f"checkpoint {self.directory} cannot be read ({_one_line(error)}); remove that folder to go on from "
                "the one before"
            ) from error


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:200]


def _text_keys(tree: Any) -> Any:
    """`tree` with the keys of its dictionaries as strings, as they come back from disk."""
    if isinstance(tree, dict):
        return {str(key): _text_keys(value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_text_keys(value) for value in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(_text_keys(value) for value in tree)
    return tree


def _with_keys_of(like: Any, tree: Any) -> Any:
    """`tree`, restored with text keys, in the structure of `like`."""
    places = _leaves(tree, lambda leaf: leaf)
    return jax.tree_util.tree_map_with_path(lambda path, _: places[_path(path)], like)


def _leaves(tree: Any, value: Any = None) -> dict[str, Any]:
    value = value or (lambda leaf: f"{np.dtype(leaf.dtype).name}{list(leaf.shape)}")
    return {_path(path): value(leaf) for path, leaf in _items(tree)}


def _items(tree: Any) -> Iterator[tuple[Any, Any]]:
    yield from jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda node: hasattr(node, "shape"))[0]


def _path(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
