"""SymPy as the slow reference: its words, its pairs, its verdicts, and what a lost call costs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from symjax.symbolic.agreement import agrees, satisfies
from symjax.symbolic.expression import Expression, X, integer, raw
from symjax.symbolic.reference_integration import IntegrationReference, operators
from symjax.symbolic.reference_ode import OdeReference
from symjax.symbolic.reference_steps import Argument, SympySteps, step
from symjax.symbolic.reference_verdict import ReferenceVerdicts
from symjax.symbolic.series import Refusal
from symjax.tokenization import prefix
from symjax.tokenization.foreign import parse_foreign, write_foreign


def parsed(text: str) -> Expression:
    return parse_foreign(text.split())


def words(found: object) -> object:
    return " ".join(write_foreign(found)) if isinstance(found, Expression) else found


def coins(*sides: bool):
    return iter(sides).__next__


@pytest.fixture(scope="module")
def steps() -> Iterator[SympySteps]:
    with SympySteps(seconds=60) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("div INT+ 1 x", "pow x INT- 1"),
        ("sub INT+ 0 x", "mul INT- 1 x"),
        ("inv sqrt x", "pow x div INT- 1 INT+ 2"),
        ("sub x INT+ 1", "add INT- 1 x"),
        ("sqrt exp x", "exp mul div INT+ 1 INT+ 2 x"),
        ("exp INT+ 1", "E"),
        ("acos INT- 1", "pi"),
        ("pow3 rac x INT+ 3", "x"),
        ("rac x INT+ 3", "pow x div INT+ 1 INT+ 3"),
        ("mul x mul pow2 x sin x", "mul pow x INT+ 3 sin x"),
        ("sqrt pow2 x", "abs x"),
        ("div INT+ 4 INT- 6", "div INT- 2 INT+ 3"),
        ("add Y'' add Y mul x Y'", "add mul x Y' add Y'' Y"),
    ],
)
def test_words_are_those_of_the_published_data(steps: SympySteps, text: str, expected: str) -> None:
    found = words(steps.expression("build", parsed(text)))
    assert sorted(str(found).split()) == sorted(expected.split()) if "Y''" in text else found == expected


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("build", "ln INT+ 0", "undefined"),
        ("build", "sqrt INT- 2", "complex"),
        ("integrate", "exp pow2 x", "not_elementary"),
        ("integrate", "sin exp exp x", "unsolved"),
        ("equation", "x", "sympy_error"),
    ],
)
def test_failures_have_names(steps: SympySteps, name: str, text: str, reason: str) -> None:
    found = steps.call(name, parsed(text))
    assert isinstance(found, Refusal)
    assert found.reason == reason


def test_deep_expressions_are_refused(steps: SympySteps) -> None:
    expr = X
    for _ in range(300):
        expr = raw("sin", expr)
    assert steps.call("build", expr).reason == "too_deep"


def test_integrals(steps: SympySteps) -> None:
    reference = IntegrationReference(steps=steps)
    for text in ("mul x exp x", "ln x", "div x add INT+ 1 pow2 x", "mul pow2 x cos x", "inv x"):
        answer = reference.solve(parsed(f"sub Y' {text}"))
        assert agrees(answer, parsed(text)).accepted, text
    assert reference.fwd(parsed("sin INT+ 3"), coins(True)).reason == "constant"
    assert reference.fwd(parsed("sub x sub x mul x x"), coins(True)).reason == "few_operators"
    integrand, answer = reference.fwd(parsed("add INT+ 3 mul x ln x"), coins(True))
    assert words(integrand) == "mul x ln x"
    assert agrees(answer, integrand).accepted
    integrand, answer = reference.fwd(parsed("add INT+ 3 mul x ln x"), coins(False))
    assert words(integrand) == "add INT+ 3 mul x ln x"


def test_derivatives_are_simplified_or_not(steps: SympySteps) -> None:
    reference, tree = IntegrationReference(steps=steps), parsed("add INT+ 3 pow2 sin x")
    short, long = (reference.bwd(tree, coins(side)) for side in (True, False))
    assert [words(one) for one in short] == ["sin mul INT+ 2 x", "pow sin x INT+ 2"]
    assert [words(one) for one in long] == ["mul INT+ 2 mul cos x sin x", "pow sin x INT+ 2"] or words(
        long[0]
    ) == "mul INT+ 2 mul sin x cos x"


def test_integration_by_parts(steps: SympySteps) -> None:
    reference = IntegrationReference(steps=steps)
    integrand, answer = reference.ibp(parsed("exp x"), parsed("pow2 x"), coins(True))
    assert agrees(answer, integrand).accepted
    assert reference.ibp(parsed("INT+ 3"), parsed("x"), coins(True)).reason == "constant"
    lost = reference.ibp(parsed("exp exp x"), parsed("ln ln x"), coins(False))
    assert lost.reason == "unknown_product"


@pytest.mark.parametrize("coin", [True, False])
def test_equations_of_first_order(steps: SympySteps, coin: bool) -> None:
    reference = OdeReference(steps=steps)
    equation, solution = reference.first(parsed("add x mul a8 exp mul INT+ 2 x"), coins(coin))
    assert satisfies(equation, solution).agreeing >= 4
    assert "Y'" in words(equation).split()
    assert words(reference.first(parsed("mul exp x ln mul INT+ 2 a8"), coins(coin))[1]) == "mul a8 exp x"
    assert reference.first(parsed("mul x exp x"), coins(coin)).reason == "no_constant"
    assert reference.first(parsed("mul a8 exp a8"), coins(coin)).reason == "constant"


def test_equations_of_second_order(steps: SympySteps) -> None:
    reference = OdeReference(steps=steps)
    equation, solution = reference.second(parsed("add mul a8 x mul a9 exp x"), coins(False, False, False))
    assert satisfies(equation, solution).agreeing >= 4
    assert "Y''" in words(equation).split()
    assert "a8" not in words(equation).split()
    assert "a9" not in words(equation).split()


def test_equations_are_solved(steps: SympySteps) -> None:
    reference = OdeReference(steps=steps)
    assert words(reference.solve(parsed("sub Y' Y"))) == "mul a8 exp x"
    for text in ("add Y'' Y", "sub mul x Y' mul Y Y"):
        assert satisfies(parsed(text), reference.solve(parsed(text))).agreeing >= 4


@pytest.mark.parametrize(
    ("problem", "hypothesis", "expected"),
    [
        ("sub Y' x", "div pow2 x INT+ 2", "right"),
        ("sub Y' x", "add INT+ 7 mul x div x INT+ 2", "right"),
        ("sub Y' x", "x", "wrong"),
        ("sub Y' Y", "mul a9 exp x", "right"),
        ("sub Y' Y", "exp x", "right"),  # a particular solution passes too
    ],
)
def test_verdicts_of_the_reference_system(steps: SympySteps, problem: str, hypothesis: str, expected: str) -> None:
    reference = "mul a8 exp x" if problem == "sub Y' Y" else "mul div INT+ 1 INT+ 2 pow2 x"
    assert ReferenceVerdicts(steps=steps)(*map(parsed, (problem, hypothesis, reference))) == expected


def misbehave(argument: Argument) -> tuple[str, object]:
    """Hangs at sines, takes all memory at cosines, aborts at tangents; runs in a worker."""
    found = {op for op, _, _ in argument[1][0]}
    if "sin" in found:
        while True:
            pass
    if "cos" in found:
        return "truth", len(bytearray(2**40))
    if "tan" in found:
        os.abort()
    return step(argument)


@pytest.mark.parametrize(
    ("texts", "memory_limit", "expected"),
    [
        (("sin x", "exp x", "cos x", "ln x"), 2**30, ["time_limit", "exp x", "memory_limit", "pow x INT- 1"]),
        (("tan x", "ln x"), None, ["worker_died", "pow x INT- 1"]),
    ],
)
def test_a_lost_call_costs_that_call(texts: tuple[str, ...], memory_limit: int | None, expected: list[str]) -> None:
    with SympySteps(seconds=2, memory_limit=memory_limit, function=misbehave) as steps:
        reference = IntegrationReference(steps=steps)
        found = [reference.bwd(parsed(text), coins(False)) for text in texts]
    assert [one.reason if isinstance(one, Refusal) else words(one[0]) for one in found] == expected


@pytest.mark.parametrize(
    ("answer", "memory_limit", "expected"),
    [("sin x", 2**30, "time_limit"), ("cos x", 2**30, "memory_limit"), ("tan x", None, "worker_died")],
)
def test_lost_verdicts_are_told_apart(answer: str, memory_limit: int | None, expected: str) -> None:
    with SympySteps(seconds=1, memory_limit=memory_limit, function=misbehave) as steps:
        verdicts = ReferenceVerdicts(steps=steps)
        assert verdicts(parsed("sub Y' exp x"), parsed(answer), parsed("x")) == expected
        assert verdicts(parsed("sub Y' exp x"), parsed("exp x"), parsed("x")) == "right"


def loaded_modules(argument: Argument) -> tuple[str, object]:
    """Whether SymPy is there before the first call; runs in a worker."""
    del argument
    return "truth", "sympy" in sys.modules


def test_loading_sympy_is_no_part_of_a_call() -> None:
    with SympySteps(seconds=60, function=loaded_modules) as steps:
        assert steps.call("build", X) is True


def test_operators_are_those_of_the_tokens() -> None:
    for text in ("x", "sin x", "add x add x mul x INT+ 2", "pow sin x INT+ 2"):
        expr = parsed(text)
        assert operators(expr) == sum(
            token in prefix.arities() and prefix.arities()[token] > 0 for token in text.split()
        )
    assert operators(raw("sin", raw("add", X, integer(1)))) == 2
