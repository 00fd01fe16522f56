"""What a user typed, prefix tokens or infix -> expression.  Shared by the tasks whose problems are expressions."""

from __future__ import annotations

from symjax.symbolic.expression import Expression
from symjax.symbolic.reader import ReadError, read_infix
from symjax.tasks import Rejection
from symjax.tokenization import prefix

_REASONS = {"length": "too_long", "nesting": "too_deep"}
_TOKENS = frozenset(prefix.TOKENS)
_PREFIX_ALONE = frozenset({"add", "sub", "mul", "div", "pow", prefix.PLUS, prefix.MINUS})


def read_expression(text: str, words: tuple[str, ...] = prefix.TOKENS) -> Expression | Rejection:
    """The raw expression of `text`, prefix or infix.

    It is prefix if every word is a prefix token of any task, or the first one is a token that infix does not have.  A
    lone digit is a number.

    Args:
      text: what was typed.
      words: the prefix tokens that the task knows; the names of infix are those among them.

    Rejections: "malformed" (unknown names included), "too_deep" and "too_long" (beyond the reader's limits).
    """
    tokens = text.split()
    try:
        return prefix.parse(tokens, words=words) if _is_prefix(tokens) else read_infix(text, words=words)
    except prefix.PrefixError as error:
        return Rejection("malformed", str(error))
    except ReadError as error:
        return Rejection(_REASONS.get(error.limit, "malformed"), str(error))


def _is_prefix(tokens: list[str]) -> bool:
    if len(tokens) <= 1:
        return bool(_PREFIX_ALONE.intersection(tokens))
    return tokens[0] in _PREFIX_ALONE or _TOKENS.issuperset(tokens)
