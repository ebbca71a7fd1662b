"""What the pages say is so: commands exist, links lead somewhere, the changelog keeps its form."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.repository.project import ROOT, name_of, shown_commands, text_files
from workers.cli.main import build
from workers.settings.console import ConsoleSettings
from workers.settings.database import DatabaseSettings
from workers.settings.live import LiveSettings
from workers.settings.topics import TopicNames

PAGES = sorted(path for path in text_files() if path.suffix == ".md")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))

#: Folders whose rules a newcomer must find beside them.
WITH_README = (
    ".",
    "schemas",
    "rules",
    "rules/language",
    "rules/engine",
    "rules/cases",
    "rules/catalog",
    "rules/catalog/shop",
    "rules/catalog/business",
    "rules/catalog/subscription",
    "workers",
    "workers/broker",
    "workers/data",
    "workers/generate",
    "workers/importer",
    "tests",
)

COMMANDS = sorted({(name_of(page), command) for page in PAGES for command in shown_commands(page)})


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_that_a_page_shows_exists_with_its_options(page: str, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        targets = [word for word in words[1:] if "=" not in word]
        assert set(targets) <= TARGETS, page
        return
    tool: Any = typer.main.get_command(build())
    position = 1
    while hasattr(tool, "commands"):
        assert words[position] in tool.commands, page
        tool = tool.commands[words[position]]
        position += 1
    known = {option for parameter in tool.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words[position:] if word.startswith("-")}
    assert used <= known, page


def test_the_readme_shows_every_command() -> None:
    shown = " ".join(shown_commands(ROOT / "README.md")) + (ROOT / "README.md").read_text(encoding="utf-8")
    tool: Any = typer.main.get_command(build())
    for name, command in tool.commands.items():
        names = [f"{name} {each}" for each in command.commands] if hasattr(command, "commands") else [name]
        for each in names:
            assert f"tierline {each}" in shown or f"make {each}" in shown, each


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("folder", WITH_README)
def test_a_folder_says_what_it_is(folder: str) -> None:
    assert (ROOT / folder / "README.md").is_file()


def test_make_help_lists_every_target() -> None:
    listed = set(re.findall(r"^([a-z][a-z-]*):.*## \S", MAKEFILE, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    assert listed == TARGETS == phony


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", each) for each in headings[1:])
    kinds = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


FIELDS = LiveSettings.model_fields | DatabaseSettings.model_fields | ConsoleSettings.model_fields


def test_every_setting_is_explained_with_its_default() -> None:
    page = (ROOT / "workers" / "settings" / "README.md").read_text(encoding="utf-8")
    for name, field in FIELDS.items():
        if name != "topics":
            default = "" if field.default is None else f"`{field.default}`"
            assert f"| `TIERLINE_{name.upper()}` | {field.description} | {default} |" in page
    for role, topic in TopicNames().by_role().items():
        assert f"| `TIERLINE_TOPICS__{role.upper()}` | `{topic}` |" in page
