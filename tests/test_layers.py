"""Who may import whom, read from the source of every file, so that a breach fails before it is a habit."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parent.parent
AROUND = ("tests", "benchmarks", "projects")
FILES = [
    path.relative_to(ROOT)
    for pattern in ("*.py", *(f"{room}/**/*.py" for room in ("symjax", "data_gen", "configs", *AROUND)))
    for path in sorted(ROOT.glob(pattern))
]

# A room may import rooms of lower rank only, and rooms of one rank never import each other.
RANKS = {
    "config": -1, "processes": -1,
    "symbolic": 0, "attention": 0,
    "tokenization": 1,
    "tasks": 2, "models": 2,
    "data": 3, "decoding": 3,
    "data_gen": 4, "training": 4, "evaluation": 4, "analysis": 4,
    "assembly": 5,
    "train": 6, "solve": 6, "commands": 6,
    "cli": 7, "main": 7, "configs": 7,
}  # fmt: skip

# Rooms that see less than their rank allows.
ONLY: dict[str, set[str]] = {
    "config": set(),
    "processes": set(),
    "models": {"attention", "tokenization"},
    "decoding": {"models", "tokenization"},
    "data_gen": {"symbolic", "tokenization", "tasks", "data"},
    "analysis": {"symbolic", "tokenization", "tasks"},
}

# Modules that belong to everyone in a room whose other modules must not know each other.
SHARED = {
    "symjax.tasks", "symjax.models", "symjax.models.layers",
    *(
        f"symjax.tasks._{name}"
        for name in ("reading", "relabelling", "expression_tasks", "expression_options", "expression_display")
    ),
}  # fmt: skip

ACCELERATOR = {"jax", "jaxlib", "flax", "optax", "orbax", "grain", "chex", "tensorflow"}
WITHOUT_ACCELERATOR = {"symbolic", "tokenization", "tasks", "data_gen", "processes", "config", "analysis"}
RECORDS = {
    f"symjax.data.{name}" for name in ("records", "blocks", "manifest", "rows")
}  # the data room's part without JAX, beside `foreign`
FOREIGN = "symjax.data.foreign"
SYMPY_DOORS = {
    f"symjax/symbolic/{name}.py"
    for name in (
        "reference", "reference_steps", "reference_integration", "reference_ode", "reference_verdict", "sympy_bridge",
    )
}  # fmt: skip
FORBIDDEN_CALLS = {"eval", "exec"}
FORBIDDEN_METHODS = {"sympify", "parse_expr"}
UNSAFE_READERS = {"pickle.load", "pickle.loads", "pickle.Unpickler"}  # a test may ask whether something pickles


def module_name(path: pathlib.Path) -> str:
    """The dotted name of the module in `path`."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def room(module: str) -> str | None:
    """The room of `module` in the house; None for what comes from outside."""
    parts = module.split(".")
    if parts[0] == "symjax":
        return parts[1] if len(parts) > 1 else ""
    return parts[0] if parts[0] in {"data_gen", "configs", "main"} else None


def part_of(name: str, module: str) -> bool:
    """Whether `name` is private to the task or model that `module` belongs to: `_taylor_metrics` to `taylor`."""
    other, own = name.split(".")[-1], module.split(".")[-1]
    return other.startswith("_") and other.split("_")[1] == own.removeprefix("_").split("_")[0]


def imports(path: pathlib.Path, tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every module that the file imports, with whether loading the file loads it."""
    late = set()
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            late.update(map(id, ast.walk(node)))
    package = list(path.with_suffix("").parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = ROOT / pathlib.Path(*module.split("."), alias.name)
                is_module = submodule.is_dir() or submodule.with_suffix(".py").is_file()
                yield f"{module}.{alias.name}" if is_module else module, id(node) not in late


def import_breaches(path: pathlib.Path, tree: ast.Module) -> Iterator[str]:
    """What the file imports against the rules of the house."""
    module = module_name(path)
    own = room(module) or ""
    for name, at_load in imports(path, tree):
        other, top = room(name), name.split(".")[0]
        if top in {*AROUND, "torch"}:
            yield f"imports {name}"
        elif top in ACCELERATOR and (own in WITHOUT_ACCELERATOR or module in RECORDS or module.startswith(FOREIGN)):
            yield f"imports {name}: no accelerator library here"
        elif top == "sympy" and (path.as_posix() not in SYMPY_DOORS or at_load):
            yield f"imports {name}: SymPy stays inside functions of {', '.join(sorted(SYMPY_DOORS))}"
        elif other is None or other == "":
            continue
        elif other == own:
            if own in {"tasks", "models"} and name not in SHARED and not part_of(name, module):
                yield f"imports {name}: two {own} never import each other"
        elif own and other not in RANKS:
            yield f"imports {name}, which has no rank"
        elif own and RANKS[other] >= RANKS[own]:
            yield f"imports {name}: rank {RANKS[other]} from rank {RANKS[own]}"
        elif RANKS[other] >= 0 and other not in ONLY.get(own, RANKS):
            yield f"imports {name}: {own} sees {', '.join(sorted(ONLY[own])) or 'no other room'}"
        elif own == "data_gen" and other == "data" and name not in RECORDS:
            yield f"imports {name}: of the data room, data_gen sees {', '.join(sorted(RECORDS))} only"


def breaches(path: pathlib.Path, source: str) -> list[str]:
    """Every breach in one file."""
    tree = ast.parse(source)
    calls = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    forbidden = FORBIDDEN_CALLS if path.parts[0] == "tests" else FORBIDDEN_CALLS | UNSAFE_READERS
    found = [f"calls {name}" for name in calls if name in forbidden or name.split(".")[-1] in FORBIDDEN_METHODS]
    if path.parts[0] not in AROUND:
        own = room(module_name(path))
        found += import_breaches(path, tree) if own in {"", *RANKS} else [f"room {own!r} has no rank"]
    return [f"{path}: {breach}" for breach in found]


def test_no_file_breaks_the_ranks() -> None:
    found = [b for path in FILES for b in breaches(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("symjax/symbolic/a.py", "import symjax.tokenization.prefix"),
        ("symjax/symbolic/a.py", "from symjax import tasks"),
        ("symjax/symbolic/a.py", "from .. import tasks"),
        ("symjax/symbolic/a.py", "import jax.numpy as jnp"),
        ("symjax/symbolic/printing.py", "def f():\n    import sympy"),
        ("symjax/symbolic/sympy_bridge.py", "import sympy"),
        ("symjax/symbolic/reference.py", "class A:\n    from sympy import Add"),
        ("symjax/processes.py", "from symjax.symbolic.expression import X"),
        ("symjax/attention/a.py", "import symjax.symbolic.expression"),
        ("symjax/tasks/a.py", "from symjax.tasks import taylor"),
        ("symjax/tasks/a.py", "def f():\n    from symjax.tasks.taylor import make"),
        ("symjax/tasks/a.py", "from symjax.tasks import _taylor_metrics"),
        ("symjax/tasks/a.py", "import symjax.models"),
        ("symjax/models/a.py", "from symjax.models.tree_transformer import make"),
        ("symjax/models/a.py", "import symjax.tasks"),
        ("symjax/decoding/a.py", "from symjax.tasks import Task"),
        ("symjax/decoding/a.py", "from symjax.data import batches"),
        ("symjax/data/records.py", "import grain"),
        ("symjax/data/manifest.py", "import jax"),
        ("symjax/data/foreign/fast.py", "import grain"),
        ("symjax/data/batches.py", "import data_gen.shard"),
        ("symjax/training/a.py", "from symjax.evaluation import metrics"),
        ("symjax/analysis/report.py", "from symjax.data import records"),
        ("symjax/analysis/report.py", "from symjax.models import names"),
        ("data_gen/a.py", "from symjax.data.batches import Batch"),
        ("data_gen/a.py", "def f():\n    import grain"),
        ("symjax/train.py", "import symjax.cli"),
        ("symjax/train.py", "import main"),
        ("symjax/train.py", "from configs import taylor_transformer"),
        ("symjax/train.py", "import tests.conftest"),
        ("symjax/train.py", "import torch"),
        ("symjax/helpers.py", "import os"),
        ("tests/test_a.py", "eval('1')"),
        ("symjax/cli.py", "from sympy.parsing import sympy_parser as p\np.parse_expr('x')"),
        ("symjax/data/a.py", "import pickle\npickle.load(file)"),
    ],
)
def test_planted_breach_is_found(path: str, source: str) -> None:
    assert breaches(pathlib.Path(path), source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("symjax/symbolic/sympy_bridge.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sympy"),
        ("symjax/symbolic/reference.py", "from symjax import processes\ndef f():\n    import sympy"),
        ("symjax/tasks/a.py", "from symjax.tasks import Example"),
        ("symjax/tasks/taylor.py", "from symjax.tasks._taylor_metrics import measure"),
        ("symjax/tasks/_taylor_metrics.py", "from symjax.tasks import _taylor_answers"),
        ("symjax/models/a.py", "from symjax.models import layers\nfrom symjax.attention import attend"),
        ("data_gen/a.py", "from symjax.data import records\nfrom symjax.config import section"),
        ("symjax/models/a.py", "model.eval()"),
    ],
)
def test_allowed_import_passes(path: str, source: str) -> None:
    assert not breaches(pathlib.Path(path), source)


@pytest.mark.parametrize("modules", ["symjax.tasks.taylor, symjax.data.records, data_gen.shard", "symjax.cli"])
def test_workers_start_without_jax_and_sympy(modules: str) -> None:
    code = f"import {modules}, sys; print(*sorted({{'jax', 'sympy', 'flax', 'grain'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], f"importing {modules} loads {done.stdout}"
