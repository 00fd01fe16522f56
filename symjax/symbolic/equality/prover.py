"""Is a node of a graph identically zero near a point?  Exact algebra over kernels; a yes is a proof.

The claim proved is that the germ of the node at the base point is zero: the node vanishes at every point of the base
neighbourhood, and so on the connected part of the common analytic domain around it.  A form that is not zero says
nothing, because kernels may depend on each other in ways that are not known here.
"""

from __future__ import annotations

import flint
from flint import fmpz_mpoly

from symjax.symbolic.equality.germs import PRECISION, Germs, RestartError
from symjax.symbolic.equality.graph import CONSTANT, NUMBER, PRODUCT, SUM, SYMBOL, Graph
from symjax.symbolic.equality.kernels import Kernels
from symjax.symbolic.equality.points import Point
from symjax.symbolic.equality.ring import SIZES, Element, Ring, RingFullError, number
from symjax.symbolic.equality.work import GaveUpError, Work

MAX_RESTARTS = 8
MAX_CONJUGATE_TERMS = 300
_INVERSE = frozenset({"asin", "atan", "asinh", "acosh", "atanh"})


def vanishes(graph: Graph, root: int, point: Point, work: Work) -> str:
    """Empty if `root` is proved to vanish near `point`; otherwise why it is not.

    Raises:
      OutOfWorkError: the budget is spent.
    """
    nodes = graph.below(root)
    functions = {graph.ops[node] for node in nodes}
    arcs = functions & _INVERSE
    modes = (False, True) if arcs and (len(arcs) > 1 or functions & {"ln"}) else (False,)
    before = flint.ctx.prec
    flint.ctx.prec = PRECISION
    try:
        reason = ""
        for logarithmic in modes:
            reason = _attempt(graph, nodes, point, work, logarithmic=logarithmic)
            if not reason:
                break
        return reason
    finally:
        flint.ctx.prec = before


def _attempt(graph: Graph, nodes: list[int], point: Point, work: Work, *, logarithmic: bool) -> str:
    """`vanishes` for nodes whose last is the root, in one way of writing inverse functions."""
    grains: dict[tuple[str, int], int] = {}
    size = SIZES[0]
    for _ in range(MAX_RESTARTS):
        ring = Ring(work, size)
        germs = Germs(ring, point, grains)
        try:
            element = _element(graph, nodes, germs, Kernels(germs, logarithmic=logarithmic))
            return "" if _is_zero(ring, element) else "the normal form is not zero"
        except RestartError as restart:
            grains[restart.key] = grains.get(restart.key, 1) * restart.factor
        except RingFullError as full:
            if size == SIZES[-1]:
                return str(full)
            size = SIZES[-1]
        except GaveUpError as gave_up:
            work.charge(0)
            return str(gave_up)
    return f"more than {MAX_RESTARTS} restarts"


def _element(graph: Graph, nodes: list[int], germs: Germs, kernels: Kernels) -> Element:
    """The element of the last of `nodes`."""
    known: dict[int, Element] = {}
    ring = germs.ring
    for node in nodes:
        op, part = graph.ops[node], graph.parts[node]
        if op is NUMBER:
            element = number(part)
        elif op is SYMBOL:
            element = germs.symbol(part)
        elif op is CONSTANT:
            element = germs.pi() if part == "pi" else germs.imaginary()
        elif op is SUM:
            terms = [ring.scale(factor, known[inner]) for inner, factor in part[1]]
            element = ring.sum([number(part[0]), *terms])
        elif op is PRODUCT:
            factors = [
                ring.power(known[inner], exponent)
                if isinstance(exponent, int)
                else kernels.roots.power(known[inner], exponent)
                for inner, exponent in part
            ]
            element = ring.multiply(*factors)
        else:
            element = kernels.apply(op, known[part])
        ring.work.charge(6)
        known[node] = element
    return known[nodes[-1]]


def _is_zero(ring: Ring, element: Element) -> bool:
    """Whether the germ of `element` is zero, as far as the relations and the conjugates of its factors say."""
    if element.is_zero:
        return True
    for place, exponent in element.powers:
        polynomial = ring.polynomials[place]
        if exponent > 0 and len(polynomial) > 1 and ring.polynomial_value(place).contains(0):
            return _conjugates_vanish(ring, polynomial)
    return False


def _conjugates_vanish(ring: Ring, polynomial: fmpz_mpoly) -> bool:
    """Whether the product of `polynomial` with conjugates of it that are certainly not zero reduces to zero.

    Conjugates change the sign of a generator.  Germs are an integral domain, so the polynomial itself is zero then.
    """
    for generator in reversed(range(len(ring.generators))):
        if ring.origins[generator][0] not in ("root", "sin", "I", "cos"):
            continue
        variable = ring.variable(generator)
        if polynomial.degrees()[variable] == 0:
            continue
        if len(polynomial) > MAX_CONJUGATE_TERMS:
            return False
        if ring.evaluate(polynomial, negated=generator).contains(0):
            continue
        name = f"g{variable}"
        conjugate = polynomial.compose(
            *[-g if f"g{place}" == name else g for place, g in enumerate(polynomial.context().gens())],
            ctx=polynomial.context(),
        )
        ring.work.charge(20 + len(polynomial) ** 2 // 2)
        polynomial = ring.reduce(polynomial * conjugate)
        if polynomial == 0:
            return True
        polynomial = polynomial.primitive()[1]
    return False
