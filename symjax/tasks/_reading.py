"""What a user typed, prefix tokens or infix -> expression.  Shared by the tasks whose problems are expressions."""

from __future__ import annotations

from symjax.symbolic.expression import Expression
from symjax.symbolic.reader import ReadError, read_infix
from symjax.tasks import Rejection
from symjax.tokenization import prefix

_REASONS = {"length": "too_long", "nesting": "too_deep"}


def read_expression(text: str, words: tuple[str, ...] = prefix.TOKENS) -> Expression | Rejection:
    """The raw expression of `text`: prefix if every word is a prefix token, else infix.  A lone digit is a number.

    Args:
      text: what was typed.
      words: the prefix tokens that the task knows; the names of infix are those among them.

    Rejections: "malformed" (unknown names included), "too_deep" and "too_long" (beyond the reader's limits).
    """
    tokens = text.split()
    try:
        if tokens and set(words).issuperset(tokens) and not (len(tokens) == 1 and tokens[0] in prefix.DIGITS):
            return prefix.parse(tokens, words=words)
        return read_infix(text, words=words)
    except prefix.PrefixError as error:
        return Rejection("malformed", str(error))
    except ReadError as error:
        return Rejection(_REASONS.get(error.limit, "malformed"), str(error))
