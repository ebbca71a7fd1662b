"""The report of a replay: one HTML page that needs nothing else and asks no other host."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

from rules.language.model import Pack
from workers.report.charts import PALETTE, Series, area_chart, bar_chart, colors, flow_chart, swatch
from workers.report.figures import CAUSES, DimensionFigures, Figures, read_figures
from workers.report.html import Child, Markup, element, join, table
from workers.report.words import change_in_words, instant_in_words

FILE_NAME = "report.html"
#: Moves that fall due within these days get a column of their own.
HORIZONS = (7, 30, 90)
#: A table beside a chart of time has about this many rows.
TABLE_ROWS = 24
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def render_report(out: Path, pack: Pack) -> Path:
    """Write `report.html` into the output folder of a replay under a pack, and return its path."""
    figures = read_figures(out, pack)
    path = out / FILE_NAME
    unfinished = path.with_suffix(".html.part")
    unfinished.write_text(page(figures), encoding="utf-8")
    unfinished.replace(path)
    return path


def page(figures: Figures) -> str:
    """The whole page."""
    pack = figures.pack
    title = f"{pack.title or pack.name}: who moved, and why"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", _asset("report.css")),
    )
    body = element(
        "body",
        element("header", element("h1", title), _about(figures), _contents(figures)),
        element("main", _totals(figures), *(_dimension(each, figures) for each in figures.dimensions),
                _activity(figures), _pending(figures), _latest(figures), _rejected(figures)),
        _colophon(figures),
        element("script", _asset("report.js")),
    )  # fmt: skip
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _asset(name: str) -> Markup:
    return Markup(files("workers.report").joinpath(name).read_text(encoding="utf-8"))


def _about(figures: Figures) -> Markup:
    pack, days = figures.pack, figures.timeline.days
    span = f", {days[0]} to {_end(figures)}" if days else ""
    return element("p", f"Pack {pack.name}, version {pack.version}{span}. {pack.description or ''}")


def _end(figures: Figures) -> date:
    until = figures.summary["until"]
    return date.fromisoformat(until) if until else figures.timeline.days[-1]


def _contents(figures: Figures) -> Markup:
    links = [(each.dimension.id, each.dimension.title or each.dimension.id) for each in figures.dimensions]
    links += [("activity", "moves over time"), ("pending", "what is due"), ("latest", "latest changes")]
    links += [("rejected", "rejected records")]
    return element(
        "nav", *(element("a", text, href=f"#{name}") for name, text in links), aria_label="contents"
    )


def _totals(figures: Figures) -> Markup:
    summary = figures.summary
    rejected = sum(summary["rejected"].values())
    speed = summary["events"] / summary["seconds"] if summary["seconds"] else 0
    tiles = [
        ("customers", f"{summary['customers']:,}"),
        ("events read", f"{summary['events']:,}"),
        ("changes", f"{summary['changes']:,}"),
        ("pending notices", f"{summary['notices']:,}"),
        ("rejected", f"{rejected:,}"),
        ("duplicates", f"{summary['duplicates']:,}"),
        ("late", f"{summary['late']:,}"),
        ("events a second", f"{speed:,.0f}"),
    ]
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in tiles),
        class_="tiles",
    )


def _section(name: str, title: str, *children: Child) -> Markup:
    return element("section", element("h2", title), *children, id=name)


def _dimension(figures: DimensionFigures, whole: Figures) -> Markup:
    dimension = figures.dimension
    fills = colors(dimension)
    names = {each.id: each.title or each.id for each in dimension.categories}
    order = list(reversed(names)) if dimension.kind == "ladder" else list(names)
    title = dimension.title or dimension.id
    series = [Series(names[each], fills[each], figures.over_time[each]) for each in reversed(order)]
    ordered = {each: names[each] for each in order}
    moves = sum(number for _, _, number in figures.flows)
    return _section(
        dimension.id,
        title,
        element("p", dimension.description) if dimension.description else None,
        _categories(figures, order, fills),
        *_over_time(figures, whole, ordered, title, series),
        element("h3", f"Moves between categories: {moves:,}"),
        flow_chart(f"{title}: moves between categories", figures.flows, ordered, fills)
        if figures.flows
        else element("p", "Nobody moved after the first category."),
        _flow_table(figures, ordered, title) if figures.flows else None,
    )


def _categories(figures: DimensionFigures, order: list[str], fills: dict[str, str]) -> Markup:
    by_id = {each.id: each for each in figures.dimension.categories}
    total = max(1, sum(figures.now.values()))
    coded = any(each.code for each in by_id.values())
    headings = ["category", *(["code"] if coded else []), "customers", "share", "strategy"]
    rows: list[list[Child]] = [
        [
            join(swatch(fills[each]), by_id[each].title or each),
            *([by_id[each].code or ""] if coded else []),
            f"{figures.now[each]:,}",
            f"{figures.now[each] / total:.1%}",
            _strategy(by_id[each].strategy_json),
        ]
        for each in order
    ]
    numbers = {2, 3} if coded else {1, 2}
    return table(headings, rows, numbers=numbers, caption="Who is where at the end")


def _strategy(text: str | None) -> str:
    """A strategy as `key: value` pairs; what is nested stays JSON."""
    pairs = json.loads(text).items() if text else ()
    return ", ".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in pairs
    )


def _sentence(text: str) -> Markup:
    """Words in which what stands between backticks is code."""
    return join(*(element("code", part) if index % 2 else part for index, part in enumerate(text.split("`"))))


def _folded(summary: str, *children: Child) -> Markup:
    return element("details", element("summary", summary), *children)


def _over_time(
    figures: DimensionFigures, whole: Figures, names: dict[str, str], title: str, series: list[Series]
) -> list[Markup]:
    days, step = whole.timeline.days, whole.timeline.step
    if not days:
        return []
    every = max(1, -(-len(days) // TABLE_ROWS))
    picked = sorted({*range(0, len(days), every), *range(len(days) - 1, len(days))})
    rows: list[list[Child]] = [
        [str(days[index]), *(f"{figures.over_time[each][index]:,}" for each in names)] for index in picked
    ]
    columns = [step, *names.values()]
    numbers = set(range(1, len(columns)))
    caption = f"{title}: customers over time"
    return [
        element("h3", "Customers over time"),
        area_chart(f"{title}: customers in each category over time", days, step, series),
        _folded("the same as a table", table(columns, rows, numbers=numbers, caption=caption)),
    ]


def _flow_table(figures: DimensionFigures, names: dict[str, str], title: str) -> Markup:
    """A matrix from → to, shaded by the number of moves."""
    numbers = {(source, to): moves for source, to, moves in figures.flows}
    most = max(numbers.values())

    def cell(source: str, to: str) -> Markup:
        moves = numbers.get((source, to), 0)
        shade = f"--heat:{moves / most * 100:.0f}%" if moves else None
        return element("td", f"{moves:,}" if moves else "·", class_="number heat", style=shade)

    head = element(
        "tr", element("th", "from \\ to"), *(element("th", each, class_="number") for each in names.values())
    )
    rows = (
        element("tr", element("th", name, scope="row"), *(cell(source, to) for to in names))
        for source, name in names.items()
    )
    first = element(
        "tr", element("th", "first category", scope="row"),
        *(element("td", f"{figures.first.get(to, 0):,}", class_="number") for to in names),
    )  # fmt: skip
    matrix = element(
        "table", element("caption", f"{title}: moves from row to column"), element("thead", head),
        element("tbody", *rows, first),
    )  # fmt: skip
    return _folded("the same as a table", element("div", matrix, class_="scroll", tabindex=0))


def _activity(figures: Figures) -> Markup:
    timeline = figures.timeline
    shades = dict(zip(CAUSES, PALETTE, strict=False))
    series = [Series(cause, shades[cause], values) for cause, values in figures.by_cause.items()]
    totals: list[list[Child]] = [
        [cause, f"{sum(values):,}", f"{max(values):,}"] for cause, values in figures.by_cause.items()
    ]
    name = "Moves a " + timeline.step
    if not series:
        return _section("activity", name, element("p", "Nobody moved after the first category."))
    headings = ["cause", "moves", f"most in a {timeline.step}"]
    about = (
        "An event moves a customer as it arrives; time alone does so at the moment the move falls due. "
        "First categories are not counted."
    )
    return _section(
        "activity",
        f"{name} by cause",
        element("p", about),
        bar_chart(f"{name} by cause", timeline.days, timeline.step, series),
        table(headings, totals, numbers={1, 2}, caption="Moves by cause"),
    )


def _pending(figures: Figures) -> Markup:
    if not figures.timeline.days:
        return _section("pending", "What is due", element("p", "No move is pending."))
    end = _end(figures)
    rows: list[list[Child]] = []
    for each in figures.dimensions:
        names = {category.id: category.title or category.id for category in each.dimension.categories}
        moves = dict.fromkeys(((source, to) for source, to, _, _ in each.pending), 0)
        for source, to in moves:
            due = [(day, n) for a, b, day, n in each.pending if (a, b) == (source, to)]
            within = [sum(n for day, n in due if day <= end + timedelta(days=days)) for days in HORIZONS]
            counts = (f"{number:,}" for number in (*within, sum(n for _, n in due)))
            title = each.dimension.title or each.dimension.id
            rows.append([title, names[source], names[to], *counts, str(min(day for day, _ in due))])
    if not rows:
        return _section("pending", "What is due", element("p", "No move is pending."))
    headings = ["dimension", "from", "to", *(f"in {days} days" for days in HORIZONS), "all", "first due"]
    caption = f"Customers with a pending move, counted from {end}"
    return _section(
        "pending",
        "What is due",
        element("p", "These customers move on the day that is due, unless something happens before."),
        table(headings, rows, numbers={3, 4, 5, 6}, caption=caption),
    )


def _latest(figures: Figures) -> Markup:
    rows: list[list[Child]] = [
        [instant_in_words(each["effective_at"]), each["customer_id"], _sentence(change_in_words(each))]
        for each in reversed(figures.last_changes)
    ]
    if not rows:
        return _section("latest", "Latest changes", element("p", "There are no changes."))
    headings = ["when (UTC)", "customer", "what and why"]
    return _section(
        "latest",
        "Latest changes",
        table(headings, rows, numbers=set(), caption="The last changes, newest first"),
    )


def _rejected(figures: Figures) -> Markup:
    rejected, unknown = figures.summary["rejected"], figures.summary["unknown_types"]
    if not rejected and not unknown:
        return _section("rejected", "Rejected records", element("p", "Every record was accepted."))
    counts: list[list[Child]] = [[code, f"{number:,}"] for code, number in rejected.items()]
    counts += [[f"unknown type {name}", f"{number:,}"] for name, number in unknown.items()]
    examples: list[list[Child]] = [
        [each["code"], f"{each['source']}:{each['position']}", _sentence(each["detail"])]
        for each in figures.dead_letters
    ]
    return _section(
        "rejected",
        "Rejected records",
        element("p", "They changed nothing; dead-letters.ndjson holds each as it came, with the reason."),
        table(["code", "records"], counts, numbers={1}, caption="How many and why"),
        table(["code", "where", "what is wrong"], examples, numbers=set(), caption="The first of them")
        if examples
        else None,
    )


def _colophon(figures: Figures) -> Markup:
    pack, summary = figures.pack, figures.summary
    return element(
        "footer",
        element("p", f"Days are days in {pack.timezone}, times are UTC, money is in {pack.currency}."),
        element(
            "p",
            "Pack fingerprint ",
            element("code", pack.fingerprint),
            f", generation {summary['generation']}.",
        ),
    )
