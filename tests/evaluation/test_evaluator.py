from __future__ import annotations

import json
import math
import threading

import pytest

from symjax import tasks
from symjax.evaluation.evaluator import EvaluateOptions, _verdicts, evaluate, validate
from symjax.evaluation.rows import example_of, read_rows

WORDS = ["a", "ab", "abc", "b", "ba", "cc", "cab", "bb"]


def one_wrong(word):
    return "ccc" if word == "cab" else word


@pytest.fixture
def run(tmp_path, task):
    def start(**changes):
        arguments = {
            "run_dir": tmp_path,
            "task": task,
            "decode": task.speller(mistake=one_wrong),
            "decode_unconstrained": task.speller(mistake=lambda word: "" if word == "a" else word),
            "batches": task.batched(WORDS, unseen=("cab", "a")),
            "training_examples": lambda: [task.example(word) for word in ("aa", "bc", "abcab")],
            "options": EvaluateOptions(bootstrap=50, unconstrained_examples=4),
            "provenance": {"config": "spelling-tiny", "checkpoint_step": 7},
        }
        return evaluate(**(arguments | changes))

    return start


def test_rows_hold_every_example_once_without_padding(run, tmp_path):
    run()
    rows = read_rows(tmp_path / "evaluation/test-greedy/part-00000.jsonl")
    assert [row["id"] for row in rows] == list(range(100, 108))
    assert ["".join(row["problem"]) for row in rows] == WORDS
    wrong = rows[6]
    assert (wrong["verdict"], wrong["prediction"], wrong["label_unseen"]) == ("refuted", list("CCC"), True)
    assert wrong["evidence"] == {"right": False}
    assert wrong["measures"]["exact"] == 0
    assert math.isnan(wrong["measures"]["pairs"])
    assert example_of(wrong).answer == ("C", "A", "B")


def test_summary_counts_rates_baselines_and_provenance(run, tmp_path):
    summary = run()
    assert summary == json.loads((tmp_path / "evaluation/test-greedy/summary.json").read_text())
    assert summary["counts"] == {"examples": 8, "label_unseen": 2, "training": 3}
    model = summary["predictors"]["model"]
    assert model["all"]["verdicts"]["proved"]["value"] == 7 / 8
    assert model["label_unseen"]["verdicts"]["proved"]["value"] == 1 / 2
    assert summary["predictors"]["always_a"]["all"]["metrics"]["exact"]["value"] == 1 / 8
    assert summary["predictors"]["rounding_floor"]["all"]["verdicts"]["proved"]["value"] == 1
    assert set(summary["predictors"]) == {"model", "always_a", "nearest_neighbour", "rounding_floor"}
    assert summary["provenance"] == {"config": "spelling-tiny", "checkpoint_step": 7}
    assert summary["nearest_neighbour"]["training_examples"] == 3


def test_validity_without_grammar_counts_real_rows_only(run, task):
    free = run()["well_formed_without_grammar"]
    assert (free["value"], free["count"]) == (3 / 4, 4)
    endless = run(decode_unconstrained=task.speller(ends=False))["well_formed_without_grammar"]
    assert endless["value"] == 0


def test_no_unconstrained_decoder_is_said_so(run):
    assert run(decode_unconstrained=None)["well_formed_without_grammar"] is None


def test_num_examples_cuts_in_order_and_spares_later_batches(run, tmp_path, task):
    calls = []
    decode = task.speller()
    run(decode=lambda batch: calls.append(1) or decode(batch), options=EvaluateOptions(num_examples=2, bootstrap=0))
    rows = read_rows(tmp_path / "evaluation/test-greedy/part-00000.jsonl")
    assert [row["id"] for row in rows] == [100, 101]
    assert len(calls) == 1


def test_same_result_for_examples_padded_like_the_batch(run, task):
    def padded():
        for batch, examples in task.batched(WORDS, unseen=("cab", "a"))():
            yield batch, examples + [task.example("c")] * (3 - len(examples))

    first, second = run(), run(batches=padded)
    assert first["predictors"] == second["predictors"]


def test_two_processes_write_parts_and_one_summary(run, tmp_path, task):
    alone = run()
    barrier = threading.Barrier(2)
    results, given = {}, {}

    def gather(index, items):
        given[index] = items
        barrier.wait(30)
        return given[0] + given[1]

    def work(index):
        results[index] = run(
            batches=task.batched(WORDS[:6] if index == 0 else WORDS[6:], unseen=("cab", "a")),
            options=EvaluateOptions(bootstrap=50, num_examples=8, unconstrained_examples=6),
            process_index=index,
            process_count=2,
            barrier=lambda: barrier.wait(30),
            gather=lambda items: gather(index, items),
        )

    workers = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert results[1] == {}
    together = results[0]["predictors"]["model"]["all"]
    assert together["count"] == 8
    assert together["verdicts"]["proved"]["value"] == alone["predictors"]["model"]["all"]["verdicts"]["proved"]["value"]
    free = results[0]["well_formed_without_grammar"]
    assert (free["value"], free["count"]) == (4 / 5, 5)  # three of the first process, all two of the second
    run()
    parts = sorted(path.name for path in (tmp_path / "evaluation/test-greedy").glob("*"))
    assert parts == ["part-00000.jsonl", "summary.json"]


def test_an_empty_suite_is_refused(run):
    with pytest.raises(ValueError, match="suite 'test' has no example"):
        run(batches=lambda: iter(()))


def test_no_training_examples_leaves_the_rounding_floor(run):
    assert set(run(training_examples=list)["predictors"]) == {"model", "rounding_floor"}


def test_a_failed_write_leaves_what_was_there(run, tmp_path, monkeypatch):
    run()
    folder = tmp_path / "evaluation/test-greedy"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="could not write the evaluation"):
        run(options=EvaluateOptions(bootstrap=10))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_validate_gives_points_by_name(task):
    figures = validate(task=task, decode=task.speller(mistake=one_wrong), batches=task.batched(WORDS)())
    assert figures["exact"] == figures["proved"] == 7 / 8
    assert figures["letters"] == 0


@pytest.mark.parametrize("first", [0, 5])
def test_validation_is_that_of_all_processes_together(task, first):
    """Medians included, and where a process has no problem, or none that a metric applies to."""
    decode, others = task.speller(mistake=one_wrong), []
    alone = validate(task=task, decode=decode, batches=task.batched(WORDS)())
    validate(
        task=task, decode=decode, batches=task.batched(WORDS[first:])(), gather=lambda rows: others.extend(rows) or rows
    )
    rows = json.loads(json.dumps(others))
    together = validate(task=task, decode=decode, batches=task.batched(WORDS[:first])(), gather=lambda own: own + rows)
    assert together == alone


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_examples": -1}, "evals.num_examples is -1; it must be 0 or more"),
        ({"batch_size": 0}, "evals.batch_size is 0; it must be 1 or more"),
        ({"suite": "../test"}, "evals.suite is '../test'"),
        ({"decoder": ""}, "evals.decoder is ''"),
        ({"verify_seconds": 0.0}, "evals.verify_seconds is 0.0"),
    ],
)
def test_options_refuse_what_they_cannot_use(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        EvaluateOptions(**options)


@pytest.fixture
def taylor_answers():
    task = tasks.load("taylor")
    example = task.label(("sin", "x"))
    wrong = (*example.answer[:-1], "1")
    return task, [(0, example, example.answer, 0.0), (1, example, wrong, 0.0), (2, example, ("x0",), 0.0)]


def test_workers_give_the_verdicts_of_this_process(taylor_answers):
    task, answered = taylor_answers
    here, there = (
        [verdict.kind for verdict in _verdicts(task, answered, EvaluateOptions(verify_workers=workers))]
        for workers in (0, 1)
    )
    assert here == there == ["proved", "refuted", "unparsable"]


def test_a_verdict_that_takes_too_long_is_undetermined(taylor_answers):
    task, answered = taylor_answers
    options = EvaluateOptions(verify_workers=1, verify_seconds=1e-9)
    (verdict,) = _verdicts(task, answered[:1], options)
    assert verdict.kind == "undetermined"
    assert verdict.evidence["failure"] == "time_limit"
