"""Is a solution general?  As many independent constants as the order of the equation, certified near the base point."""

from __future__ import annotations

import itertools
from typing import Literal

from symjax.symbolic.equality.equation import Equation
from symjax.symbolic.equality.evaluation import Values
from symjax.symbolic.equality.graph import Graph, UndefinedError
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.prover import vanishes
from symjax.symbolic.equality.sharing import Shared
from symjax.symbolic.equality.slopes import Slopes
from symjax.symbolic.equality.work import GaveUpError, OutOfWorkError, Work

SolutionKind = Literal["general", "particular", "undecided"]


def solution_kind(equation: Equation, point: Point, work: Work) -> SolutionKind:
    """Whether the answer of `equation`, which holds near `point`, depends on enough independent constants.

    "general": a determinant of derivatives with respect to constants is certainly not zero.  "particular": there are
    fewer constants than the order asks for, or every such determinant is proved to be zero.
    """
    order, names = equation.problem.order, equation.constants
    if len(names) < order:
        return "particular"
    if order == 0:
        return "general"
    try:
        determinants = _determinants(equation)
        dependent = True
        for node in determinants:
            if _certainly_not_zero(equation.graph, node, point, work, equation.problem.shared):
                return "general"
            dependent = dependent and not vanishes(equation.graph, node, point, work)
    except (UndefinedError, GaveUpError, OutOfWorkError):
        return "undecided"
    return "particular" if dependent else "undecided"


def _determinants(equation: Equation) -> list[int]:
    """For each choice of `order` constants, the determinant that is not zero where they are independent."""
    graph, answer = equation.graph, equation.unknowns["Y"]
    slopes = {name: Slopes(graph, name).of(answer) for name in equation.constants}
    if equation.problem.order == 1:
        return list(slopes.values())
    in_x = Slopes(graph, "x")
    return [
        graph.linear(
            0,
            [
                (graph.multiply(slopes[first], in_x.of(slopes[second])), 1),
                (graph.multiply(slopes[second], in_x.of(slopes[first])), -1),
            ],
        )
        for first, second in itertools.combinations(equation.constants, 2)
    ]


def _certainly_not_zero(graph: Graph, node: int, point: Point, work: Work, shared: Shared) -> bool:
    if node == graph.zero:
        return False
    values = Values(graph, work, node, shared=shared)
    for bits in (64, 256, 1024, 4096):
        known = values.at(point, bits, kind="complex")
        if known is None:
            return False
        if not known[node].contains(0):
            return True
        if known[node].is_zero():
            return False
    return False
