"""Derivatives on the graph, remembered for each variable.

The derivative of acosh is 1/(sqrt(u - 1)*sqrt(u + 1)), which is on the principal branch on the whole real line, unlike
1/sqrt(u**2 - 1); that of abs is sign, that of sign is zero.
"""

from __future__ import annotations

from flint import fmpq

from symjax.symbolic.equality.graph import CONSTANT, NUMBER, PRODUCT, SUM, SYMBOL, Graph

_HALF = fmpq(1, 2)


class Slopes:
    """Derivatives of the nodes of one graph with respect to one variable."""

    def __init__(self, graph: Graph, variable: str) -> None:
        self._graph = graph
        self._variable = variable
        self._known: dict[int, int] = {}

    def of(self, root: int) -> int:
        """The node that is the derivative of `root`.

        Raises:
          UndefinedError: the derivative divides by zero everywhere.
        """
        for node in self._graph.below(root):
            if node not in self._known:
                self._known[node] = self._slope(node)
        return self._known[root]

    def _slope(self, node: int) -> int:
        graph, op, part = self._graph, self._graph.ops[node], self._graph.parts[node]
        if op is NUMBER or op is CONSTANT:
            return graph.zero
        if op is SYMBOL:
            return graph.one if part == self._variable else graph.zero
        if op is SUM:
            return graph.linear(0, [(self._known[inner], factor) for inner, factor in part[1]])
        if op is PRODUCT:
            return self._product_slope(node)
        inner = self._known[part]
        return graph.zero if inner == graph.zero else graph.multiply(inner, self._outer(op, node, part))

    def _product_slope(self, node: int) -> int:
        graph, terms = self._graph, []
        factors = graph.parts[node]
        for inner, exponent in factors:
            slope = self._known[inner]
            if slope != graph.zero:
                rest = [(inner, exponent - 1), (slope, 1), *((other, e) for other, e in factors if other != inner)]
                terms.append((graph.product(rest), exponent))
        return graph.linear(0, terms)

    def _outer(self, name: str, node: int, u: int) -> int:
        """The derivative of the function `name` at `u`; `node` is its value there."""
        graph = self._graph
        if name in ("tan", "tanh"):
            return graph.linear(1, [(graph.product([(node, 2)]), 1 if name == "tan" else -1)])
        match name:
            case "exp":
                return node
            case "ln":
                return graph.product([(u, -1)])
            case "sin":
                return graph.function("cos", u)
            case "cos":
                return graph.scale(-1, graph.function("sin", u))
            case "sinh":
                return graph.function("cosh", u)
            case "cosh":
                return graph.function("sinh", u)
            case "abs":
                return graph.function("sign", u)
            case "sign":
                return graph.zero
            case "acosh":
                ends = [(graph.linear(shift, [(u, 1)]), -_HALF) for shift in (-1, 1)]
                return graph.product(ends)
        sign = -1 if name in ("asin", "atanh") else 1
        radicand = graph.linear(1, [(graph.product([(u, 2)]), sign)])
        return graph.product([(radicand, -_HALF if name in ("asin", "asinh") else -1)])
