"""How a run of the command ends, and that help does not wait for what it does not need."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import types

import pytest
import typer

from workers.cli import main
from workers.cli.errors import Stopped, UserError

HEAVY = ("numba", "numpy", "polars", "pyarrow", "ruamel")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `fail NAME` that ends as the name says."""
    ends: dict[str, BaseException] = {
        "mistake": UserError("the rules at `x.yaml` name no dimension", hint="add one"),
        "full": OSError(errno.ENOSPC, "No space left on device"),
        "too large": OSError(errno.EFBIG, "File too large"),
        "forbidden": PermissionError(errno.EACCES, "Permission denied", "out/changes.ndjson"),
        "interrupt": Stopped(signal.SIGINT),
        "terminate": Stopped(signal.SIGTERM),
        "no": typer.Exit(1),
        "bug": ZeroDivisionError(),
    }

    def fail(name: str) -> None:
        raise ends[name]

    module = types.ModuleType("a_command")
    module.__dict__["register"] = lambda app: app.command("fail")(fail)
    monkeypatch.setitem(sys.modules, "a_command", module)
    monkeypatch.setitem(main.COMMANDS, "fail", "a_command")


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    ("name", "code", "shown"),
    [
        ("mistake", 2, "error: the rules at `x.yaml` name no dimension\nhint: add one\n"),
        ("full", 2, "error: the disk is full: free some space or write to another disk;"),
        ("too large", 2, "error: a file outgrew the limit: raise it with `ulimit -f`;"),
        ("forbidden", 2, "error: `out/changes.ndjson`: permission denied\n"),
        ("interrupt", 130, "stopped\n"),
        ("terminate", 143, "stopped\n"),
        ("no", 1, ""),
    ],
)
def test_a_run_ends_with_a_code_and_a_sentence(
    capsys: pytest.CaptureFixture[str], name: str, code: int, shown: str
) -> None:
    assert main.run(["fail", name]) == code
    assert capsys.readouterr().err.startswith(shown)


@pytest.mark.usefixtures("command")
def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        main.run(["fail", "bug"])


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["diff", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = f"""
import sys
from workers.cli.main import run
code = run({arguments!r})
print(code, sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r})), file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert result.stderr == "0 []\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["diff", "--nonsense"]])
def test_what_is_not_a_command_is_refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main.run(arguments) == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_run_with_its_number(number: signal.Signals) -> None:
    code = f"""
import os
from workers.cli import main
main.build = lambda arguments: lambda *rest, **named: os.kill(os.getpid(), {int(number)})
main.main()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (128 + number, "stopped\n")
