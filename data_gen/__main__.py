"""Make a data set: `python -m data_gen --config=configs/taylor_transformer.py [--num_examples=N] [--workers=W]`.

The sections `task`, `dataset` and `seed` of the config decide the data set; single values are overridden by
`--config.section.key=value`.  The last line on standard output is the path of the manifest.
"""

from __future__ import annotations

import pathlib
import sys

from absl import app, flags
from ml_collections import config_flags

from data_gen.dataset import dataset_name, generate
from data_gen.runners import GenerationError

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Config file, `path.py` or `path.py:preset`.", lock_config=True
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder of the data set; data/<task>-<hash> if not given.")
_NUM_EXAMPLES = flags.DEFINE_integer("num_examples", None, "Distinct examples, instead of the config's.", lower_bound=1)
_WORKERS = flags.DEFINE_integer("workers", None, "Processes, instead of the config's; 0 for all cores.", lower_bound=0)


def main(argv: list[str]) -> None:
    """Generates and prints the manifest's path."""
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}; every option is a flag")
    config = _CONFIG.value.to_dict()
    task = config["task"]
    wanted = {
        "task_name": task.pop("name"),
        "task_options": task,
        "seed": config["seed"],
        **config["dataset"],
        **{name: flag.value for name, flag in (("num_examples", _NUM_EXAMPLES), ("workers", _WORKERS))
           if flag.value is not None},
    }  # fmt: skip
    output_dir = _OUTPUT_DIR.value or pathlib.Path("data", dataset_name(**wanted))
    print(generate(**wanted, output_dir=output_dir))


def run() -> None:
    """The command; exit code 1 after a named failure, 130 after Ctrl-C or SIGTERM."""
    flags.mark_flag_as_required("config")
    try:
        app.run(main)
    except (GenerationError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
