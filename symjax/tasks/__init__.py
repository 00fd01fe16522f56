"""What a task is.  A module of this folder with a `NAMES` tuple and a
`make(name, *, ...)` is a task; there is no list to edit."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import pathlib
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from symjax.tokenization.grammar import GrammarSpec
from symjax.tokenization.vocabulary import Vocabulary

Tokens = tuple[str, ...]
Kind = Literal["proved", "refuted", "undetermined", "unparsable"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    """A problem with its answer.

    Attributes:
      problem: prefix tokens, raw: exactly as drawn or typed.
      answer: tokens that a model writes, without `<eos>`.
      exact: the answer before rounding, where `answer` is rounded (Taylor: "p/q" or 30 significant digits).
      metadata: small and flat; `fingerprint` (32 hexadecimal digits: equal for equal functions) is always there.
    """

    problem: Tokens
    answer: Tokens
    exact: Tokens = ()
    metadata: Mapping[str, int | float | str | bool]


@dataclasses.dataclass(frozen=True)
class Rejection:
    """Why an attempt gave no example: `reason` is a short fixed name that manifests count, `detail` a sentence."""

    reason: str
    detail: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known of an answer.  `evidence` is JSON-able; `seconds` is the time that the verdict took."""

    kind: Kind
    evidence: Mapping[str, Any]
    seconds: float


@dataclasses.dataclass(frozen=True)
class ParseError:
    """Why tokens are not an answer: the place of the first wrong token and a sentence."""

    position: int
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """How one per-example measure is summarised.

    Attributes:
      name: key in what `Task.measure` returns.
      statistic: "mean" for rates and averages, "median", or "root_mean" for measures that are squares.
      higher_is_better: direction; None where neither is better.
      title: what the report calls it, unit included.
    """

    name: str
    statistic: Literal["mean", "median", "root_mean"]
    higher_is_better: bool | None
    title: str


class Task(Protocol):
    """One kind of problem: poses it, labels it, encodes it, judges answers to it.  No state, no JAX."""

    name: str
    options: Mapping[str, Any]
    problem_vocabulary: Vocabulary
    answer_vocabulary: Vocabulary
    metrics: Sequence[Metric]
    max_problem_length: int
    max_answer_length: int
    code_depth: int

    def sample(self, rng: random.Random) -> Example | Rejection:
        """A random example.  Uses `rng.random()` only, whose sequence Python keeps stable across versions."""
        ...

    def label(self, problem: Tokens) -> Example | Rejection:
        """The problem with its right answer."""
        ...

    def read_problem(self, text: str) -> Tokens | Rejection:
        """Prefix tokens of what a user typed, prefix or infix."""
        ...

    def decode(self, answer: Tokens) -> Any | ParseError:
        """The mathematical object that the tokens write."""
        ...

    def verify(self, problem: Tokens, answer: Tokens, reference: Tokens | None = None) -> Verdict:
        """Whether `answer` solves `problem`; a certified `reference` answer saves computing it again."""
        ...

    def audit(self, example: Example) -> Verdict:
        """Whether a stored label is right and of this task; what is wrong with it is the evidence's `difference`."""
        ...

    def measure(self, example: Example, answer: Tokens) -> dict[str, float]:
        """Per-example measures of `answer` against `example`; keys are the names in `metrics`."""
        ...

    def trivial_answers(self, training: Sequence[Example]) -> dict[str, Tokens]:
        """Name -> constant answer of each predictor that does not look at the problem."""
        ...

    def grammar(self) -> GrammarSpec:
        """What a well-formed answer is."""
        ...

    def problem_codes(self, ids: Int[np.ndarray, "B S"]) -> Int[np.ndarray, "B S C"]:
        """Tree-path codes of padded problems; C is `code_depth`."""
        ...

    def answer_json(self, example: Example) -> dict[str, Any]:
        """The `answer` object of `symjax label`."""
        ...

    def describe(self, example: Example) -> str:
        """Several lines for `symjax inspect`: tokens, tree with paths, LaTeX, label."""
        ...

    def mathml(self, example: Example, answer: Tokens | None) -> dict[str, str]:
        """MathML of "problem", "target" and, if an answer is given, "prediction", for the report."""
        ...

    def slices(self, example: Example) -> dict[str, str]:
        """Slice name -> value for breakdowns in the report (size, kind of label); no free text."""
        ...

    def operators(self, example: Example) -> Tokens:
        """Distinct operators of the problem, for errors by operator."""
        ...


@runtime_checkable
class HasInputs(Protocol):
    """A task that reads more than its options."""

    def inputs(self) -> dict[str, str]:
        """Name -> SHA-256 of each thing that examples depend on beside options and random numbers."""
        ...


@runtime_checkable
class HasFingerprint(Protocol):
    """A task whose problems can be told apart by what they mean."""

    def fingerprint(self, problem: Tokens) -> str | None:
        """32 hexadecimal digits that equal problems share, in whatever form; None where there are none."""
        ...


@runtime_checkable
class HasBaselines(Protocol):
    """A task that others than a model can answer, problem by problem."""

    def baseline_answers(self, problem: Tokens) -> dict[str, Tokens]:
        """Name -> answer of each predictor that looks at the problem and does no mathematics."""
        ...

    def solver(self, seconds: float) -> AbstractContextManager[Callable[[Tokens], Tokens | Rejection]]:
        """SymPy itself: problem -> its answer, or why there is none, within so many seconds of a problem."""
        ...


@runtime_checkable
class HasReferenceVerdict(Protocol):
    """A task whose answers another system judges too, by a check that published figures rest on."""

    def reference_verdicts(self) -> AbstractContextManager[Callable[[Tokens, Tokens, Tokens], str]]:
        """(problem, answer, reference answer) -> "right", "wrong", or why there is no verdict."""
        ...


@runtime_checkable
class ReadsAnswers(Protocol):
    """A task whose answers people write in more ways than as tokens."""

    def read_answer(self, text: str) -> Tokens | Rejection:
        """Tokens of an answer that a user typed, prefix or infix, whatever its length."""
        ...


@runtime_checkable
class VerifiesStrictly(Protocol):
    """A task with answers that are right in one place and wrong in another, as those of integrals may be."""

    def verify_strictly(self, problem: Tokens, answer: Tokens) -> Verdict:
        """As `verify`, but refuted by the first real point at which the answer certainly fails."""
        ...


@functools.cache
def names() -> dict[str, str]:
    """Task name -> module that answers to it, read from the modules' source without importing them."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("[!_]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NAMES":
                found.update(dict.fromkeys(ast.literal_eval(node.value), path.stem))
    return found


def constructor(name: str) -> Callable[..., Task]:
    """The `make` of the module that answers to `name`.

    Raises:
      ValueError: no task has that name.
    """
    module = names().get(name)
    if module is None:
        raise ValueError(f"unknown task {name!r}; known tasks: {', '.join(sorted(names()))}")
    return importlib.import_module(f"symjax.tasks.{module}").make


def load(name: str, **options: Any) -> Task:
    """The task `name` with its options.

    Raises:
      ValueError: unknown task, unknown option, or a value that the task refuses.
    """
    make = constructor(name)
    known = inspect.signature(make).parameters
    unknown = sorted(set(options) - set(known) | set(options) & {"name"})
    if unknown:
        raise ValueError(
            f"task {name!r} has no option {unknown[0]!r}; it has: {', '.join(key for key in known if key != 'name')}"
        )
    for key, value in options.items():
        _check_kind(name, key, value, known[key].default)
    return make(name, **options)


_KINDS: Mapping[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
    tuple: ((tuple, list), "a list"),
}


def _check_kind(name: str, key: str, value: Any, default: Any) -> None:
    """Raise a ValueError unless `value` is of the kind that `default` is."""
    kinds, words = _KINDS.get(type(default), ((object,), ""))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and kinds != (object,)):
        raise ValueError(f"task {name!r} has {key}={value!r}; {key} must be {words}")
    if isinstance(default, tuple) and isinstance(value, tuple | list):
        for item in value:
            _check_kind(name, f"each of {key}", item, default[0] if default else item)
