"""Antiderivatives of canonical expressions by rules, within a budget of nodes; no SymPy, no clock.

`search` tries the rules in order.  `table` knows functions of linear arguments, `substitution` finds inner derivatives,
`angles` brings circular and hyperbolic functions to one angle, `inversion` writes x as a function of a root or an
inverse function, and `ansatz` solves for unknown coefficients in a differential field: `discovery` and `field` set it
up, `logarithms` and `radicals` say what may be added to quotients of polynomials, `monomials` and `linear` solve.
"""

from __future__ import annotations

from symjax.symbolic.integration.search import DEFAULT_BUDGET, Table, integrate

__all__ = ["DEFAULT_BUDGET", "Table", "integrate"]
