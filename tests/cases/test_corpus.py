"""One corpus, every host: the numbered rules of the semantics, and what the packs of the catalog promise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rules.cases.compare import unreached
from rules.cases.model import Case
from rules.cases.read import pack_of, read_cases
from rules.cases.run import run_cases
from rules.cases.show import show_result
from rules.language.load import load_pack
from rules.language.model import Pack
from tests.cases.hosts import HOSTS
from workers.packs import catalog

CORPUS = Path(__file__).parent / "corpus"
FILES = [
    *sorted(CORPUS.glob("*.txt")),
    *(path for pack in catalog().values() for path in sorted(pack.parent.glob("cases/*.txt"))),
]


@cache
def pack_at(path: Path) -> Pack:
    return load_pack(path.read_text("utf-8"), str(path))


def pack_beside(path: Path) -> Pack:
    named = pack_of(path.read_text("utf-8"))
    return pack_at(path.parent / named if named else path.parent.parent / "pack.yaml")


def cases_of(path: Path) -> list[Case]:
    return read_cases(path.read_text("utf-8"), path.name, pack_beside(path))


def corpus() -> Iterator[tuple[Path, Case]]:
    for path in FILES:
        for case in cases_of(path):
            yield path, case


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("path", "case"), [pytest.param(path, case, id=f"{path.stem}: {case.title}") for path, case in corpus()]
)
def test_case(path: Path, case: Case, host: str) -> None:
    pack = pack_beside(path)
    (result,) = run_cases([case], pack, HOSTS[host])
    assert result.passed, "\n" + show_result(result)


@pytest.mark.parametrize("name", catalog())
def test_the_cases_of_a_catalog_pack_reach_every_category(name: str) -> None:
    path = catalog()[name]
    cases = [case for file in sorted(path.parent.glob("cases/*.txt")) for case in cases_of(file)]
    pack = pack_at(path)
    assert unreached(pack, run_cases(cases, pack, HOSTS["reference"])) == []


def test_titles_tell_the_cases_of_a_file_apart() -> None:
    for path in FILES:
        titles = [case.title for case in cases_of(path)]
        assert len(titles) == len(set(titles)), path.name
