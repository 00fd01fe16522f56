"""Speed of the loader: padded, shuffled batches with position codes, ready for the device, from one process.

python benchmarks/loader.py [--num_examples=20000] [--batch_size=64] [--batches=3000] [--depth=3] [--directory=...]

Reads a data set of the Taylor task, made first in a temporary folder unless `--directory` names one.  Wall time, over
several epochs, so files come from the page cache; with and without the prefetching thread.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import itertools
import pathlib
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator

from data_gen.dataset import generate
from symjax import tasks
from symjax.data.batches import make_dataset
from symjax.data.manifest import Manifest


@contextlib.contextmanager
def data_set(args: argparse.Namespace) -> Iterator[pathlib.Path]:
    """The folder of the data set, made for the time of the measurement if none is given."""
    if args.directory:
        yield pathlib.Path(args.directory)
        return
    with tempfile.TemporaryDirectory() as folder:
        options = {"task_name": "taylor", "task_options": {"max_depth": args.depth}, "seed": 0}
        yield generate(**options, output_dir=folder, num_examples=args.num_examples).parent


def measure(directory: pathlib.Path, batch_size: int, batches: int, prefetch: int) -> tuple[float, str]:
    """Examples a second, and the shapes of a batch."""
    options = Manifest.read(directory).content["config"]["task_options"]
    data = make_dataset(
        directory,
        "train",
        tasks.load("taylor", **options),
        seed=0,
        process_index=0,
        process_count=1,
        batch_size=batch_size,
        prefetch=prefetch,
    )
    iterator = iter(data)
    batch = next(iterator)
    start = time.monotonic()
    count = sum(len(batch.inputs) for batch in itertools.islice(iterator, batches))
    rate = count / (time.monotonic() - start)
    iterator.close()
    return rate, f"inputs {batch.inputs.shape}, input_codes {batch.input_codes.shape}, targets {batch.targets.shape}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", default="")
    parser.add_argument("--num_examples", type=int, default=20_000)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--batches", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("grain", "array-record", "numpy", "symjax")
    )
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}")
    shown = {name: value for name, value in vars(args).items() if value != ""}
    print(f"python benchmarks/loader.py {' '.join(f'--{name}={value}' for name, value in shown.items())}")
    print("one process, wall time, median of the repeats (least - most)")
    with data_set(args) as directory:
        for prefetch in (0, 8):
            runs = [measure(directory, args.batch_size, args.batches, prefetch) for _ in range(args.repeats)]
            rates = sorted(rate for rate, _ in runs)
            middle = statistics.median(rates)
            print(f"  prefetch {prefetch}: {middle:10,.0f} examples/s  ({rates[0]:,.0f} - {rates[-1]:,.0f})")
    print(f"  {runs[0][1]}")


if __name__ == "__main__":
    main()
