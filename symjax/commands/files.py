"""`symjax import` and `symjax export`: other systems' files <-> data sets."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

from symjax import tasks
from symjax.commands.options import OPTION, positive, share, task_options

FORMATS = ("facebook",)


def add(commands: Any) -> None:
    """Adds the two parsers to the subparsers `commands`."""
    reading = commands.add_parser("import", help="text files of another system -> a data set")
    reading.add_argument("--format", required=True, choices=FORMATS)
    reading.add_argument("--task", required=True, help="prim_fwd, prim_bwd, prim_ibp, ode1, ode2")
    reading.add_argument("files", nargs="+", metavar="FILE", help="plain or gzip; in any of the three layouts")
    reading.add_argument("--output_dir", required=True, type=pathlib.Path, help="folder of the data set")
    reading.add_argument(
        "--split", default="", help="of all files; by default what .train, .valid, .test say, or train"
    )
    reading.add_argument("--layout", default="", help="prefix (with counts or without) or infix; looked up by default")
    reading.add_argument("--leaks", default="text", choices=("text", "fingerprint"), help="how splits are compared")
    for name in ("validation_fraction", "test_fraction"):
        reading.add_argument(f"--{name}", type=share, default=0.0, help="of files that name no split (default 0)")
    reading.add_argument("--examples_per_file", type=positive, default=262_144, help="of a split (default 262144)")
    reading.add_argument("--workers", type=positive, default=1, help="processes for fingerprints (default 1)")
    reading.add_argument("--option", **OPTION)
    reading.set_defaults(run=_import)

    writing = commands.add_parser("export", help="a data set -> a text file of another system")
    writing.add_argument("--format", required=True, choices=FORMATS)
    writing.add_argument("data", type=pathlib.Path, metavar="DIR", help="folder of the data set")
    writing.add_argument("file", type=pathlib.Path, metavar="FILE", help="to be written; compressed if it ends in .gz")
    writing.add_argument("--split", default="", help="by default what FILE ends in (.train, ...), or all in order")
    writing.add_argument("--layout", default="", help="prefix, counts or infix; by default counts where there are any")
    writing.set_defaults(run=_export)


def _import(options: argparse.Namespace) -> int:
    from symjax.data.foreign.importing import import_files

    done = import_files(
        options.files,
        task=tasks.load(options.task, **task_options(options.option)),
        output_dir=options.output_dir,
        split=options.split,
        layout=options.layout,
        by_fingerprint=options.leaks == "fingerprint",
        validation_fraction=options.validation_fraction,
        test_fraction=options.test_fraction,
        examples_per_file=options.examples_per_file,
        workers=options.workers,
    )
    for kind, pairs in done.leaks.items():
        for pair, found in pairs.items():
            if isinstance(found, dict):
                example = f", first {' and '.join(found['places'][0])}" if found["places"] else ""
                print(f"{pair}: {found['problems']} problems in both, by {kind}{example}")
    print(done.manifest)
    print(done.line)
    return 0


def _export(options: argparse.Namespace) -> int:
    from symjax.data.foreign.exporting import export_file

    lines = export_file(options.data, options.file, split=options.split, layout=options.layout)
    print(f"wrote {lines} lines")
    return 0
