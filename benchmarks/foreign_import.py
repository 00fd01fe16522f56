"""Lines per second and peak memory of `symjax import`, on a file made for the purpose.

`python -m benchmarks.foreign_import [--lines=2000000] [--folder=DIR]`: writes files of a tenth of the lines and of all
of them (`count|input<TAB>output`, inputs of about 70 tokens and outputs of about 21, as backward integrals have, one
line in a thousand spoiled, one in a hundred a duplicate), imports each in a process of its own, exports the larger and
compares texts.  Rates are per CPU-second of one process; memory is the largest resident set.  A tenth of the lines must
take as much memory as all of them.
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


def measure(source: str, folder: str) -> None:
    """Imports a file in this process, and prints figures as JSON."""
    from symjax import tasks
    from symjax.data.foreign.importing import import_files

    wall, cpu = time.monotonic(), time.process_time()
    done = import_files([source], task=tasks.load("prim_bwd"), output_dir=folder, log=open(os.devnull, "w"))  # noqa: SIM115
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"line": done.line, "read": done.read, "cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}
    print(json.dumps(figures | {"megabytes": usage.ru_maxrss / 1024}))


def imported(source: pathlib.Path, folder: pathlib.Path) -> dict[str, float]:
    """The figures of an import in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.foreign_import", "--measure", str(source), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def same_text(source: pathlib.Path, folder: pathlib.Path) -> bool:
    """Whether the exported file holds the lines of `source` that were kept, in order, and no other."""
    from symjax.data.foreign.exporting import export_file

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
    parser.add_argument("--measure", nargs=2, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    folder = options.folder or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for lines in (options.lines // 10, options.lines):
            source, data = folder / f"{lines}.train", folder / f"data-{lines}"
            shutil.rmtree(data, ignore_errors=True)
            write_lines(source, lines)
            found = imported(source, data)
            rates = found["read"] / found["cpu"], found["read"] / found["wall"]
            print(
                f"{lines:>9,} lines, {source.stat().st_size / 1e6:.0f} MB: {rates[0]:,.0f} lines per CPU-second "
                f"({rates[1]:,.0f} per second), peak {found['megabytes']:.0f} MB; {found['line']}",
                flush=True,
            )
        print("text exported again:", "identical" if same_text(source, data) else "DIFFERENT")
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
