"""Checks of the options that integration and differential equations share; random trees check theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from symjax.symbolic.sampling import MAX_OPERATORS

ENGINES: Final = ("rules", "sympy")

_LEAST: Final = {
    "max_operators": 1,
    "other_operators": 1,
    "max_problem_tokens": 3,
    "max_answer_tokens": 1,
    "code_depth": 3,
    "budget": 1,
    "rules_budget": 1,
    "label_budget": 1,
    "table_size": 1,
    "table_seed": 0,
}


def checked_options(given: Mapping[str, Any], *, shares: Sequence[str]) -> dict[str, Any]:
    """The options among the arguments of a task's `make`, lists as tuples.

    Args:
      given: by name; `name` itself is no option.
      shares: options that are between 0 and 1.

    Raises:
      ValueError: the first value that does not fit, with the rule.
    """
    options: dict[str, Any] = {key: value for key, value in given.items() if key != "name"}
    options |= {key: tuple(value) for key, value in options.items() if isinstance(value, list)}
    for key, least in _LEAST.items():
        if key in options and options[key] < least:
            raise ValueError(f"{key} must be {least} or more, got {options[key]}")
    for key in ("max_operators", "other_operators"):
        if options.get(key, 0) > MAX_OPERATORS:
            raise ValueError(f"{key} must be {MAX_OPERATORS} or less, got {options[key]}")
    for key in shares:
        if not 0 <= options[key] <= 1:
            raise ValueError(f"{key} must be between 0 and 1, got {options[key]}")
    if options["engine"] not in ENGINES:
        raise ValueError(f"there is no engine {options['engine']!r}; there are: {', '.join(ENGINES)}")
    if not options["engine_seconds"] > 0:
        raise ValueError(f"engine_seconds must be above 0, got {options['engine_seconds']}")
    return options
