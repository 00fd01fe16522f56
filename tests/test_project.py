"""The files around the code: versions, licence, changelog, and nothing that ties the repository to one machine."""

from __future__ import annotations

import ast
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

# What a file may not name: places of one machine, package indexes, lock files' hosts.
MACHINE = re.compile(
    r"(?<![\w.~-])/(?:work|root|home|Users|opt|mnt|srv)/"
    r"|index-url|find-links|trusted-host|file:///|(?<![\w.])(?:10|172|192)\.\d+\.\d+\.\d+(?![\w.])"
)


def required(*extras: str) -> list[Requirement]:
    """The project's direct dependencies, with those of `extras`."""
    listed = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return [Requirement(line) for line in listed]


def pins_for(name: str, python: str) -> list[Requirement]:
    """The constraints that apply to package `name` under `python` on Linux."""
    place = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    same = (pin for pin in PINS if canonicalize_name(pin.name) == canonicalize_name(name))
    return [pin for pin in same if pin.marker is None or pin.marker.evaluate(place)]


def tracked() -> list[pathlib.Path]:
    """Files that git tracks; all files of the tree where there is no repository."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_constraints_are_plain_exact_versions() -> None:
    for pin in PINS:
        assert pin.url is None, pin
        assert [item.operator for item in pin.specifier] == ["=="], pin
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--|@|\\|^\s|\.whl|/", text, re.MULTILINE), "constraints hold names, versions and markers"
    assert text.splitlines() == sorted(text.splitlines(), key=lambda line: re.split("[=<>;]", line)[0])


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", required("dev"), ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_within_its_bounds(requirement: Requirement, python: str) -> None:
    pins = pins_for(requirement.name, python)
    assert len(pins) == 1, f"{requirement.name} has {len(pins)} versions for Python {python}; see CONTRIBUTING.md"
    version = next(iter(pins[0].specifier)).version
    assert requirement.specifier.contains(version), f"{pins[0]} is outside {requirement}; see CONTRIBUTING.md"


def test_every_import_is_a_declared_dependency() -> None:
    owners = importlib.metadata.packages_distributions()
    known = {canonicalize_name(requirement.name) for requirement in required()} | {"jaxlib", "symjax"}
    own = {"symjax", "data_gen", "configs", "main"}
    for path in (*ROOT.glob("*.py"), *(p for room in sorted(own) for p in sorted((ROOT / room).rglob("*.py")))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - own - {""}:
                distributions = {canonicalize_name(name) for name in owners.get(top, [])}
                assert distributions & known, (
                    f"{path.relative_to(ROOT)} imports {top}, which pyproject.toml does not name"
                )


def test_no_lock_file_and_no_run_is_tracked() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in tracked()}
    assert not {name for name in names if name.endswith((".lock", "pylock.toml", ".pkl", ".pickle", ".pt", ".pth"))}
    assert not {name for name in names if name.startswith(("runs/", "data/", ".venv"))}


def test_no_file_names_a_machine() -> None:
    here = pathlib.Path(__file__).resolve()
    for path in tracked():
        if path.resolve() == here or path.suffix in {".png", ".arrayrecord", ".tfrecord"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found = MACHINE.search(line)
            assert not found, f"{path.relative_to(ROOT)}:{number} names a machine: {found.group()}"


@pytest.mark.parametrize(
    "line",
    ["cd /work/main", "see /root/.cache", 'open("/home/me/x")', "--index-url x", "file:///wheels", "at 10.1.2.3"],
)
def test_planted_machine_is_found(line: str) -> None:
    assert MACHINE.search(line)


@pytest.mark.parametrize("line", ["a/work/b", "tests/home/x", "jaxlib==0.12.0.1", "5/2/1", "~/work/", "jax is 0.12"])
def test_ordinary_text_names_no_machine(line: str) -> None:
    assert not MACHINE.search(line)


def test_versions_agree() -> None:
    version = PROJECT["version"]
    assert importlib.metadata.version("symjax") == version, "install the checkout again: pip install -e ."
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)


def test_changelog_has_the_current_version() -> None:
    headings = re.findall(r"^## \[(.+?)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings, "CHANGELOG.md has no '## [version] - date' heading"
    assert headings[0][0] == PROJECT["version"]
    assert all(re.fullmatch(r"unreleased|\d{4}-\d{2}-\d{2}", date) for _, date in headings)


def test_licence_is_apache() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_python_of_the_tools_is_the_oldest_that_we_support() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert tools["basedpyright"]["pythonVersion"] == oldest
    assert tools["ruff"]["target-version"] == "py" + oldest.replace(".", "")
