"""Integration: given f, a function F of x with F' = f.

Problems are written `sub Y' f`, answers are expressions; the words are those of Lample and Charton's data files.
Problems are drawn in three ways: forward (a random f that the rules solve), backward (the derivative of a random F) and
by parts.  Every label has passed a certified check at exact points; no clock and no SymPy decides anything, but for the
reference engine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import random
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from symjax.symbolic import fingerprint
from symjax.symbolic.canonical import canonicalise
from symjax.symbolic.conventions import foreign_depth, foreign_form
from symjax.symbolic.expression import Expression, symbol, unchecked
from symjax.symbolic.limits import TooLarge, Undefined
from symjax.symbolic.programs import Column
from symjax.symbolic.tree_sampling import COEFFICIENTS, PRESETS, VARIABLES, TreeSampler
from symjax.tasks import Example, Rejection, Tokens, Verdict
from symjax.tasks import _expression_display as display
from symjax.tasks import _integration_pairs as pairs
from symjax.tasks._expression_options import checked_options
from symjax.tasks._expression_tasks import ExpressionTask, unknowns_of
from symjax.tasks._integration_parts import by_parts
from symjax.tasks._integration_table import StoredTable, load_table
from symjax.tokenization.foreign import write_canonical

if TYPE_CHECKING:
    from symjax.symbolic.reference_integration import IntegrationReference

NAMES = ("integration", "integration_fwd", "integration_bwd", "integration_ibp", "prim_fwd", "prim_bwd", "prim_ibp")

_FAMILIES: Final = {"fwd": pairs.FORWARD, "bwd": pairs.BACKWARD, "ibp": pairs.PARTS}
_SLOPE: Final = symbol("Y'")
_POSED: Final = ("sub", "Y'")
_Made = Example | Rejection
_README: Final = PRESETS["readme"]


def make(
    name: str,
    *,
    operators: str = _README["operators"],
    leaf_probabilities: tuple[float, ...] = _README["leaf_probabilities"],
    max_int: int = _README["max_int"],
    positive: bool = _README["positive"],
    shape_weights: tuple[int, ...] = _README["shape_weights"],
    variables: int = 1,
    coefficients: int = 0,
    max_operators: int = 15,
    max_problem_tokens: int = 512,
    max_answer_tokens: int = 512,
    code_depth: int = 64,
    real_only: bool = False,
    mix: tuple[float, ...] = (1.0, 1.0, 1.0),
    budget: int = 600,
    simplified_fraction: float = 0.5,
    other_operators: int = 4,
    rules_fraction: float = 0.5,
    rules_budget: int = 25,
    indirect_only: bool = False,
    table_size: int = 10_000,
    table_seed: int = 0,
    label_budget: int = 5000,
    engine: str = "rules",
    engine_seconds: float = 10.0,
) -> Integration:
    """The integration task; the defaults are the parameters that the published data were made with.

    Args:
      name: "integration_fwd", "integration_bwd" or "integration_ibp" (also "prim_fwd" and so on) for problems drawn in
        one way, "integration" for all three.
      operators, leaf_probabilities, max_int, positive, shape_weights, variables, coefficients: of random trees; see
        `tree_sampling.TreeSampler`.
      max_operators: most operators of a random tree.
      max_problem_tokens, max_answer_tokens: longer ones are rejected as "too_long".
      code_depth: columns of a problem's path codes: levels of operators, and one for the place in a number.
        Deeper problems are rejected as "too_deep".
      real_only: whether answers that are real at no point are rejected, as "not_real".
      mix: how often "integration" draws forward, backward and by parts; in any scale.
      budget: nodes that the rules may build for a forward problem.  Decides which problems are solved, so that it is
        part of what defines a data set; `direct` of problems by parts goes by it as well.
      simplified_fraction: share of backward integrands that are simplified.
      other_operators: most operators of the second factor's tree, by parts.
      rules_fraction: share of the attempts by parts in which rules may solve the other product; the table always may.
      rules_budget: nodes that they may build for it.
      indirect_only: whether problems by parts that the rules solve by themselves are rejected, as "direct".
      table_size, table_seed: what defines the table, with the options of random trees.
      label_budget: nodes that the rules may build for a problem that a user poses.
      engine: "rules", or "sympy", the slow reference, under limits.
      engine_seconds: CPU time that one call of the reference engine may take; with it, a clock decides what is in the
        data.  With "rules" none does.

    Raises:
      ValueError: a value that does not fit, with the rule.
    """
    options = checked_options(locals(), shares=("simplified_fraction", "rules_fraction"))
    shares = options["mix"]
    if len(shares) != 3 or not all(share >= 0 for share in shares) or not 0 < sum(shares) < math.inf:
        raise ValueError(f"mix must be three numbers of 0 or more (forward, backward, parts), not all 0, got {shares}")
    return Integration(name=name, options=options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Integration(ExpressionTask):
    """See `make`, which checks the options, and `symjax.tasks.Task` for the methods."""

    def __post_init__(self) -> None:
        _ = self._sampler  # refuses bad options at once

    @functools.cached_property
    def _sampler(self) -> TreeSampler:
        return TreeSampler(
            **self._tree_options, max_operators=max(self.options["max_operators"], self._other_operators)
        )

    @property
    def _other_operators(self) -> int:
        return self.options["other_operators"]

    @property
    def _tree_options(self) -> dict[str, Any]:
        keys = (*_README, "variables", "coefficients")
        return {key: self.options[key] for key in keys}

    @functools.cached_property
    def _table(self) -> StoredTable:
        definition = self._tree_options | {"size": self.options["table_size"], "seed": self.options["table_seed"]}
        return load_table(json.dumps(definition, sort_keys=True))

    @functools.cached_property
    def _families(self) -> Mapping[str, float]:
        """How often each family is drawn, in any scale; never those that are not in it."""
        family = _FAMILIES.get(self.name.rpartition("_")[2])
        shares = zip(_FAMILIES.values(), self.options["mix"], strict=True)
        return {family: 1.0} if family else {name: share for name, share in shares if share}

    def _family(self, rng: random.Random) -> str:
        """A family by its share; no random number is drawn where there is one only."""
        names, shares = list(self._families), list(accumulate(self._families.values()))
        return names[bisect(shares, rng.random() * shares[-1])] if len(names) > 1 else names[0]

    @functools.cached_property
    def _engine(self) -> IntegrationReference:
        from symjax.symbolic.reference_integration import IntegrationReference

        return IntegrationReference(seconds=self.options["engine_seconds"])

    def inputs(self) -> dict[str, str]:
        """SHA-256 of the table, where problems are drawn by parts."""
        reads = self.options["engine"] == "rules" and pairs.PARTS in self._families
        return {"table": self._table.digest} if reads else {}

    @property
    def answer_symbols(self) -> tuple[str, ...]:
        """The variables and coefficients that are drawn."""
        return VARIABLES[: self.options["variables"]] + COEFFICIENTS[: self.options["coefficients"]]

    def sample(self, rng: random.Random) -> Example | Rejection:
        """A random example; duplicates are the caller's to drop, by `metadata["fingerprint"]`."""
        family = self._family(rng)
        if self.options["engine"] == "sympy":
            return self._sample_reference(rng, family)
        pair = self._pair(rng, family)
        if isinstance(pair, Rejection):
            return pair
        facts = {"generator": family, **pair.facts}
        return self._checked(pair.antiderivative, pair.integrand, facts, functools.partial(self._example, pair))

    def _pair(self, rng: random.Random, family: str) -> pairs.Pair | Rejection:
        options, sampler = self.options, self._sampler
        most = options["max_operators"]
        if family == pairs.FORWARD:
            return pairs.forward(rng, sampler, max_operators=most, budget=options["budget"])
        if family == pairs.BACKWARD:
            simplified = options["simplified_fraction"]
            return pairs.backward(rng, sampler, max_operators=most, simplified_fraction=simplified)
        pair = by_parts(
            rng,
            sampler,
            self._table.integrals,
            max_operators=most,
            other_operators=options["other_operators"],
            rules_fraction=options["rules_fraction"],
            rules_budget=options["rules_budget"],
            direct_budget=options["budget"],
        )
        if options["indirect_only"] and isinstance(pair, pairs.Pair) and pair.facts["direct"]:
            return Rejection("direct", "the rules solve the problem by themselves")
        return pair

    def _checked(
        self,
        answer: Expression,
        integrand: Expression,
        facts: pairs.Facts,
        example: Callable[[Column, pairs.Facts], _Made],
    ) -> _Made:
        """The example of a pair that passes the certified check, made of the integrand's values and what is told."""
        found = pairs.checked(answer, integrand)
        if isinstance(found, Rejection):
            return found
        real, values = found
        if self.options["real_only"] and not real:
            return Rejection("not_real", "the answer is real at none of the points")
        return example(values, {**facts, "real": real})

    def _example(self, pair: pairs.Pair, values: Column, facts: pairs.Facts) -> _Made:
        """What `example` makes of the pair as it is written, from its canonical sides."""
        words, operators = write_canonical(pair.integrand)
        answer, _ = write_canonical(pair.antiderivative)
        problem = *_POSED, *words
        depth = 1 + (operators if operators + 1 < self.code_depth else foreign_depth(pair.integrand))
        refused = self.too_large(problem, answer, depth)
        if refused:
            return refused
        key = fingerprint.of_values(values) or fingerprint.of_integrand(foreign_form(pair.integrand))
        return Example(problem=problem, answer=answer, metadata={"fingerprint": key, **facts})

    def _sample_reference(self, rng: random.Random, family: str) -> Example | Rejection:
        """An example made by SymPy, in the way that the original system does."""
        draw, most = functools.partial(self._sampler, rng), self.options["max_operators"]

        def coin() -> bool:
            return rng.random() < 0.5

        if family == pairs.FORWARD:
            tree = draw(pairs.draw_count(rng, min(pairs.LEAST_FORWARD, most), most))
            found = self._engine.fwd(tree, coin)
        elif family == pairs.BACKWARD:
            tree = draw(pairs.draw_count(rng, min(pairs.LEAST_BACKWARD, most), most))
            found = self._engine.bwd(tree, coin)
        else:
            tree = draw(pairs.draw_count(rng, min(pairs.LEAST_BACKWARD, most), most))
            other = draw(1 + int(rng.random() * self._other_operators))
            found = self._engine.ibp(tree, other, coin)
        if not isinstance(found, tuple):
            return Rejection(found.reason, found.detail)
        integrand, answer = found

        def example(values: Column, facts: pairs.Facts) -> _Made:
            key = fingerprint.of_values(values) or fingerprint.of_integrand(integrand)
            return self.example(posed(integrand), answer, {"fingerprint": key, **facts})

        return self._checked(answer, integrand, {"generator": family, "engine": "sympy"}, example)

    def state(self, typed: Expression) -> Expression | Rejection:
        """`Y' - f` as it is; a function f without unknowns as the problem of integrating it."""
        integrand = integrand_of(typed)
        found = unknowns_of(typed if integrand is None else integrand)
        if found:
            return Rejection("malformed", f"{found[0]!r} has no place in an integrand; problems are f or sub Y' f")
        return posed(typed) if integrand is None else typed

    def verify_strictly(self, problem: Tokens, answer: Tokens) -> Verdict:
        """As `verify`, but refuted by the first real point at which the answer certainly fails."""
        return self._timed_verdict(problem, answer, strict=True)

    def solve(self, problem: Expression) -> Expression | Rejection:
        """The antiderivative that the rules find; "unsolved" where they find none."""
        integrand = integrand_of(problem)
        assert integrand is not None
        budget = self.options["label_budget"]
        try:
            canonical = canonicalise(integrand)
        except TooLarge as error:
            return Rejection("too_large", str(error))
        except Undefined as error:
            return Rejection("undefined", str(error))
        answer = pairs.antiderivative_of(canonical, budget)
        if answer is None:
            return Rejection("unsolved", f"the rules find no antiderivative within {budget} nodes")
        refusal = pairs.refusal(pairs.Pair(integrand=integrand, antiderivative=answer))
        return refusal if isinstance(refusal, Rejection) else foreign_form(answer)

    def fingerprint_of(self, problem: Expression) -> str:
        """The key of the integrand's values."""
        return fingerprint.of_integrand(self.copy_of(problem))

    def copy_of(self, problem: Expression) -> Expression:
        """The integrand."""
        integrand = integrand_of(problem)
        return problem if integrand is None else integrand

    def statement(self, problem: Expression) -> str:
        """The indefinite integral."""
        parts = f"<mo>&#x222B;</mo><mrow>{display.inner(self.copy_of(problem))}</mrow><mi>d</mi><mi>x</mi>"
        return f"<math><mrow>{parts}</mrow></math>"

    @contextlib.contextmanager
    def reference_solver(self, seconds: float) -> Iterator[Callable[[Expression], Expression | Rejection]]:
        """SymPy's `integrate`."""
        from symjax.symbolic import reference_integration

        with reference_integration.solver(seconds) as engine:

            def solve(problem: Expression) -> Expression | Rejection:
                found = engine.solve(problem)
                return found if isinstance(found, Expression) else Rejection(found.reason, found.detail)

            yield solve


def posed(integrand: Expression) -> Expression:
    """The problem Y' - f = 0 of an integrand f."""
    return unchecked("sub", (_SLOPE, integrand))


def integrand_of(problem: Expression) -> Expression | None:
    """The f of Y' - f; None where the expression has another form."""
    return problem.args[1] if problem.op == "sub" and problem.args[0] is _SLOPE else None
