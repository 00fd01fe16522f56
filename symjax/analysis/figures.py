"""How numbers are written for people: shares in percent, three significant digits, powers of ten as such."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

THIN = "\u202f"
MINUS = "\u2212"
_NAMES = {"sympy": "SymPy", "copy_input": "the problem copied", "x": "always x"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


def number(value: float | str | None, *, percent: bool = False) -> str:
    """`value` as text: 0.5523 -> "0.552", or "55.2 %"; 1.2e-6 -> "1.20 x 10^-6" with real superscripts."""
    if value is None:
        return "\u2013"
    value = float(value)
    if math.isnan(value):
        return "\u2013"
    if math.isinf(value):
        return "\u221e" if value > 0 else MINUS + "\u221e"
    if percent:
        return f"{100 * value:.1f}{THIN}%".replace("-", MINUS)
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}".replace("-", MINUS)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}{THIN}\u00d7{THIN}10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", MINUS, 1)


def interval(figure: Mapping[str, Any], *, percent: bool = False) -> str:
    """The bounds of a figure as text: "53.1 to 57.3 %" in percent, else "0.11 to 0.13"."""
    low, high = number(figure["low"], percent=percent), number(figure["high"], percent=percent)
    if percent:
        low = low.removesuffix(f"{THIN}%")
    return low if low == high else f"{low}\u2013{high}"


def is_share(metric: Mapping[str, Any]) -> bool:
    """Whether a metric is a share, to be written in percent: a mean of which more is better."""
    return metric["statistic"] == "mean" and bool(metric["higher_is_better"])


def title_of(name: str) -> str:
    """A name in the files as a heading: "nearest_neighbour" -> "Nearest neighbour"."""
    text = _NAMES.get(name, name.replace("_", " "))
    return text[:1].upper() + text[1:]


def place(value: str) -> str:
    """A value of a slice as people write it: "008-015" -> "8 to 15" with a dash."""
    return re.sub(r"\b0+(\d)", r"\1", value).replace("-", "\u2013") if value[:1].isdigit() else value


def minus(text: str) -> str:
    """`text` with real minus signs for hyphens."""
    return text.replace("-", MINUS)


def powers(text: str) -> Markup:
    """`text` with "x^4" as a real superscript."""
    return Markup(re.sub(r"\^(\d+)", r"<sup>\1</sup>", str(escape(text))))
