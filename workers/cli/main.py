"""The frame of the `tierline` command: the table of commands, and how a run ends.

Each command is a module of this package with a function `register(app)`. Only the module of the command that
was typed is imported, and it imports what is heavy inside its function, so that help answers at once.
"""

from __future__ import annotations

import errno
import importlib
import signal
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Annotated, NoReturn

import typer

from workers.cli.errors import Stopped, UserError
from workers.cli.extras import missing
from workers.machine_code import prepare
from workers.memory import collect_rarely, leave_all_as_it_is

#: What a user types, in the order in which help shows it, and the module that knows it.
COMMANDS: dict[str, str] = {
    "demo": "workers.cli.demo",
    "demo-replay": "workers.cli.demo_replay",
    "import": "workers.cli.import_",
    "generate": "workers.cli.generate",
    "replay": "workers.cli.replay",
    "rules": "workers.cli.rules",
    "explain": "workers.cli.explain",
    "diff": "workers.cli.diff",
    "broker": "workers.cli.broker",
    "worker": "workers.cli.worker",
    "topics": "workers.cli.topics",
    "produce": "workers.cli.produce",
    "watch": "workers.cli.watch",
    "dead-letters": "workers.cli.dead_letters",
    "assign": "workers.cli.assign",
    "release": "workers.cli.assign",
    "erase": "workers.cli.assign",
    "verify": "workers.cli.verify",
    "projector": "workers.cli.projector",
    "console": "workers.cli.console",
    "console-user": "workers.cli.console",
    "console-token": "workers.cli.console",
}

HELP = """Keep every customer's class right the moment it changes, and prove every change from the log.

Start with `tierline demo-replay`: a year of real shopping baskets, replayed under a pack of rules.

Exit codes: 0 done; 1 the answer is no (a finding, a failed case, a difference); 2 something for you to put
right; 130 and 143 stopped.
"""

EXIT_USER_ERROR = 2
#: A process that a signal ended has 128 and the signal's number as its exit code.
EXIT_SIGNAL = 128


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    collect_rarely()
    prepare()
    code = run(sys.argv[1:])
    leave_all_as_it_is()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; errors are shown on standard error."""
    try:
        build(arguments)(arguments, prog_name="tierline")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except UserError as error:
        return _fail(error.message, error.hint)
    except OSError as error:
        message = explain_os_error(error)
        if message is None:
            raise
        return _fail(message)
    except ModuleNotFoundError as error:
        found = missing(arguments[0] if arguments else "", error)
        if found is None:
            raise
        return _fail(*found)
    except Stopped as stopped:
        print("stopped", file=sys.stderr)
        return EXIT_SIGNAL + stopped.number
    return 0


def build(arguments: Iterable[str] = ()) -> typer.Typer:
    """The command line with the one command that the arguments start with, or with all of them."""
    app = typer.Typer(
        name="tierline",
        help=HELP,
        rich_markup_mode="markdown",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_frame)
    first = next(iter(arguments), None)
    modules = [COMMANDS[first]] if first in COMMANDS else list(dict.fromkeys(COMMANDS.values()))
    for module in modules:
        importlib.import_module(module).register(app)
    return app


def explain_os_error(error: OSError) -> str | None:
    """What the user can do about a failed read or write, or None where it is not about a file."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full: free some space or write to another disk; no unfinished result was left"
    if error.errno == errno.EFBIG:
        return "a file outgrew the limit: raise it with `ulimit -f`; no unfinished result was left"
    if error.filename is None:
        return None
    reason = (error.strerror or "it cannot be opened").lower()
    return f"`{_text(error.filename)}`: {reason}"


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tierline {version('tierline')}")
        raise typer.Exit


def _frame(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end."),
    ] = False,
) -> None:
    """Take what is said before the command; the callback has acted on it."""


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _fail(message: str, hint: str | None = None) -> int:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return EXIT_USER_ERROR


if __name__ == "__main__":
    main()
