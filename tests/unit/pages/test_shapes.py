"""Charts that are there before any script is, numbers and instants by language, and files for ever."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI

from workers.console.pages import assets
from workers.console.pages.charts import Series, areas, bars
from workers.console.pages.formats import Formats
from workers.packs import open_pack

ENGLISH, CHINESE = Formats("en", open_pack("shop")), Formats("zh", open_pack("shop"))
DAYS = [date(2026, 1, 30) + timedelta(index) for index in range(4)]


def test_areas_lie_on_each_other_and_end_where_they_began() -> None:
    chart = areas(DAYS, [Series("a", "#000000", [1, 1, 1, 1]), Series("b", "#111111", [1, 2, 3, 4])], ENGLISH)
    assert [(tick.part, tick.text) for tick in chart.ticks] == [(0.0, "5"), (1.0, "0")]
    assert chart.paths[0].startswith("M0.0 800.0L333.3 800.0L666.7 800.0L1000.0 800.0L1000.0 1000.0L666.7")
    assert chart.paths[1].startswith("M0.0 600.0L333.3 400.0")


def test_bars_leave_out_days_without_any() -> None:
    chart = bars(DAYS, [Series("a", "#000000", [2, 0, 1, 0])], ENGLISH)
    assert chart.paths[0].count("M") == 2


@pytest.mark.parametrize("days", [[], DAYS[:1]])
def test_charts_of_nothing_and_of_one_day_are_drawn(days: list[date]) -> None:
    chart = areas(days, [Series("a", "#000000", [0] * len(days))], ENGLISH)
    assert len(chart.paths) == 1


def test_labels_are_written_in_the_language() -> None:
    days = [date(2026, 1, 1) + timedelta(7 * index) for index in range(20)]
    series = [Series("a", "#000000", [1] * 20)]
    assert areas(days, series, ENGLISH).labels[0].text == "Jan 2026"
    assert areas(days, series, CHINESE).labels[0].text == "2026年1月"


@pytest.mark.parametrize(
    ("formats", "written"),
    [
        (ENGLISH, ["1,234,567", "12.3%", "US$12.50", "US$1,234", "28 Feb 2026, 19:00"]),
        (CHINESE, ["1,234,567", "12.3%", "US$12.50", "US$1,234", "2026年2月28日 19:00"]),
    ],
)
def test_numbers_money_and_instants_are_written_as_the_language_does(
    formats: Formats, written: list[str]
) -> None:
    instant = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert [
        formats.number(1_234_567),
        formats.percent(0.1234),
        formats.money(1250),
        formats.major(123_440),
        formats.clock(instant),
    ] == written


def test_an_instant_shows_the_zone_of_the_pack_and_tells_utc_too() -> None:
    assert str(ENGLISH.moment("2026-03-01T00:00:00.000000Z")) == (
        '<time datetime="2026-03-01T00:00:00+00:00" title="2026-03-01 00:00:00 UTC">28 Feb 2026, 19:00</time>'
    )


def test_a_watermark_ahead_of_this_clock_is_not_in_the_future() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert ENGLISH.ago(now + timedelta(minutes=3), now) == ENGLISH.ago(now, now)


async def fetched(path: str) -> httpx2.Response:
    app = FastAPI()
    app.include_router(assets.router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://console") as client:
        return await client.get(path)


@pytest.mark.parametrize("name", ["console.css", "charts.css", "charts.js", "favicon.svg"])
async def test_a_file_may_be_kept_for_ever_under_the_name_of_its_content(name: str) -> None:
    answer = await fetched(assets.asset(name))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


async def test_the_script_of_the_charts_comes_packed_from_the_installed_package() -> None:
    answer = await fetched(assets.charts_script())
    assert answer.headers["content-encoding"] == "gzip"
    assert b"plotly.js" in answer.content[:200]


@pytest.mark.parametrize(
    "path", ["/static/own/console.css", "/static/own/..%2Fapp.py", "/static/vendor/plotly-0.min.js"]
)
async def test_no_other_file_is_served(path: str) -> None:
    assert (await fetched(path)).status_code == 404
