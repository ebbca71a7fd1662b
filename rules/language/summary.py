"""A whole pack in plain English, as Markdown that reads as plain text too."""

from __future__ import annotations

import json

from rules.calendar import date_from_period
from rules.language.model import Category, Dimension, Pack, Policy, Rate
from rules.language.words import (
    Wording,
    capital,
    dimension_label,
    join_words,
    metric_label,
    spoken,
)
from rules.money import format_minor

_REVIEWS = {"month_start": "month", "quarter_start": "quarter", "year_start": "year"}


def pack_in_words(pack: Pack) -> str:
    """The pack as Markdown: the dimensions with their rules, then the numbers that the rules use."""
    wording = Wording(pack)
    lines = _head(pack)
    for dimension in pack.dimensions:
        lines += _dimension(wording, pack, dimension)
    lines += ["## The numbers behind it", ""]
    for metric in pack.metrics:
        lines.append(f"- {capital(metric_label(metric))} (`{metric.name}`): {wording.metric(metric)}.")
    for attribute in pack.attributes:
        name = capital(spoken(attribute.name))
        lines.append(f"- {name} (`attr.{attribute.name}`): told by the customer's record.")
    return "\n".join(lines).rstrip() + "\n"


def policy_words(policy: Policy) -> str:
    """When moves of a policy happen, as the end of a sentence."""
    parts = []
    if policy.hold:
        parts.append(f"after they have been due for {_days(policy.hold)} without a break")
    if policy.min_dwell:
        parts.append(f"not before {_days(policy.min_dwell)} in the category")
    if policy.at:
        parts.append(f"on the first day of a {_REVIEWS[policy.at]}")
    if not parts:
        parts.append("at once")
    if policy.step_one:
        parts.append("one category at a time")
    return ", ".join(parts)


def _head(pack: Pack) -> list[str]:
    lines = [f"# {pack.title or capital(spoken(pack.name))}", ""]
    if pack.description:
        lines += [" ".join(pack.description.split()), ""]
    about = f"Pack `{pack.name}`, version `{pack.version}`. Days are those of {pack.timezone}; money is in"
    lines += [
        f"{about} {pack.currency}. Facts more than {_days(pack.lateness)} late are refused.",
        "",
    ]
    for currency, rates in pack.rates.items():
        each = join_words((_rate(rate, pack.currency) for rate in rates), "and")
        lines.append(f"- One {currency} is {each}.")
    return [*lines, ""] if pack.rates else lines


def _dimension(wording: Wording, pack: Pack, dimension: Dimension) -> list[str]:
    """A dimension as lines of Markdown."""
    lines = [f"## {capital(dimension_label(dimension))} (`{dimension.id}`)", ""]
    if dimension.description:
        lines += [" ".join(dimension.description.split()), ""]
    if dimension.kind == "ladder":
        lines += ["A ladder, from the lowest category to the highest:", ""]
        lines += [_rank(wording, category) for category in dimension.categories]
        up, down = policy_words(dimension.upgrade), policy_words(dimension.downgrade)
        lines += ["", f"Moves up happen {up}.", f"Moves down happen {down}."]
    else:
        lines += ["The first of these that fits:", ""]
        for number, category in enumerate(dimension.categories, 1):
            when = f"when {wording.condition(category.when)}" if category.when else "otherwise"
            lines.append(f"{number}. {_category(category)}: {when}.{_strategy(category)}")
        lines += ["", f"Moves happen {policy_words(dimension.upgrade)}."]
    if dimension.publish:
        names = (metric_label(pack.metrics[index]) for index in dimension.publish)
        lines.append(f"Every change tells {join_words(names, 'and')}.")
    return [*lines, ""]


def _rank(wording: Wording, category: Category) -> str:
    start = f"- {_category(category)}:"
    if category.enter is None:
        return f"{start} everyone else.{_strategy(category)}"
    enter = wording.condition(category.enter)
    if category.keep is None:
        return f"{start} as long as {enter}.{_strategy(category)}"
    keep = wording.condition(category.keep)
    return f"{start} reached when {enter}; kept as long as {keep}.{_strategy(category)}"


def _category(category: Category) -> str:
    details = [f"`{category.id}`"] if category.title else []
    details += [f"code {category.code}"] if category.code else []
    name = f"**{category.title or category.id}**"
    return f"{name} ({', '.join(details)})" if details else name


def _strategy(category: Category) -> str:
    if category.strategy_json is None:
        return ""
    strategy: dict[str, object] = json.loads(category.strategy_json)
    shown = [f"{spoken(key)} {_plain(value)}" for key, value in strategy.items()]
    return f" Treatment: {', '.join(shown)}." if shown else ""


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rate(rate: Rate, currency: str) -> str:
    return f"{format_minor(rate.numerator, rate.scale)} {currency} from {date_from_period(rate.start)} on"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
