"""Attention with the seed's tree positions against the same attention without, forward and backward, float32.

python benchmarks/attention.py [--repeats=60] [--sizes=4x64x8x64,64x40x4x32,64x16x4x32]

What is timed: from queries, keys, values, path features and tables to the output, and the gradients of all of them
by a random cotangent.  "plain" is attention alone; "seed" adds the four terms by longer queries and keys; "naive" is
the definition with a relation for every pair, what the seed wrote.  Repeats are interleaved; ratios are of each
repeat, and their median and quartiles are printed.  Memory is the compiled program's: temporaries, and temporaries
with arguments and results.  Differences are largest absolute ones of the output and of each gradient, relative to
the naive one's largest element where that is above 1.  Exit code 1 if the figures at length 64 are out of bounds.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax import attention
from symjax.attention import positions

PATH_BITS = 6
BOUNDS = {"time": 1.6, "memory": 2.0, "difference": 5e-6}
Arrays = dict[str, jax.Array]


def draw(batch: int, length: int, heads: int, width: int) -> tuple[Arrays, jax.Array, jax.Array]:
    """Inputs to differentiate, path features of random trees, and a cotangent."""
    keys = iter(jax.random.split(jax.random.key(0), 12))
    arrays = {name: jax.random.normal(next(keys), (batch, length, heads, width)) for name in "qkv"}
    table = (PATH_BITS, heads, width)
    arrays |= {name: jax.random.normal(next(keys), table) / PATH_BITS**0.5 for name in ("key", "query", "absolute")}
    arrays["bias"] = jax.random.normal(next(keys), (heads, width))
    codes = jax.random.randint(next(keys), (batch, length, 4), 0, 4)
    return arrays, positions.path_bits(codes, PATH_BITS), jax.random.normal(next(keys), (batch, length, heads, width))


def plain(a: Arrays, bits: jax.Array) -> jax.Array:
    del bits
    return attention.attend(a["q"], a["k"], a["v"], scale=positions.score_scale(a["q"].shape[-1], "seed"))


def library(a: Arrays, bits: jax.Array) -> jax.Array:
    del bits
    return jax.nn.dot_product_attention(a["q"], a["k"], a["v"], scale=positions.score_scale(a["q"].shape[-1], "seed"))


def seed(a: Arrays, bits: jax.Array) -> jax.Array:
    features = positions.Features(bits)
    tables = positions.self_tables(a["key"], a["query"], a["bias"], a["absolute"], a["absolute"])
    q, k = positions.extend(a["q"], a["k"], features, features, tables)
    return attention.attend(q, k, a["v"], scale=positions.score_scale(a["q"].shape[-1], "deberta"))


def naive(a: Arrays, bits: jax.Array) -> jax.Array:
    relation = bits[:, :, None] - bits[:, None]
    key_relation = jnp.einsum("bijp,phd->bijhd", relation, a["key"])
    query_relation = jnp.einsum("bijp,phd->bijhd", relation, a["query"]) + a["bias"]
    absolute = jnp.einsum("bip,phd->bihd", bits, a["absolute"])
    scores = jnp.einsum("bihd,bjhd->bhij", a["q"], a["k"]) + jnp.einsum("bihd,bijhd->bhij", a["q"], key_relation)
    scores += jnp.einsum("bjhd,bijhd->bhij", a["k"], query_relation)
    scores += jnp.einsum("bihd,bjhd->bhij", absolute, absolute)
    weights = jax.nn.softmax(scores * positions.score_scale(a["q"].shape[-1], "deberta"), axis=-1)
    return jnp.einsum("bhij,bjhd->bihd", weights, a["v"])


def compiled(function: Callable[..., jax.Array], *arguments: Any) -> Any:
    """Output and gradients of `function` as one program."""

    def both(arrays: Arrays, bits: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, Arrays]:
        out, pullback = jax.vjp(lambda arrays: function(arrays, bits), arrays)
        return out, pullback(cotangent)[0]

    return jax.jit(both).lower(*arguments).compile()


def seconds(programs: dict[str, Any], arguments: tuple[Any, ...], repeats: int) -> dict[str, list[float]]:
    """Wall time of every call, the programs taking turns."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for repeat in range(repeats + 3):
        for name, program in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(program(*arguments))
            if repeat >= 3:
                times[name].append(time.perf_counter() - start)
    return times


def spread(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3g} ({low:.3g} - {high:.3g})"


def memory(program: Any) -> tuple[int, int]:
    """Bytes of temporaries, and of temporaries, arguments and results together."""
    found = program.memory_analysis()
    whole = found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes
    return found.temp_size_in_bytes, whole


def difference(ours: Any, theirs: Any) -> float:
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(b).max())) for a, b in jax.device_get(list(pairs)))


def report(size: tuple[int, int, int, int], repeats: int) -> dict[str, float]:
    """Prints the figures of one size and returns those that have bounds."""
    arguments = draw(*size)
    functions = {"plain": plain, "jax.nn": library, "seed": seed}
    programs = {name: compiled(function, *arguments) for name, function in functions.items()}
    times = seconds(programs, arguments, repeats)
    truth = compiled(naive, *arguments)
    slow = seconds({"naive": truth}, arguments, max(3, repeats // 10))["naive"]
    ratios = {name: [a / b for a, b in zip(times[name], times["plain"], strict=True)] for name in ("jax.nn", "seed")}
    temporary, whole = [memory(programs["seed"])[i] / memory(programs["plain"])[i] for i in range(2)]
    with jax.default_matmul_precision("highest"):
        apart = difference(programs["seed"](*arguments), compiled(naive, *arguments)(*arguments))
    print("B {} L {} H {} d {}".format(*size))
    print(
        f"  milliseconds, median (quartiles): plain {spread([1e3 * t for t in times['plain']])}, "
        f"seed {spread([1e3 * t for t in times['seed']])}, naive {spread([1e3 * t for t in slow])}"
    )
    print(f"  time, seed / plain: {spread(ratios['seed'])}")
    print(f"  time, jax.nn.dot_product_attention / plain: {spread(ratios['jax.nn'])}")
    print(
        f"  memory, seed / plain: {whole:.2f} (temporaries alone {temporary:.2f}, "
        f"naive's {memory(truth)[0] / memory(programs['plain'])[0]:.0f})"
    )
    print(f"  largest difference to the naive form: {apart:.1e}")
    return {"time": statistics.median(ratios["seed"]), "memory": max(whole, temporary), "difference": apart}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument(
        "--sizes", default="4x64x8x64,64x40x4x32,64x16x4x32", help="batch x length x heads x head width"
    )
    args = parser.parse_args()
    print(
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, jax {jax.__version__}, "
        f"{jax.devices()[0].device_kind}"
    )
    print(f"python benchmarks/attention.py --repeats={args.repeats} --sizes={args.sizes}")
    missed = []
    for text in args.sizes.split(","):
        size = tuple(int(part) for part in text.split("x"))
        figures = report(size, args.repeats)
        if size[1] == 64:
            missed += [
                f"{name} {figures[name]:.3g} > {bound:g}" for name, bound in BOUNDS.items() if figures[name] > bound
            ]
    print("out of bounds at length 64: " + "; ".join(missed) if missed else "all figures at length 64 within bounds")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
