"""The figures of a report agree with the files they are read from."""

from __future__ import annotations

import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.small_shop import MARKUP_ID, PACK, replay_small_shop
from workers.report.figures import Figures, read_figures
from workers.report.html import element, join
from workers.report.page import render_report


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replay_small_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def figures(out: Path) -> Figures:
    return read_figures(out, PACK)


def test_the_last_step_over_time_is_who_is_where_at_the_end(figures: Figures) -> None:
    for each in figures.dimensions:
        assert {category: levels[-1] for category, levels in each.over_time.items()} == each.now


def test_the_history_of_a_ladder_can_be_followed_day_by_day(figures: Figures) -> None:
    tier, days = figures.dimensions[0], figures.timeline.days
    assert (days[0], days[-1]) == (date(2024, 1, 1), date(2024, 3, 10))
    levels = {
        day: tuple(tier.over_time[each][step] for each in tier.over_time) for step, day in enumerate(days)
    }
    assert levels[date(2024, 1, 1)] == (0, 1, 0)
    assert levels[date(2024, 1, 2)] == (1, 1, 0)
    assert levels[date(2024, 1, 10)] == (1, 0, 1)
    assert levels[date(2024, 2, 1)] == (1, 0, 2), "C4 is born at the top"
    assert levels[date(2024, 2, 10)] == (1, 1, 0), "C1 fell one tier by time, C4 was erased"
    assert levels[date(2024, 2, 14)] == (2, 0, 0), "C1 fell again"
    assert levels[date(2024, 2, 15)] == (1, 0, 1), "C2 is pinned"


def test_flows_and_causes_add_up_to_all_changes(figures: Figures, out: Path) -> None:
    written = len((out / "changes.ndjson").read_text(encoding="utf-8").splitlines())
    moves = sum(n for each in figures.dimensions for _, _, n in each.flows)
    first = sum(n for each in figures.dimensions for n in each.first.values())
    assert moves + first == written
    assert moves == sum(sum(values) for values in figures.by_cause.values())
    assert set(figures.by_cause) == {"event", "time", "override"}


def test_what_is_due_is_counted_by_day(figures: Figures) -> None:
    assert figures.dimensions[1].pending == (("unknown", "sour", date(2024, 5, 2), 1),)


def test_long_histories_are_shown_by_week_or_month(out: Path, tmp_path: Path) -> None:
    for name in ("summary.json", "customers.parquet", "dead-letters.ndjson"):
        (tmp_path / name).write_bytes((out / name).read_bytes())
    lines = (out / "changes.ndjson").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    for year, step in ((2025, "week"), (2045, "month")):
        late = json.dumps({**last, "effective_at": f"{year}-12-31T22:59:59.999999Z"})
        (tmp_path / "changes.ndjson").write_text("\n".join([*lines, late]) + "\n", encoding="utf-8")
        long, short = read_figures(tmp_path, PACK), read_figures(out, PACK)
        assert long.timeline.step == step
        assert len(long.timeline.days) <= 400
        assert sum(map(sum, long.by_cause.values())) == sum(map(sum, short.by_cause.values())) + 1


class Page(HTMLParser):
    """Checks that tags nest, and collects what a page links to and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action", "srcset"}]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words.append(data)


@pytest.fixture(scope="module")
def text(out: Path) -> str:
    return render_report(out, PACK).read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_links_to_itself_alone(text: str) -> None:
    page = Page(text)
    assert page.open == []
    assert sorted(page.links) == sorted(f"#{name}" for name in page.ids)


def test_what_came_from_data_is_shown_as_text(text: str) -> None:
    words = " ".join(Page(text).words)
    for said in ("A <small> shop", "Low & slow", "gift: <b>wine</b>", MARKUP_ID):
        assert said in words
    assert text.count("<script") == text.count("</script>") == len(PACK.dimensions) + 2


def test_the_report_takes_its_name_only_when_it_is_whole(out: Path, text: str) -> None:
    assert text.endswith("</html>\n")
    assert not list(out.glob("*.part"))


def test_a_history_without_changes_has_a_report_too(out: Path, tmp_path: Path) -> None:
    import polars as pl

    for name in ("changes.ndjson", "erased.ndjson", "dead-letters.ndjson"):
        (tmp_path / name).touch()
    pl.read_parquet(out / "customers.parquet").clear().write_parquet(tmp_path / "customers.parquet")
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    nothing = {"events": 0, "changes": 0, "customers": 0, "rejected": {}, "unknown_types": {}, "until": None}
    (tmp_path / "summary.json").write_text(json.dumps({**summary, **nothing}), encoding="utf-8")
    words = Page(render_report(tmp_path, PACK).read_text(encoding="utf-8")).words
    assert "Nobody moved after the first category." in words
    assert "Every record was accepted." in words


def test_text_is_escaped_unless_it_is_markup() -> None:
    inner = element("b", "<&>", title='"')
    assert join("<", inner) == '&lt;<b title="&quot;">&lt;&amp;&gt;</b>'
