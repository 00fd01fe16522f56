"""What a model is.  A module of this folder with a `make(...)` is a model, found by the module's name."""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree


@runtime_checkable
class BatchLike(Protocol):
    """The arrays that a model reads; `data.batches.Batch` is one.

    `inputs` are problem ids; `targets` are answer ids with `<eos>`, padded by `<pad>`; lengths count real tokens,
    `<eos>` included.  `input_codes` hold a token's path from the root, one child code a level (0 beyond its depth,
    1 only child, 2 left, 3 right), and in the last column its place in a number; `target_codes` hold (group, place).
    """

    inputs: Int[Array, "B S"]
    input_codes: Int[Array, "B S C"]
    input_lengths: Int[Array, "B"]
    targets: Int[Array, "B T"]
    target_codes: Int[Array, "B T 2"]
    target_lengths: Int[Array, "B"]


@runtime_checkable
class Model(Protocol):
    """A sequence-to-sequence model.  It holds parameters only: no RNG, no cache, no other state."""

    autoregressive: bool

    def __call__(self, batch: BatchLike, *, key: PRNGKeyArray | None = None) -> Float[Array, "B T V"]:
        """Logits of every target token given the ones before it.  Dropout only when a `key` is given."""
        ...

    def start(self, batch: BatchLike, max_length: int) -> PyTree:
        """Cache for decoding at most `max_length` tokens; every leaf has B in front."""
        ...

    def step(
        self, cache: PyTree, tokens: Int[Array, "B"], codes: Int[Array, "B 2"]
    ) -> tuple[Float[Array, "B V"], PyTree]:
        """Logits of the next token after `tokens` (`<bos>` with code (0, 0) first), and the cache for it."""
        ...

    def flops(self, batch_size: int, source_length: int, target_length: int) -> int:
        """Floating point operations of one forward and backward pass, matrix products only."""
        ...


def names() -> list[str]:
    """Names of the models that exist."""
    own = ("layers",)
    return sorted(path.stem for path in pathlib.Path(__file__).parent.glob("[!_]*.py") if path.stem not in own)


def constructor(name: str) -> Callable[..., Model]:
    """The `make` of model `name`.

    Raises:
      ValueError: no model has that name.
    """
    if name not in names():
        raise ValueError(f"unknown model {name!r}; known models: {', '.join(names())}")
    return importlib.import_module(f"symjax.models.{name}").make


def load(
    name: str,
    *,
    problem_vocabulary_size: int,
    answer_vocabulary_size: int,
    problem_code_depth: int,
    answer_code_sizes: tuple[int, int],
    max_problem_length: int,
    max_answer_length: int,
    rngs: nnx.Rngs,
    **options: Any,
) -> Model:
    """The model `name` with fresh parameters.

    Args:
      problem_code_depth: C of `input_codes`, place column included.
      answer_code_sizes: exclusive bounds of the two `target_codes`.
      max_problem_length, max_answer_length: S and T never exceed these (`<eos>` included).
      options: the model's own, see its `make`.

    Raises:
      ValueError: unknown model or option.
    """
    make = constructor(name)
    try:
        return make(
            problem_vocabulary_size=problem_vocabulary_size,
            answer_vocabulary_size=answer_vocabulary_size,
            problem_code_depth=problem_code_depth,
            answer_code_sizes=answer_code_sizes,
            max_problem_length=max_problem_length,
            max_answer_length=max_answer_length,
            rngs=rngs,
            **options,
        )
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise ValueError(f"model {name!r}: {error}") from error
