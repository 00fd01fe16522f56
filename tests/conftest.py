"""Settings of every test: CPU, fast compilation with a lasting cache, strict promotion, shapes checked at run time."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import sys

import hypothesis
import pytest

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "symjax" / "jax-tests"
FAST_COMPILATION = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"

# Read by JAX when it is first imported, here and in every process that a test starts.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FAST_COMPILATION}".strip()
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("SYMJAX_CACHE", str(CACHE.with_name("tests")))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Shells start background jobs with Ctrl-C ignored, and every process that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline for one example: machines that run tests are busy.
hypothesis.settings.register_profile("symjax", deadline=None)
hypothesis.settings.load_profile("symjax")

CHECKED = ("symjax.attention", "symjax.models", "symjax.training", "symjax.decoding")


def pytest_configure() -> None:
    """Turns on runtime checks of the types and shapes that signatures claim, before those modules are imported."""
    from jaxtyping import install_import_hook

    early = sorted(name for name in sys.modules if name.startswith(CHECKED))
    if early:
        raise RuntimeError(f"{early[0]} was imported before its types could be checked")
    install_import_hook(CHECKED, "beartype.beartype")


def pytest_sessionstart() -> None:
    """Strict promotion: an array that grows a dimension or changes its type in silence is an error in the tests."""
    import jax

    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the small run's data set in `data` and, in `runs/unbroken`, the run that never stopped."""
    import jax

    from symjax import train
    from tests.small_run import small

    root = tmp_path_factory.mktemp("whole")
    with jax.numpy_dtype_promotion("standard"):
        train.train_and_evaluate(small(), root / "runs" / "unbroken")
    return root


@pytest.fixture
def workdir(data: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """Where a run of its own goes, the data set already there."""
    shutil.copytree(data / "data", tmp_path / "data")
    return tmp_path / "runs" / "run"
