"""What a user typed, prefix tokens or infix -> expression.  Shared by the tasks whose problems are expressions."""

from __future__ import annotations

from symjax.symbolic.expression import Expression
from symjax.symbolic.reader import ReadError, read_infix
from symjax.tasks import Rejection
from symjax.tokenization import prefix

_TOKENS = frozenset(prefix.TOKENS)
_REASONS = {"length": "too_long", "nesting": "too_deep"}


def read_expression(text: str) -> Expression | Rejection:
    """The raw expression of `text`: prefix if every word is a prefix token, else infix.  A lone digit is a number.

    Rejections: "malformed" (unknown names included), "too_deep" and "too_long" (beyond the reader's limits).
    """
    words = text.split()
    try:
        if words and _TOKENS.issuperset(words) and not (len(words) == 1 and words[0] in prefix.DIGITS):
            return prefix.parse(words)
        return read_infix(text)
    except prefix.PrefixError as error:
        return Rejection("malformed", str(error))
    except ReadError as error:
        return Rejection(_REASONS.get(error.limit, "malformed"), str(error))
