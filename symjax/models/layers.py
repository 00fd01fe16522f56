"""Building blocks of models: pure functions of their inputs whose only state are parameters in float32.

A layer computes in the type of what it is given, and casts its parameters to that type where it uses them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from symjax import attention
from symjax.attention import positions

ACTIVATIONS = {"relu": jax.nn.relu, "gelu": jax.nn.gelu, "swiglu": jax.nn.silu}


@jax.custom_vjp
def product(x: Float[Array, "*batch D"], kernel: Float[Array, "D F"]) -> Float[Array, "*batch F"]:
    """x @ kernel, whose gradient XLA's CPU backend computes without first transposing `x` in memory.

    JAX's own rule writes the gradient of the kernel as (g^T x)^T; x^T g takes half the time on CPU, and the whole
    training step a sixth less.
    """
    return x @ kernel


def _product_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ kernel, (x, kernel)


def _product_backward(kept: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, kernel = kept
    rows = tuple(range(x.ndim - 1))
    over_rows = ((rows, rows), ((), ()))
    if x.shape[-1] <= g.shape[-1]:
        return g @ kernel.T, jax.lax.dot_general(x, g, over_rows)
    # The barrier keeps the compiler from turning this back into the product that transposes the wider factor.
    return g @ kernel.T, jax.lax.optimization_barrier(jax.lax.dot_general(g, x, over_rows)).T


product.defvjp(_product_forward, _product_backward)


@jax.custom_vjp
def normalise(
    x: Float[Array, "*batch D"], scale: Float[Array, "D"], bias: Float[Array, "D"]
) -> Float[Array, "*batch D"]:
    """x with mean 0 and variance 1 over its last axis, times `scale`, plus `bias`.

    Its gradient is written out because it needs fewer passes over memory than the derived one: a twelfth of the
    processor time of a training step on CPU.
    """
    return _normalise_forward(x, scale, bias)[0]


def _normalise_forward(x: Array, scale: Array, bias: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    centred = x - x.mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-6)
    unit = centred * inverse
    return unit * _over(x, scale) + _over(x, bias), (unit, inverse, scale)


def _normalise_backward(kept: tuple[Array, Array, Array], g: Array) -> tuple[Array, Array, Array]:
    unit, inverse, scale = kept
    rows = tuple(range(g.ndim - 1))
    scaled = g * _over(g, scale)
    along = (scaled * unit).mean(-1, keepdims=True)
    dx = inverse * (scaled - scaled.mean(-1, keepdims=True) - unit * along)
    return dx, (g * unit).sum(rows), g.sum(rows)


normalise.defvjp(_normalise_forward, _normalise_backward)


class Linear(nnx.Module):
    """x W + b over the last axis; the outputs may have several axes, as heads have.

    Initial weights are normal with variance gain^2 / inputs (LeCun), the bias is 0.
    """

    def __init__(self, inputs: int, outputs: int | Sequence[int], *, rngs: nnx.Rngs, gain: float = 1.0) -> None:
        shape = (outputs,) if isinstance(outputs, int) else tuple(outputs)
        std = gain / math.sqrt(inputs)
        self.kernel = nnx.Param(std * jax.random.normal(rngs.params(), (inputs, *shape), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(shape, jnp.float32))

    def __call__(self, x: Float[Array, "*batch D"]) -> Float[Array, "..."]:
        """x W + b."""
        kernel = self.kernel[...].astype(x.dtype)
        y = product(x, kernel.reshape(kernel.shape[0], -1)) + _over(x, self.bias[...].astype(x.dtype).reshape(-1))
        return y.reshape(*x.shape[:-1], *kernel.shape[1:])


class Norm(nnx.Module):
    """Layer normalisation, its statistics in float32."""

    def __init__(self, width: int) -> None:
        self.scale = nnx.Param(jnp.ones((width,), jnp.float32))
        self.bias = nnx.Param(jnp.zeros((width,), jnp.float32))

    def __call__(self, x: Float[Array, "*batch D"]) -> Float[Array, "*batch D"]:
        """x, normalised over its last axis."""
        return normalise(x.astype(jnp.float32), self.scale[...], self.bias[...]).astype(x.dtype)


class TokenInput(nnx.Module):
    """What a stack of blocks reads of its tokens: sum of the embeddings of token, place and code.

    Token vectors are drawn with variance 1/width and multiplied by sqrt(width) where they are read, so that they
    can also score (`scores`).

    Args:
      count: size of the vocabulary.
      length: most tokens in a row.
      scheme: position scheme; "sinusoidal" and "learned" are added here.
      codes: components of the one-hot codes that are embedded as well; 0: none.
    """

    def __init__(
        self, count: int, width: int, length: int, *, scheme: str, codes: int, dropout_rate: float, rngs: nnx.Rngs
    ) -> None:
        def table(rows: int, std: float) -> nnx.Param:
            return nnx.Param(std * jax.random.normal(rngs.params(), (rows, width), jnp.float32))

        self.count, self.width, self.length, self.rate, self.scheme = count, width, length, dropout_rate, scheme
        self.reads_codes = codes > 0
        self.embedding = table(count, 1 / math.sqrt(width))
        self.places = table(length, 0.5) if scheme == "learned" else None
        self.codes = table(codes, 0.5) if codes else None

    def __call__(
        self,
        ids: Int[Array, "B L"],
        codes: Float[Array, "B L P"] | None,
        places: Int[Array, "L"],
        key: PRNGKeyArray | None,
    ) -> Float[Array, "B L D"]:
        """Vectors of tokens at the indices `places` of their rows, in float32; dropout only with a `key`."""
        self.check_length(ids.shape[1])
        x = self.embedding[...][ids] * math.sqrt(self.width)
        if self.places is not None:
            x = x + self.places[...][places][None]
        elif self.scheme == "sinusoidal":
            x = x + positions.sinusoidal(self.length, self.width)[places][None]
        if self.codes is not None:
            x = x + codes @ self.codes[...]
        return dropout(x, self.rate, key)

    def scores(self, x: Float[Array, "B L D"]) -> Float[Array, "B L V"]:
        """Inner products of `x` with every token's vector."""
        return x @ self.embedding[...].astype(x.dtype).T

    def check_length(self, length: int) -> None:
        """Refuses rows longer than the model was made for.

        Raises:
          ValueError: they are.
        """
        if length > self.length:
            raise ValueError(f"rows of {length} tokens, but the model was made for at most {self.length}")


class Mlp(nnx.Module):
    """Two linear layers around an activation; "swiglu" multiplies by a second, linear half (Shazeer 2020)."""

    def __init__(self, width: int, hidden: int, *, activation: str, rngs: nnx.Rngs) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; known activations: {', '.join(ACTIVATIONS)}")
        self.activation, self.width, self.hidden = activation, width, hidden
        self.up = Linear(width, (2, hidden) if activation == "swiglu" else hidden, rngs=rngs)
        self.down = Linear(hidden, width, rngs=rngs)

    def __call__(self, x: Float[Array, "*batch D"]) -> Float[Array, "*batch D"]:
        """The hidden units of each token, brought back to the width of `x`."""
        hidden = self.up(x)
        act = ACTIVATIONS[self.activation]
        return self.down(act(hidden[..., 0, :]) * hidden[..., 1, :] if self.activation == "swiglu" else act(hidden))

    def products(self) -> int:
        """Multiplications for one token."""
        return (3 if self.activation == "swiglu" else 2) * self.width * self.hidden


def _over(x: Array, row: Float[Array, "F"]) -> Array:
    """`row` with as many axes as `x`, so that it is the same everywhere but in the last one."""
    return row.reshape((1,) * (x.ndim - 1) + row.shape)


def dropout(x: Float[Array, "*shape"], rate: float, key: PRNGKeyArray | None) -> Float[Array, "*shape"]:
    """x with each element 0 with probability `rate` (to 1/65536) and the others scaled up; x itself without a key."""
    if key is None or rate == 0.0:
        return x
    keep = jax.random.bits(key, x.shape, jnp.uint16) >= round(rate * 65536)
    return jnp.where(keep, x / (1.0 - rate), jnp.zeros_like(x))


class PositionTables(nnx.Module):
    """Parameters of a tree position scheme for one attention; see `attention.positions` for what they mean.

    Args:
      query_features, key_features: components on either side; a self-attention shares them and its tables.
      active: how many components of a token are not 0; sets the initial size, unit variance for each term.
    """

    def __init__(
        self, query_features: int, key_features: int, heads: int, width: int, *,
        cross: bool, tie_absolute: bool, active: float, rngs: nnx.Rngs,
    ) -> None:  # fmt: skip
        self.cross, self.features = cross, query_features

        def table(rows: int) -> nnx.Param:
            shape = (rows, heads, width)
            return nnx.Param(jax.random.normal(rngs.params(), shape, jnp.float32) / math.sqrt(active))

        self.key_relation = table(key_features)
        self.query_relation = table(query_features)
        self.query_bias = nnx.Param(jnp.zeros((heads, width), jnp.float32))
        if cross:
            self.query_relation_of_keys = table(key_features)
            shape = (heads, query_features, key_features)
            std = math.sqrt(width) / active
            self.absolute = nnx.Param(std * jax.random.normal(rngs.params(), shape, jnp.float32))
        else:
            self.query_absolute = table(query_features)
            self.key_absolute = None if tie_absolute else table(query_features)

    def __call__(self) -> positions.Tables:
        """What the feature maps read."""
        key_relation, query_relation, bias = (p[...] for p in (self.key_relation, self.query_relation, self.query_bias))
        if self.cross:
            minus, absolute = self.query_relation_of_keys[...], self.absolute[...]
            return positions.Tables(key_relation, query_relation, minus, bias, absolute)
        query_absolute = self.query_absolute[...]
        key_absolute = query_absolute if self.key_absolute is None else self.key_absolute[...]
        return positions.self_tables(key_relation, query_relation, bias, query_absolute, key_absolute)


class Attention(nnx.Module):
    """Multi-head attention of `x` to itself or to a `source`, with a tree position scheme or without.

    Queries, keys and values of a self-attention come from one projection, keys and values of a cross-attention too.

    Args:
      tables: of the tree scheme; None without one.
      scale: factor of the scores.
      gain: of the initial query and key weights.
    """

    def __init__(
        self, width: int, heads: int, *,
        cross: bool, tables: PositionTables | None, scale: float, gain: float, rngs: nnx.Rngs,
    ) -> None:  # fmt: skip
        head_width = width // heads
        self.cross = cross
        self.scale = scale
        self.tables = tables
        self.key_width = head_width + (0 if tables is None else tables.features)
        if cross:
            self.query = Linear(width, (heads, head_width), rngs=rngs, gain=gain)
            self.key_value = Linear(width, (2, heads, head_width), rngs=rngs)
            self.key_value.kernel[...] = self.key_value.kernel[...].at[:, 0].multiply(gain)
        else:
            self.query_key_value = Linear(width, (3, heads, head_width), rngs=rngs)
            self.query_key_value.kernel[...] = self.query_key_value.kernel[...].at[:, :2].multiply(gain)
        self.output = Linear(width, width, rngs=rngs)

    def project(
        self, x: Float[Array, "B T D"], features: positions.Features | None
    ) -> tuple[Float[Array, "B T H Kx"], Float[Array, "B T H Kx"], Float[Array, "B T H K"]]:
        """Queries, keys and values of a self-attention, positions included."""
        projected = self.query_key_value(x)
        q, k, v = (projected[:, :, i] for i in range(3))
        if self.tables is None:
            return q, k, v
        assert features is not None  # models make features wherever attention has tables
        return *positions.extend(q, k, features, features, self.tables()), v

    def project_source(
        self, source: Float[Array, "B S D"], features: positions.Features | None
    ) -> tuple[Float[Array, "B S H Kx"], Float[Array, "B S H K"]]:
        """Keys and values of a cross-attention, positions included."""
        projected = self.key_value(source)
        k, v = projected[:, :, 0], projected[:, :, 1]
        if self.tables is None:
            return k, v
        assert features is not None
        return positions.extend_keys(k, features, self.tables()), v

    def project_queries(
        self, x: Float[Array, "B T D"], features: positions.Features | None
    ) -> Float[Array, "B T H Kx"]:
        """Queries of a cross-attention, positions included."""
        q = self.query(x)
        if self.tables is None:
            return q
        assert features is not None
        return positions.extend_queries(q, features)

    def attend(
        self, q: Float[Array, "B T H Kx"], k: Float[Array, "B S H Kx"], v: Float[Array, "B S H K"],
        key_lengths: Int[Array, "B"] | None, *, causal: bool = False,
    ) -> Float[Array, "B T D"]:  # fmt: skip
        """The attended values of all heads through the output projection."""
        out = attention.attend(q, k, v, scale=self.scale, key_lengths=key_lengths, causal=causal)
        return self.output(out.reshape(*out.shape[:2], -1))
