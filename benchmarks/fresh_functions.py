"""Quality of finished runs on functions that neither their training nor any choice of preset has seen.

python -m benchmarks.fresh_functions runs/taylor_transformer-default [more runs ...] [--dataset_seed=1]

Draws a data set with another seed and takes its test split, less the functions of the run's own test split.  Which
split a function belongs to is decided by its fingerprint, so none of these is a training function of the run either.
Every run is judged on all of them as `main.py --mode=evaluate` does it; rows and summary go to the run's folder
`evaluation/fresh_functions-<decoder>`.  "Unseen answers" means: by the run's own training split.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from symjax.assembly import evaluation_batches, make_data, make_decode, options_of, set_up
from symjax.data.manifest import Manifest, load_examples
from symjax.evaluation import evaluator
from symjax.tasks import Example
from symjax.training.checkpoint import Checkpointer
from symjax.training.run_folder import provenance


def judge(run_dir: pathlib.Path, dataset_seed: int) -> dict[str, Any]:
    """The summary of the run's best checkpoint on the fresh functions."""
    config = ConfigDict(json.loads((run_dir / "config.json").read_text(encoding="utf-8")), convert_dict=True)
    own = set_up(config, run_dir).manifest
    config.dataset.seed += dataset_seed
    setup = set_up(config, run_dir)
    make_data(config, setup)
    training = load_examples(own.parent, "train", setup.task)
    drawn = load_examples(setup.manifest.parent, "test", setup.task)
    held_out = [e for split in ("validation", "test") for e in load_examples(own.parent, split, setup.task)]
    known = {example.metadata["fingerprint"] for example in held_out}
    known_answers = {example.answer for example in training}
    learnt = {example.metadata["fingerprint"] for example in training}
    if any(example.metadata["fingerprint"] in learnt for example in drawn):
        raise ValueError(f"{setup.manifest} tests a function that {own} trains on: their split fractions differ")

    def batches() -> Iterator[tuple[Any, list[Example]]]:
        for batch, examples in evaluation_batches(setup, "test", 0):
            fresh = [example.metadata["fingerprint"] not in known for example in examples]
            fresh += [False] * (len(batch.example_ids) - len(examples))
            marked = [
                dataclasses.replace(
                    example, metadata={**example.metadata, "label_unseen": example.answer not in known_answers}
                )
                for example, kept in zip(examples, fresh, strict=False)
                if kept
            ]
            yield dataclasses.replace(batch, example_ids=np.where(fresh, batch.example_ids, evaluator.PADDING)), marked

    checkpointer = Checkpointer(run_dir / "checkpoints", **options_of(config.checkpoint))
    step = checkpointer.best_step
    if step is None:
        raise ValueError(f"{run_dir} has no checkpoint")
    params = checkpointer.restore_params(step, setup.abstract.params)
    checkpointer.close()
    print(f"{run_dir.name}: step {step}, {len(drawn)} test functions of seed {config.dataset.seed}", flush=True)
    return evaluator.evaluate(
        run_dir=run_dir,
        task=setup.task,
        decode=functools.partial(make_decode(setup), params),
        decode_unconstrained=None,
        batches=batches,
        training_examples=lambda: training,
        options=dataclasses.replace(setup.evals, suite="fresh_functions"),
        provenance={"checkpoint_step": step, "run_data": Manifest.read(own.parent).hash, **provenance(setup.manifest)},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    parser.add_argument("--dataset_seed", type=int, default=1, help="added to that of the run; not 0")
    args = parser.parse_args()
    if not args.dataset_seed:
        parser.error("--dataset_seed=0 is the run's own data set")
    for run_dir in args.runs:
        summary = judge(run_dir.absolute(), args.dataset_seed)
        for name in ("model", "nearest_neighbour"):
            for items in ("all", "label_unseen"):
                table = summary["predictors"][name][items]
                proved = table["verdicts"]["proved"]
                print(
                    f"  {name}, {items}: {proved['value']:.1%} proved ({proved['low']:.1%} to {proved['high']:.1%}) "
                    f"of {table['count']}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
