"""Differential fields of elementary functions: an integrand and its derivatives as quotients of polynomials.

Every function, root, exponential or constant that an integrand holds becomes a generator; the derivative of each
generator is a quotient of polynomials in the generators again (kernels are added until that is so).  Roots carry the
relation r**n = polynomial, sines s**2 = 1 - c**2.
Polynomials are FLINT's, over the rational numbers.  Work is bounded by counts: above them `TooWide` is raised.
"""

from __future__ import annotations

from typing import Final

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from symjax.symbolic.arithmetic import add, exponential, multiply, power
from symjax.symbolic.canonical import apply
from symjax.symbolic.derivative import derivative
from symjax.symbolic.expression import INTEGER, ONE, RATIONAL, Expression, X
from symjax.symbolic.integration.discovery import Finder, Kernel, TooWide
from symjax.symbolic.integration.views import PARTNERS, depends, terms
from symjax.symbolic.limits import number, split
from symjax.symbolic.ordering import is_number, ratio

__all__ = ["Field", "Kernel", "Quotient", "TooWide"]

MAX_TERMS: Final = 150
MAX_PRODUCTS: Final = 4000
MAX_EXPONENT: Final = 24
MAX_POWER: Final = 60
"""Largest product of an exponent and the number of terms that are raised to it."""

Quotient = tuple[fmpq_mpoly, fmpq_mpoly]


class Field:
    """The field that `expr` lies in.

    Attributes:
      kernels: in order of creation; a kernel only needs earlier ones for its relation.
      slopes: the derivative of each, in lowest terms.
      relations: generator index -> (degree, polynomial that the generator to this degree equals).
    """

    def __init__(self, *exprs: Expression) -> None:
        """Finds the kernels of `exprs` and their derivatives.

        Raises:
          TooWide: above the limits.
          TooLarge, Undefined: see `canonical`.
        """
        self._known = Finder(exprs).kernels
        self.kernels = list(self._known.values())
        count = len(self.kernels)
        for place, kernel in enumerate(self.kernels):
            kernel.index = count - 1 - place
        self.context = fmpq_mpoly_ctx.get(("g", count), Ordering.lex)
        self.gens = self.context.gens()
        self.one, self.zero = self.context.constant(1), self.context.constant(0)
        self.relations: dict[int, tuple[int, fmpq_mpoly]] = {}
        self._quotients: dict[Expression, Quotient] = {X: (self.gens[self.kernels[0].index], self.one)}
        self.slopes: list[Quotient] = []
        self._relate()
        for kernel in self.kernels:
            self.slopes.append(self._slope(kernel))

    def _relate(self) -> None:
        for kernel in self.kernels:
            if kernel.kind == "root":
                self._relate_root(kernel)
            elif kernel.kind == "function" and kernel.base.op in ("sin", "sinh"):
                cosine = self.gens[self.kernel_of(PARTNERS[kernel.base.op], kernel.base.args[0]).index]
                square = self.one - cosine**2
                self.relations[kernel.index] = 2, square if kernel.base.op == "sin" else -square
            elif kernel.kind == "function" and kernel.base.op == "abs":
                top, bottom = self.quotient(kernel.base.args[0])
                kernel.scale = bottom, self.one
                self.relations[kernel.index] = 2, self.normal(top**2)

    def kernel_of(self, op: str, arg: Expression) -> Kernel:
        """The kernel of the function `op` of `arg`."""
        return self._known["function", apply(op, arg), ONE]

    def _relate_root(self, kernel: Kernel) -> None:
        top, bottom = self.quotient(kernel.base)
        if not bottom.is_one():
            top = self.product(top, self._power((bottom, self.one), kernel.step - 1)[0])
        value = self.checked(top)
        outside = self._whole_part(value, kernel.step)
        if not (bottom.is_one() and outside.is_one()):
            kernel.scale = bottom, outside
            value = divmod(value, outside**kernel.step)[0]
        if value.degrees()[kernel.index] or any(
            value.degrees()[other.index] for other in self.kernels if other.index < kernel.index
        ):
            raise TooWide("a root of something that is registered after it")
        self.relations[kernel.index] = kernel.step, value

    def _whole_part(self, polynomial: fmpq_mpoly, step: int) -> fmpq_mpoly:
        """The largest monic polynomial that divides `polynomial` to the power `step`."""
        found = self.one
        for factor, multiplicity in polynomial.factor_squarefree()[1]:
            found = found * factor ** (int(multiplicity) // step)
        return found

    def _slope(self, kernel: Kernel) -> Quotient:
        gen = self.gens[kernel.index]
        if kernel.kind == "x":
            return self.one, self.one
        if kernel.kind == "constant":
            return self.zero, self.one
        if kernel.kind == "root" or (kernel.kind == "function" and kernel.base.op == "abs"):
            degree, value = self.relations[kernel.index]
            top, bottom = self.differentiate(value)
            return self.reduced(top * gen, bottom * value * degree)
        if kernel.kind == "function":
            return self.quotient(derivative(kernel.base))
        top, bottom = self.quotient(derivative(kernel.rest))
        if kernel.kind == "power":
            inner = multiply(kernel.rest, derivative(kernel.base), power(kernel.base, number(-1)))
            if depends(kernel.rest):
                inner = add(multiply(derivative(kernel.rest), apply("ln", kernel.base)), inner)
            top, bottom = self.quotient(inner)
        return self.reduced(top * gen, bottom * kernel.step)

    def differentiate(self, polynomial: fmpq_mpoly) -> Quotient:
        """The derivative by x of a polynomial in kernels whose slopes are known."""
        total: Quotient = (self.zero, self.one)
        for kernel, slope in zip(self.kernels, self.slopes, strict=False):
            part = polynomial.derivative(kernel.index)
            if not part.is_zero() and not slope[0].is_zero():
                total = self._sum(total, (part * slope[0], slope[1]))
        return self.reduced(*total)

    def place(self, kernel: Kernel) -> int:
        """The place of a kernel in `kernels` and `slopes`."""
        return len(self.kernels) - 1 - kernel.index

    def is_free(self, polynomial: fmpq_mpoly) -> bool:
        """Whether no kernel that moves occurs."""
        if polynomial.is_constant():
            return True
        degrees = polynomial.degrees()
        return not any(degrees[kernel.index] for kernel in self.kernels if not kernel.is_constant)

    def coefficients(self, polynomial: fmpq_mpoly, index: int, degree: int) -> list[fmpq_mpoly]:
        """The coefficients of a polynomial of this degree in one generator, lowest first."""
        parts: list[dict[tuple[int, ...], fmpq]] = [{} for _ in range(degree + 1)]
        for exponents, coefficient in polynomial.to_dict().items():
            key = list(map(int, exponents))
            place, key[index] = key[index], 0
            parts[place][tuple(key)] = coefficient
        return [self.context.from_dict(part) for part in parts]

    def checked(self, polynomial: fmpq_mpoly) -> fmpq_mpoly:
        """`polynomial`, if it is not too long."""
        if len(polynomial) > MAX_TERMS:
            raise TooWide(f"a polynomial has more than {MAX_TERMS} terms")
        return polynomial

    def normal(self, polynomial: fmpq_mpoly) -> fmpq_mpoly:
        """`polynomial` reduced by the relations."""
        if self.relations:
            for index in sorted(self.relations):
                degree, value = self.relations[index]
                have = int(polynomial.degrees()[index])
                if have >= degree:
                    if len(value) ** (have // degree) * len(polynomial) > MAX_PRODUCTS:
                        raise TooWide("a reduction has too many terms")
                    polynomial = divmod(polynomial, self.gens[index] ** degree - value)[1]
        return self.checked(polynomial)

    def product(self, left: fmpq_mpoly, right: fmpq_mpoly) -> fmpq_mpoly:
        """left * right, within the limits."""
        if len(left) * len(right) > MAX_PRODUCTS:
            raise TooWide("a product has too many terms")
        return self.checked(left * right)

    def _sum(self, left: Quotient, right: Quotient) -> Quotient:
        if left[1] == right[1]:
            return self.checked(left[0] + right[0]), left[1]
        common = left[1].gcd(right[1])
        first, second = divmod(left[1], common)[0], divmod(right[1], common)[0]
        top = self.product(left[0], second) + self.product(right[0], first)
        return self.checked(top), self.product(left[1], second)

    def reduced(self, top: fmpq_mpoly, bottom: fmpq_mpoly) -> Quotient:
        """top/bottom in lowest terms as polynomials, the numerator reduced by the relations, the denominator monic.

        Denominators are products of reduced polynomials; reducing the product would hide its factors.
        """
        top = self.normal(top)
        if top.is_zero():
            return self.zero, self.one
        if not bottom.is_constant():
            common = top.gcd(bottom)
            if not common.is_constant():
                top, bottom = divmod(top, common)[0], divmod(bottom, common)[0]
        leading = bottom.leading_coefficient()
        return top / leading, bottom / leading

    def quotient(self, expr: Expression) -> Quotient:
        """`expr`, whose kernels are all known, in lowest terms."""
        return self.reduced(*self._convert(expr))

    def _convert(self, expr: Expression) -> Quotient:
        known = self._quotients.get(expr)
        if known is None:
            known = self._quotients[expr] = self._converted(expr)
        return known

    def _converted(self, expr: Expression) -> Quotient:
        op = expr.op
        if is_number(expr):
            top, bottom = ratio(expr)
            return self.context.constant(fmpq(top, bottom)), self.one
        if op == "add":
            total = self._convert(expr.args[0])
            for arg in expr.args[1:]:
                total = self._sum(total, self._convert(arg))
            return total
        if op == "mul":
            return self._product_of([self._convert(arg) for arg in expr.args])
        if op == "pow" and expr.args[1].op == INTEGER:
            return self._power(self._convert(expr.args[0]), ratio(expr.args[1])[0])
        if not depends(expr):
            return self._generator("constant", expr, ONE)
        if op == "pow" and expr.args[1].op == RATIONAL:
            return self._root(expr.args[0], *ratio(expr.args[1]))
        if op in ("pow", "exp"):
            return self._exponential(expr)
        if op in ("tan", "tanh") and ("function", expr, ONE) not in self._known:
            names = ("sin", "cos") if op == "tan" else ("sinh", "cosh")
            top, bottom = (self.gens[self.kernel_of(name, expr.args[0]).index] for name in names)
            return top, bottom
        if op == "sign":
            return self._convert(multiply(apply("abs", expr.args[0]), power(expr.args[0], number(-1))))
        return self._generator("function", expr, ONE)

    def _generator(self, kind: str, base: Expression, rest: Expression) -> Quotient:
        kernel = self._known.get((kind, base, rest))
        if kernel is None:
            raise TooWide(f"a kernel that was not foreseen: {base!r}")
        return self._unscaled(kernel)

    def _unscaled(self, kernel: Kernel) -> Quotient:
        """The root, absolute value or other kernel itself."""
        above, below = kernel.scale or (self.one, self.one)
        return self.gens[kernel.index] * below, above

    def _product_of(self, items: list[Quotient]) -> Quotient:
        top, bottom = items[0]
        for other in items[1:]:
            top, bottom = self.product(top, other[0]), self.product(bottom, other[1])
        return self.normal(top), bottom

    def _power(self, item: Quotient, exponent: int) -> Quotient:
        top, bottom = item if exponent > 0 else (item[1], item[0])
        if bottom.is_zero():
            raise TooWide("a denominator vanishes")
        size = abs(exponent)
        longest = max(len(top), len(bottom))
        if size > MAX_EXPONENT or (longest > 1 and size * longest > MAX_POWER):
            raise TooWide("a power is too large")
        return self.normal(self.checked(top**size)), self.checked(bottom**size)

    def _root(self, base: Expression, top: int, bottom: int) -> Quotient:
        kernel = self._known.get(("root", base, ONE))
        if kernel is None:
            raise TooWide("a root that was not foreseen")
        whole, part = divmod(top * (kernel.step // bottom), kernel.step)
        root = self._unscaled(kernel)
        items = [self._power(root, part)] if part else []
        if whole:
            items.append(self._power(self._convert(base), whole))
        return self._product_of(items)

    def _exponential(self, expr: Expression) -> Quotient:
        base, exponent = expr.args if expr.op == "pow" else (ONE, expr.args[0])
        items = []
        for term in terms(exponent):
            (top, bottom), rest = split(term)
            if base is ONE and not depends(rest):
                items.append(self._convert(exponential(term)))
            elif rest is ONE:
                items.append(self._convert(power(base, term)))
            else:
                kernel = self._known.get(("exponential" if base is ONE else "power", base, rest))
                if kernel is None:
                    raise TooWide("an exponential that was not foreseen")
                items.append(self._power((self.gens[kernel.index], self.one), top * (kernel.step // bottom)))
        return self._product_of(items)

    def expression_of(self, kernel: Kernel) -> Expression:
        """What a generator stands for."""
        if kernel.kind == "root":
            root = power(kernel.base, number(1, kernel.step))
        elif kernel.kind == "exponential":
            return exponential(multiply(number(1, kernel.step), kernel.rest))
        elif kernel.kind == "power":
            return power(kernel.base, multiply(number(1, kernel.step), kernel.rest))
        else:
            root = kernel.base
        if kernel.scale is None:
            return root
        above, below = map(self.expression, kernel.scale)
        return multiply(root, above, power(below, number(-1)))

    def expression(self, polynomial: fmpq_mpoly) -> Expression:
        """A polynomial as a canonical expression."""
        by_index = {kernel.index: kernel for kernel in self.kernels}
        parts = []
        for exponents, coefficient in polynomial.to_dict().items():
            powers = [
                power(self.expression_of(by_index[index]), number(int(exponent)))
                for index, exponent in enumerate(exponents)
                if exponent
            ]
            parts.append(multiply(number(int(coefficient.p), int(coefficient.q)), *powers))
        return add(*parts)
