"""Trains what a config describes, or goes on: `python main.py --config=configs/taylor_transformer.py`."""

from __future__ import annotations

import gc
import os
import pathlib
import signal
import sys
from types import FrameType

from absl import flags, logging
from ml_collections import config_flags

from symjax.config import error_sentence, flag_sentence

FLAGS = flags.FLAGS
CONFIG = config_flags.DEFINE_config_file("config", None, "configs/<file>.py or configs/<file>.py:<preset>")
WORKDIR = flags.DEFINE_string("workdir", None, "run folder; runs/<config file>-<preset> if not given")
MODE = flags.DEFINE_enum("mode", "train", ["train", "evaluate"], "train (then evaluate), or evaluate only")
DISTRIBUTED = flags.DEFINE_bool("jax_distributed", False, "several hosts, found by themselves (TPU pods, Slurm)")
COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of the first of several hosts")
PROCESSES = flags.DEFINE_integer("num_processes", 1, "with --coordinator: how many processes")
PROCESS = flags.DEFINE_integer("process_id", 0, "with --coordinator: which of them this is")


def run(argv: list[str]) -> int:
    """Exit code of the command line `argv`."""
    terminated = "SIGTERM; the same command goes on with what is finished", 128 + signal.SIGTERM
    leave_on_sigterm(*terminated)
    try:
        if len(FLAGS(argv)) > 1:
            raise ValueError(f"unexpected argument {FLAGS(argv)[1]!r}; every option is a flag")
        if CONFIG.value is None:
            raise ValueError("--config is missing; for example --config=configs/taylor_transformer.py")
        CONFIG.value.to_dict()  # a file that could not be loaded says so only when it is used
    except (flags.Error, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        return fail(flag_sentence(error, argv))
    if FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.FATAL)  # libraries log what ends in one of our sentences
    from data_gen.dataset import Terminated
    from symjax import assembly, train
    from symjax.training.progress import Interrupted

    workdir = pathlib.Path(WORKDIR.value or default_workdir()).absolute()
    hosts = {"coordinator": COORDINATOR.value, "num_processes": PROCESSES.value, "process_id": PROCESS.value}
    try:
        assembly.start_jax(assembly.home(workdir) / ".cache" / "jax", **hosts, find=DISTRIBUTED.value)
        (train.train_and_evaluate if MODE.value == "train" else train.evaluate)(CONFIG.value, workdir)
    except Interrupted as stop:
        return fail(str(stop), 128 + stop.signal_number)
    except Terminated:
        return fail(*terminated)
    except KeyboardInterrupt:
        return fail("interrupted; the same command goes on with what is finished", 128 + signal.SIGINT)
    except train.USER_ERRORS as error:
        if logging.level_debug():
            raise
        return fail(error_sentence(error))
    return 0


def default_workdir() -> pathlib.Path:
    """`runs/<config file>-<preset>` in the current folder."""
    path, _, preset = config_flags.get_config_filename(FLAGS["config"]).partition(".py")
    return pathlib.Path("runs") / f"{pathlib.Path(path).name}-{preset.removeprefix(':') or 'default'}"


def fail(message: str, code: int = 2) -> int:
    """`code`, after one sentence on standard error."""
    print(f"main.py: {message}", file=sys.stderr, flush=True)
    return code


def leave_on_sigterm(message: str, code: int) -> None:
    """Makes SIGTERM end this process with exit code `code` after one sentence on standard error.

    What a handler raises inside a callback of the garbage collector (jax has one) or inside `__del__` is printed by
    Python and forgotten, so there it waits until that is over.
    """

    def leave(_: int, frame: FrameType | None) -> None:
        if _raises_in_vain(frame):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            return
        # Past Python's buffer, in which a line may be under way at this moment.
        os.write(2, f"main.py: {message}\n".encode())
        sys.exit(code)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGALRM, leave)


def _raises_in_vain(frame: FrameType | None) -> bool:
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None and frame.f_code not in callbacks and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


if __name__ == "__main__":
    sys.exit(run(sys.argv))
