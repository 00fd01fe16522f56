"""Taylor examples for people: as text, as MathML, and as the slices of the report."""

from __future__ import annotations

import html
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from symjax.tasks import Example, ParseError
from symjax.tokenization import prefix, tree_paths

BOUNDS = (1, 10, 1000)


def plain(value: Decimal) -> str:
    """The shortest way to write `value` without an exponent."""
    return f"{value.normalize():f}"


def answer_json(example: Example) -> dict[str, list[Any]]:
    """`coefficients`, each "p/q" or 30 significant digits, and whether each is `rational`."""
    return {"coefficients": list(example.exact), "rational": list(map(_is_rational, example.exact))}


def _is_rational(exact: str) -> bool:
    """Whether an exact coefficient is a fraction or an integer; decimals stand for irrational numbers."""
    return "." not in exact and "e" not in exact.lower()


def describe(example: Example, rounded: Sequence[Decimal]) -> str:
    """Tokens, LaTeX, tree with paths, and the coefficients, rounded and exact."""
    from symjax.symbolic import printing

    series = zip(rounded, example.exact, strict=True)
    return "\n".join(
        [
            "tokens  " + " ".join(example.problem),
            "latex   " + printing.to_latex(prefix.parse(example.problem)),
            "tree",
            *("  " + line for line in tree_paths.draw(example.problem)),
            "series",
            *(f"  x^{degree}  {plain(value):>12}  {exact}" for degree, (value, exact) in enumerate(series)),
            "answer  " + " ".join(example.answer),
        ]
    )


def mathml(
    example: Example, rounded: Sequence[Decimal], predicted: Sequence[Decimal] | ParseError | None
) -> dict[str, str]:
    """`problem`, `target` and, if there is one, `prediction`; a prediction that does not parse shows why."""
    from symjax.symbolic import printing

    shown = {"problem": printing.to_mathml(prefix.parse(example.problem)), "target": polynomial_mathml(rounded)}
    if isinstance(predicted, ParseError):
        shown["prediction"] = f"<math><mtext>{html.escape(predicted.reason)}</mtext></math>"
    elif predicted is not None:
        shown["prediction"] = polynomial_mathml(predicted)
    return shown


def polynomial_mathml(coefficients: Sequence[Decimal]) -> str:
    """c0 + c1 x + ... as a MathML element, zero terms left out."""
    terms = []
    for degree, value in enumerate(coefficients):
        if not value:
            continue
        sign = "<mo>&#x2212;</mo>" if value < 0 else "<mo>+</mo>" if terms else ""
        power = ("", "<mi>x</mi>")[degree] if degree < 2 else f"<msup><mi>x</mi><mn>{degree}</mn></msup>"
        number = "" if power and abs(value) == 1 else f"<mn>{plain(abs(value))}</mn>"
        terms.append(sign + number + power)
    return f"<math><mrow>{''.join(terms) or '<mn>0</mn>'}</mrow></math>"


def slices(example: Example, rounded: Sequence[Decimal]) -> dict[str, str]:
    """Depth, size in steps of four nodes, kind of series, path of the label, and the largest coefficient."""
    metadata = example.metadata
    lowest = (int(metadata["size"]) - 1) // 4 * 4 + 1
    largest = max(map(abs, rounded))
    return {
        "depth": str(metadata["depth"]),
        "size": f"{lowest:02d}-{lowest + 3:02d}",
        "series": "rational" if metadata["rational_series"] else "irrational",
        "expansion": "two-sided" if metadata["two_sided"] else "regular",
        "largest coefficient": next((f"below {bound}" for bound in BOUNDS if largest < bound), f"from {BOUNDS[-1]}"),
    }
