"""`tierline rules test`: run the cases that stand beside a pack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.errors import UserError

if TYPE_CHECKING:
    from rules.cases.compare import Result
    from rules.cases.model import Case
    from rules.language.model import Pack

#: A case that fails is an answer of the command, not a failure of it.
_EXIT_FAILED = 1


def run_pack_cases(
    pack: Annotated[
        str,
        typer.Argument(metavar="PACK", help="The path of a pack file, or the name of a pack of the catalog."),
    ],
    wanted: Annotated[
        list[str] | None,
        typer.Argument(metavar="CASE…", help="Only cases whose file or title contains one of these texts."),
    ] = None,
) -> None:
    """Run the cases beside a pack (`cases/*.txt`) and show what went otherwise.

    Ends with exit code 1 if a case fails. Also tells which categories no case ever reaches.
    """
    from rules.cases.run import reference, run_cases
    from workers.packs import find_pack, open_pack

    path = find_pack(pack)
    runs: list[tuple[Pack, list[Case]]] = []
    for file in _case_files(path):
        ruled_by, cases = _read_file(file, path)
        runs.append((ruled_by, [case for case in cases if _is_wanted(case, wanted)]))
    if not any(cases for _, cases in runs):
        raise UserError(
            f"no case beside `{path}` has {' or '.join(f'`{text}`' for text in wanted or ())} in it"
        )
    results = [result for ruled_by, cases in runs for result in run_cases(cases, ruled_by, reference)]
    _show_table(results)
    _show_failures(results)
    if not wanted:
        _show_unreached(open_pack(path), results)
    if not all(result.passed for result in results):
        raise typer.Exit(_EXIT_FAILED)


def _case_files(pack: Path) -> list[Path]:
    """The case files beside a pack; raises `UserError` where there are none."""
    files = sorted((pack.parent / "cases").glob("*.txt"))
    if not files:
        raise UserError(
            f"there are no cases beside `{pack}`: write some into `.txt` files in `{pack.parent / 'cases'}`"
        )
    return files


def _read_file(file: Path, beside: Path) -> tuple[Pack, list[Case]]:
    """The cases of a file and the pack that rules them."""
    from rules.cases.model import CasesError
    from rules.cases.read import pack_of, read_cases
    from workers.packs import open_pack

    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"`{file}` is not UTF-8 text: save it as UTF-8") from error
    named = pack_of(text)
    pack = open_pack(file.parent / named if named else beside)
    try:
        return pack, read_cases(text, str(file), pack)
    except CasesError as error:
        count = "a line" if len(error.findings) == 1 else f"{len(error.findings)} lines"
        raise UserError(f"the cases in `{file}` have {count} to mend\n{error}") from error


def _is_wanted(case: Case, wanted: list[str] | None) -> bool:
    if not wanted:
        return True
    place = f"{Path(case.source).name}: {case.title}".casefold()
    return any(text.casefold() in place for text in wanted)


def _show_table(results: list[Result]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    previous = ""
    for result in results:
        if result.case.source != previous:
            console.print(Text(Path(result.case.source).name, "bold"))
            previous = result.case.source
        mark = Text("passed", "green") if result.passed else Text("FAILED", "bold red")
        console.print(Text("  ") + mark + Text(f"  {result.case.title}"))


def _show_failures(results: list[Result]) -> None:
    from rich.console import Console
    from rich.text import Text

    from rules.cases.show import show_result

    console = Console(highlight=False, soft_wrap=True)
    colours = {"- ": "red", "+ ": "green"}
    failed = [result for result in results if not result.passed]
    for result in failed:
        console.print()
        for line in show_result(result).splitlines():
            console.print(Text(line, colours.get(line.removeprefix("    ")[:2], "")))
    total = "1 case" if len(results) == 1 else f"{len(results)} cases"
    console.print(f"\n{total}, {len(failed)} failed (- expected, + got)" if failed else f"\n{total} passed")


def _show_unreached(pack: Pack, results: list[Result]) -> None:
    from rules.cases.compare import unreached

    missing = unreached(pack, results)
    if not missing:
        typer.echo("every category is reached by a case")
        return
    typer.echo("never reached by any case:")
    for dimension in pack.dimensions:
        categories = [category for of, category in missing if of == dimension.id]
        if categories:
            typer.echo(f"  {dimension.id}: {', '.join(categories)}")
