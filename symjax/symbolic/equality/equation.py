"""A problem with an answer put in: the residual as a node of a graph, and the same residual evaluated as written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import flint
from flint import acb, arb

from symjax.symbolic import balls
from symjax.symbolic.equality.graph import PRODUCT, SYMBOL, Graph, UndefinedError
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.sharing import Shared
from symjax.symbolic.equality.slopes import Slopes
from symjax.symbolic.equality.translation import UnsupportedError, translate
from symjax.symbolic.equality.work import Work
from symjax.symbolic.expression import Expression, free_symbols, postorder, symbol
from symjax.symbolic.operators import COEFFICIENTS, UNKNOWNS

_PRECISION: Final = 192
_SPECIAL: Final = frozenset({"ln", "abs", "sign", "asin", "atan", "asinh", "acosh", "atanh"})


class UnreadableError(ValueError):
    """The problem or the answer is none; the message is a sentence."""


class Problem:
    """What an answer has to make zero, and what is known of it from the answers before; for one thread at a time.

    Args:
      expr: raw, as written; in x, Y, Y', Y'' and further symbols.

    Attributes:
      symbols: names of its free symbols.
      order: of its highest derivative; -1 if it holds no unknown function.
      is_integral: whether it is Y' - f without Y in f: an answer is right on an interval or not at all.
      shared: values that do not depend on the answer, or that two answers have in common.
    """

    def __init__(self, expr: Expression) -> None:
        self.expr = expr
        self.symbols = free_symbols(expr)
        self.order = max((UNKNOWNS.index(name) for name in UNKNOWNS if name in self.symbols), default=-1)
        self.is_integral = _is_integral(expr)
        self.shared = Shared()
        unknowns = [symbol(name) for name in UNKNOWNS]
        self._answered = [node for node in postorder(expr) if any(node.names & one.names for one in unknowns)]

    def as_written(self, answer: Expression, point: Point, unknowns: Mapping[str, acb]) -> tuple[acb, acb]:
        """(left side, answer) evaluated as written, nothing folded, with these values of the unknowns but Y.

        Values are not finite where either is undefined.
        """
        before = flint.ctx.prec
        flint.ctx.prec = _PRECISION
        memo = self.shared.written(point)
        try:
            if not memo:
                for name, value in point.real.items():
                    memo[symbol(name)] = acb(arb(value), arb(point.imaginary.get(name, 0)))
            value = balls.evaluate(answer, {}, precision=_PRECISION, memo=memo)
            memo |= {symbol(name): value for name, value in unknowns.items()} | {symbol("Y"): value}
            return balls.evaluate(self.expr, {}, precision=_PRECISION, memo=memo), value
        finally:
            for node in self._answered:
                memo.pop(node, None)
            flint.ctx.prec = before


@dataclasses.dataclass(frozen=True)
class Equation:
    """A problem = 0 with an answer for its unknown function.

    Attributes:
      graph: where the nodes live.
      residual: the problem's left side with the answer and its derivatives put in.
      unknowns: the nodes of the answer and of its derivatives, as far as the problem asks for them.
      constants: free symbols of the answer that the problem does not have.
      is_branched: whether the residual holds functions with branches, of more than constants.  Without, it is
        meromorphic but for a countable closed set, so that it vanishes everywhere or on no open set.
    """

    problem: Problem
    answer: Expression
    graph: Graph
    residual: int
    unknowns: dict[str, int]
    constants: tuple[str, ...]
    is_branched: bool

    @classmethod
    def build(cls, problem: Problem, answer: Expression, work: Work) -> Equation:
        """The equation of a problem and a raw answer.

        Raises:
          UnreadableError: the problem is no equation for a function, or one of the two has no value anywhere.
          GaveUpError: it is above the limits.
        """
        found = free_symbols(answer)
        if problem.order < 0:
            raise UnreadableError("the problem holds no unknown function: neither Y nor Y' nor Y''")
        if stray := [name for name in UNKNOWNS if name in found]:
            raise UnreadableError(f"the answer holds {stray[0]}, which it should say")
        graph = Graph(work)
        unknowns = _unknowns(graph, answer, problem.order)
        try:
            residual = translate(graph, problem.expr, unknowns)
        except UnsupportedError as error:
            raise UnreadableError(f"the problem cannot be judged: {error}") from None
        except UndefinedError as error:
            raise UnreadableError(_who_is_undefined(graph, problem.expr, error)) from None
        constants = tuple(name for name in COEFFICIENTS if name in found and name not in problem.symbols)
        return cls(
            problem=problem,
            answer=answer,
            graph=graph,
            residual=residual,
            unknowns=unknowns,
            constants=constants,
            is_branched=_is_branched(graph, residual),
        )


def _unknowns(graph: Graph, answer: Expression, order: int) -> dict[str, int]:
    """Nodes of the answer and of its derivatives up to `order`."""
    try:
        node = translate(graph, answer, {})
        nodes, slopes = [node], Slopes(graph, "x")
        for _ in range(order):
            nodes.append(slopes.of(nodes[-1]))
    except UnsupportedError as error:
        raise UnreadableError(f"the answer cannot be judged: {error}") from None
    except UndefinedError as error:
        raise UnreadableError(f"the answer is undefined: {error}") from None
    return dict(zip(UNKNOWNS, nodes, strict=False))


def _who_is_undefined(graph: Graph, problem: Expression, error: UndefinedError) -> str:
    """Whether the problem has no value for any answer, or for this one only."""
    try:
        translate(graph, problem, {name: graph.symbol(name) for name in UNKNOWNS})
    except UndefinedError:
        return f"the problem is undefined: {error}"
    return f"the equation is undefined for this answer: {error}"


def _is_branched(graph: Graph, root: int) -> bool:
    varying: set[int] = set()
    for node in graph.below(root):
        op, part = graph.ops[node], graph.parts[node]
        if op is SYMBOL or not varying.isdisjoint(graph.inner[node]):
            varying.add(node)
            if op in _SPECIAL:
                return True
            if op is PRODUCT and any(not isinstance(e, int) and inner in varying for inner, e in part):
                return True
    return False


def _is_integral(problem: Expression) -> bool:
    if problem.op != "sub" or problem.args[0] is not symbol("Y'"):
        return False
    return not any(name in free_symbols(problem.args[1]) for name in UNKNOWNS)
