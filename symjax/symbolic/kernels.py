"""Canonical expressions as quotients of polynomials over kernels, and back.

A kernel is a maximal part of an expression that is no sum, product or whole power: a symbol, a function, a power with a
broken or symbolic exponent.  Powers of one base are powers of one kernel: b**(p/q) of b**(1/n) with n the least common
denominator, and a power with a sum as exponent is one kernel for each term.  What is known exactly of kernels is a
relation: sqrt(u)**2 = u and the like.  Everything holds in the complex plane with principal branches, wherever the
expression is defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import lcm
from typing import Final, cast

from flint import fmpz_mpoly

from symjax.symbolic.arithmetic import E
from symjax.symbolic.canonical import add, apply, multiply, power
from symjax.symbolic.conventions import token_length
from symjax.symbolic.expression import INTEGER, ONE, RATIONAL, ZERO, Expression, occurs, symbol
from symjax.symbolic.factored import Quotient
from symjax.symbolic.limits import node, number, split
from symjax.symbolic.ordering import is_number, ratio, sort_key
from symjax.symbolic.quotients import Field

Key = tuple[Expression, Expression]
"""(base, rest of the exponent): the kernel is base**(rest/n)."""

_PLAIN, _EXPONENTIAL, _OTHER = range(3)
"""How a factor of a term multiplies: it meets nothing that it merges with; only other exponentials; anything."""
_MERGING: Final = frozenset({INTEGER, RATIONAL, "pow", "mul", "exp", "abs", "sign"})

TANGENTS: Final = {"tan": ("sin", "cos"), "tanh": ("sinh", "cosh")}


class Kernels:
    """The kernels of some expressions, and the field of quotients over them.

    Attributes:
      field: what quotients are computed with.
      lengths: number of tokens of the powers of generators that have been asked for.
      pairs: (sine, cosine, sign) indices of generators with sine**2 = sign * (1 - cosine**2).
    """

    def __init__(self, *exprs: Expression, tangents: bool = False) -> None:
        """Finds the kernels of `exprs`.

        Args:
          exprs: canonical expressions.
          tangents: whether tan and tanh become quotients of sine and cosine.

        Raises:
          GaveUp: more kernels than are taken.
        """
        self._tangents = tangents
        self._denominators: dict[Key, int] = {}
        self._order: list[Expression] = []
        for expr in exprs:
            self._collect(expr)
        keys = sorted(self._denominators, key=_size, reverse=True)
        self._indices = {key: index for index, key in enumerate(keys)}
        self._keys = keys
        self.field = Field(len(keys))
        self.pairs = list(self._find_pairs())
        self._powers: dict[tuple[int, int], tuple[Expression, int]] = {}
        self.lengths: dict[tuple[int, int], int] = {}
        self._sums: dict[int, Expression] = {}
        self._quotients: dict[Expression, Quotient] = {}

    def _collect(self, expr: Expression) -> None:
        """Registers the kernels below `expr`; `_order` gets the nodes down to them, operands first."""
        seen: set[Expression] = set(self._order)
        stack: list[Expression | None] = [expr]
        while stack:
            item = stack.pop()
            if item is None:  # what lies below it is done
                self._order.append(cast(Expression, stack.pop()))
            elif item not in seen:
                seen.add(item)
                below = self._open(item)
                if below:
                    stack += (item, None, *below)
                else:
                    self._order.append(item)

    def _open(self, item: Expression) -> tuple[Expression, ...]:
        """What is converted before `item`; registers `item` where it is a kernel."""
        op = item.op
        if op in ("add", "mul"):
            return item.args
        if is_number(item):
            return ()
        if op in TANGENTS and self._tangents:
            for name in TANGENTS[op]:
                self._register(apply(name, item.args[0]), ONE, 1)
            return ()
        if op not in ("pow", "exp") or item.args[0] is ZERO:  # 0**(a + b) may be defined where 0**a is not
            self._register(item, ONE, 1)
            return ()
        base, exponent = item.args if op == "pow" else (E, item.args[0])
        if exponent.op == INTEGER and base is not E:
            return (base,)
        for (_, bottom), rest in _terms(exponent):
            self._register(base, rest, bottom)
        return (base,) if base.op in ("add", "mul") and is_number(exponent) else ()

    def _register(self, base: Expression, rest: Expression, denominator: int) -> None:
        key = base, rest
        self._denominators[key] = lcm(self._denominators.get(key, 1), denominator)

    def _find_pairs(self) -> Iterator[tuple[int, int, int]]:
        for (base, rest), index in self._indices.items():
            if base.op in ("sin", "sinh") and rest is ONE:
                other = self._indices.get((apply("cos" if base.op == "sin" else "cosh", base.args[0]), ONE))
                if other is not None:
                    yield index, other, 1 if base.op == "sin" else -1

    def step(self, index: int) -> int:
        """The generator `index` to this power is its base, to the rest of the exponent."""
        return self._denominators[self._keys[index]]

    def base(self, index: int) -> Expression:
        """The base of the generator `index`."""
        return self._keys[index][0]

    def index(self, name: str) -> int | None:
        """The generator of the symbol `name`; None where it does not occur outside of kernels."""
        return self._indices.get((symbol(name), ONE))

    def holders(self, name: str) -> list[int]:
        """The generators in which the symbol `name` occurs."""
        return [i for (base, rest), i in self._indices.items() if occurs(name, base) or occurs(name, rest)]

    def quotient(self, expr: Expression) -> Quotient:
        """`expr`, one of those that the kernels were found in, as a quotient.

        Raises:
          GaveUp: above the limits.
        """
        known = self._quotients
        if expr not in known:
            for item in self._order:
                if item not in known:
                    known[item] = self._convert(item, known)
        return known[expr]

    def _convert(self, item: Expression, known: Mapping[Expression, Quotient]) -> Quotient:
        field, op = self.field, item.op
        if is_number(item):
            return Quotient(*ratio(item), {})
        if op in ("add", "mul"):
            parts = [known[arg] for arg in item.args]
            value = field.add(parts) if op == "add" else field.multiply(parts)
            return self._root(item, value)
        own = self._indices.get((item, ONE))
        if own is not None:
            return Quotient(1, 1, {own: self.step(own)})
        if op in TANGENTS:
            sine, cosine = (self._indices[apply(name, item.args[0]), ONE] for name in TANGENTS[op])
            return Quotient(1, 1, {sine: self.step(sine), cosine: -self.step(cosine)})
        base, exponent = item.args if op == "pow" else (E, item.args[0])
        if exponent.op == INTEGER and base is not E:
            return field.power(known[base], ratio(exponent)[0])
        powers = {}
        for (top, bottom), rest in _terms(exponent):
            index = self._indices[base, rest]
            powers[index] = top * (self.step(index) // bottom)
            if is_number(base) and rest is ONE:
                field.relate(index, self.step(index), Quotient(*ratio(base), {}))
        return Quotient(1, 1, powers)

    def _root(self, item: Expression, value: Quotient) -> Quotient:
        """The quotient of a sum or product whose value is known: a power of its root, if that is a kernel."""
        index = self._indices.get((item, ONE))
        if index is None:
            return value
        self.field.relate(index, self.step(index), value)
        return Quotient(1, 1, {index: self.step(index)})

    def power(self, index: int, exponent: int) -> Expression:
        """A power of the generator `index`."""
        return self._factor(index, exponent)[0]

    def _factor(self, index: int, exponent: int) -> tuple[Expression, int]:
        """A power of a generator, and how it multiplies: see the constants."""
        key = index, exponent
        found = self._powers.get(key)
        if found is None:
            base, rest = self._keys[index]
            scaled = number(exponent, self.step(index))
            if rest is not ONE:
                scaled = multiply(scaled, rest)
            if base is E:
                value = apply("exp", scaled)
                kind = _EXPONENTIAL if value.op == "exp" else _OTHER
            else:
                value = power(base, scaled)
                kept = value is base or (value.op == "pow" and value.args[0] is base)
                kind = _PLAIN if kept and base.op not in _MERGING else _OTHER
            found = self._powers[key] = value, kind
        return found

    def length(self, index: int, exponent: int) -> int:
        """Number of tokens of a power of the generator `index`."""
        key = index, exponent
        found = self.lengths.get(key)
        if found is None:
            found = self.lengths[key] = token_length(self.power(index, exponent))
        return found

    def monomial(self, powers: Mapping[int, int]) -> list[Expression]:
        """Powers of generators as factors; sin(u)**k * cos(u)**-k as tan(u)**k."""
        rest = dict(powers)
        found = []
        for sine, cosine, sign in self.pairs:
            exponent = rest.get(sine, 0)
            if exponent and rest.get(cosine) == -exponent and self.step(sine) == self.step(cosine) == 1:
                del rest[sine], rest[cosine]
                tangent = apply("tan" if sign > 0 else "tanh", self.base(sine).args[0])
                found.append(power(tangent, number(exponent)))
        return found + [self.power(index, exponent) for index, exponent in rest.items()]

    def _term(self, coefficient: int, powers: Mapping[int, int]) -> tuple[Expression, bool]:
        """A term of a polynomial, and whether it was put together without looking for what merges."""
        factors, exponentials = [], 0
        for index, exponent in powers.items():
            factor, kind = self._factor(index, exponent)
            exponentials += kind
            factors.append(factor)
        if exponentials > 1 or (len(factors) == 1 and factors[0].op == "add"):
            return multiply(number(coefficient), *factors), False
        if not factors:
            return number(coefficient), True
        if len(factors) > 1:
            factors.sort(key=sort_key)
        if coefficient != 1:
            factors.insert(0, number(coefficient))
        return (node("mul", *factors) if len(factors) > 1 else factors[0]), True

    def polynomial(self, polynomial: fmpz_mpoly) -> Expression:
        """A polynomial as the sum of its terms."""
        terms = [self._term(coefficient, powers) for coefficient, powers in self.field.terms(polynomial)]
        found = [term for term, _ in terms]
        if len(found) < 2 or not all(plain for _, plain in terms):
            return add(*found)
        constants = [term for term in found if is_number(term)]
        return node("add", *constants, *sorted((term for term in found if not is_number(term)), key=sort_key))

    def length_of(self, polynomial: fmpz_mpoly) -> int | None:
        """Number of tokens of `polynomial` as the sum of its terms; None where only building them tells what merges."""
        total = 2 * len(polynomial) - 1
        for coefficient, powers in self.field.terms(polynomial):
            factors = [self._factor(index, exponent) for index, exponent in powers.items()]
            if sum([kind for _, kind in factors]) > 1 or (len(factors) == 1 and factors[0][0].op == "add"):
                return None
            total += sum([token_length(factor) for factor, _ in factors]) + len(factors) - 2
            if coefficient != 1 or not factors:
                total += 2 + len(str(abs(coefficient)))
        return total

    def expression(self, quotient: Quotient) -> Expression:
        """A quotient as the product of its powers, each polynomial as the sum of its terms."""
        count = self.field.generators
        factors = self.monomial({index: e for index, e in quotient.powers.items() if index < count})
        for index, exponent in quotient.powers.items():
            if index >= count:
                total = self._sums.get(index)
                if total is None:
                    total = self._sums[index] = self.polynomial(self.field.polynomial(index))
                factors.append(power(total, number(exponent)))
        return multiply(number(quotient.top, quotient.bottom), *factors)


def _terms(exponent: Expression) -> Iterator[tuple[tuple[int, int], Expression]]:
    """(coefficient, rest) of the terms of an exponent; the rest of a number is 1."""
    return map(split, exponent.args if exponent.op == "add" else (exponent,))


def _size(key: Key) -> tuple[int, int]:
    """Kernels that hold others come first, and sines before their cosines."""
    base, rest = key
    return base.size + rest.size, base.op in ("sin", "sinh")
