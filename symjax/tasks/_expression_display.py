"""Examples whose problems and answers are expressions, for people: as text, as MathML, and as slices of the report."""

from __future__ import annotations

import html
from typing import Any, Final

from symjax.symbolic.expression import Expression, postorder, raw
from symjax.tasks import Example, ParseError
from symjax.tokenization import tree_paths
from symjax.tokenization.foreign import parse_foreign

LENGTHS: Final = (8, 16, 32, 64, 128, 256)
SHOWN_FACTS: Final = ("generator", "simplified", "direct", "real", "form")


def describe(example: Example) -> str:
    """Tokens, LaTeX and tree of the problem, and the answer in tokens and infix."""
    from symjax.symbolic import printing

    answer = parse_foreign(example.answer)
    return "\n".join(
        [
            "tokens  " + " ".join(example.problem),
            "latex   " + printing.to_latex(parse_foreign(example.problem)),
            "tree",
            *("  " + line for line in tree_paths.draw(example.problem)),
            "answer  " + " ".join(example.answer),
            "infix   " + printing.to_infix(answer),
            "latex   " + printing.to_latex(answer),
        ]
    )


def answer_json(example: Example) -> dict[str, Any]:
    """The answer as prefix tokens and as infix text."""
    from symjax.symbolic import printing

    return {"prefix": " ".join(example.answer), "infix": printing.to_infix(parse_foreign(example.answer))}


def text(words: str) -> str:
    """Words as a MathML element."""
    return f"<math><mtext>{html.escape(words)}</mtext></math>"


def inner(expr: Expression) -> str:
    """Presentation MathML of an expression, without the `<math>` element around it; sums and products as chains."""
    from symjax.symbolic import printing

    shown = printing.to_mathml(_chained(expr))
    return shown[shown.index(">") + 1 : shown.rindex("<")]


def _chained(expr: Expression) -> Expression:
    """`expr` with the pairs, nested to the right, that tokens write sums and products in joined again."""
    found: dict[Expression, Expression] = {}
    for node in postorder(expr):
        args = [found[arg] for arg in node.args]
        if node.op in ("add", "mul") and args[-1].op == node.op:
            args = [*args[:-1], *args[-1].args]
        found[node] = raw(node.op, *args) if args else node
    return found[expr]


def mathml(problem: str, example: Example, predicted: Expression | ParseError | None) -> dict[str, str]:
    """`problem`, `target` and, if there is one, `prediction`; a prediction that does not parse shows why."""
    shown = {"problem": problem, "target": f"<math>{inner(parse_foreign(example.answer))}</math>"}
    if isinstance(predicted, ParseError):
        shown["prediction"] = text(predicted.reason)
    elif predicted is not None:
        shown["prediction"] = f"<math>{inner(predicted)}</math>"
    return shown


def slices(example: Example) -> dict[str, str]:
    """Lengths, depth, and how the example was made, where that is known."""
    found = {
        "problem length": _bucket(len(example.problem)),
        "answer length": _bucket(len(example.answer)),
        "problem depth": _bucket(parse_foreign(example.problem).depth),
    }
    for name in SHOWN_FACTS:
        value = example.metadata.get(name)
        if value is not None:
            found[name] = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return found


def _bucket(size: int) -> str:
    """The range of sizes that `size` falls into; written so that they sort."""
    low = 0
    for bound in LENGTHS:
        if size < bound:
            return f"{low:03d}-{bound - 1:03d}"
        low = bound
    return f"{low:03d} or more"
