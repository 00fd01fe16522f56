"""A run folder made of a few real problems and answers of known faults."""

from __future__ import annotations

import dataclasses
import json
import random
import types

import numpy as np
import pytest

from symjax import tasks
from symjax.evaluation.evaluator import EvaluateOptions, evaluate
from symjax.tasks import Example
from symjax.tokenization.vocabulary import EOS_ID


def distinct(task, count):
    rng, found = random.Random(4), {}
    while len(found) < count:
        example = task.sample(rng)
        if isinstance(example, Example):
            found.setdefault(example.metadata["fingerprint"], example)
    return list(found.values())


def spoiled(answer):
    """The answer with its last digit changed."""
    return (*answer[:-1], "1" if answer[-1] != "1" else "2")


def write_run(folder, *, examples=120):
    task = tasks.load("taylor")
    found = distinct(task, examples)
    test, training = found[: examples * 3 // 4], found[examples * 3 // 4 :]
    known = {example.answer for example in training}
    test = [
        dataclasses.replace(one, metadata={**one.metadata, "label_unseen": one.answer not in known}) for one in test
    ]

    def batches():
        yield types.SimpleNamespace(example_ids=np.arange(len(test))), test

    def decode(_batch):
        ids = np.zeros((len(test), 1, task.max_answer_length), np.int32)
        for row, example in enumerate(test):
            answer = spoiled(example.answer) if row % 3 == 0 else example.answer
            encoded = [*task.answer_vocabulary.encode(answer), EOS_ID]
            ids[row, 0, : len(encoded)] = encoded
        return types.SimpleNamespace(tokens=ids, scores=-np.linspace(0.01, 3, len(test))[:, None])

    folder.mkdir(parents=True)
    options = {"name": "taylor", **{key: list(v) if isinstance(v, tuple) else v for key, v in task.options.items()}}
    (folder / "config.json").write_text(json.dumps({"seed": 0, "task": options}))
    (folder / "dataset.json").write_text(json.dumps({"rejections": {"branch": 12}}))
    (folder / "provenance.json").write_text(json.dumps({"commit": "0123456789abcdef", "dataset": "taylor-abc"}))
    lines = [
        {"step": step, "kind": "train", "loss": 3 / step, "cross_entropy": 3 / step} for step in range(10, 100, 10)
    ]
    lines += [
        {"step": step, "kind": "validation", "cross_entropy": 4 / step, "proved": step / 200} for step in (50, 90)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    evaluate(
        run_dir=folder,
        task=task,
        decode=decode,
        decode_unconstrained=decode,
        batches=batches,
        training_examples=lambda: training,
        options=EvaluateOptions(bootstrap=50),
        provenance={"checkpoint_step": 90},
    )
    return folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "taylor_transformer-tiny")


@pytest.fixture
def run_dir(made_once, tmp_path):
    """A copy to spoil."""
    import shutil

    return shutil.copytree(made_once, tmp_path / made_once.name)
