"""Tasks whose problems and answers are expressions: what integration and differential equations share.

A task of this kind says how problems are drawn and solved; the rest is here: words, grammar, codes, reading, judging
through the verifier, measures, and what people are shown.  Nothing needs more of an example than its tokens, so
examples that were imported work as generated ones do.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from jaxtyping import Int
from numpy import ndarray

from symjax import tasks
from symjax.symbolic.expression import SYMBOL, Expression, postorder
from symjax.symbolic.operators import COEFFICIENTS, OPERATORS, UNKNOWNS
from symjax.tasks import Example, Metric, ParseError, Rejection, Tokens, Verdict
from symjax.tasks import _expression_display as display
from symjax.tasks._reading import read_expression
from symjax.tokenization import prefix, tree_paths
from symjax.tokenization.foreign import DECIMAL, WORDS, parse_foreign, write_foreign
from symjax.tokenization.grammar import GrammarSpec, prefix_grammar
from symjax.tokenization.vocabulary import Vocabulary

VOCABULARY: Final = Vocabulary.of(WORDS[3:])
"""Of problems and answers; ids from 3 on are those of the foreign files."""

UNKNOWN_FUNCTIONS: Final = frozenset({"f", "g", "h", "derivative"})
"""Operators that no answer holds: they stand for functions of which nothing is known."""

METRICS: Final = (
    Metric(name="exact", statistic="mean", higher_is_better=True, title="answers equal to the reference, word by word"),
    Metric(name="well_formed", statistic="mean", higher_is_better=True, title="answers that parse"),
    Metric(name="length_ratio", statistic="median", higher_is_better=None, title="length of answers over references"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExpressionTask(abc.ABC):
    """Base of the tasks; see `symjax.tasks.Task` for the methods.

    A subclass is made with a name and options, of which `max_problem_tokens`, `max_answer_tokens` and `code_depth` are
    used here.
    """

    name: str
    options: Mapping[str, Any]
    metrics = METRICS

    def __reduce__(self) -> tuple:
        return functools.partial(tasks.load, **self.options), (self.name,)

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.options.items())))

    @abc.abstractmethod
    def sample(self, rng: random.Random) -> Example | Rejection:
        """A random example; duplicates are the caller's to drop, by `metadata["fingerprint"]`."""

    @abc.abstractmethod
    def state(self, typed: Expression) -> Expression | Rejection:
        """The problem that a typed expression poses, zero on its other side."""

    @abc.abstractmethod
    def solve(self, problem: Expression) -> Expression | Rejection:
        """An answer to a problem, without SymPy and within a count of nodes."""

    @abc.abstractmethod
    def fingerprint_of(self, problem: Expression) -> str:
        """32 hexadecimal digits, equal for problems that ask the same."""

    @abc.abstractmethod
    def statement(self, problem: Expression) -> str:
        """The problem as a MathML element."""

    @property
    @abc.abstractmethod
    def answer_symbols(self) -> tuple[str, ...]:
        """Symbols that answers may hold."""

    def copy_of(self, problem: Expression) -> Expression:
        """The part of the problem that a model would copy if it could do no better."""
        return problem

    @property
    def problem_vocabulary(self) -> Vocabulary:
        """The foreign words."""
        return VOCABULARY

    @property
    def answer_vocabulary(self) -> Vocabulary:
        """The foreign words."""
        return VOCABULARY

    @property
    def max_problem_length(self) -> int:
        """Tokens of the longest problem."""
        return self.options["max_problem_tokens"]

    @property
    def max_answer_length(self) -> int:
        """Tokens of the longest answer, `<eos>` included."""
        return self.options["max_answer_tokens"] + 1

    @property
    def code_depth(self) -> int:
        """Columns of a problem's path codes."""
        return self.options["code_depth"]

    def example(
        self, problem: Expression, answer: Expression, facts: Mapping[str, int | float | str | bool]
    ) -> Example | Rejection:
        """The example of a raw problem and a raw answer; rejected if one of them is too long or too deep.

        The problem's fingerprint is found here unless it is among the facts.
        """
        written = self.problem_tokens(problem)
        if isinstance(written, Rejection):
            return written
        tokens = write_foreign(answer)
        refused = self.too_large(written, tokens, 0)
        if refused:
            return refused
        key = facts.get("fingerprint") or self.fingerprint_of(problem)
        return Example(problem=written, answer=tokens, metadata={"fingerprint": key, **facts})

    def problem_tokens(self, problem: Expression) -> Tokens | Rejection:
        """The words of a raw problem, or why a model cannot be given them."""
        try:
            tokens = write_foreign(problem)
        except ValueError as error:
            return Rejection("malformed", str(error))
        return self.too_large(tokens, (), problem.depth) or tokens

    def too_large(self, problem: Tokens, answer: Tokens, depth: int) -> Rejection | None:
        """Why a model cannot be given a problem of this depth, or asked for the answer."""
        levels, longest = self.code_depth - 1, self.max_problem_length
        if len(problem) > longest:
            return Rejection("too_long", f"the problem takes {len(problem)} tokens; max_problem_tokens is {longest}")
        if depth > levels:
            return Rejection("too_deep", f"{depth} operators are nested; at most {levels} fit code_depth")
        longest = self.options["max_answer_tokens"]
        if len(answer) > longest:
            return Rejection("too_long", f"the answer takes {len(answer)} tokens; max_answer_tokens is {longest}")
        return None

    def label(self, problem: Tokens) -> Example | Rejection:
        """The problem with an answer that the task finds itself; "unsolved" where it finds none."""
        expr = self.parse_problem(problem)
        if isinstance(expr, Rejection):
            return expr
        answer = self.solve(expr)
        return answer if isinstance(answer, Rejection) else self.example(expr, answer, {})

    def parse_problem(self, tokens: Tokens) -> Expression | Rejection:
        """The raw problem that tokens write."""
        try:
            expr = parse_foreign(tokens)
        except prefix.PrefixError as error:
            return Rejection("malformed", str(error))
        return self.state(expr)

    def read_problem(self, text: str) -> Tokens | Rejection:
        """Words of `text`, prefix or infix; or rejected as "malformed", "too_deep" or "too_long"."""
        expr = self.read_typed(text)
        if isinstance(expr, Rejection):
            return expr
        problem = self.state(expr)
        return problem if isinstance(problem, Rejection) else self.problem_tokens(_nested(problem))

    def read_typed(self, text: str) -> Expression | Rejection:
        """The raw expression of a problem that a user typed."""
        return read_expression(text, DECIMAL.expression_words)

    def read_answer(self, text: str) -> Tokens | Rejection:
        """Words of an answer, prefix or infix; or rejected as "malformed", or beyond the reader's limits."""
        expr = read_expression(text, DECIMAL.expression_words)
        return expr if isinstance(expr, Rejection) else write_foreign(expr)

    def fingerprint(self, problem: Tokens) -> str | None:
        """32 hexadecimal digits, equal for problems that ask the same; None where there is no such problem."""
        expr = self.parse_problem(problem)
        return None if isinstance(expr, Rejection) else self.fingerprint_of(expr)

    def decode(self, answer: Tokens) -> Expression | ParseError:
        """The raw expression that the tokens write."""
        try:
            return parse_foreign(answer)
        except prefix.PrefixError as error:
            return ParseError(error.position, error.reason)

    def verify(self, problem: Tokens, answer: Tokens, reference: Tokens | None = None) -> Verdict:
        """What the verifier proves of the answer; the reference is not looked at.

        Answers to one problem are judged faster one after the other; verdicts do not depend on the order.
        """
        del reference
        return self._timed_verdict(problem, answer, strict=False)

    def _timed_verdict(self, problem: Tokens, answer: Tokens, *, strict: bool) -> Verdict:
        start = time.perf_counter()
        kind, evidence = self._judge(problem, answer, strict=strict)
        return Verdict(kind=kind, evidence=evidence, seconds=time.perf_counter() - start)

    def _judge(self, problem: Tokens, answer: Tokens, *, strict: bool) -> tuple[Any, Mapping[str, Any]]:
        question = self.parse_problem(problem)
        if isinstance(question, Rejection):
            return "unparsable", {"reason": f"problem: {question.reason}", "detail": question.detail}
        predicted = self.decode(answer)
        if isinstance(predicted, ParseError):
            return "unparsable", {"reason": "answer", "position": predicted.position, "detail": predicted.reason}
        from symjax.symbolic.equality import judge

        judgement = judge(_question(question, threading.get_ident()), predicted, strict=strict)
        return judgement.kind, judgement.evidence

    def audit(self, example: Example) -> Verdict:
        """The verdict on a stored label; refuted as well where the fingerprint is not the problem's."""
        verdict = self.verify(example.problem, example.answer)
        stored = example.metadata.get("fingerprint")
        if verdict.kind in ("proved", "undetermined") and stored is not None:
            found = self.fingerprint(example.problem)
            if found != stored:
                evidence = {"difference": f"fingerprint is {stored}, now {found}"}
                return Verdict(kind="refuted", evidence=evidence, seconds=verdict.seconds)
        return verdict

    def measure(self, example: Example, answer: Tokens) -> dict[str, float]:
        """Equality with the reference, whether the answer parses, and its length over that of the reference."""
        well_formed = not isinstance(self.decode(answer), ParseError)
        return {
            "exact": float(tuple(answer) == tuple(example.answer)),
            "well_formed": float(well_formed),
            "length_ratio": len(answer) / len(example.answer) if well_formed else float("nan"),
        }

    def trivial_answers(self, training: Sequence[Example]) -> dict[str, Tokens]:
        """x, and the most frequent training answer (the first of several)."""
        counts = Counter(tuple(example.answer) for example in training)
        return {"x": ("x",)} | ({"most_frequent": counts.most_common(1)[0][0]} if counts else {})

    def baseline_answers(self, problem: Tokens) -> dict[str, Tokens]:
        """The problem itself as its answer."""
        expr = self.parse_problem(problem)
        return {} if isinstance(expr, Rejection) else {"copy_input": write_foreign(self.copy_of(expr))}

    def grammar(self) -> GrammarSpec:
        """The well-formed expressions in the task's symbols, constants and numbers."""
        symbols = set(self.answer_symbols)
        hidden = {*UNKNOWNS, *COEFFICIENTS, "y", "z", "t", *UNKNOWN_FUNCTIONS} - symbols
        known = {*prefix.arities(), *prefix.DIGITS} - hidden
        return prefix_grammar([word for word in VOCABULARY.tokens if word in known])

    def problem_codes(self, ids: Int[ndarray, "B S"]) -> Int[ndarray, "B S C"]:
        """Tree-path codes; raises `tree_paths.DepthOverflow` beyond `code_depth`."""
        return tree_paths.path_codes(ids, VOCABULARY, self.code_depth)

    def answer_json(self, example: Example) -> dict[str, Any]:
        """The answer as prefix tokens and as infix text."""
        return display.answer_json(example)

    def describe(self, example: Example) -> str:
        """Tokens, LaTeX and tree of the problem, and the answer in tokens and infix."""
        return display.describe(example)

    def mathml(self, example: Example, answer: Tokens | None) -> dict[str, str]:
        """The problem, the reference and the predicted answer."""
        predicted = None if answer is None else self.decode(answer)
        problem = self.parse_problem(example.problem)
        shown = display.text(problem.detail) if isinstance(problem, Rejection) else self.statement(problem)
        return display.mathml(shown, example, predicted)

    def slices(self, example: Example) -> dict[str, str]:
        """Lengths, depth, and how the example was made, where that is known."""
        return display.slices(example)

    def operators(self, example: Example) -> Tokens:
        """Distinct operators in the order in which they first occur."""
        return tuple(dict.fromkeys(token for token in example.problem if token in OPERATORS))

    @contextlib.contextmanager
    def solver(self, seconds: float) -> Iterator[Callable[[Tokens], Tokens | Rejection]]:
        """SymPy as a solver of this task's problems, with so many seconds for each; in a watched process."""
        with self.reference_solver(seconds) as solve:

            def answer(problem: Tokens) -> Tokens | Rejection:
                expr = self.parse_problem(problem)
                if isinstance(expr, Rejection):
                    return expr
                found = solve(expr)
                return write_foreign(found) if isinstance(found, Expression) else found

            yield answer

    @contextlib.contextmanager
    def reference_verdicts(self) -> Iterator[Callable[[Tokens, Tokens, Tokens], str]]:
        """What the evaluation of Lample and Charton's system says of an answer; in a watched process."""
        from symjax.symbolic.reference_verdict import ReferenceVerdicts

        with ReferenceVerdicts() as judged:

            def verdict(problem: Tokens, answer: Tokens, reference: Tokens) -> str:
                question, right = self.parse_problem(problem), self.decode(reference)
                found = self.decode(answer)
                if not all(isinstance(one, Expression) for one in (question, found, right)):
                    return "wrong"
                return judged(question, found, right)  # type: ignore[arg-type]

            yield verdict

    @abc.abstractmethod
    def reference_solver(
        self, seconds: float
    ) -> contextlib.AbstractContextManager[Callable[[Expression], Expression | Rejection]]:
        """SymPy's answers to raw problems."""


@functools.lru_cache(maxsize=2)
def _question(problem: Expression, thread: int) -> Any:
    """What the verifier keeps of a raw problem in a thread, for the next answer, which often is to the same one."""
    del thread
    from symjax.symbolic.equality import Problem

    return Problem(problem)


def _nested(expr: Expression) -> Expression:
    """`expr` with sums and products in pairs, as its tokens read back."""
    return parse_foreign(write_foreign(expr))


def unknowns_of(expr: Expression) -> list[str]:
    """Y and its derivatives, and functions of which nothing is known, in the order in which they occur."""
    found = (node.value if node.op == SYMBOL else node.op for node in postorder(expr))
    return [str(name) for name in found if name in UNKNOWN_FUNCTIONS or name in UNKNOWNS]
