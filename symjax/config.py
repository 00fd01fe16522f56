"""Config sections whose keys and defaults are read from the constructor that they feed.

A parameter with a default is a leaf of the section; one without is supplied by the program.  So a typo fails at
once, every leaf can be overridden by flag, and a default lives once, beside the code it belongs to.
"""

from __future__ import annotations

import errno
import inspect
import runpy
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from ml_collections import ConfigDict, config_dict


def section(constructor: Callable[..., Any], /, **values: Any) -> ConfigDict:
    """Leaves of `constructor` with its defaults, `values` set over them.

    Raises:
      ValueError: a value names no parameter that has a default.
    """
    leaves = {
        name: parameter
        for name, parameter in inspect.signature(constructor).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    unknown = sorted(set(values) - set(leaves))
    if unknown:
        where = f"{constructor.__module__}.{constructor.__qualname__}"
        raise ValueError(f"{where} has no option {unknown[0]!r}; it has: {', '.join(leaves)}")
    hints = typing.get_type_hints(constructor) if not isinstance(constructor, type) else {}
    if isinstance(constructor, type):
        hints = typing.get_type_hints(constructor.__init__) | typing.get_type_hints(constructor)
    result = ConfigDict()
    for name, parameter in leaves.items():
        result[name] = _leaf(parameter.default, hints.get(name, Any))
        if name in values and values[name] is not None:
            result[name] = values[name]
    return result


def flag_sentence(error: Exception, argv: Sequence[str]) -> str:
    """What is wrong with the command line `argv`, in one sentence, for an error that reading its flags raised."""
    if isinstance(error, AttributeError | KeyError | TypeError):
        return _unknown_key(argv) or f"unknown or missing config key {error}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else repr(error)


def error_sentence(error: Exception) -> str:
    """What happened, in one line; the system's word for a full disk is followed by what to do about it."""
    sentence = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        sentence += "; make room where runs and data lie, then run the same command again: it goes on"
    return sentence


def _unknown_key(argv: Sequence[str]) -> str | None:
    """The sentence about the first `--config.<key>=...` that the file of `--config` does not have."""
    split = [argument.lstrip("-").partition("=") for argument in argv]
    following = zip(split, [*argv[1:], ""], strict=True)
    named = [value or after for (flag, _, value), after in following if flag == "config"]
    path, suffix, preset = "".join(named[-1:]).partition(".py")
    if not suffix:
        return None
    config = runpy.run_path(path + suffix)["get_config"](*filter(None, [preset.removeprefix(":")]))
    for flag, _, _ in split:
        node, where = config, ""
        for name in flag.split(".")[1:] if flag.startswith("config.") else ():
            known = sorted(node) if isinstance(node, ConfigDict) else ["no keys"]
            if name not in known:
                return f"unknown config key {where}{name}; {where.rstrip('.') or 'it'} has: {', '.join(known)}"
            node, where = node[name], f"{where}{name}."
    return None


def _leaf(default: Any, hint: Any) -> Any:
    """The default itself, or, for an optional one that is None, a typed placeholder that a flag can fill."""
    if default is not None:
        return default
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) or typing.get_origin(hint) else (hint,)
    named = [option for option in options if option in (int, float, str, bool)]
    return config_dict.placeholder(named[0] if named else object)
