"""How many answers of an untrained model are well formed, with the grammar's mask and without, and decodes a second.

python benchmarks/decoding.py [--num=10000] [--batch_size=250] [--positions=seed_fixed] [--layout=sparse]

Problems are the first valid attempts of the Taylor task.  Every batch is decoded greedily by a model with other
random parameters, and each answer is judged twice: by the grammar on the host, token by token, and by the task, which
must read five coefficients in it.  Exit code 1 if an answer under the mask is not well formed.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import platform
import random
import sys
import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from symjax import models, tasks
from symjax.decoding.search import Decoded, decode
from symjax.tasks import Example, ParseError, Task
from symjax.tokenization.grammar import GrammarTables, accepts, compile_grammar


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Problems:
    """The arrays of a batch that decoding reads; `targets` and their codes are empty."""

    inputs: jax.Array
    input_codes: jax.Array
    input_lengths: jax.Array
    targets: jax.Array
    target_codes: jax.Array
    target_lengths: jax.Array


def batches(task: Task, num: int, batch_size: int) -> Iterator[Problems]:
    """Valid attempts of `task`, padded to its longest problem."""
    attempts = (task.sample(random.Random(index)) for index in itertools.count())
    problems = (attempt.problem for attempt in attempts if isinstance(attempt, Example))
    for _ in range(num // batch_size):
        rows = [task.problem_vocabulary.encode(problem) for problem in itertools.islice(problems, batch_size)]
        ids = np.zeros((batch_size, task.max_problem_length), np.int32)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = tokens
        lengths, none = np.array([len(tokens) for tokens in rows], np.int32), np.zeros((batch_size, 0), np.int32)
        arrays = (ids, task.problem_codes(ids), lengths, none, none[..., None].repeat(2, -1), np.zeros_like(lengths))
        yield Problems(*map(jnp.asarray, arrays))


def build(task: Task, tables: GrammarTables, positions: str, seed: int) -> models.Model:
    return models.load(
        "tree_transformer",
        problem_vocabulary_size=len(task.problem_vocabulary),
        answer_vocabulary_size=len(task.answer_vocabulary),
        problem_code_depth=task.code_depth,
        answer_code_sizes=tables.code_sizes,
        max_problem_length=task.max_problem_length,
        max_answer_length=task.max_answer_length,
        rngs=nnx.Rngs(seed),
        positions=positions,
        num_encoder_layers=1,
        num_decoder_layers=1,
        width=64,
        num_heads=2,
        mlp_width=64,
    )


def well_formed(task: Task, tables: GrammarTables, decoded: Decoded) -> int:
    """Answers that the grammar accepts and the task reads."""
    found = 0
    for tokens, length in zip(np.asarray(decoded.tokens)[:, 0], np.asarray(decoded.lengths)[:, 0], strict=True):
        ids = tokens[:length].tolist()
        if accepts(tables, ids):
            found += not isinstance(task.decode(task.answer_vocabulary.decode(ids)), ParseError)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=10_000, help="decodes, a multiple of the batch size")
    parser.add_argument("--batch_size", type=int, default=250)
    parser.add_argument("--positions", default="seed_fixed")
    parser.add_argument("--layout", default="sparse", choices=("sparse", "dense"))
    args = parser.parse_args()
    task = tasks.load("taylor", layout=args.layout)
    tables = compile_grammar(task.grammar(), task.answer_vocabulary)
    longest = task.max_answer_length
    split = [nnx.split(build(task, tables, args.positions, seed)) for seed in range(args.num // args.batch_size)]

    def run(constrained: bool) -> jax.stages.Wrapped:
        def answers(params: nnx.State, batch: Problems) -> Decoded:
            model = nnx.merge(split[0][0], params)
            return decode(model, batch, tables, max_length=longest, constrained=constrained)

        return jax.jit(answers)

    device = jax.devices()[0].device_kind
    print(
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, jax {jax.__version__}, {device}"
    )
    flags = " ".join(f"--{name}={value}" for name, value in vars(args).items())
    print(f"python benchmarks/decoding.py {flags}")
    missed = 0
    problems = list(batches(task, args.num, args.batch_size))
    for constrained in (True, False):
        program, good, elapsed = run(constrained), 0, 0.0
        jax.block_until_ready(program(split[0][1], problems[0]))
        for (_, params), batch in zip(split, problems, strict=True):
            start = time.perf_counter()
            decoded = jax.block_until_ready(program(params, batch))
            elapsed += time.perf_counter() - start
            good += well_formed(task, tables, decoded)
        total = len(problems) * args.batch_size
        name = "under the mask" if constrained else "without the mask"
        print(f"{name}: {good} of {total} well formed ({good / total:.2%}), {total / elapsed:.0f} decodes/s")
        missed += constrained and total - good
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
