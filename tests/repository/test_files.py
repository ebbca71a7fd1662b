"""The files of the project keep its habits: no machine's names, layers, sizes, pinned versions."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from tests.repository.project import ROOT, name_of, text_files

FILES = sorted(text_files())
MODULES = [path for path in FILES if path.suffix == ".py"]

#: A module that is longer has two subjects.
LINES_MAX = 500

#: Written in two parts, so that this file does not find itself.
FOREIGN = [
    "/" + "work/",
    "/" + "root/",
    "/" + "home/",
    "/" + "Users/",
    "pypi" + ".org",
    "python" + "hosted",
    "index" + "-url",
    "local" + "host:",
]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_names_no_machine_and_no_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in FOREIGN if word in text] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_one_subject(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_leaves_nothing_for_later(path: Path) -> None:
    later = re.compile(r"#\s*(" + "TO" + "DO|FIX" + "ME|X" + "XX)")
    assert later.search(path.read_text(encoding="utf-8")) is None


def test_what_git_writes_into_a_worktree_is_no_file_of_the_project(tmp_path: Path) -> None:
    for name in (".git", ".gitignore", "README.md"):
        (tmp_path / name).write_text("gitdir: elsewhere\n", encoding="utf-8")
    assert sorted(path.name for path in text_files(tmp_path)) == [".gitignore", "README.md"]


def test_layers_are_kept() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    wanted = [
        each for each in wanted if not each.startswith("noida-db==")
    ]  # `workers/broker/requirements.txt`
    names = {re.split(r"[<>=\[ ]", each)[0].lower().replace("_", "-") for each in wanted}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert names <= pinned
    assert len(pinned) == len(lines)
