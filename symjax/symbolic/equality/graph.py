"""Expressions as a graph of numbered nodes, folded lightly while it is built.

A node is an integer and every operand has a smaller number than its operator, so that every pass is a plain loop in the
order of numbers: no recursion, however deep the expression.  Equal nodes have one number.

Sums are linear combinations of distinct nodes with rational coefficients, products are powers of distinct nodes with
rational exponents; what folds on the way are rational constants, nested sums and products, equal terms and equal
factors.  Nothing else is rewritten, and every fold holds on principal branches wherever both sides are defined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flint import fmpq

from symjax.symbolic.equality.work import GaveUpError, Work

NUMBER: Final = "number"
SYMBOL: Final = "symbol"
CONSTANT: Final = "constant"
SUM: Final = "sum"
PRODUCT: Final = "product"

MAX_NODES: Final = 6_000
MAX_BITS: Final = 20_000
"""Longest numerator or denominator."""

_FOLDING: Final = frozenset({NUMBER, SUM, PRODUCT})

Rational = int | fmpq
"""A rational number: an int where it is one, which hashes and multiplies faster."""
_Pairs = tuple[tuple[int, Rational], ...]
_VALUES: Final = {
    "exp": {0: 1},
    "ln": {1: 0},
    "cos": {0: 1},
    "cosh": {0: 1},
    "acosh": {1: 0},
    **{name: {0: 0} for name in ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "sign", "abs")},
}


class UndefinedError(ValueError):
    """A part of the expression has no value anywhere; the message says what it asks for."""


class Graph:
    """Nodes, and the constructors that fold.

    Attributes:
      ops: kind or function name of each node.
      parts: of a number its value, of a symbol or constant its name, of a sum `(constant, ((node, coefficient), ...))`,
        of a product `((node, exponent), ...)`, of a function its argument.
      inner: the nodes that each node is made of.
    """

    def __init__(self, work: Work) -> None:
        self.ops: list[str] = []
        self.parts: list[Any] = []
        self.inner: list[tuple[int, ...]] = []
        self._table: dict[tuple[str, Any], int] = {}
        self._work = work
        self.zero = self.number(0)
        self.one = self.number(1)

    def _node(self, op: str, part: Any, key: Any, pairs: _Pairs = ()) -> int:
        """The node of `op` and `part`, told from others by `key`; made of the nodes of `pairs`."""
        key = (op, key)
        found = self._table.get(key)
        if found is not None:
            return found
        number = len(self.ops)
        if number >= MAX_NODES:
            raise GaveUpError(f"more than {MAX_NODES} nodes")
        self._work.charge(6)
        self._table[key] = number
        self.ops.append(op)
        self.parts.append(part)
        self.inner.append(tuple([node for node, _ in pairs]))
        return number

    def number(self, value: Rational) -> int:
        """The rational number `value`."""
        if bits(value) > MAX_BITS:
            raise GaveUpError(f"a number of more than {MAX_BITS} bits")
        value = plain(value)
        return self._node(NUMBER, value, key_of(value))

    def symbol(self, name: str) -> int:
        """The variable `name`."""
        return self._node(SYMBOL, name, name)

    def constant(self, name: str) -> int:
        """`pi` or `I`."""
        return self._node(CONSTANT, name, name)

    def linear(self, constant: Rational, terms: Iterable[tuple[int, Rational]]) -> int:
        """constant + the sum of coefficient * node."""
        collected: dict[int, Rational] = {}
        ops, parts, looked_into = self.ops, self.parts, 0
        for node, coefficient in terms:
            op = ops[node]
            if op is SUM:
                first, inner_terms = parts[node]
                looked_into += len(inner_terms)
                constant = constant + coefficient * first
                for inner, factor in inner_terms:
                    collected[inner] = collected.get(inner, 0) + coefficient * factor
            elif op is NUMBER:
                constant = constant + coefficient * parts[node]
            else:
                collected[node] = collected.get(node, 0) + coefficient
        kept, key = _in_order(collected)
        self._work.charge(looked_into + 4 * len(kept))
        for _, factor in kept:
            if bits(factor) > MAX_BITS:
                raise GaveUpError(f"a number of more than {MAX_BITS} bits")
        if not kept:
            return self.number(constant)
        constant = plain(constant)
        if len(kept) == 1 and kept[0][1] == 1 and constant == 0:
            return kept[0][0]
        if bits(constant) > MAX_BITS:
            raise GaveUpError(f"a number of more than {MAX_BITS} bits")
        return self._node(SUM, (constant, kept), (key_of(constant), key), kept)

    def add(self, *nodes: int) -> int:
        """The sum of `nodes`."""
        return self.linear(0, [(node, 1) for node in nodes])

    def scale(self, coefficient: Rational, node: int) -> int:
        """coefficient * node."""
        return self.linear(0, [(node, coefficient)])

    def product(self, factors: Iterable[tuple[int, Rational]]) -> int:
        """The product of the powers node**exponent.

        Raises:
          UndefinedError: zero is divided by.
        """
        coefficient: Rational = 1
        collected: dict[int, Rational] = {}
        while True:
            for node, exponent in factors:
                if exponent == 0:
                    continue
                if self.ops[node] in _FOLDING:
                    coefficient = coefficient * self._factor(node, exponent, collected)
                    if coefficient == 0:
                        return self.zero
                else:
                    collected[node] = collected.get(node, 0) + exponent
            roots = [exponent for exponent in collected.values() if not isinstance(exponent, int)]
            self._work.charge(4 * len(collected) + 12 * len(roots))
            if all(exponent.q != 1 for exponent in roots):
                break
            factors, collected = [(node, plain(exponent)) for node, exponent in collected.items()], {}
        kept, key = _in_order(collected)
        if not kept:
            return self.number(coefficient)
        node = kept[0][0] if len(kept) == 1 and kept[0][1] == 1 else self._node(PRODUCT, kept, key, kept)
        return node if coefficient == 1 else self.scale(coefficient, node)

    def _factor(self, node: int, exponent: Rational, collected: dict[int, Rational]) -> Rational:
        """Puts node**exponent into `collected`; what is returned are the rational numbers among its factors."""
        op, part = self.ops[node], self.parts[node]
        if op is NUMBER:
            if part == 0 and exponent < 0:
                raise UndefinedError("it divides by zero")
            if part == 1 or part == 0:
                return part
            if isinstance(exponent, int) and abs(exponent) * bits(part) <= MAX_BITS:
                return plain(fmpq(part) ** exponent)
        elif op is SUM and isinstance(exponent, int):
            return self._sum_factor(node, exponent, collected)
        elif op is PRODUCT and isinstance(exponent, int):
            for inner, power in part:
                collected[inner] = collected.get(inner, 0) + power * exponent
            return 1
        collected[node] = collected.get(node, 0) + exponent
        return 1

    def _sum_factor(self, node: int, exponent: int, collected: dict[int, Rational]) -> Rational:
        """`_factor` of a sum: its first coefficient comes out, so that proportional sums are one factor."""
        constant, terms = self.parts[node]
        lead = terms[0][1]
        coefficient: Rational = 1
        if lead != 1 and abs(exponent) * bits(lead) <= MAX_BITS:
            lead = fmpq(lead)
            node = self.linear(constant / lead, [(inner, factor / lead) for inner, factor in terms])
            coefficient = plain(lead**exponent)
            if self.ops[node] is not SUM:
                return coefficient * self._factor(node, exponent, collected)
        collected[node] = collected.get(node, 0) + exponent
        return coefficient

    def multiply(self, *nodes: int) -> int:
        """The product of `nodes`."""
        return self.product([(node, 1) for node in nodes])

    def power(self, base: int, exponent: int) -> int:
        """base**exponent on the principal branch; exp(exponent * ln(base)) unless the exponent is a number.

        Raises:
          UndefinedError: a power of zero that has no value.
        """
        if self.ops[exponent] is NUMBER:
            return self.product([(base, self.parts[exponent])])
        if self.ops[base] == "exp" and self.parts[base] == self.one:
            return self.function("exp", exponent)
        return self.function("exp", self.multiply(exponent, self.function("ln", base)))

    def function(self, name: str, argument: int) -> int:
        """The function `name` of `argument`.

        Raises:
          UndefinedError: the logarithm of zero, the inverse hyperbolic tangent of one.
        """
        op, part = self.ops[argument], self.parts[argument]
        if op is NUMBER:
            if (name == "ln" and part == 0) or (name == "atanh" and part in (1, -1)):
                raise UndefinedError(f"it takes {name}({part})")
            values = _VALUES.get(name, {})
            if isinstance(self.parts[argument], int) and part in values:
                return self.number(values[part])
            if name == "abs":
                return self.number(abs(part))
            if name == "sign":
                return self.number(1 if part > 0 else -1)
        if name == "exp" and op is SUM and part[0] == 0 and len(part[1]) == 1:
            inner, coefficient = part[1][0]
            if self.ops[inner] == "ln":
                return self.power(self.parts[inner], self.number(coefficient))
        if name == "exp" and op == "ln":
            return part
        return self._node(name, argument, argument, ((argument, 1),))

    def below(self, *roots: int) -> list[int]:
        """Every node that `roots` are made of, themselves included, in the order of numbers."""
        last = max(roots, default=-1)
        seen = bytearray(last + 1)
        for root in roots:
            seen[root] = 1
        found = []
        for node in range(last, -1, -1):
            if seen[node]:
                found.append(node)
                for inner in self.inner[node]:
                    seen[inner] = 1
        found.reverse()
        return found


def plain(value: Rational) -> Rational:
    """`value`, as an int where it is one."""
    return value if isinstance(value, int) or value.q != 1 else int(value.p)


def bits(value: Rational) -> int:
    """Length of the numerator or the denominator, whichever is longer."""
    return value.bit_length() if isinstance(value, int) else value.height_bits()


def key_of(value: Rational) -> int | tuple[int, int]:
    """`value` as what hashes fast, which rational numbers of FLINT do not."""
    return value if isinstance(value, int) else (int(value.p), int(value.q))


def keys_of(pairs: _Pairs) -> tuple[Any, ...]:
    """`pairs` of nodes and rational numbers as what hashes fast."""
    for _, value in pairs:
        if not isinstance(value, int):
            return tuple([(node, key_of(value)) for node, value in pairs])
    return pairs


def _in_order(collected: dict[int, Rational]) -> tuple[_Pairs, tuple[Any, ...]]:
    """The entries that are not zero, in the order of nodes, and the same as what hashes fast."""
    kept, key = [], []
    for node in sorted(collected) if len(collected) > 1 else collected:
        value = plain(collected[node])
        if value != 0:
            pair = (node, value)
            kept.append(pair)
            key.append(pair if isinstance(value, int) else (node, key_of(value)))
    return tuple(kept), tuple(key)
