"""Taylor: given a function of x, its Maclaurin coefficients c0..c4 to five significant digits.

Problems are random expressions; answers are P10 numbers with a degree in front of each.  A label is certified: the
exact coefficients come from `symbolic.series`, and every written digit is proved, ties rounded half to even.  What
has no such label is rejected by name, and never approximated.
"""

from __future__ import annotations

import dataclasses
import functools
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from symjax.symbolic import fingerprint as fingerprints
from symjax.symbolic import sampling, series
from symjax.symbolic.expression import Expression
from symjax.symbolic.operators import OPERATORS, SEED_OPERATORS, SEED_SYMBOLS
from symjax.tasks import Example, ParseError, Rejection, Tokens, Verdict
from symjax.tasks import _taylor_display as display
from symjax.tasks._reading import read_expression
from symjax.tasks._relabelling import relabelled
from symjax.tasks._taylor_answers import DEGREES, DENSE, ORDER, SPARSE, AnswerFormat, Coefficients
from symjax.tasks._taylor_metrics import METRICS, measure
from symjax.tokenization import prefix, tree_paths
from symjax.tokenization.grammar import GrammarSpec
from symjax.tokenization.numbers import P10, OutOfRange
from symjax.tokenization.vocabulary import Vocabulary

if TYPE_CHECKING:
    from symjax.symbolic.reference import ReferenceSeries, SympyEngine

NAMES = ("taylor",)
WORDS = (*SEED_OPERATORS, *SEED_SYMBOLS, prefix.PLUS, prefix.MINUS, *prefix.DIGITS)
"""The tokens of problems, in the order of their ids."""
DIGITS = 5
REMEMBERED = 1 << 16
"""Outcomes kept by expression: random trees of depth 3 repeat often enough to double the rate."""


def make(
    name: str,
    *,
    sampler: str = "seed",
    max_depth: int = 3,
    min_operators: int = 1,
    max_operators: int = 7,
    family_exclusion: bool = True,
    integers: tuple[int, ...] = (),
    integer_weight: float = 5.0,
    max_problem_tokens: int = 64,
    code_depth: int = 16,
    layout: str = SPARSE,
    number_groups: tuple[int, ...] = (1, 1, 1, 1, 1),
    joined_heads: bool = False,
    degree_tokens: bool = True,
    descending: bool = False,
    engine: str = "series",
    engine_seconds: float = 10.0,
) -> Taylor:
    """The Taylor task.

    Args:
      name: "taylor".
      sampler: "seed" draws trees from the root down to `max_depth` operators; "length" draws the number of
        operators from `min_operators` to `max_operators`, then a shape, then operators.
      family_exclusion: no operator below another of its family.
      integers: integer leaves beside x; none by default, as in the original.
      integer_weight: weight of an integer leaf, shared by `integers`; x weighs 5.
      max_problem_tokens: longer problems are rejected as "too_long".
      code_depth: columns of a problem's path codes: levels of operators, and one for the place in a number.
        Deeper problems are rejected as "too_deep".
      layout: "sparse" writes nonzero coefficients only, "dense" all five.
      number_groups: digits of each token of a number; five in all.
      joined_heads: write sign, first digits and exponent of a number as one token.
      degree_tokens: whether coefficients begin with their degree; only dense answers can do without.
      descending: highest degree first.
      engine: "series", the certified power series; or "sympy", the slow reference, under a time limit.
      engine_seconds: time limit of one call of the reference engine.  A clock decides nothing with "series".

    Raises:
      ValueError: a value that does not fit, with the rule.
    """
    options = {key: value for key, value in locals().items() if key != "name"}
    options["integers"], options["number_groups"] = tuple(integers), tuple(number_groups)
    _check(**options)
    return Taylor(name=name, options=options)


def _check(
    *,
    sampler: str,
    max_depth: int,
    max_problem_tokens: int,
    code_depth: int,
    layout: str,
    number_groups: tuple[int, ...],
    degree_tokens: bool,
    engine: str,
    engine_seconds: float,
    **_: Any,
) -> None:
    """Refuse values that do not fit together; the samplers check their own."""
    for option, value, known in (
        ("sampler", sampler, ("seed", "length")),
        ("layout", layout, (SPARSE, DENSE)),
        ("engine", engine, ("series", "sympy")),
    ):
        if value not in known:
            raise ValueError(f"taylor has no {option} {value!r}; it has: {', '.join(known)}")
    if sum(number_groups) != DIGITS:
        raise ValueError(f"number_groups {number_groups} hold {sum(number_groups)} digits; labels have {DIGITS}")
    if not degree_tokens and layout != DENSE:
        raise ValueError("degree_tokens=False needs layout='dense': a sparse list cannot imply its degrees")
    for option, value, least in (("max_problem_tokens", max_problem_tokens, 1), ("code_depth", code_depth, 2)):
        if value < least:
            raise ValueError(f"{option} must be {least} or more, got {value}")
    if not engine_seconds > 0:
        raise ValueError(f"engine_seconds must be above 0, got {engine_seconds}")
    if sampler == "seed" and max_depth > code_depth - 1:
        raise ValueError(f"max_depth {max_depth} needs code_depth {max_depth + 1} or more, got {code_depth}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taylor:
    """See `make`, which checks the options, and `symjax.tasks.Task` for the methods."""

    name: str
    options: Mapping[str, Any]
    metrics = METRICS

    def __post_init__(self) -> None:
        _ = self.answer_format, self._draw  # refuse bad widths and samplers at once

    def __reduce__(self) -> tuple:
        return functools.partial(make, **self.options), (self.name,)

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.options.items())))

    @functools.cached_property
    def problem_vocabulary(self) -> Vocabulary:
        """`WORDS`, whatever the sampler draws, so that ids never move."""
        return Vocabulary.of(WORDS)

    @property
    def answer_vocabulary(self) -> Vocabulary:
        """Degrees and the tokens of numbers."""
        return self.answer_format.vocabulary

    @property
    def max_problem_length(self) -> int:
        """Tokens of the longest problem."""
        return self.options["max_problem_tokens"]

    @property
    def max_answer_length(self) -> int:
        """Tokens of the longest answer, `<eos>` included."""
        return self.answer_format.max_length

    @property
    def code_depth(self) -> int:
        """Columns of a problem's path codes."""
        return self.options["code_depth"]

    @functools.cached_property
    def answer_format(self) -> AnswerFormat:
        """How coefficients are written."""
        return AnswerFormat(
            notation=P10(self.options["number_groups"], self.options["joined_heads"]),
            layout=self.options["layout"],
            degree_tokens=self.options["degree_tokens"],
            descending=self.options["descending"],
        )

    @functools.cached_property
    def _draw(self) -> Callable[[random.Random], Expression]:
        options = self.options
        shared = {key: options[key] for key in ("family_exclusion", "integers", "integer_weight")}
        if options["sampler"] == "seed":
            return sampling.SeedSampler(max_depth=options["max_depth"], **shared)
        return sampling.LengthSampler(options["min_operators"], options["max_operators"], **shared)

    @functools.cached_property
    def _outcome(self) -> Callable[[Expression], Example | Rejection]:
        """`_label`, remembering the last ones.  Pure, so it matters to speed only."""
        return functools.lru_cache(maxsize=REMEMBERED)(self._label)

    @functools.cached_property
    def _engine(self) -> SympyEngine:
        from symjax.symbolic.reference import SympyEngine

        return SympyEngine(seconds=self.options["engine_seconds"])

    def sample(self, rng: random.Random) -> Example | Rejection:
        """A random example; duplicates are the caller's to drop, by `metadata["fingerprint"]`."""
        return self._outcome(self._draw(rng))

    def label(self, problem: Tokens) -> Example | Rejection:
        """The problem with its certified coefficients."""
        try:
            expr = prefix.parse(problem, words=WORDS)
        except prefix.PrefixError as error:
            return Rejection("malformed", str(error))
        return self._outcome(expr)

    def _label(self, expr: Expression) -> Example | Rejection:
        problem = self._problem_tokens(expr)
        if isinstance(problem, Rejection):
            return problem
        found = self._series(expr)
        if isinstance(found, series.Refusal):
            return Rejection(found.reason, found.detail)
        try:
            answer, exact = self.answer_format.write(found.rounded), found.exact
        except OutOfRange as error:
            return Rejection("coefficient_out_of_range", str(error))
        except ArithmeticError as error:
            return Rejection("precision", str(error))
        metadata = {
            "fingerprint": fingerprints.fingerprint(expr),
            "size": expr.size,
            "depth": expr.depth,
            "rational_series": all(found.rational),
            "two_sided": found.two_sided,
            "numeric_zero": found.numeric_zero,
            "nonzero": sum(map(bool, found.rounded)),
        }
        return Example(problem=problem, answer=answer, exact=exact, metadata=metadata)

    def _problem_tokens(self, expr: Expression) -> Tokens | Rejection:
        """Prefix tokens, or why a model cannot be given them."""
        levels, longest = self.code_depth - 1, self.max_problem_length
        if expr.depth > levels:
            return Rejection("too_deep", f"{expr.depth} operators are nested; at most {levels} fit code_depth")
        tokens = prefix.write(expr) if expr.size <= longest else ()  # every node takes a token or more
        if not 0 < len(tokens) <= longest:
            count = len(tokens) or f"{expr.size} or more"
            return Rejection("too_long", f"the expression takes {count} tokens; max_problem_tokens is {longest}")
        return tokens

    def _series(self, expr: Expression) -> series.TaylorSeries | ReferenceSeries | series.Refusal:
        if self.options["engine"] == "sympy":
            return self._engine.taylor(expr, ORDER)
        return series.taylor_series(expr, order=ORDER, digits=DIGITS)

    def read_problem(self, text: str) -> Tokens | Rejection:
        """Prefix tokens of `text`, see `read_expression`; or rejected as "malformed", "too_deep" or "too_long"."""
        expr = read_expression(text, WORDS)
        return expr if isinstance(expr, Rejection) else self._problem_tokens(expr)

    def decode(self, answer: Tokens) -> Coefficients | ParseError:
        """c0..c4 as decimals.  In the sparse layout `ZERO` alone says that all are zero."""
        return self.answer_format.read(answer)

    def verify(self, problem: Tokens, answer: Tokens, reference: Tokens | None = None) -> Verdict:
        """Proved when all five rounded coefficients agree with the certified ones, else refuted.

        Unparsable when the answer is not a coefficient list, or the problem itself has no series, with the reason.
        Certified by `series` whatever the engine of the labels.

        Raises:
          ValueError: the reference is not a coefficient list.
        """
        start = time.perf_counter()
        kind, evidence = self._judge(problem, answer, reference)
        return Verdict(kind=kind, evidence=evidence, seconds=time.perf_counter() - start)

    def _judge(self, problem: Tokens, answer: Tokens, reference: Tokens | None) -> tuple[Any, dict[str, Any]]:
        predicted = self.decode(answer)
        if isinstance(predicted, ParseError):
            return "unparsable", {"reason": "answer", "position": predicted.position, "detail": predicted.reason}
        target = _certified(problem) if reference is None else self.decode(reference)
        if isinstance(target, Rejection):
            return "unparsable", {"reason": f"problem: {target.reason}", "detail": target.detail}
        if isinstance(target, ParseError):
            raise ValueError(f"the reference is no answer: token {target.position}: {target.reason}")
        agree = [guess == true for guess, true in zip(predicted, target, strict=True)]
        shown = {"predicted": predicted, "target": target}
        evidence = {name: list(map(display.plain, values)) for name, values in shown.items()} | {"agree": agree}
        return ("proved" if all(agree) else "refuted"), evidence

    def audit(self, example: Example) -> Verdict:
        """Whether the label comes out again as it is stored."""
        return relabelled(example, self.label)

    def measure(self, example: Example, answer: Tokens) -> dict[str, float]:
        """See `_taylor_metrics`: exactness in tokens, distances to the exact coefficients."""
        predicted = self.decode(answer)
        return measure(
            None if isinstance(predicted, ParseError) else predicted, self._own_answer(example), example.exact
        )

    def trivial_answers(self, training: Sequence[Example]) -> dict[str, Tokens]:
        """All zeros, and the median of each coefficient over the training answers (the lower one of two)."""
        rows = [self._own_answer(example) for example in training]
        medians = [statistics.median_low(column) for column in zip(*rows, strict=True)]
        answers = {"zeros": (Decimal(0),) * len(DEGREES)} | ({"median": tuple(medians)} if rows else {})
        return {name: self.answer_format.write(coefficients) for name, coefficients in answers.items()}

    def _own_answer(self, example: Example) -> Coefficients:
        """The rounded coefficients of an example of this task."""
        rounded = self.decode(example.answer)
        if isinstance(rounded, ParseError):
            raise ValueError(f"the example's answer is malformed: token {rounded.position}: {rounded.reason}")
        return rounded

    def grammar(self) -> GrammarSpec:
        """Degrees in order, every number complete; at least one coefficient."""
        return self.answer_format.grammar()

    def problem_codes(self, ids: Int[np.ndarray, "B S"]) -> Int[np.ndarray, "B S C"]:
        """Tree-path codes; raises `tree_paths.DepthOverflow` beyond `code_depth`."""
        return tree_paths.path_codes(ids, self.problem_vocabulary, self.code_depth)

    def answer_json(self, example: Example) -> dict[str, Any]:
        """`coefficients`, each "p/q" or 30 significant digits, and whether each is `rational`."""
        return display.answer_json(example)

    def describe(self, example: Example) -> str:
        """Tokens, LaTeX, tree with paths, and the coefficients, exact and as tokens."""
        return display.describe(example, self._own_answer(example))

    def mathml(self, example: Example, answer: Tokens | None) -> dict[str, str]:
        """The problem, and the target and predicted polynomials with their rounded coefficients."""
        return display.mathml(example, self._own_answer(example), None if answer is None else self.decode(answer))

    def slices(self, example: Example) -> dict[str, str]:
        """Depth, size in steps of four nodes, kind of series, path of the label, and the largest coefficient."""
        return display.slices(example, self._own_answer(example))

    def operators(self, example: Example) -> Tokens:
        """Distinct operators in the order in which they first occur."""
        return tuple(dict.fromkeys(token for token in example.problem if token in OPERATORS))


def _certified(problem: Tokens) -> Coefficients | Rejection:
    """The rounded coefficients of a problem."""
    try:
        found = series.taylor_series(prefix.parse(problem, words=WORDS), order=ORDER, digits=DIGITS)
    except prefix.PrefixError as error:
        return Rejection("malformed", str(error))
    return Rejection(found.reason, found.detail) if isinstance(found, series.Refusal) else found.rounded
