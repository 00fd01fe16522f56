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

Rational = int | fmpq
"""A rational number: an int where it is one, which hashes and multiplies faster."""
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
    """

    def __init__(self, work: Work) -> None:
        self.ops: list[str] = []
        self.parts: list[Any] = []
        self._table: dict[tuple[str, Any], int] = {}
        self._work = work
        self.zero = self.number(0)
        self.one = self.number(1)

    def _node(self, op: str, part: Any) -> int:
        key = (op, part)
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
        return number

    def number(self, value: Rational) -> int:
        """The rational number `value`."""
        if bits(value) > MAX_BITS:
            raise GaveUpError(f"a number of more than {MAX_BITS} bits")
        return self._node(NUMBER, plain(value))

    def symbol(self, name: str) -> int:
        """The variable `name`."""
        return self._node(SYMBOL, name)

    def constant(self, name: str) -> int:
        """`pi` or `I`."""
        return self._node(CONSTANT, name)

    def linear(self, constant: Rational, terms: Iterable[tuple[int, Rational]]) -> int:
        """constant + the sum of coefficient * node."""
        collected: dict[int, Rational] = {}
        for node, coefficient in terms:
            op, part = self.ops[node], self.parts[node]
            if op is NUMBER:
                constant = constant + coefficient * part
            elif op is SUM:
                self._work.charge(len(part[1]))
                constant = constant + coefficient * part[0]
                for inner, factor in part[1]:
                    collected[inner] = collected.get(inner, 0) + coefficient * factor
            else:
                collected[node] = collected.get(node, 0) + coefficient
        kept = tuple(sorted(((node, plain(factor)) for node, factor in collected.items() if factor != 0), key=_first))
        self._work.charge(4 * len(kept))
        if any(bits(factor) > MAX_BITS for _, factor in kept):
            raise GaveUpError(f"a number of more than {MAX_BITS} bits")
        if not kept:
            return self.number(constant)
        constant = plain(constant)
        if constant == 0 and len(kept) == 1 and kept[0][1] == 1:
            return kept[0][0]
        if bits(constant) > MAX_BITS:
            raise GaveUpError(f"a number of more than {MAX_BITS} bits")
        return self._node(SUM, (constant, kept))

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
        pending: list[tuple[int, Rational]] = list(factors)
        coefficient: Rational = 1
        while True:
            collected: dict[int, Rational] = {}
            settled = True
            for node, exponent in pending:
                if exponent == 0:
                    continue
                coefficient = coefficient * self._factor(node, exponent, collected)
                if coefficient == 0:
                    return self.zero
            self._work.charge(4 * len(collected))
            pending = []
            for node, exponent in collected.items():
                self._work.charge(0 if isinstance(exponent, int) else 12)
                if not isinstance(exponent, int) and exponent.q == 1:
                    exponent, settled = int(exponent.p), False
                pending.append((node, exponent))
            if settled:
                break
        kept = tuple(sorted(((node, exponent) for node, exponent in pending if exponent != 0), key=_first))
        if not kept:
            return self.number(coefficient)
        node = kept[0][0] if len(kept) == 1 and kept[0][1] == 1 else self._node(PRODUCT, kept)
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
            value = _VALUES.get(name, {}).get(part)
            if value is not None:
                return self.number(value)
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
        return self._node(name, argument)

    def operands(self, node: int) -> tuple[int, ...]:
        """The nodes that `node` is made of."""
        op, part = self.ops[node], self.parts[node]
        if op is SUM:
            return tuple(inner for inner, _ in part[1])
        if op is PRODUCT:
            return tuple(inner for inner, _ in part)
        return () if op in (NUMBER, SYMBOL, CONSTANT) else (part,)

    def below(self, *roots: int) -> list[int]:
        """Every node that `roots` are made of, themselves included, in the order of numbers."""
        seen, stack = set(roots), list(roots)
        while stack:
            for inner in self.operands(stack.pop()):
                if inner not in seen:
                    seen.add(inner)
                    stack.append(inner)
        return sorted(seen)


def plain(value: Rational) -> Rational:
    """`value`, as an int where it is one."""
    return value if isinstance(value, int) or value.q != 1 else int(value.p)


def bits(value: Rational) -> int:
    """Length of the numerator or the denominator, whichever is longer."""
    return value.bit_length() if isinstance(value, int) else value.height_bits()


def _first(pair: tuple[int, Rational]) -> int:
    return pair[0]
