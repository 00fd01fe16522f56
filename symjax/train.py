"""From a config to a trained, evaluated and reported model."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from data_gen.runners import GenerationError
from symjax.analysis import report
from symjax.assembly import (
    Setup,
    barrier,
    evaluation_batches,
    gather,
    input_options,
    make_data,
    make_decode,
    options_of,
    set_up,
)
from symjax.data import batches
from symjax.data.manifest import Manifest, load_examples
from symjax.evaluation import evaluator
from symjax.training import run_folder, sharding
from symjax.training.checkpoint import Checkpointer
from symjax.training.metrics_writer import MetricsWriter
from symjax.training.progress import (
    DivergenceError,
    Progress,
    Rates,
    StopRequest,
    Window,
    duration,
    say,
)
from symjax.training.step import make_loss_step, make_train_step, means

USER_ERRORS = (ValueError, OSError, GenerationError, DivergenceError)
"""What a user's value, file or machine can cause; the message is one sentence that says what to do."""


def train_and_evaluate(config: ConfigDict, workdir: str | pathlib.Path) -> pathlib.Path:
    """Trains in `workdir`, or goes on there, then evaluates the best checkpoint and writes the report.

    A second call with the same arguments goes on from the last complete checkpoint, and ends in the same parameters,
    metrics and report as if the first had never stopped.

    Returns:
      Path of `report.html`.

    Raises:
      ValueError, OSError: something asked for cannot be; the message says what, and nothing was damaged.
      DivergenceError: the loss is no number any more.
      Interrupted: Ctrl-C or SIGTERM; the state was saved.
    """
    run_dir = pathlib.Path(workdir)
    setup = set_up(config, run_dir)
    options = setup.options
    with _alone(run_dir):
        checkpointer = Checkpointer(run_dir / "checkpoints", **options_of(config.checkpoint))
        checkpointer.remove_unfinished()
        if checkpointer.latest_step is not None:
            run_folder.check_config(run_dir, run_folder.plain(config))
        make_data(config, setup)
        data = batches.make_dataset(setup.manifest.parent, "train", setup.task, **input_options(config))
        iterator = iter(data)

        # Four ways to start, the first that applies: the run is finished; it resumes; it takes the parameters of
        # another run; it begins from nothing.
        step, progress = 0, Progress()
        if checkpointer.latest_step is not None:
            step = checkpointer.latest_step
            state, position, meta = checkpointer.restore(step, setup.abstract)
            batches.require_same_pipeline(meta["data_fingerprint"], data.fingerprint, f"{run_dir}")
            iterator.set_state(position)
            progress = Progress(**meta["progress"])
            say(f"going on at step {step} of {options.num_steps} in {run_dir}")
        else:
            if jax.process_index() == 0:
                run_folder.write_json(run_dir / "config.json", run_folder.plain(config))
                run_folder.write_json(run_dir / "provenance.json", run_folder.provenance(setup.manifest))
                shutil.copy(setup.manifest, run_dir)
            state = setup.init()
            if options.init_from:
                state = dataclasses.replace(state, params=_borrowed(options.init_from, setup))

        # One compilation: what goes in and comes out has pinned shardings, and every batch of a bucket one shape.
        step_function = make_train_step(
            setup.graphdef,
            setup.optimizer,
            label_smoothing=options.label_smoothing,
            token_weights=setup.token_weights,
            gradient_accumulation=options.gradient_accumulation,
        )
        shardings = jax.tree.map(lambda leaf: leaf.sharding, setup.abstract)
        train_step = jax.jit(
            step_function, donate_argnums=0, out_shardings=(shardings, sharding.replicated(setup.mesh))
        )
        validate, finite = make_validation(setup), make_finite(setup)
        writer = MetricsWriter(run_dir, resume_step=step, active=jax.process_index() == 0)
        window, rates = Window(progress.window), Rates(batch_size=config.data.batch_size)

        def save(metrics: dict[str, float]) -> None:
            meta = {
                "progress": dataclasses.asdict(dataclasses.replace(progress, window=window.saved())),
                "data_fingerprint": dict(data.fingerprint),
            }
            checkpointer.save(step, state, data_state=iterator.get_state(), meta=meta, metrics=metrics)

        with contextlib.closing(writer), contextlib.closing(checkpointer), StopRequest() as stop:
            pending = None
            while step < options.num_steps and not progress.finished(options.patience):
                batch = sharding.shard_batch(next(iterator), setup.mesh)
                state, metrics = train_step(state, batch)
                step += 1
                # The numbers of the step before are read while the device works on this one.
                if pending is not None:
                    _read(window, *pending, checkpointer)
                pending = (step, metrics)
                rates.step(setup.flops(len(batch.inputs), batch.inputs.shape[1], batch.targets.shape[1]))
                if rates.steps_in_all == 1:
                    jax.block_until_ready(metrics)
                    rates.compiled()
                logs = step % options.log_every == 0 or step == options.num_steps
                evaluates = step % options.eval_every == 0 or step == options.num_steps
                stops = _agreed(stop, logs)
                saves = evaluates or stops or (checkpointer.save_every and step % checkpointer.save_every == 0)
                if not (logs or saves):
                    continue
                _read(window, *pending, checkpointer)
                pending = None
                if saves and not finite(state.params):
                    raise _diverged(f"a parameter is no number after step {step}", checkpointer)
                if logs:
                    steps_in_window, values = window.count, window.take()
                    values |= rates.take((values["problem_tokens"] + values["target_tokens"]) / steps_in_window)
                    writer.write(step, "train", values)
                    say(_line(step, options.num_steps, values, rates))
                score = {}
                if evaluates:
                    values = validate(state.params)
                    score = {"score": _score(values)}
                    progress = progress.after(score["score"])
                    writer.write(step, "validation", values | {"seconds": rates.take(0.0)["seconds"]})
                    say(_validation_line(step, values, progress))
                if saves:
                    save(score)
                rates.start()
                if stops:
                    break
            checkpointer.wait()
            if _agreed(stop, logs=True):
                raise stop.interrupted(f"saved step {step} of {options.num_steps} in {run_dir}")
            compilations = train_step._cache_size()  # pyright: ignore[reportAttributeAccessIssue]
            say(f"trained {step} steps, {compilations} compilation(s); best: step {checkpointer.best_step}")
        return _evaluate(config, run_dir, setup)


def evaluate(config: ConfigDict, workdir: str | pathlib.Path) -> pathlib.Path:
    """Judges the best checkpoint of `workdir` on the suite that `config.evals` names, and writes the report.

    Returns:
      Path of `report.html`.

    Raises:
      ValueError: there is no checkpoint, or it is of another model or data set.
    """
    run_dir = pathlib.Path(workdir)
    setup = set_up(config, run_dir)
    if not (run_dir / "config.json").exists():
        raise ValueError(f"{run_dir} holds no run; train it first, with --mode=train, or name another --workdir")
    with _alone(run_dir):
        run_folder.check_config(run_dir, run_folder.plain(config))
        make_data(config, setup)
        return _evaluate(config, run_dir, setup)


def _evaluate(config: ConfigDict, run_dir: pathlib.Path, setup: Setup) -> pathlib.Path:
    checkpointer = Checkpointer(run_dir / "checkpoints", **options_of(config.checkpoint))
    step = checkpointer.best_step
    if step is None:
        raise ValueError(f"{run_dir} has no checkpoint yet; train it first, with --mode=train")
    params = checkpointer.restore_params(step, setup.abstract.params)
    learnt = checkpointer.meta(step)["data_fingerprint"]["data"]
    batches.require_same_pipeline({"data": learnt}, {"data": Manifest.read(setup.manifest.parent).hash}, f"{run_dir}")
    checkpointer.close()
    evals = setup.evals
    decode = functools.partial(make_decode(setup), params)
    say(f"evaluating step {step} on the {evals.suite} split")
    evaluator.evaluate(
        run_dir=run_dir,
        task=setup.task,
        decode=decode,
        decode_unconstrained=functools.partial(make_decode(setup, constrained=False), params),
        batches=lambda: evaluation_batches(setup, evals.suite, evals.num_examples),
        training_examples=lambda: load_examples(setup.manifest.parent, "train", setup.task),
        options=evals,
        provenance={"checkpoint_step": step, **run_folder.provenance(setup.manifest)},
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        barrier=barrier,
        gather=gather,
    )
    path = run_dir / "report.html"
    if jax.process_index() == 0:
        path = report.write_report(run_dir)
        say(f"report: {path}")
    barrier()
    return path


def make_validation(setup: Setup) -> Callable[[Any], dict[str, float]]:
    """Parameters -> figures of free-running decoding and the teacher-forced loss, on the validation split."""
    if not Manifest.read(setup.manifest.parent).count("validation"):
        raise ValueError(f"{setup.manifest.parent} has no validation examples; raise dataset.validation_fraction")
    decode = make_decode(setup)
    # Weighted as in training, so that the two curves can be compared.
    loss_step = make_loss_step(setup.graphdef, token_weights=setup.token_weights)
    loss_step = jax.jit(loss_step, out_shardings=sharding.replicated(setup.mesh))

    def validate(params: Any) -> dict[str, float]:
        items = list(evaluation_batches(setup, "validation", setup.options.eval_examples))
        found = [jax.device_get(loss_step(params, sharding.shard_batch(batch, setup.mesh))) for batch, _ in items]
        sums = {name: np.sum([each[name] for each in found]) for name in found[0]}
        figures = evaluator.validate(
            task=setup.task, decode=functools.partial(decode, params), batches=items, gather=gather
        )
        return {name: float(value) for name, value in (means(sums) | figures).items()}

    return validate


def make_finite(setup: Setup) -> Callable[[Any], bool]:
    """Parameters -> whether all of them are finite: a step can spoil them whose own loss and gradient are good."""

    @functools.partial(jax.jit, out_shardings=sharding.replicated(setup.mesh))
    def finite(params: Any) -> jax.Array:
        return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(params)]))

    return lambda params: bool(finite(params))


def _score(figures: dict[str, float]) -> float:
    """What makes a checkpoint the best: the rate of solved problems; equals are told apart by the loss."""
    return _solved(figures) - 1e-6 * float(np.fmin(figures["cross_entropy"], 100.0))  # 100 also for NaN


def _solved(figures: dict[str, float]) -> float:
    """The rate of what counts as solved, which a task may ask more of than that it is proved."""
    return figures.get("solved", figures["proved"])


def _borrowed(run: str, setup: Setup) -> Any:
    """Parameters of the best checkpoint of the run in folder `run`."""
    with contextlib.closing(Checkpointer(pathlib.Path(run) / "checkpoints")) as source:
        if source.best_step is None:
            raise ValueError(f"train.init_from {run} has no finished checkpoint")
        return source.restore_params(source.best_step, setup.abstract.params)


def _read(window: Window, step: int, metrics: Any, checkpointer: Checkpointer) -> None:
    """Adds a step to the window.

    Raises:
      DivergenceError: with the last good checkpoint.
    """
    try:
        window.add(step, metrics)
    except DivergenceError as error:
        raise _diverged(str(error), checkpointer) from None


def _diverged(what: str, checkpointer: Checkpointer) -> DivergenceError:
    """The error that says `what` is no number, and where the last good checkpoint is."""
    checkpointer.wait()
    good = checkpointer.latest_step
    where = (
        f"the last good checkpoint is {checkpointer.directory / str(good)}" if good else "there is no checkpoint yet"
    )
    return DivergenceError(f"{what}; {where}; try a smaller optimizer.learning_rate in a new --workdir")


def _agreed(stop: StopRequest, logs: bool) -> bool:
    """Whether to stop after this step; several processes agree on it when they log, since all must save together."""
    if jax.process_count() == 1:
        return bool(stop.signal_number)
    return logs and bool(multihost_utils.process_allgather(np.array([stop.signal_number])).any())


@contextlib.contextmanager
def _alone(run_dir: pathlib.Path) -> Iterator[None]:
    """The first process locks the folder for all of them."""
    with run_folder.locked(run_dir) if jax.process_index() == 0 else contextlib.nullcontext():
        yield


def _line(step: int, num_steps: int, values: dict[str, float], rates: Rates) -> str:
    parts = [
        f"step {step:>{len(str(num_steps))}}/{num_steps}",
        f"loss {values['loss']:.4f}",
        f"token accuracy {values['token_accuracy']:.1%}",
    ]
    if "examples_per_second" not in values:  # the first step, whose time is that of compilation
        return " | ".join(parts)
    parts += [f"{values['examples_per_second']:,.0f} examples/s", f"{values['tokens_per_second']:,.0f} tokens/s"]
    if "model_flops_utilisation" in values:
        parts.append(f"MFU {values['model_flops_utilisation']:.1%}")
    return " | ".join([*parts, f"{duration(rates.time_left(num_steps - step))} left"])


def _validation_line(step: int, values: dict[str, float], progress: Progress) -> str:
    best = "best so far" if progress.since_best == 0 else f"{progress.since_best} evaluation(s) since the best"
    return f"step {step} | validation: {_solved(values):.1%} solved, loss {values['cross_entropy']:.4f} | {best}"
