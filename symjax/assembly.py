"""A config put together: task, data set, model, mesh and decoder, checked before anything is computed."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import Mesh
from ml_collections import ConfigDict

from data_gen import dataset
from symjax import models, tasks
from symjax.config import section
from symjax.data import batches
from symjax.data.manifest import MANIFEST, SPLITS
from symjax.decoding import search
from symjax.evaluation.evaluator import EvaluateOptions
from symjax.tasks import Example, Task
from symjax.tokenization.grammar import compile_grammar
from symjax.training import sharding
from symjax.training.checkpoint import Checkpointer
from symjax.training.optimizer import Optimizer, make_optimizer
from symjax.training.options import TrainOptions
from symjax.training.step import TrainState, class_weights, init_state

LEAVING_SECONDS = 20
"""How long a process that ends waits for the others; where they wait for it, all of them end then."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """What a config amounts to: task, data, model and where they live; no parameters yet.

    Attributes:
      manifest: `dataset.json` of the data set, which `make_data` makes.
      init: () -> fresh TrainState, sharded.
      abstract: its shapes, types and shardings.
      token_weights: by answer id; None where all weigh the same.
      flops: (B, S, T) -> FLOPs of one forward and backward pass.
    """

    task: Task
    manifest: pathlib.Path
    mesh: Mesh
    graphdef: nnx.GraphDef
    optimizer: Optimizer
    init: Callable[[], TrainState]
    abstract: TrainState
    token_weights: np.ndarray | None
    flops: Callable[[int, int, int], int]
    options: TrainOptions
    evals: EvaluateOptions


def home(run_dir: pathlib.Path) -> pathlib.Path:
    """The folder in which data sets and compiled code lie beside the runs; `runs/` itself is not one."""
    return run_dir.parent.parent if run_dir.parent.name == "runs" else run_dir.parent


def make_config(*, task: str, model: str, values: Mapping[str, Mapping[str, Any]]) -> ConfigDict:
    """A locked config whose sections take their keys and defaults from the constructors that they feed."""
    constructors = {
        "task": tasks.constructor(task),
        "dataset": dataset.generate,
        "data": batches.make_dataset,
        "model": models.constructor(model),
        "optimizer": make_optimizer,
        "train": TrainOptions,
        "evals": EvaluateOptions,
        "checkpoint": Checkpointer,
    }
    config = ConfigDict({"seed": 0})
    for name, constructor in constructors.items():
        config[name] = section(constructor, **values.get(name, {}))
    config.task.name, config.model.name = task, model
    config.dataset.seed = 0
    config.lock()
    return config


def set_up(config: ConfigDict, run_dir: pathlib.Path) -> Setup:
    """Everything but parameters and data; writes nothing.

    Raises:
      ValueError: a value of the config that does not fit, with the rule.
    """
    if run_dir.exists() and not run_dir.is_dir():
        raise ValueError(f"--workdir {run_dir} is no folder; name one, or a place for a new one")
    batches.check_options(seed=config.seed, **options_of(config.data))
    options = TrainOptions(**options_of(config.train))
    evals = EvaluateOptions(**options_of(config.evals))
    task = tasks.load(**options_of(config.task))
    mesh = sharding.make_mesh(data=options.mesh_data, model=options.mesh_model)
    sharding.check_batch_size(
        config.data.batch_size, mesh, name="data.batch_size", accumulation=options.gradient_accumulation
    )
    sharding.check_batch_size(evals.batch_size, mesh, name="evals.batch_size")
    optimizer = make_optimizer(num_steps=options.num_steps, **options_of(config.optimizer))
    grammar = task.grammar()
    token_weights = class_weights(task.answer_vocabulary, options.token_weights)
    if evals.decoder not in search.METHODS:
        raise ValueError(f"unknown evals.decoder {evals.decoder!r}; known decoders: {', '.join(search.METHODS)}")
    if evals.suite not in SPLITS:
        raise ValueError(f"unknown evals.suite {evals.suite!r}; known suites: {', '.join(SPLITS)}")
    if options.init_from and not (pathlib.Path(options.init_from) / "checkpoints").is_dir():
        raise ValueError(f"train.init_from {options.init_from} is no run folder: it has no checkpoints")

    def load(rngs: nnx.Rngs) -> models.Model:
        return models.load(
            problem_vocabulary_size=len(task.problem_vocabulary),
            answer_vocabulary_size=len(task.answer_vocabulary),
            problem_code_depth=task.code_depth,
            answer_code_sizes=grammar.code_sizes,
            max_problem_length=task.max_problem_length,
            max_answer_length=task.max_answer_length,
            rngs=rngs,
            **options_of(config.model),
        )

    def init() -> TrainState:
        params = nnx.to_pure_dict(nnx.split(load(nnx.Rngs(config.seed)))[1])
        return init_state(params, optimizer, seed=config.seed)

    model = nnx.eval_shape(lambda: load(nnx.Rngs(0)))
    shapes = jax.eval_shape(init)
    shardings = sharding.tree_shardings(shapes, mesh)
    return Setup(
        task=task,
        manifest=_data_directory(config, run_dir) / MANIFEST,
        mesh=mesh,
        graphdef=nnx.split(model)[0],
        optimizer=optimizer,
        init=jax.jit(init, out_shardings=shardings),
        abstract=jax.tree.map(
            lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), shapes, shardings
        ),
        token_weights=token_weights if options.token_weights else None,
        flops=model.flops,
        options=options,
        evals=evals,
    )


def make_data(config: ConfigDict, setup: Setup) -> None:
    """Returns when the data set is there, made by the first process where it was not."""
    if jax.process_index() == 0:
        dataset.generate(output_dir=setup.manifest.parent, **_data_options(config))
    while not setup.manifest.exists():  # a collective would run into its time limit
        time.sleep(0.5)
    barrier()


def _data_options(config: ConfigDict) -> dict[str, Any]:
    task = options_of(config.task)
    return {"task_name": task.pop("name"), "task_options": task, **options_of(config.dataset)}


def _data_directory(config: ConfigDict, run_dir: pathlib.Path) -> pathlib.Path:
    """Data sets lie beside the runs, under a name that says what they are, so runs share them; or were imported."""
    if config.dataset.imported:
        return pathlib.Path(config.dataset.imported)
    return home(run_dir) / "data" / dataset.dataset_name(**_data_options(config))


def make_decode(setup: Setup, *, constrained: bool = True) -> Callable[[Any, Any], Any]:
    """(parameters, batch of this process) -> a `Decoded` of its rows in NumPy arrays."""
    tables = compile_grammar(setup.task.grammar(), setup.task.answer_vocabulary)

    @functools.partial(jax.jit, out_shardings=sharding.batch_sharding(setup.mesh))
    def decode(params: Any, batch: Any) -> search.Decoded:
        model = nnx.merge(setup.graphdef, params)
        return search.decode(
            model,
            batch,
            tables,
            max_length=setup.task.max_answer_length,
            method=setup.evals.decoder,
            constrained=constrained,
        )

    return lambda params, batch: sharding.local_rows(decode(params, sharding.shard_batch(batch, setup.mesh)))


def evaluation_batches(setup: Setup, split: str, num_examples: int) -> Iterator[tuple[batches.Batch, list[Example]]]:
    """This process's share of the first `num_examples` (0: all) of the split, in batches of one shape."""
    return batches.evaluation_batches(
        setup.manifest.parent,
        split,
        setup.task,
        batch_size=setup.evals.batch_size // jax.process_count(),
        limit=num_examples or None,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )


def barrier() -> None:
    """Returns when every process has called it."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("symjax")


def gather(items: list[Any]) -> list[Any]:
    """JSON-able `items` of all processes, in every process alike; each may have as many as it likes."""
    if jax.process_count() == 1:
        return items
    text = np.frombuffer(json.dumps(items).encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.array([len(text)])).ravel()
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(text)] = text
    texts = np.asarray(multihost_utils.process_allgather(padded)).reshape(len(sizes), -1)
    return [item for row, size in zip(texts, sizes, strict=True) for item in json.loads(row[:size].tobytes())]


def options_of(section: ConfigDict) -> dict[str, Any]:
    """The keywords of a section."""
    return dict(section.to_dict())


def input_options(config: ConfigDict) -> dict[str, Any]:
    """Keywords of the input pipeline, this process's slice included."""
    slice_of = {"process_index": jax.process_index(), "process_count": jax.process_count()}
    return {"seed": config.seed, **slice_of, **options_of(config.data)}


def start_jax(cache: pathlib.Path, *, coordinator: str | None, num_processes: int, process_id: int, find: bool) -> None:
    """Joins the other processes, if any, and keeps compiled code in `cache` unless the environment names a folder.

    Args:
      coordinator: host:port of the first process, None for a single one.
      find: the environment (a TPU pod, Slurm) knows the processes.

    Raises:
      ValueError: the processes cannot find each other.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache))
    if not (coordinator or find):
        return
    try:
        if coordinator:
            jax.distributed.initialize(coordinator, num_processes, process_id, shutdown_timeout_seconds=LEAVING_SECONDS)
        else:
            jax.distributed.initialize(shutdown_timeout_seconds=LEAVING_SECONDS)
    except RuntimeError as error:
        raise ValueError(f"process {process_id} of {num_processes} at {coordinator} cannot join: {error}") from error
