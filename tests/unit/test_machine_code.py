"""Machine code is never older than its sources, and its folder is the user's own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workers import machine_code
from workers.clock import unix_seconds
from workers.machine_code import compiled_sources, fingerprint, prepare, reached, stamp

ROOT = Path(machine_code.__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Compiled code, which uses a module that uses another; and one that has nothing to do with it."""
    for name, text in {
        "rules/engine/__init__.py": "",
        "rules/engine/step.py": "\nfrom rules.jit import lean\nfrom rules.engine import layout as at\n",
        "rules/engine/layout.py": "from rules.money import (\n    DIGITS,\n)\n",
        "rules/money.py": "DIGITS = 2\n",
        "rules/jit.py": "import numba\n",
        "workers/report.py": "from rules.engine import step\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user who has chosen nothing but a folder for caches."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NUMBA_CACHE_LOCATOR_CLASSES", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "tierline" / "machine-code"


@pytest.mark.parametrize("name", ["engine/step.py", "engine/layout.py", "money.py", "jit.py"])
def test_a_change_of_anything_that_compiled_code_uses_is_another_folder(project: Path, name: str) -> None:
    before = fingerprint(project)
    path = project / "rules" / name
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert fingerprint(project) != before


def test_a_change_of_anything_else_is_not(project: Path) -> None:
    before = fingerprint(project)
    (project / "workers" / "report.py").write_text("", encoding="utf-8")
    assert fingerprint(project) == before


def test_every_compiled_module_counts_and_so_does_the_layout_of_the_state() -> None:
    sources = compiled_sources(ROOT)
    compiled = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("rules", "workers")
        for path in (ROOT / package).rglob("*.py")
        if any(line.startswith("from rules.jit import") for line in path.read_text("utf-8").splitlines())
    }
    assert compiled <= sources.keys()
    assert {"rules.engine.layout", "rules.engine.kernel.arrays", "rules.jit"} <= sources.keys()
    assert "workers.cli.main" not in sources


def test_machine_code_is_kept_in_a_folder_of_the_user(free: Path) -> None:
    prepare()
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    assert chosen.parent == free
    assert chosen.stat().st_mode & 0o077 == 0


def test_a_function_is_compiled_again_when_anything_changes_that_its_module_uses(project: Path) -> None:
    texts = {"rules.engine.step": b"from rules.engine import layout", "rules.engine.layout": b"A = 1"}
    texts |= {"rules.engine.other": b"from rules.engine.step import run"}
    assert reached(["rules.engine.step"], texts).keys() == {"rules.engine.step", "rules.engine.layout"}
    assert stamp(str(ROOT / "rules" / "money.py")) != stamp(str(ROOT / "rules" / "jit.py"))
    assert stamp(str(project / "rules" / "jit.py")) is None


def test_numba_asks_our_locator(tmp_path: Path) -> None:
    program = "from rules.shard.records import running_greatest as f; print(type(f._cache._impl._locator))"
    variables = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "", "XDG_CACHE_HOME": str(tmp_path)}
    variables.pop("NUMBA_CACHE_DIR", None)
    lines = ["from workers.machine_code import prepare", "prepare()", program]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "machine_code_locator.Locator" in done.stdout


def test_a_folder_that_the_user_has_chosen_is_left_alone(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    prepare()
    assert os.environ["NUMBA_CACHE_DIR"] == "elsewhere"
    assert not free.exists()


def test_where_nothing_can_be_written_a_temporary_folder_will_do(
    free: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "caches").write_text("a file where the folder should be", encoding="utf-8")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    prepare()
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    assert chosen.parent == tmp_path / f"tierline-machine-code-{os.getuid()}"
    assert chosen.is_dir()


def test_machine_code_of_other_versions_goes_when_it_is_old(free: Path) -> None:
    old, recent = free / "old", free / "recent"
    for folder, days in ((old, 31), (recent, 29)):
        folder.mkdir(parents=True)
        (folder / "step.nbi").touch()
        when = unix_seconds() - days * 86_400
        os.utime(folder, (when, when))
    prepare()
    assert not old.exists()
    assert recent.exists()
