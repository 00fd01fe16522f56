"""What every task owes, run over all of them.

Each task's own test module keeps a table `CONFORMANCE`: task name -> `Cases`-like dictionary with
  options    option sets to run under; the first is the default of the other tests
  bad        (options, words of the error) that are refused
  right      (problem, answer) token strings that verify as proved: odd forms, edges, ties
  wrong      (problem, answer) token strings that verify as refuted: near misses
  unparsable (problem, answer, word of the evidence)
  read       (text, its tokens)
  rejected   (text, reason)
and, where labels are not the only right answers, `"labels": "proved"`: `label` then need not give the example back.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import json
import pickle
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from symjax import tasks
from symjax.config import section
from symjax.tasks import Example, ParseError, Rejection, Task
from symjax.tokenization.grammar import accepts, answer_codes, compile_grammar
from symjax.tokenization.vocabulary import EOS_ID

NAMES = sorted(tasks.names())
KINDS = ("proved", "refuted", "undetermined", "unparsable")
ATTEMPTS = 60


@functools.cache
def cases(name: str) -> dict[str, Any]:
    return importlib.import_module(f"tests.tasks.test_{tasks.names()[name]}").CONFORMANCE[name]


VARIANTS = [(name, number) for name in NAMES for number in range(len(cases(name)["options"]))]


@functools.cache
def load(name: str, variant: int = 0) -> Task:
    return tasks.load(name, **cases(name)["options"][variant])


def rng(index: int) -> random.Random:
    return random.Random(f"conformance {index}")


@functools.cache
def outcomes(name: str, variant: int = 0) -> list[Example | Rejection]:
    task = load(name, variant)
    return [task.sample(rng(index)) for index in range(ATTEMPTS)]


def examples(name: str, variant: int = 0) -> list[Example]:
    found = [outcome for outcome in outcomes(name, variant) if isinstance(outcome, Example)]
    assert len(found) >= 10
    return found


def table(field: str) -> list[tuple]:
    return [(name, *row) for name in NAMES for row in cases(name)[field]]


def ids_of(task: Task, example: Example) -> list[int]:
    return [*task.answer_vocabulary.encode(example.answer), EOS_ID]


def test_cases_are_enough() -> None:
    for name in NAMES:
        assert len(cases(name)["right"]) >= 5
        assert len(cases(name)["wrong"]) >= 5


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_an_example_is_a_function_of_its_index(name: str, variant: int) -> None:
    fresh = tasks.load(name, **cases(name)["options"][variant])
    again = [fresh.sample(rng(index)) for index in reversed(range(ATTEMPTS))][::-1]
    assert again == outcomes(name, variant)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_equal_in_another_process(name: str) -> None:
    program = (
        "import json, random, sys\n"
        "from symjax import tasks\n"
        f"task = tasks.load({name!r}, **{cases(name)['options'][0]!r})\n"
        f"found = [task.sample(random.Random(f'conformance {{index}}')) for index in range({ATTEMPTS})]\n"
        "print(json.dumps([repr(outcome) for outcome in found]))\n"
        "heavy = {'jax', 'flax', 'sympy', 'grain'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [repr(outcome) for outcome in outcomes(name)]


class OnlyRandom(random.Random):
    """Offers `random()` alone: other methods may give other numbers in another Python."""

    def _refuse(self, *_: object, **__: object) -> None:
        raise AssertionError("a task draws with rng.random() only")

    choice = choices = randint = randrange = sample = shuffle = uniform = getrandbits = _refuse


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_sampling_draws_stable_numbers_only(name: str, variant: int) -> None:
    task = load(name, variant)
    assert [task.sample(OnlyRandom(f"conformance {index}")) for index in range(20)] == outcomes(name, variant)[:20]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_examples_fit_what_the_task_declares(name: str, variant: int) -> None:
    task = load(name, variant)
    for example in examples(name, variant):
        problem = task.problem_vocabulary.encode(example.problem)
        assert task.problem_vocabulary.decode(problem) == example.problem
        assert task.answer_vocabulary.decode(ids_of(task, example)) == example.answer
        assert 0 < len(problem) <= task.max_problem_length
        assert 0 < len(ids_of(task, example)) <= task.max_answer_length
        fingerprint = example.metadata["fingerprint"]
        assert len(fingerprint) == 32
        assert int(fingerprint, 16) >= 0
        assert json.loads(json.dumps(dict(example.metadata))) == dict(example.metadata)


@pytest.mark.parametrize("name", NAMES)
def test_rejections_have_short_fixed_names(name: str) -> None:
    for outcome in outcomes(name):
        if isinstance(outcome, Rejection):
            assert outcome.reason.isidentifier()
            assert len(outcome.reason) < 40


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_problem_is_labelled_as_it_was_sampled(name: str, variant: int) -> None:
    task = load(name, variant)
    for example in examples(name, variant)[:25]:
        assert task.read_problem(" ".join(example.problem)) == example.problem
        label = task.label(example.problem)
        if cases(name).get("labels") != "proved":
            assert label == example
        elif isinstance(label, Example):
            assert label.problem == example.problem
            assert label.metadata["fingerprint"] == example.metadata["fingerprint"]
            assert task.verify(label.problem, label.answer).kind == "proved"
        else:
            assert label.reason in ("unsolved", "too_long", "differs", "undefined", "no_solver")


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_an_audit_finds_what_is_wrong_with_a_label(name: str, variant: int) -> None:
    task = load(name, variant)
    example, other = next(
        (one, two) for one, two in itertools.pairwise(examples(name, variant)) if one.answer != two.answer
    )
    assert task.audit(example).kind == "proved"
    stored = {**example.metadata, "label_unseen": True}
    assert task.audit(dataclasses.replace(example, metadata=stored)).kind == "proved"
    assert task.audit(dataclasses.replace(example, answer=other.answer)).kind == "refuted"
    metadata = {**example.metadata, "fingerprint": other.metadata["fingerprint"]}
    verdict = task.audit(dataclasses.replace(example, metadata=metadata))
    assert verdict.kind == "refuted"
    assert verdict.evidence["difference"]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_task_proves_and_measures_its_own_answers(name: str, variant: int) -> None:
    task = load(name, variant)
    names = {metric.name for metric in task.metrics}
    for example in examples(name, variant)[:15]:
        assert not isinstance(task.decode(example.answer), ParseError)
        for reference in (None, example.answer):
            verdict = task.verify(example.problem, example.answer, reference)
            assert verdict.kind == "proved"
            assert verdict.seconds >= 0
        measures = task.measure(example, example.answer)
        assert set(measures) == names
        assert measures["exact"] == 1.0
        assert set(task.measure(example, ("no", "answer"))) == names
        assert task.measure(example, ())["exact"] == 0.0


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_the_grammar_accepts_every_answer_and_knows_its_codes(name: str, variant: int) -> None:
    task = load(name, variant)
    tables = compile_grammar(task.grammar(), task.answer_vocabulary)
    for example in examples(name, variant):
        ids = ids_of(task, example)
        assert accepts(tables, ids)
        assert not accepts(tables, ids[:-1])
        codes = answer_codes(tables, np.array([[*ids, 0, 0]]))[0]
        assert codes.shape == (len(ids) + 2, 2)
        assert (codes >= 0).all()
        assert (codes.max(axis=0) < tables.code_sizes).all()
        assert not codes[len(ids) - 1 :].any()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_what_the_grammar_writes_parses(name: str, variant: int) -> None:
    task, draw = load(name, variant), rng(0)
    tables = compile_grammar(task.grammar(), task.answer_vocabulary)
    longest = written = 0
    ends = np.arange(len(task.answer_vocabulary)) == EOS_ID
    for _ in range(300):
        if written > 5000:
            break
        state, slots, ids = tables.start, tables.start_slots, []
        while state != tables.accept:
            room = task.max_answer_length - len(ids) - 1
            following, left = tables.next_state[state], slots + tables.opens - tables.takes
            fits = tables.remaining[following] + tables.slot_cost * left <= room
            allowed = np.flatnonzero((following >= 0) & fits & (~ends if slots else ~tables.takes))
            ids.append(int(allowed[int(draw.random() * len(allowed))]))
            state, slots = following[ids[-1]], left[ids[-1]]
        longest, written = max(longest, len(ids)), written + len(ids)
        assert not isinstance(task.decode(task.answer_vocabulary.decode(ids)), ParseError)
    assert longest <= task.max_answer_length


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_problem_codes_have_the_declared_depth(name: str, variant: int) -> None:
    task = load(name, variant)
    rows = [task.problem_vocabulary.encode(example.problem) for example in examples(name, variant)]
    ids = np.zeros((len(rows), max(map(len, rows)) + 1), np.int32)
    for row, problem in enumerate(rows):
        ids[row, : len(problem)] = problem
    codes = task.problem_codes(ids)
    assert codes.shape == (*ids.shape, task.code_depth)
    assert codes.dtype == np.int8
    for row, problem in enumerate(rows):
        assert len({tuple(code) for code in codes[row, : len(problem)].tolist()}) == len(problem)
        assert not codes[row, len(problem) :].any()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_trivial_answers_can_be_judged(name: str, variant: int) -> None:
    task = load(name, variant)
    training = examples(name, variant)
    answers = task.trivial_answers(training)
    assert answers
    for answer in answers.values():
        verdict = task.verify(training[0].problem, answer, training[0].answer)
        assert verdict.kind in ("proved", "refuted")
        task.measure(training[0], answer)


@pytest.mark.parametrize("name", NAMES)
def test_examples_can_be_shown(name: str) -> None:
    task = load(name)
    for example in examples(name)[:8]:
        text = task.describe(example)
        assert " ".join(example.problem) in text
        assert len(text.splitlines()) > 2
        shown = task.mathml(example, example.answer)
        assert set(shown) == {"problem", "target", "prediction"}
        assert set(task.mathml(example, None)) == {"problem", "target"}
        assert all(value.startswith("<math") and value.endswith("</math>") for value in shown.values())
        assert "<script" not in task.mathml(example, ("<script>",))["prediction"]
        assert all(isinstance(value, str) and value for value in task.slices(example).values())
        assert set(task.operators(example)) <= set(example.problem)
        json.dumps(task.answer_json(example), allow_nan=False)


@pytest.mark.parametrize(("name", "problem", "answer"), table("right"))
def test_right_answers_are_proved(name: str, problem: str, answer: str) -> None:
    verdict = load(name).verify(tuple(problem.split()), tuple(answer.split()))
    assert verdict.kind == "proved", verdict.evidence
    json.dumps(verdict.evidence, allow_nan=False)


@pytest.mark.parametrize(("name", "problem", "answer"), table("wrong"))
def test_near_misses_are_refuted(name: str, problem: str, answer: str) -> None:
    verdict = load(name).verify(tuple(problem.split()), tuple(answer.split()))
    assert verdict.kind == "refuted", verdict.evidence
    json.dumps(verdict.evidence, allow_nan=False)


@pytest.mark.parametrize(("name", "problem", "answer", "word"), table("unparsable"))
def test_what_cannot_be_judged_says_why(name: str, problem: str, answer: str, word: str) -> None:
    verdict = load(name).verify(tuple(problem.split()), tuple(answer.split()))
    assert verdict.kind == "unparsable"
    assert word in json.dumps(verdict.evidence)


@pytest.mark.parametrize(("name", "text", "tokens"), table("read"))
def test_texts_are_read(name: str, text: str, tokens: str) -> None:
    assert load(name).read_problem(text) == tuple(tokens.split())


@pytest.mark.parametrize(("name", "text", "reason"), table("rejected"))
def test_texts_are_rejected_by_name(name: str, text: str, reason: str) -> None:
    outcome = load(name).read_problem(text)
    if not isinstance(outcome, Rejection):
        outcome = load(name).label(outcome)
    assert isinstance(outcome, Rejection)
    assert outcome.reason == reason


@pytest.mark.parametrize("name", NAMES)
def test_malformed_tokens_are_rejected(name: str) -> None:
    for problem in ((), ("no such token",), ("<pad>",), ("<eos>", "<eos>")):
        outcome = load(name).label(problem)
        assert isinstance(outcome, Rejection)
        assert outcome.reason == "malformed"


@pytest.mark.parametrize(("name", "options", "words"), table("bad"))
def test_options_that_do_not_fit_are_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tasks.load(name, **options)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_options_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"task '{name}' has no option 'bogus'; it has: "):
        tasks.load(name, bogus=1)


def test_unknown_tasks_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown task 'bogus'; known tasks: .*taylor"):
        tasks.load("bogus")


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_task_survives_its_options_in_json_and_pickle(name: str, variant: int) -> None:
    task = load(name, variant)
    assert task.name == name
    again = tasks.load(name, **json.loads(json.dumps(dict(task.options))))
    assert again.options == task.options
    assert again.answer_vocabulary == task.answer_vocabulary
    assert pickle.loads(pickle.dumps(task)).options == task.options
    assert set(section(tasks.constructor(name))) == set(task.options)


def test_sums_and_products_are_shown_as_chains() -> None:
    from symjax.tasks._expression_display import inner
    from symjax.tokenization.foreign import parse_foreign

    brackets = {"add x add a8 x": 0, "mul a8 mul x x": 0, "pow mul x mul a8 x INT+ 2": 1, "sub x add a8 x": 1}
    for text, count in brackets.items():
        assert inner(parse_foreign(text.split())).count("(") == count, text
