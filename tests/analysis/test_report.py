from __future__ import annotations

import html.parser
import json
import re
import shutil
import types

import numpy as np
import pytest

from symjax import tasks
from symjax.analysis.report import write_report
from symjax.evaluation.evaluator import EvaluateOptions, evaluate
from symjax.tasks import Example
from symjax.tokenization.vocabulary import EOS_ID

VOID = {"meta", "br", "link", "img", "input"}


class Page(html.parser.HTMLParser):
    """Elements, ids and outside references of a page; fails where a tag closes another one."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.references, self.scripts = [], [], [], [], 0
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("href", "src", "xlink:href") and not value.startswith("#"):
                self.references.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element, line {self.getpos()[0]}"


def page_of(run_dir):
    return write_report(run_dir).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(made_once):
    return page_of(made_once)


@pytest.fixture
def plain(monkeypatch):
    """Charts take a second a page; where a test is about something else, there are none."""
    monkeypatch.setattr("symjax.analysis.charts.summary_charts", lambda *_: [])
    monkeypatch.setattr("symjax.analysis.charts.training_charts", lambda *_: [])


def test_the_page_is_whole_and_needs_nothing_from_outside(whole):
    text, page = whole, Page(whole)
    assert page.references == []
    assert "script" not in page.tags
    assert not re.search(r"url\((?!#)|@import", text)
    assert page.tags.count("svg") >= 8
    assert page.tags.count("math") >= 3 * 12


def test_the_page_says_what_the_summary_says(whole, made_once):
    text = whole
    summary = json.loads((made_once / "evaluation/test-greedy/summary.json").read_text())
    model, nearest = (summary["predictors"][name]["all"]["metrics"]["exact"] for name in ("model", "nearest_neighbour"))
    assert f"{100 * model['value']:.1f}\u202f%" in text
    assert f"{100 * model['low']:.1f}\u2013{100 * model['high']:.1f}\u202f%" in text
    assert f"{100 * nearest['value']:.1f}\u202f%" in text
    assert f"n={summary['counts']['label_unseen']}" in text
    for words in ("Nearest neighbour", "Zeros", "Rounding floor", "irrational", "step 90", "taylor-abc", "branch"):
        assert words in text


@pytest.mark.usefixtures("plain")
def test_training_problems_among_the_test_problems_are_called_a_leak(run_dir):
    assert "Leak:" not in page_of(run_dir)
    path = run_dir / "evaluation/test-greedy/summary.json"
    summary = json.loads(path.read_text())
    summary["nearest_neighbour"]["identical_problems"] = 1234
    path.write_text(json.dumps(summary))
    assert "<b>Leak:</b> 1,234 of these" in page_of(run_dir)


@pytest.mark.usefixtures("plain")
def test_a_solver_on_fewer_problems_stands_beside(run_dir):
    assert "<b>SymPy</b>" not in page_of(run_dir)
    path = run_dir / "evaluation/test-greedy/summary.json"
    summary = json.loads(path.read_text())
    figure = {"value": 0.25, "low": 0.1, "high": 0.5, "count": 8}
    empty = {"count": 0, "metrics": {}, "verdicts": {}, "slices": {}, "operators": {}}
    own = {"count": 8, "metrics": {"exact": figure}, "verdicts": {"proved": figure}, "slices": {}, "operators": {}}
    predictors = summary["predictors"]
    predictors["reference_answer"] = predictors.pop("rounding_floor")
    predictors |= {"sympy": {"all": own, "label_unseen": empty}, "copy_input": predictors["zeros"]}
    counts = {"time_limit": 5, "not_elementary": 1}
    summary["solver"] = {
        "problems": 8, "seconds": 2.0, "unanswered": counts, "solved": figure, "model_solved": figure | {"value": 0.5}
    }  # fmt: skip
    predictors["model"]["all"]["metrics"]["reference_right"] = figure
    summary["reference_verdicts"] = {"proved": {"right": 2}, "refuted": {"time_limit": 1, "wrong": 5}}
    path.write_text(json.dumps(summary))
    text = page_of(run_dir)
    Page(text)
    assert "It gave no answer to 5 (time limit), 1 (not elementary), which the tables" in " ".join(text.split())
    assert "first 8 answers: <i>proved</i>: 2 right; <i>refuted</i>: 1 time limit, 5 wrong." in " ".join(text.split())
    for words in ("<b>SymPy</b> was given the first 8", "The problem copied", "Reference answer", "n=8"):
        assert words in " ".join(text.split())
    assert "<b>The rounding floor</b>" not in text


@pytest.mark.usefixtures("plain")
def test_imported_data_are_not_said_to_share_nothing(run_dir):
    claim = "no problem with the training data"
    assert claim in page_of(run_dir)
    manifest = json.loads((run_dir / "dataset.json").read_text())
    (run_dir / "dataset.json").write_text(json.dumps(manifest | {"config": {"imported": {"format": "facebook"}}}))
    assert claim not in page_of(run_dir)


def test_wrong_parts_are_marked_and_right_ones_are_not(whole):
    cards = re.findall(r'<article class="card">.*?</article>', whole, flags=re.DOTALL)
    marks = {
        verdict: [card.count("<mark>") for card in cards if f"chip {verdict}" in card]
        for verdict in ("proved", "refuted")
    }
    assert set(marks["proved"]) == {0}
    assert set(marks["refuted"]) == {1}


def test_equal_files_give_equal_pages(whole, run_dir):
    assert page_of(run_dir) == whole


def test_a_run_without_evaluation_says_so(run_dir):
    shutil.rmtree(run_dir / "evaluation")
    text = page_of(run_dir)
    Page(text)
    assert "has not been evaluated yet" in text
    assert text.count("<svg") == 2


@pytest.mark.parametrize("name", ["config.json", "dataset.json", "provenance.json"])
@pytest.mark.usefixtures("plain")
def test_any_file_may_be_missing(run_dir, name):
    (run_dir / name).unlink()
    Page(page_of(run_dir))


def test_an_empty_folder_gives_a_page(tmp_path):
    text = page_of(tmp_path)
    Page(text)
    assert "has not been evaluated yet" in text
    assert "No training step has been logged yet" in text


@pytest.mark.usefixtures("plain")
def test_a_summary_without_rows_gives_a_page(run_dir):
    (run_dir / "evaluation/test-greedy/part-00000.jsonl").unlink()
    assert "has no rows to show" in page_of(run_dir)


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="name the folder of a run"):
        write_report(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "evaluation/test-greedy/summary.json"])
@pytest.mark.usefixtures("plain")
def test_a_file_that_is_no_json_is_named(run_dir, name):
    write_report(run_dir)
    before = (run_dir / "report.html").read_bytes()
    (run_dir / name).write_text('{"cut": ')
    with pytest.raises(ValueError, match=f"{name} is not JSON"):
        write_report(run_dir)
    assert (run_dir / "report.html").read_bytes() == before


@pytest.mark.usefixtures("plain")
def test_a_task_of_another_version_is_shown_as_tokens(run_dir):
    config = json.loads((run_dir / "config.json").read_text())
    config["task"]["no_such_option"] = 1
    (run_dir / "config.json").write_text(json.dumps(config))
    text = page_of(run_dir)
    Page(text)
    assert "<math" not in text
    assert 'class="problem"><code>' in text


@pytest.mark.usefixtures("plain")
def test_strings_of_the_run_are_text_and_never_markup(run_dir):
    hostile = "<script>alert(1)</script>"
    (run_dir / "config.json").write_text(json.dumps({"note": hostile}))
    path = run_dir / "evaluation/test-greedy/summary.json"
    summary = json.loads(path.read_text())
    summary["decoder"] = hostile
    summary["metrics"][0]["title"] = hostile + " x^2"
    path.write_text(json.dumps(summary))
    part = run_dir / "evaluation/test-greedy/part-00000.jsonl"
    rows = [json.loads(line) | {"problem": [hostile]} for line in part.read_text().splitlines()]
    part.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = page_of(run_dir)
    assert "script" not in Page(text).tags
    assert "&lt;script&gt;" in text


@pytest.mark.usefixtures("plain")
def test_several_evaluations_are_told_apart_test_first(run_dir):
    folder = run_dir / "evaluation"
    shutil.copytree(folder / "test-greedy", folder / "large-greedy")
    path = folder / "large-greedy/summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"suite": "large"}))
    text = page_of(run_dir)
    assert 0 < text.index("test-greedy: How good") < text.index("large-greedy: How good")


def test_differential_equations_and_their_verdicts(tmp_path):
    task = tasks.load("ode2")
    problem, right = ("add", "Y''", "Y"), ("add", "mul", "a8", "cos", "x", "mul", "a9", "sin", "x")
    answers = (right, ("cos", "x"), ("x",))
    examples = [Example(problem=problem, answer=right, metadata={}) for _ in answers]
    ids = np.full((len(answers), 1, 12), EOS_ID)
    for row, answer in enumerate(answers):
        ids[row, 0, : len(answer)] = task.answer_vocabulary.encode(answer)
    evaluate(
        run_dir=tmp_path,
        task=task,
        decode=lambda _batch: types.SimpleNamespace(tokens=ids, scores=np.zeros((len(answers), 1))),
        decode_unconstrained=None,
        batches=lambda: iter([(types.SimpleNamespace(example_ids=np.arange(len(answers))), examples)]),
        training_examples=lambda: examples[:1],
        options=EvaluateOptions(bootstrap=0, solver_examples=0),
        provenance={},
    )
    (tmp_path / "config.json").write_text(json.dumps({"task": {"name": "ode2"}}))
    text = page_of(tmp_path)
    Page(text)
    assert text.count("a particular solution</span>") == 1
    assert "Verdicts: 66.7 % proved" in " ".join(text.split())
    assert "s of evaluation" in text
    assert "<h3>Worst</h3>" not in text  # no answer is worse for its length
    assert "less is better" not in text
    assert text.count("All items") == 2
    assert "Items whose label" not in text
