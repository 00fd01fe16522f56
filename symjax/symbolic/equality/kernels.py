"""The kernels of all kinds put together: the functions of a graph applied to elements."""

from __future__ import annotations

from flint import fmpq

from symjax.symbolic.equality.arcs import Arcs
from symjax.symbolic.equality.circular import Circular
from symjax.symbolic.equality.exponentials import Exponentials
from symjax.symbolic.equality.germs import Germs
from symjax.symbolic.equality.ring import Element, number
from symjax.symbolic.equality.roots import Roots
from symjax.symbolic.equality.work import GaveUpError

_CIRCULAR = ("sin", "cos", "tan")
_HYPERBOLIC = ("sinh", "cosh", "tanh")


class Kernels:
    """Functions of elements, with all that is known of how they depend on each other.

    Args:
      germs: the shared state.
      logarithmic: whether inverse functions are written as logarithms.
    """

    def __init__(self, germs: Germs, *, logarithmic: bool) -> None:
        self._germs = germs
        self._logarithmic = logarithmic
        self.exponentials = Exponentials(germs, self)
        self.circular = Circular(germs, self)
        self.arcs = Arcs(germs, self)
        self.roots = Roots(
            germs,
            exchange=self.circular.exchange,
            exponential=self.exponentials.argument,
            fraction=self.exponentials.fraction,
        )

    def apply(self, name: str, u: Element) -> Element:
        """The function `name` of `u`.

        Raises:
          GaveUpError: its value is on a branch cut, or above the limits.
          RestartError: a kernel is needed at a finer grain.
        """
        ring = self._germs.ring
        if name == "exp":
            self.arcs.saw(u, hyperbolic=True)
            return self.exponentials.exp(u)
        if name == "ln":
            return self.roots.logarithm(u)
        if name in _CIRCULAR:
            self.arcs.saw(u, hyperbolic=False)
            cosine, sine = self.circular.pair(u)
            if name == "tan":
                return ring.multiply(sine, ring.power(cosine, -1))
            return sine if name == "sin" else cosine
        if name in _HYPERBOLIC:
            self.arcs.saw(u, hyperbolic=True)
            cosh, sinh = self.exponentials.hyperbolic(u)
            if name == "tanh":
                return ring.multiply(sinh, ring.power(cosh, -1))
            return sinh if name == "sinh" else cosh
        if name in ("abs", "sign"):
            return self._sign(name, u)
        return self.arcs.logarithmic(name, u) if self._logarithmic else self.arcs.of(name, u)

    def _sign(self, name: str, u: Element) -> Element:
        ball = self._germs.ring.value(u)
        if not ball.imag.is_zero() or ball.real.contains(0):
            raise GaveUpError(f"{name} of a value that is not real, or zero")
        sign = 1 if ball.real > 0 else -1
        return number(sign) if name == "sign" else self._germs.ring.scale(fmpq(sign), u)
