"""`tierline rules`: check a pack, run its cases, show it in words, and print the schema for editors."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.rules_test import run_pack_cases

if TYPE_CHECKING:
    from rules.language.findings import Finding
    from workers.packs import PackText

#: Findings are an answer of the command, not a failure of it.
_EXIT_FINDINGS = 1

PackArgument = Annotated[
    str, typer.Argument(metavar="PACK", help="The path of a pack file, or the name of a pack of the catalog.")
]


class Format(StrEnum):
    """How findings are shown."""

    TEXT = "text"
    JSON = "json"


#: Characters of a line that are shown with a finding; of a longer line, those around its place.
_EXCERPT = 160


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    rules = typer.Typer(help="Check, test and read packs of rules.", no_args_is_help=True)
    rules.command("check")(check)
    rules.command("test")(run_pack_cases)
    rules.command("show")(show)
    rules.command("schema")(schema)
    app.add_typer(rules, name="rules")


def check(
    pack: PackArgument,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")] = False,
    shape: Annotated[Format, typer.Option("--format", help="Text for people, JSON for tools.")] = Format.TEXT,
) -> None:
    """Look for mistakes in a pack: each with its line and column, and what to write instead.

    Ends with exit code 1 if there are errors, or with --strict also warnings.
    """
    from rules.language.load import check_pack
    from workers.packs import read_pack

    found = read_pack(pack)
    checked, findings = check_pack(found.text)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if shape is Format.JSON:
        typer.echo(_json(found, findings, checked.fingerprint if checked else None))
    else:
        for finding in findings:
            typer.echo(_text(found, finding))
        if checked is not None:
            counts = (
                f"{_count(len(checked.metrics), 'metric')}, {_count(len(checked.dimensions), 'dimension')}"
            )
            typer.echo(f"{found.source}: pack `{checked.name}` version `{checked.version}`, {counts}")
        typer.echo(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}")
    if errors or (strict and warnings):
        raise typer.Exit(_EXIT_FINDINGS)


def show(pack: PackArgument) -> None:
    """Tell in plain English what a pack does, for people who do not read YAML."""
    from rules.language.summary import pack_in_words
    from workers.packs import open_pack

    typer.echo(pack_in_words(open_pack(pack)), nl=False)


def schema() -> None:
    """Print the JSON Schema of pack files, for completion and checks in editors."""
    from schemas.packs import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _text(found: PackText, finding: Finding) -> str:
    """A finding as compilers show it: where and what, the line, and a caret under the place."""
    lines = found.text.lstrip("\ufeff").splitlines()
    line = lines[finding.line - 1] if finding.line <= len(lines) else ""
    begin = max(0, finding.column - 1 - _EXCERPT // 2) if len(line) > _EXCERPT else 0
    before = line[begin : finding.column - 1]
    line = line[begin : begin + _EXCERPT]
    blank = "".join("\t" if character == "\t" else " " for character in before)
    return f"{finding.located(found.source)}\n    {line}\n    {blank}^"


def _json(found: PackText, findings: list[Finding], fingerprint: str | None) -> str:
    rows = [
        {
            "source": found.source,
            "line": finding.line,
            "column": finding.column,
            "severity": finding.severity,
            "code": finding.code,
            "path": finding.path,
            "message": finding.message,
        }
        for finding in findings
    ]
    return json.dumps({"fingerprint": fingerprint, "findings": rows}, indent=2, ensure_ascii=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
