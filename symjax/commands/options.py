"""What the commands of `symjax` share: options of a task, numbers, and how a wrong one is refused."""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

OPTION: Mapping[str, Any] = MappingProxyType(
    {"action": "append", "default": [], "metavar": "key=value", "help": "an option of the task; repeatable"}
)


class UsageError(ValueError):
    """Something asked for cannot be; the message is one sentence for the user."""


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 1 or more")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to below 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number, 0 or more and below 1")
    return value


def task_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Task options from `key=value`: numbers, true, false and lists as in Python or JSON, all else as text.

    Raises:
      UsageError: a pair without `=`.
    """
    options = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise UsageError(f"--option {pair!r} must be key=value")
        options[key] = _value(text)
    return options


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    return text
