"""Rational powers and logarithms of elements: one kernel for each irreducible factor.

Factors that are real are taken with the sign that makes them positive, so that their roots and logarithms are real;
what that leaves open is a root of unity, or a multiple of i*pi, which the balls of the values fix.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from flint import acb, arb, fmpq, fmpz, fmpz_mpoly

from symjax.symbolic.equality.germs import MAX_ORDER, Germs, RestartError, check_off_cut, turn_number, unique_integer
from symjax.symbolic.equality.ring import ONE, ZERO, Element, number
from symjax.symbolic.equality.work import GaveUpError

MAX_FACTORED_TERMS: Final = 150
MAX_FACTORED_DEGREES: Final = 60
"""Sum of the degrees in all generators."""
MAX_FACTORED_BITS: Final = 80
_ALGEBRAIC: Final = frozenset({"root", "sin", "I"})

Base = tuple[str, int]
"""("polynomial", its number in the ring) or ("integer", a positive integer)."""


class Roots:
    """The kernels of roots and logarithms.

    Args:
      germs: the shared state.
      exchange: another form of a polynomial, of the same germ, that may factor where the first does not.
      exponential: of a generator that is an exponential, the argument; None for others.
      fraction: a generator that is an exponential to a rational power.
    """

    def __init__(
        self,
        germs: Germs,
        *,
        exchange: Callable[[fmpz_mpoly], fmpz_mpoly],
        exponential: Callable[[int], Element | None],
        fraction: Callable[[int, fmpq], Element],
    ) -> None:
        self._germs = germs
        self._ring = germs.ring
        self._exchange = exchange
        self._exponential = exponential
        self._fraction = fraction
        self._factors: dict[int, tuple[int, list[tuple[int, int]]]] = {}
        self._roots: dict[Base, tuple[int, Element]] = {}
        self._logarithms: dict[Base, Element] = {}

    def power(self, u: Element, exponent: fmpq) -> Element:
        """u**exponent on the principal branch."""
        ring = self._ring
        if exponent.q == 1:
            return ring.power(u, int(exponent.p))
        if u.is_zero:
            if exponent > 0:
                return ZERO
            raise GaveUpError("zero is divided by")
        if exponent.q > MAX_ORDER:
            raise GaveUpError(f"a root of order {exponent.q}")
        ball = ring.value(u)
        check_off_cut(ball)
        parts = [self._base_power(base, exponent * count) for base, count in self._bases(u)]
        result = ring.multiply(ONE, *parts)
        order = int(exponent.q)
        phase = turn_number(ball ** acb(exponent) / ring.value(result), order)
        return result if phase == 0 else ring.multiply(self.turn(fmpq(phase, order)), result)

    def logarithm(self, u: Element) -> Element:
        """ln(u) on the principal branch."""
        ring = self._ring
        if u.is_zero:
            raise GaveUpError("the logarithm of zero")
        ball = ring.value(u)
        check_off_cut(ball)
        grain, terms = 1, []
        for base, count in self._bases(u):
            term, order = self._base_logarithm(base)
            grain = math.lcm(grain, order)
            terms.append(ring.scale(count, term))
        total = ring.sum(terms)
        turns = (ball.log() - ring.value(total)).imag * grain / arb.pi()
        count = unique_integer(turns, "a branch of a logarithm")
        if count == 0:
            return total
        imaginary = ring.multiply(self._germs.imaginary(), self._germs.pi())
        return ring.sum((total, ring.scale(fmpq(count, grain), imaginary)))

    def turn(self, half_turns: fmpq) -> Element:
        """exp(i*pi*half_turns) for multiples of 1/12.

        Raises:
          GaveUpError: any other.
        """
        cosine, sine = self.turn_pair(half_turns)
        if sine.is_zero:
            return cosine
        return self._ring.sum((cosine, self._ring.multiply(self._germs.imaginary(), sine)))

    def turn_pair(self, half_turns: fmpq) -> tuple[Element, Element]:
        """cos and sin of pi*half_turns, for multiples of 1/12.

        Raises:
          GaveUpError: any other.
        """
        if 12 % half_turns.q:
            raise GaveUpError(f"the cosine of {half_turns}*pi")
        if half_turns.q == 12:
            (c, s), (cosine, sine) = (self.turn_pair(half_turns * factor) for factor in (4, -3))
            ring = self._ring
            above = ring.multiply(c, cosine), ring.multiply(s, sine)
            return ring.subtract(*above), ring.sum((ring.multiply(s, cosine), ring.multiply(c, sine)))
        place = int((half_turns * 12).p) % 24
        return self._cosine(place), self._cosine((6 - place) % 24)

    def _cosine(self, place: int) -> Element:
        """cos(pi*place/12)."""
        place = min(place, 24 - place)
        if place > 6:
            return self._ring.scale(-1, self._cosine(12 - place))
        values = {0: fmpq(1), 4: fmpq(1, 2), 6: fmpq(0)}
        if place in values:
            return number(values[place])
        return self._ring.scale(fmpq(1, 2), self._base_power(("integer", 3 if place == 2 else 2), fmpq(1, 2)))

    def _bases(self, u: Element) -> list[tuple[Base, int]]:
        """The irreducible factors of `u` with their exponents, up to sign."""
        counts: dict[Base, int] = {}
        for value, sign in ((u.coefficient.p, 1), (u.coefficient.q, -1)):
            for prime, exponent in _integer_factors(abs(value)):
                base = ("integer", prime)
                counts[base] = counts.get(base, 0) + sign * exponent
        for place, exponent in u.powers:
            content, factors = self._factor(place)
            for prime, count in _integer_factors(fmpz(abs(content))):
                base = ("integer", prime)
                counts[base] = counts.get(base, 0) + count * exponent
            for inner, count in factors:
                base = ("polynomial", inner)
                counts[base] = counts.get(base, 0) + count * exponent
        return [(base, count) for base, count in counts.items() if count]

    def _factor(self, place: int) -> tuple[int, list[tuple[int, int]]]:
        """A registered polynomial as content and irreducible registered polynomials with multiplicities."""
        found = self._factors.get(place)
        if found is None:
            polynomial = self._ring.polynomials[place]
            found = self._factored(polynomial)
            if found[1] == [(place, 1)]:
                other = self._exchange(polynomial)
                if other != polynomial:
                    found = self._factored(other)
            if found[1] == [(place, 1)]:
                found = self._known_power(place) or found
            self._factors[place] = found
        return found

    def _known_power(self, place: int) -> tuple[int, list[tuple[int, int]]] | None:
        """A polynomial as a power of another registered one, which FLINT cannot see where roots were reduced."""
        ring = self._ring
        degrees = dict(ring.degrees(ring.polynomials[place]))
        for other, base in enumerate(ring.polynomials):
            ratios = [degrees.get(generator, 0) // degree for generator, degree in ring.degrees(base)]
            algebraic = any(ring.origins[generator][0] in _ALGEBRAIC for generator, _ in ring.degrees(base))
            if not algebraic or len(base) < 2 or max(ratios) < 2:
                continue
            size = abs(ring.polynomial_value(other)) ** max(ratios)
            if size.overlaps(abs(ring.polynomial_value(place))):
                found = ring.register(ring.reduce(ring.expand([(other, max(ratios))])))
                if found.powers == ((place, 1),) and abs(found.coefficient) == 1:
                    return 1, [(other, max(ratios))]
        return None

    def _factored(self, polynomial: fmpz_mpoly) -> tuple[int, list[tuple[int, int]]]:
        ring = self._ring
        if len(polynomial) == 1 and polynomial.total_degree() == 1:
            return 1, [ring.register(polynomial).powers[0]]
        ring.work.charge(300 + 40 * len(polynomial))
        content, factors = _factored(polynomial)
        counts: dict[int, int] = {}
        for factor, multiplicity in factors:
            for inner, count in ring.register(factor).powers:
                counts[inner] = counts.get(inner, 0) + count * int(multiplicity)
        return int(content), list(counts.items())

    def _sign(self, base: Base) -> int:
        """The sign with which a base is taken, so that it is off the cut."""
        if base[0] == "integer":
            return 1
        ball = self._ring.polynomial_value(base[1])
        sign = -1 if ball.real < 0 else 1
        check_off_cut(ball * sign)
        return sign

    def _element(self, base: Base) -> Element:
        return number(base[1]) if base[0] == "integer" else Element(fmpq(1), ((base[1], 1),))

    def _origin(self, base: Base) -> tuple:
        generator = None if base[0] == "integer" else self._ring.generator_of(base[1])
        return () if generator is None else self._ring.origins[generator]

    def _base_power(self, base: Base, exponent: fmpq) -> Element:
        """A root of a base, or of its negative, to a power: the one that its kernel stands for."""
        if exponent.q == 1:
            return self._ring.power(self._element(base), int(exponent.p))
        origin = self._origin(base)
        if origin and origin[0] == "exp":
            return self._fraction(origin[1], exponent)
        if origin and origin[0] == "root":
            raise RestartError(("root", origin[1]), int(exponent.q))
        order, root = self._root(base, int(exponent.q))
        return self._ring.power(root, int((exponent * order).p))

    def _root(self, base: Base, wanted: int) -> tuple[int, Element]:
        """(order, root of that order) of a base; the order is a multiple of `wanted`."""
        found = self._roots.get(base)
        if found is not None:
            if found[0] % wanted:
                place = self._ring.origins[self._ring.generator_of(found[1].powers[0][0]) or 0][1]
                raise RestartError(("root", place), wanted // math.gcd(wanted, found[0]))
            return found
        place = len(self._roots)
        order = wanted * self._germs.grain("root", place)
        if order > MAX_ORDER:
            raise GaveUpError(f"a root of order {order}")
        radicand = self._ring.scale(self._sign(base), self._element(base))
        ball = self._ring.value(radicand).root(order)
        root = self._ring.generator(ball, ("root", place, radicand, order))
        self._ring.relate_power(order, radicand)
        self._roots[base] = order, root
        return self._roots[base]

    def _base_logarithm(self, base: Base) -> tuple[Element, int]:
        """(logarithm of a base or of its negative, n): exact up to multiples of i*pi/n."""
        origin = self._origin(base)
        if origin and origin[0] == "exp":
            argument = self._exponential(origin[1])
            if argument is not None:
                return argument, 1
        if origin and origin[0] == "root":
            total = self.logarithm(origin[2])
            return self._ring.scale(fmpq(1, origin[3]), total), origin[3]
        found = self._logarithms.get(base)
        if found is None:
            argument = self._ring.scale(self._sign(base), self._element(base))
            found = self._ring.generator(self._ring.value(argument).log(), ("log", argument))
            self._logarithms[base] = found
        return found, 1


def _factored(polynomial: fmpz_mpoly) -> tuple[int, list[tuple[fmpz_mpoly, int]]]:
    """Content, and factors with multiplicities: irreducible ones, unless FLINT might take minutes to find them."""
    degrees = [int(degree) for degree in polynomial.degrees()]
    if 1 in degrees:  # a*g + b is irreducible if a and b share nothing
        variable = degrees.index(1)
        slope = polynomial.derivative(variable)
        shared = slope.gcd(polynomial - slope * polynomial.context().gens()[variable])
        if shared.total_degree() == 0:
            return 1, [(polynomial, 1)]
        content, factors = _factored(shared)
        return content, [*factors, (divmod(polynomial, shared)[0], 1)]
    if len(polynomial) > MAX_FACTORED_TERMS or sum(degrees) > MAX_FACTORED_DEGREES:
        return 1, [(polynomial, 1)]
    try:
        content, factors = polynomial.factor()
    except OverflowError:  # python-flint sorts factors, and cannot when their coefficients pass 32 bits
        return 1, [(polynomial, 1)]
    return int(content), factors


def _integer_factors(value: fmpz) -> list[tuple[int, int]]:
    """Prime factors of a positive integer; a long one counts as prime."""
    if value == 1:
        return []
    if value.bit_length() > MAX_FACTORED_BITS:
        return [(int(value), 1)]
    return [(int(prime), int(count)) for prime, count in value.factor()]
