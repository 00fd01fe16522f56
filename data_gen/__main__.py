"""Make a data set: `python -m data_gen --config=configs/taylor_transformer.py [--num_examples=N] [--workers=W]`.

The sections `task` and `dataset` of the config decide the data set (`seed`, where `dataset` has none); overridden by
`--config.section.key=value`.  The last line on standard output is the path of the manifest.
"""

from __future__ import annotations

import pathlib
import signal
import sys
from typing import Any

from absl import flags
from ml_collections import config_flags

from data_gen.dataset import Terminated, dataset_name, generate
from data_gen.runners import GenerationError
from symjax.config import flag_sentence

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Config file, `path.py` or `path.py:preset`.", lock_config=True
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder of the data set; data/<task>-<hash> if not given.")
_NUM_EXAMPLES = flags.DEFINE_integer("num_examples", None, "Distinct examples, instead of the config's.", lower_bound=1)
_WORKERS = flags.DEFINE_integer("workers", None, "Processes, instead of the config's; 0 for all cores.", lower_bound=0)


def run(argv: list[str]) -> int:
    """Exit code of the command line: 0, 1 for a named failure, 2 for bad flags, 130 for Ctrl-C, 143 for SIGTERM."""
    try:
        if len(flags.FLAGS(argv)) > 1:
            raise ValueError(f"unexpected argument {argv[-1]!r}; every option is a flag")
        if _CONFIG.value is None:
            raise ValueError("--config is missing; for example --config=configs/taylor_transformer.py")
        config = _CONFIG.value.to_dict()  # a file that could not be loaded says so only when it is used
        wanted = _wanted(config)
    except (flags.Error, AttributeError, KeyError, OSError, ValueError) as error:
        print(f"error: {flag_sentence(error, argv)}", file=sys.stderr)
        return 2
    try:
        print(generate(**wanted, output_dir=_OUTPUT_DIR.value or pathlib.Path("data", dataset_name(**wanted))))
    except (GenerationError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _wanted(config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `generate` but for the folder."""
    task = dict(config["task"])
    given = {name: flag.value for name, flag in (("num_examples", _NUM_EXAMPLES), ("workers", _WORKERS))}
    return {
        "task_name": task.pop("name"),
        "task_options": task,
        "seed": config["seed"],
        **config["dataset"],
        **{name: value for name, value in given.items() if value is not None},
    }


if __name__ == "__main__":
    sys.exit(run(sys.argv))
