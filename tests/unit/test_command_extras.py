"""A command that needs more than the base says what to install; its help needs nothing more."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.repository.project import ROOT
from workers.cli.extras import EXTRAS
from workers.cli.main import COMMANDS

DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
#: What a base installation has not, as modules are called.
BEYOND = (
    "aiohttp",
    "aiokafka",
    "alembic",
    "argon2",
    "authlib",
    "babel",
    "cramjam",
    "fastapi",
    "faust",
    "httpx2",
    "itsdangerous",
    "jinja2",
    "joserfc",
    "noida_db",
    "plotly",
    "prometheus_client",
    "psycopg",
    "sqlalchemy",
    "structlog",
    "uvicorn",
)
#: What makes the command begin its work.
WORDS = {
    "worker": ["--rules", "shop"],
    "topics": ["check"],
    "produce": ["README.md"],
    "watch": [],
    "dead-letters": ["list"],
    "assign": ["C1", "--dimension", "value_tier", "--category", "gold", "--reason", "r", "--rules", "shop"],
    "release": ["C1", "--dimension", "value_tier", "--reason", "r", "--rules", "shop"],
    "erase": ["C1", "--reason", "r"],
    "verify": ["--from-journal", "--rules", "shop"],
    "projector": ["--rules", "shop"],
    "console": ["--rules", "shop"],
    "console-user": ["anna"],
    "console-token": ["reports"],
    "demo": [],
}


def without_extras(*arguments: str) -> tuple[int, str]:
    """A run in an installation of the base alone: the exit code and what it says on standard error."""
    code = f"""
import sys
sys.modules.update(dict.fromkeys({BEYOND!r}))
from workers.cli.main import run
sys.exit(run({list(arguments)!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        input="a long password\n",
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", EXTRAS)
def test_it_says_what_to_install(command: str) -> None:
    code, said = without_extras(command, *WORDS[command])
    assert code == 2
    assert said.splitlines()[-2].startswith(f"error: `tierline {command}` needs the library `")
    assert f"tierline[{','.join(EXTRAS[command])}]" in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_there_without_them(command: str) -> None:
    code, said = without_extras(command, "--help")
    assert (code, said) == (0, "")


@pytest.mark.parametrize("command", EXTRAS)
def test_the_extras_are_declared(command: str) -> None:
    assert set(EXTRAS[command]) <= DECLARED.keys()
