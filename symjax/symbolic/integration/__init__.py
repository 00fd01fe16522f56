"""Antiderivatives of canonical expressions by rules, within a budget of nodes; no SymPy, no clock.

`search` tries the rules in order; `table` knows functions of linear arguments, `substitution` finds inner derivatives
and inverts roots, exponentials and inverse functions, `ansatz` solves for unknown coefficients in a differential field
(`field`, `logarithms`, `linear`), `rational` takes what is left of rational functions.
"""

from __future__ import annotations

from symjax.symbolic.integration.search import DEFAULT_BUDGET, Table, integrate

__all__ = ["DEFAULT_BUDGET", "Table", "integrate"]
