"""First-order differential equations and their general solutions, by an encoder-decoder Transformer.

    python main.py --config=configs/ode1.py

Problems are equations in x, Y and Y' that a random family of functions solves, answers are such families, with the
free constant a8. Presets, as `configs/ode1.py:<preset>`:

| preset | data | model | meant for |
|---|---|---|---|
| (none) | 100,000 equations of up to 96 tokens | 4+2 layers, 128 wide | 2 CPU cores, about an hour in all |
| tiny | 3,000 equations of up to 48 tokens | 1+1 layers, 64 wide | tests, a few minutes in all |
| paper | 10,000,000 equations of up to 512 tokens | 6+6 layers, 512 wide, 8 heads | one accelerator or several |
| readme | 10,000,000 equations of up to 512 tokens | 6+6 layers, 512 wide, 8 heads | one accelerator or several |

`paper` follows Lample and Charton (Deep Learning for Symbolic Mathematics, 2020) in trees, model and optimizer;
they train on 40 million equations.  `readme` has the trees of the README of their program instead, which
go with the data that they published.  No preset but `tiny` has been run to the end.
"""

from __future__ import annotations

from ml_collections import ConfigDict

from configs._presets import HOUR, LARGE, TINY, Sections, chosen, with_values
from symjax.symbolic.tree_sampling import PRESETS as TREES

READ_ME = with_values(
    LARGE,
    dataset={"num_examples": 10_000_000},
    data={"buckets": ((64, 32), (128, 48), (256, 64), (512, 128), (512, 513))},
)

PRESETS: dict[str, Sections] = {
    "": with_values(
        HOUR,
        task={"max_operators": 10, "max_problem_tokens": 96, "max_answer_tokens": 40, "code_depth": 24},
        dataset={"num_examples": 100_000},
        data={"buckets": ((24, 16), (48, 24), (96, 41))},
    ),
    "tiny": with_values(
        TINY,
        task={"max_operators": 5, "max_problem_tokens": 48, "max_answer_tokens": 20, "code_depth": 20},
        dataset={"num_examples": 3000, "shard_attempts": 5000},
        train={"num_steps": 600, "eval_every": 300},
    ),
    "paper": with_values(READ_ME, task=TREES["paper"]),
    "readme": READ_ME,
}


def get_config(arg: str = "") -> ConfigDict:
    """The config of preset `arg`.

    Raises:
      ValueError: there is no such preset.
    """
    return chosen(PRESETS, arg, task="ode1")
