"""Lines per second and peak memory of `symjax import`, on a file made for the purpose.

`python -m benchmarks.foreign_import [--lines=2000000] [--folder=DIR]`: writes files of a tenth of the lines and of all
of them (`count|input<TAB>output`, inputs of about 70 tokens and outputs of about 21, as backward integrals have, one
line in a thousand spoiled, one in a hundred a duplicate), imports each in a process of its own, exports the larger and
compares texts.  Rates are per CPU-second of one process; memory is the largest resident set.  A tenth of the lines must
take as much memory as all of them.  A hundredth is imported with `--leaks=fingerprint` (CPU time of the worker
included), and as infix text.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

from symjax import tasks
from symjax.data.foreign.exporting import export_file
from symjax.data.foreign.importing import import_files
from symjax.tokenization import prefix

OPERATORS = ("add", "mul", "mul", "add", "pow", "sin", "cos", "exp", "ln", "sqrt", "tanh", "asinh")
POOL = 4000


def expression(rng: random.Random, operators: int) -> str:
    """Words of a random expression with so many operators."""
    arities, words, wanted = prefix.arities(), [], 1
    while wanted:
        wanted -= 1
        if operators and (not wanted or rng.random() < 0.6):
            operators -= 1
            words.append(rng.choice(OPERATORS))
            wanted += arities[words[-1]]
        elif rng.random() < 0.6:
            words.append("x")
        else:
            words += [rng.choice(("INT+", "INT-")), *str(rng.randrange(1, 30))]
    return " ".join(words)


def write_lines(path: pathlib.Path, lines: int, seed: int = 0) -> None:
    """A file of random lines; an input is two expressions of a pool, so that nearly all are different."""
    rng = random.Random(seed)
    halves = [expression(rng, max(1, round(rng.gauss(19, 9)))) for _ in range(POOL)]
    outputs = [expression(rng, max(1, round(rng.gauss(12, 4)))) for _ in range(POOL)]
    text = ""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(lines):
            if number % 100 or not text:
                count = int(rng.paretovariate(1))
                text = f"{count}|sub Y' mul {rng.choice(halves)} {rng.choice(halves)}\t{rng.choice(outputs)}\n"
            file.write(text if number % 1000 != 500 else text.replace("mul", "mule", 1))


def cpu_seconds() -> float:
    """User and system time of this process and of those that it has waited for."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def measure(source: str, folder: str, leaks: str) -> None:
    """Imports a file in this process, and prints figures as JSON."""
    wall, cpu, task = time.monotonic(), cpu_seconds(), tasks.load("prim_bwd")
    with open(os.devnull, "w") as log:
        done = import_files([source], task=task, output_dir=folder, by_fingerprint=leaks == "fingerprint", log=log)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"line": done.line, "read": done.read, "cpu": cpu_seconds() - cpu, "wall": time.monotonic() - wall}
    print(json.dumps(figures | {"megabytes": usage.ru_maxrss / 1024}))


def report(source: pathlib.Path, folder: pathlib.Path, leaks: str = "text") -> None:
    """Imports in a process of its own, and prints its figures."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.foreign_import", "--measure", str(source), str(folder), leaks]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{source.name}, leaks by {leaks}, {source.stat().st_size / 1e6:.0f} MB: {found['read'] / found['cpu']:,.0f} "
        f"lines per CPU-second ({found['read'] / found['wall']:,.0f} per second), peak {found['megabytes']:.0f} MB; "
        f"{found['line']}",
        flush=True,
    )


def same_text(source: pathlib.Path, folder: pathlib.Path) -> bool:
    """Whether the exported file holds the lines of `source` that were kept, in order, and no other."""
    export_file(folder, folder / "exported.train")
    seen: set[int] = set()
    with open(source, encoding="utf-8") as lines, open(folder / "exported.train", encoding="utf-8") as exported:
        for line in lines:
            key = hash(line.partition("|")[2])
            if "mule" not in line and key not in seen:
                seen.add(key)
                if next(exported, None) != line:
                    return False
        return next(exported, None) is None


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--folder", type=pathlib.Path, default=None, help="for the files; a temporary one by default")
    parser.add_argument("--measure", nargs=3, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    folder = options.folder or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for lines in (options.lines // 100, options.lines // 10, options.lines):
            write_lines(folder / f"{lines}.train", lines)
            report(folder / f"{lines}.train", folder / f"data-{lines}")
        whole, part = options.lines, options.lines // 100
        report(folder / f"{part}.train", folder / "by-fingerprint", "fingerprint")
        export_file(folder / f"data-{part}", folder / f"{part}.infix", layout="infix")
        report(folder / f"{part}.infix", folder / "of-infix")
        # Last: it fills the memory of this process, from which the peak of a process started later would count.
        same = same_text(folder / f"{whole}.train", folder / f"data-{whole}")
        print("text exported again:", "identical" if same else "DIFFERENT")
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
