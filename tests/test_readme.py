"""The README keeps its word: its short commands run and print what it shows; CI runs its test command."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"<!-- command: (?P<kind>\w+) -->\n```bash\n(?P<command>.*?)```\n"
    r"(?:<!-- output -->\n```\w*\n(?P<output>.*?)```\n)?<!-- end -->\n",
    re.DOTALL,
)
BLOCKS = [match.groupdict() for match in BLOCK.finditer(README)]
KINDS = ("run", "main", "tests", "tiny", "install")
SETUP = "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e {what} && .venv/bin/python "


def commands(kind: str) -> list[str]:
    """The commands of one kind, without the line ends around them."""
    return [block["command"].strip() for block in BLOCKS if block["kind"] == kind]


def shell(command: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    """Runs `command` in `folder`, which looks like the root of a clone, with the tools of this interpreter."""
    for name in ("main.py", "configs", "data_gen", "symjax", "constraints.txt", "pyproject.toml"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    environment = os.environ | {"PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_command_is_marked() -> None:
    assert README.count("```bash") == len(BLOCKS)
    assert {block["kind"] for block in BLOCKS} == set(KINDS)


def test_two_commands_do_everything_from_nothing() -> None:
    (main,), (tests,) = commands("main"), commands("tests")
    assert main.startswith(SETUP.format(what="."))
    assert tests.startswith(SETUP.format(what='".[dev]"') + "-m pytest ")
    script, config = re.fullmatch(r"(\S+) --config=(\S+)", main.removeprefix(SETUP.format(what="."))).groups()
    assert (ROOT / script).is_file()
    assert (ROOT / config).is_file()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (tests,) = commands("tests")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    before, _, after = script.partition("tests=$(command_of_readme tests)\n")
    assert after, ".ci/run takes its test command from the README"
    assert after.splitlines()[-1] == 'bash -euo pipefail -c "$tests"'
    (function,) = (line for line in before.splitlines() if line.startswith("command_of_readme()"))
    shown = subprocess.run(
        ["bash", "-c", f"{function}\ncommand_of_readme tests"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == tests
    pytest_arguments = tests.partition("-m pytest ")[2]
    assert f"pytest {pytest_arguments}" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [b for b in BLOCKS if b["kind"] == "run"], ids=lambda block: block["command"][:30])
def test_short_command_runs(block: dict[str, str], tmp_path: pathlib.Path) -> None:
    done = shell(block["command"], tmp_path)
    assert done.returncode == 0, done.stderr
    if block["output"] is not None:
        assert done.stdout == block["output"]


@pytest.mark.slow
def test_tiny_run_ends_in_a_report(tmp_path: pathlib.Path) -> None:
    (command,) = commands("tiny")
    done = shell(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("runs/*/report.html"))


def test_links_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "RESULTS.md", "benchmarks/README.md", *_docs()):
        path = ROOT / page
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            assert "://" in target or (path.parent / target).exists(), f"{page} links to {target}, which is not there"


def test_every_benchmark_has_its_row() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "benchmarks").glob("[!_]*.py")):
        assert f"benchmarks/{path.name}" in text or f"benchmarks.{path.stem}" in text, f"no figure names {path.name}"
    for name in re.findall(r"`python (?:-m )?(benchmarks[./]\w+)", text):
        assert (ROOT / f"{name.replace('.', '/')}.py").is_file(), f"benchmarks/README.md names {name}"


def test_architecture_names_every_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for room in ("symjax", "data_gen"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            assert path.name == "__init__.py" or f"`{name}`" in text, f"docs/architecture.md does not name {name}"


def test_architecture_names_no_module_that_is_gone() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:symjax|data_gen|configs|tests|benchmarks)/[\w/]+\.py)`", text):
        assert (ROOT / name).is_file(), f"docs/architecture.md names {name}, which is not there"


def _docs() -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md"))]
