"""Batches hold what was stored, every example once an epoch, and go on exactly where they stopped."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import shutil

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_gen.dataset import generate
from symjax import tasks
from symjax.data.batches import (
    Batch,
    evaluation_batches,
    load_examples,
    make_dataset,
    require_same_pipeline,
)
from symjax.data.manifest import Manifest
from symjax.data.records import RecordError
from symjax.data.rows import Rows, cut
from symjax.tokenization.grammar import answer_codes, compile_grammar
from symjax.tokenization.vocabulary import EOS_ID

TASK = tasks.load("taylor", max_depth=3)
NUM_EXAMPLES = 1300
BUCKETS = ((6, 18), (12, 30))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set"
    options = {"num_examples": NUM_EXAMPLES, "shard_attempts": 2000, "examples_per_file": 600, "workers": 1}
    generate(task_name="taylor", task_options={}, seed=3, output_dir=path, test_fraction=0.2, **options)
    return path


def dataset(folder, *, seed=0, process_index=0, process_count=1, **options):
    options = {"prefetch": 0, "window": 2, "batch_size": 32} | options
    return make_dataset(
        folder, "train", TASK, seed=seed, process_index=process_index, process_count=process_count, **options
    )


def assert_same(first: Batch, second: Batch) -> None:
    for field in dataclasses.fields(Batch):
        one, other = getattr(first, field.name), getattr(second, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, err_msg=field.name)


def take(iterator, count: int) -> list[Batch]:
    return list(itertools.islice(iterator, count))


@pytest.mark.parametrize("buckets", [(), BUCKETS])
def test_rows_hold_the_stored_examples(folder, buckets):
    manifest = Manifest.read(folder)
    stored = {item.index: item for block in manifest.blocks("train") for item in block.examples()}
    tables = compile_grammar(TASK.grammar(), TASK.answer_vocabulary)
    for batch in take(iter(dataset(folder, buckets=buckets)), 12):
        for row, index in enumerate(batch.example_ids.tolist()):
            source, target = stored[index].problem, [*stored[index].answer, EOS_ID]
            s, t = len(source), len(target)
            assert (batch.input_lengths[row], batch.target_lengths[row]) == (s, t)
            assert batch.inputs[row].tolist() == source + [0] * (batch.inputs.shape[1] - s)
            assert batch.targets[row].tolist() == target + [0] * (batch.targets.shape[1] - t)
            assert batch.weights[row].tolist() == [1.0] * t + [0.0] * (batch.targets.shape[1] - t)
            np.testing.assert_array_equal(batch.input_codes[row, :s], TASK.problem_codes(np.array([source]))[0])
            np.testing.assert_array_equal(batch.target_codes[row, :t], answer_codes(tables, np.array([target]))[0])
            assert not batch.input_codes[row, s:].any()
            assert not batch.target_codes[row, t:].any()


@pytest.mark.parametrize("buckets", [(), BUCKETS])
def test_every_example_once_an_epoch(folder, buckets):
    data = dataset(folder, buckets=buckets, window=1)
    blocks = sum(file.blocks for file in Manifest.read(folder).shards("train"))
    iterator, counts = iter(data), collections.Counter()
    for batch in iterator:
        state = iterator.get_state()
        if state["window"] == 2 * blocks:  # this batch is of the third epoch already
            break
        counts.update(batch.example_ids.tolist())
    for block, row in zip(*[iter(state["carried"])] * 2, strict=True):
        counts[int(data.blocks[block].indices[row])] += 1
    assert set(counts.values()) == {2}
    assert len(counts) == Manifest.read(folder).count("train")


def test_one_shape_without_buckets_and_the_smallest_that_fits_with_them(folder):
    manifest = Manifest.read(folder)
    largest = (manifest.max_problem_length, manifest.max_answer_length + 1)
    plain = take(iter(dataset(folder)), 20)
    assert {(batch.inputs.shape, batch.targets.shape) for batch in plain} == {((32, largest[0]), (32, largest[1]))}
    shapes = collections.Counter()
    for batch in take(iter(dataset(folder, buckets=BUCKETS)), 40):
        shape = batch.inputs.shape[1], batch.targets.shape[1]
        smaller = [bucket for bucket in BUCKETS if bucket != shape and bucket[0] * bucket[1] < shape[0] * shape[1]]
        for s, t in smaller:
            assert ((batch.input_lengths > s) | (batch.target_lengths > t)).all()
        shapes[shape] += 1
    assert set(shapes) == {*BUCKETS, largest}


def test_the_order_follows_the_seed(folder):
    first, again, other = (take(iter(dataset(folder, seed=seed)), 6) for seed in (0, 0, 1))
    for one, two in zip(first, again, strict=True):
        assert_same(one, two)
    assert any((one.example_ids != two.example_ids).any() for one, two in zip(first, other, strict=True))
    epoch = len(first[0].example_ids) * 30
    ids = np.concatenate([batch.example_ids for batch in take(iter(dataset(folder)), 90)])
    assert (ids[:epoch] != ids[epoch : 2 * epoch]).any()  # no epoch repeats the one before


def test_batches_are_planned_in_a_pinned_order():
    """Resuming runs depend on this order: if it moves, raise PIPELINE_VERSION with it."""
    lengths = np.array([1, 2, 3, 4, 5, 6, 7, 8], np.int32)
    rows = Rows(
        problems=np.zeros((8, 8), np.int32), problem_lengths=lengths, targets=np.zeros((8, 2), np.int32),
        target_lengths=np.full(8, 2, np.int32), indices=np.arange(8), origins=np.zeros((8, 2), np.int64),
    )  # fmt: skip
    plan, rest = cut(rows, ((3, 2), (8, 2)), 2, key=(5, 7))
    assert [(bucket, chosen.tolist()) for bucket, chosen in plan] == [(1, [3, 5]), (1, [7, 4]), (0, [0, 1])]
    assert rest.tolist() == [2, 6]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stop=st.integers(0, 70), window=st.integers(1, 5), batch=st.sampled_from([1, 32, 48, 1000]),
    buckets=st.sampled_from([(), BUCKETS]), prefetch=st.sampled_from([0, 3]),
)  # fmt: skip
def test_restored_streams_are_identical(folder, stop, window, batch, buckets, prefetch):
    options = {"window": window, "batch_size": batch, "buckets": buckets, "prefetch": prefetch}
    stop = stop if batch < 1000 else stop % 4
    iterator = iter(dataset(folder, **options))
    take(iterator, stop)
    state = json.loads(json.dumps(iterator.get_state()))
    expected = take(iterator, 6)
    after = iterator.get_state()
    restored = iter(dataset(folder, **options))
    take(restored, 2)
    restored.set_state(state)
    for one, other in zip(expected, take(restored, 6), strict=True):
        assert_same(one, other)
    assert restored.get_state() == after
    iterator.close()
    restored.close()


@pytest.mark.parametrize("buckets", [(), BUCKETS])
def test_processes_share_the_batches_of_one(folder, buckets):
    alone = iter(dataset(folder, buckets=buckets))
    parts = [iter(dataset(folder, buckets=buckets, process_index=place, process_count=4)) for place in range(4)]
    for _ in range(30):
        rows = [next(part) for part in parts]
        assert_same(next(alone), jax.tree.map(lambda *arrays: np.concatenate(arrays), *rows))
    assert all(part.get_state() == alone.get_state() for part in parts)


def test_fingerprints_survive_json_and_name_what_changed(folder):
    fingerprint = dataset(folder, buckets=BUCKETS).fingerprint
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert dataset(folder, buckets=BUCKETS, process_index=1, process_count=2, prefetch=2).fingerprint == fingerprint
    require_same_pipeline(fingerprint, fingerprint, "run")
    for name, other in (("batch_size", dataset(folder, batch_size=16)), ("seed", dataset(folder, seed=1))):
        with pytest.raises(ValueError, match=rf"run was made with the input {name}="):
            require_same_pipeline(dataset(folder).fingerprint, other.fingerprint, "run")


def test_batches_pass_through_jit(folder):
    batch = next(iter(dataset(folder)))
    out = jax.jit(lambda batch: dataclasses.replace(batch, weights=2 * batch.weights))(batch)
    np.testing.assert_array_equal(out.weights, 2 * batch.weights)


@pytest.mark.parametrize(
    ("process_count", "batch_size", "limit"), [(1, 50, None), (2, 32, None), (3, 64, 100), (1, 7, 7)]
)
def test_evaluation_covers_every_example_once(folder, process_count, batch_size, limit):
    wanted = load_examples(folder, "test", TASK, limit)
    streams = [
        list(evaluation_batches(
            folder, "test", TASK, batch_size=batch_size, limit=limit, process_index=place, process_count=process_count,
        ))
        for place in range(process_count)
    ]  # fmt: skip
    assert len({len(stream) for stream in streams}) == 1
    found = []
    for together in zip(*streams, strict=True):
        for batch, examples in together:
            assert batch.inputs.shape == (batch_size, Manifest.read(folder).max_problem_length)
            real = batch.example_ids >= 0
            assert real.tolist() == [True] * len(examples) + [False] * (batch_size - len(examples))
            assert not batch.weights[~real].any()
            assert (batch.weights.sum(1)[real] == batch.target_lengths[real]).all()
            for row, item in enumerate(examples):
                ids = TASK.problem_vocabulary.encode(item.problem)
                assert batch.inputs[row, : len(ids)].tolist() == ids
            found.extend(examples)
    assert found == wanted
    assert len(found) == (limit or Manifest.read(folder).count("test"))


def test_evaluation_marks_unseen_labels(folder):
    seen = {item.answer for item in load_examples(folder, "train", TASK)}
    test = load_examples(folder, "test", TASK)
    assert all(item.metadata["label_unseen"] == (item.answer not in seen) for item in test)
    assert 0 < sum(item.metadata["label_unseen"] for item in test) < len(test)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 30, "process_count": 4}, "batch_size 30 does not divide over 4 processes; use a multiple of 4"),
        ({"batch_size": 0}, "batch_size is 0; it must be 1 or more"),
        ({"window": 0}, "window is 0"),
        ({"seed": -1}, "seed is -1; it must be 0 or more"),
        ({"process_index": 2, "process_count": 2, "batch_size": 4}, "process_index is 2"),
        ({"buckets": ((0, 4),)}, "must be pairs of lengths of 1 or more"),
    ],
)
def test_values_that_do_not_fit_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        dataset(folder, **options)


def test_folders_that_do_not_fit_are_refused(folder, tmp_path):
    options = {"seed": 0, "process_index": 0, "process_count": 1}
    with pytest.raises(RecordError, match=r"no finished data set; make it with python -m data_gen"):
        make_dataset(tmp_path, "train", TASK, **options)
    with pytest.raises(RecordError, match="no split 'holdout'; it has: train, validation, test"):
        make_dataset(folder, "holdout", TASK, **options)
    with pytest.raises(RecordError, match="made with task option max_depth=3, this run has 2"):
        make_dataset(folder, "train", tasks.load("taylor", max_depth=2), **options)
    with pytest.raises(RecordError, match="answer vocabulary"):
        make_dataset(folder, "train", tasks.load("taylor", number_groups=(3, 2)), **options)


def test_damaged_files_are_refused_by_name(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    victim = next(copy.glob("train-00001-of-*"))
    data = victim.read_bytes()
    for damage, rule in (
        (lambda: victim.write_bytes(data[:-100]), "truncated or replaced"),
        (lambda: victim.write_bytes(bytes(len(data))), "no complete ArrayRecord file"),
        (victim.unlink, "does not exist"),
    ):
        damage()
        with pytest.raises(RecordError, match=rf"{victim.name}.*{rule}"):
            dataset(copy)
    content = json.loads((copy / "dataset.json").read_text())
    content["splits"]["test"]["files"][0]["count"] += 1
    (copy / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match=r"test-00000-of-00001.arrayrecord holds \d+ examples instead of"):
        load_examples(copy, "test", TASK)
    (copy / "dataset.json").write_text("{}")
    with pytest.raises(RecordError, match=r"dataset\.json has record schema None, this program reads schema 1"):
        dataset(copy)
