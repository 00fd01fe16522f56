"""One attention function, several implementations of it.  A module of this folder with an `attend` is one."""

from __future__ import annotations

import importlib
import pathlib

from jaxtyping import Array, Float, Int

DEFAULT = "xla"


def names() -> list[str]:
    """Names of the implementations that exist."""
    return sorted(path.stem for path in pathlib.Path(__file__).parent.glob("[!_]*.py") if path.stem != "positions")


def attend(
    q: Float[Array, "B T H K"],
    k: Float[Array, "B S H K"],
    v: Float[Array, "B S H D"],
    *,
    scale: float,
    query_lengths: Int[Array, "B"] | None = None,
    key_lengths: Int[Array, "B"] | None = None,
    causal: bool = False,
    implementation: str | None = None,
) -> Float[Array, "B T H D"]:
    """softmax(scale q k^T) v over the keys that each query may see, the softmax in float32.

    Query and key heads may be wider than value heads.  Where a query is padding, or sees no key, the output is 0.

    Args:
      scale: factor of the scores.
      query_lengths, key_lengths: real tokens of each row, the others being padding behind them; None: all are real.
      causal: query t sees keys 0..t only.
      implementation: one of `names()`, which is then demanded; None always works.

    Raises:
      ValueError: no such implementation.
      NotImplementedError: the implementation demanded cannot do this here; the message says why.
    """
    name = implementation or DEFAULT
    if name not in names():
        raise ValueError(f"unknown attention implementation {name!r}; known implementations: {', '.join(names())}")
    module = importlib.import_module(f"symjax.attention.{name}")
    return module.attend(q, k, v, query_lengths=query_lengths, key_lengths=key_lengths, causal=causal, scale=scale)
