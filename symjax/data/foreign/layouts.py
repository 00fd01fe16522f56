"""What foreign files are: their layout, the split that their names tell, and what lines of each task look like."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from symjax.data.foreign.lines import TextFile
from symjax.data.foreign.words import Form
from symjax.data.manifest import SPLITS
from symjax.symbolic.operators import UNKNOWNS
from symjax.tasks import Task
from symjax.tokenization import prefix, tree_paths
from symjax.tokenization.grammar import accepts, compile_grammar
from symjax.tokenization.vocabulary import EOS_ID

PREFIX, INFIX = "prefix", "infix"
LAYOUTS = (PREFIX, INFIX)
LOOKED_AT = 100
"""Lines that tell the layout of a file."""

_INTEGRATION = Form(head=("sub", "Y'"), input_without=UNKNOWNS)
FORMS: Mapping[str, Form] = MappingProxyType(
    dict.fromkeys(("prim_fwd", "prim_bwd", "prim_ibp"), _INTEGRATION)
    | dict.fromkeys(("integration", "integration_fwd", "integration_bwd", "integration_ibp"), _INTEGRATION)
    | {
        "ode1": Form(needed="Y'", input_without=("Y''",)),
        "ode2": Form(needed="Y''"),
    }
)
"""Task -> what its inputs look like; the files are of the tasks named here."""

_SPLIT_NAMES = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A file: what it is called, its split (a place in SPLITS, or None where nothing tells it) and its layout."""

    path: pathlib.Path
    name: str
    split: int | None
    layout: str


def check_task(name: str) -> Form:
    """What problems of a task look like, whatever its options.

    Raises:
      ValueError: the format has no such task.
    """
    if name not in FORMS:
        raise ValueError(f"task {name!r} has no facebook format; these have: {', '.join(FORMS)}")
    return FORMS[name]


def form_of(task: Task) -> Form:
    """What lines of a task look like: no output holds a word that the task's grammar lacks.

    Raises:
      ValueError: the format has no such task.
    """
    form = check_task(task.name)
    known = {token for state in task.grammar().states.values() for token in state.moves}
    words = [token for token in task.answer_vocabulary.tokens if token in prefix.arities()]
    return dataclasses.replace(form, output_without=tuple(token for token in words if token not in known))


def longest_number(task: Task) -> int:
    """Digits of the longest integer that the grammar of the task's answers takes."""
    tables = compile_grammar(task.grammar(), task.answer_vocabulary)
    digits = 1
    while digits < tree_paths.MAX_PLACE:
        written = task.answer_vocabulary.encode([prefix.PLUS, *"1" * (digits + 1)])
        if not accepts(tables, [*written, EOS_ID]):
            break
        digits += 1
    return digits


def sources(paths: Sequence[str | os.PathLike[str]], *, split: str = "", layout: str = "") -> list[Source]:
    """The files with split and layout, both told by the caller or found out.

    Raises:
      OSError: a file cannot be read.
      ValueError: no file, one file twice, a pipe or a device, or no such split or layout.
    """
    if layout and layout not in LAYOUTS:
        raise ValueError(f"there is no layout {layout!r}; layouts are {', '.join(LAYOUTS)}")
    found = [pathlib.Path(path) for path in paths]
    if not found:
        raise ValueError("there is nothing to import; name one file or more")
    twice = sorted({str(path) for path in found if found.count(path) > 1})
    if twice:
        raise ValueError(f"{twice[0]} is named twice; name it once")
    for path in found:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path} is a pipe or a device, which cannot be read twice; write it to a file first")
    names = [path.name for path in found]
    return [
        Source(
            path=path,
            name=path.name if names.count(path.name) == 1 else path.as_posix(),
            split=split_named(path, split),
            layout=layout or _layout_of(path),
        )
        for path in found
    ]


def split_named(path: pathlib.Path, told: str) -> int | None:
    """The place in SPLITS of the split that is told, or that an ending of the name tells; None where neither does.

    Raises:
      ValueError: there is no such split.
    """
    if told:
        if told not in _SPLIT_NAMES:
            raise ValueError(f"there is no split {told!r}; splits are {', '.join(SPLITS)}")
        return SPLITS.index(_SPLIT_NAMES[told])
    for part in reversed(path.name.split(".")[1:]):
        if part in _SPLIT_NAMES:
            return SPLITS.index(_SPLIT_NAMES[part])
    return None


def _layout_of(path: pathlib.Path) -> str:
    """Infix has parentheses in most lines, prefix in none; unreadable text counts as prefix."""
    head = TextFile(path).head()
    if INFIX in path.name.split("."):
        return INFIX
    lines = [line for line in head.split(b"\n")[:LOOKED_AT] if line.strip()]
    return INFIX if 2 * sum(b"(" in line for line in lines) > len(lines) else PREFIX
