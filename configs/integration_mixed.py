"""Integrals drawn forward, backward and by parts, by an encoder-decoder Transformer.

    python main.py --config=configs/integration_mixed.py

With the trees of `readme`, about 36, 43 and 21 % of the draws are of each kind; duplicates are dropped later.  Smaller
trees give more by parts: of the training examples of `tiny`, 31, 27 and 42 % are of each kind.
Presets, as `configs/integration_mixed.py:<preset>`:

| preset | data | model | meant for |
|---|---|---|---|
| (none) | 100,000 problems of up to 96 tokens | 4+2 layers, 128 wide | 2 CPU cores, about an hour in all |
| tiny | 4,000 problems of up to 32 tokens | 1+1 layers, 64 wide | tests, a few minutes in all |
| paper | 10,000,000 problems | 6+6 layers, 512 wide, 8 heads | one accelerator or several |
| readme | 10,000,000 problems | 6+6 layers, 512 wide, 8 heads | one accelerator or several |

`paper` follows Lample and Charton (Deep Learning for Symbolic Mathematics, 2020) in trees, model and optimizer;
they train on 80 million problems.  `readme` has the trees of the README of their program instead, which
go with the data that they published.  No preset but `tiny` has been run to the end.
"""

from __future__ import annotations

from ml_collections import ConfigDict

from configs._presets import HOUR, LARGE, TINY, Sections, chosen, with_values
from symjax.symbolic.tree_sampling import PRESETS as TREES

MIX = (4.0, 2.0, 10.0)
"""Attempts forward, backward and by parts, of which about 33, 88 and 9 % give an example with the trees of `readme`."""

READ_ME = with_values(
    LARGE,
    dataset={"num_examples": 10_000_000},
    data={"buckets": ((32, 32), (64, 64), (128, 128), (512, 513))},
    task={"mix": MIX},
)

PRESETS: dict[str, Sections] = {
    "": with_values(
        HOUR,
        task={"mix": MIX, "max_operators": 8, "max_problem_tokens": 96, "max_answer_tokens": 96, "code_depth": 32},
        dataset={"num_examples": 100_000, "shard_attempts": 2000},
        data={"buckets": ((24, 24), (48, 48), (96, 97))},
    ),
    "tiny": with_values(
        TINY,
        task={
            "mix": MIX,
            "max_operators": 3,
            "other_operators": 2,
            "max_problem_tokens": 32,
            "max_answer_tokens": 32,
            "code_depth": 20,
            "budget": 200,
            "table_size": 1000,
        },
        dataset={"num_examples": 4000, "shard_attempts": 1000},
    ),
    "paper": with_values(READ_ME, task=TREES["paper"]),
    "readme": READ_ME,
}


def get_config(arg: str = "") -> ConfigDict:
    """The config of preset `arg`.

    Raises:
      ValueError: there is no such preset.
    """
    return chosen(PRESETS, arg, task="integration")
