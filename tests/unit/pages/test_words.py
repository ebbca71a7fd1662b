"""Rules and reasons in plain words, in both languages."""

from __future__ import annotations

import re

import pytest

from rules.language.model import Pack
from workers.console.pages.formats import Formats
from workers.console.pages.names import Names, treatments
from workers.console.pages.reasons import Reasons
from workers.console.pages.rules import pack_in_words
from workers.packs import open_pack

CATALOG = ("shop", "business", "subscription")


@pytest.fixture(scope="module")
def shop() -> Pack:
    return open_pack("shop")


def reader(pack: Pack, language: str) -> Reasons:
    return Reasons(pack, language, Names(pack), Formats(language, pack))


GOLD = {
    "rule": "value_tier.gold.enter",
    "expression": "spend_365d >= 1200 and spend_90d >= 400",
    "result": True,
    "values": {"spend_365d": "1290.20", "spend_90d": None},
}


def test_a_reason_is_told_with_the_words_and_numbers_of_the_pack(shop: Pack) -> None:
    (reason,) = reader(shop, "en").read([GOLD])
    assert reason.words.startswith("Spend in a year net of refunds is at least 1200.00 USD and ")
    assert [(each.name, each.value) for each in reason.values] == [
        ("Spend in a year net of refunds", "US$1,290.20"),
        ("Spend in 90 days net of refunds", "not known"),
    ]


def test_the_same_reason_in_chinese(shop: Pack) -> None:
    (reason,) = reader(shop, "zh").read([GOLD])
    assert reason.words.endswith("，并且Spend in 90 days net of refunds 不低于 400.00 USD")
    assert reason.values[1].value == "未知"


def test_a_condition_that_the_pack_no_longer_has_is_shown_as_it_was_written(shop: Pack) -> None:
    (reason,) = reader(shop, "en").read([{**GOLD, "expression": "spend_365d >= 99"}])
    assert (reason.words, reason.expression) == ("", "spend_365d >= 99")


def test_an_override_names_who_and_why(shop: Pack) -> None:
    pin = {
        "rule": "value_tier.gold.pin",
        "expression": None,
        "result": True,
        "values": {"actor": "anna", "reason": "a <b>friend</b>"},
    }
    (reason,) = reader(shop, "en").read([pin])
    assert (reason.kind, reason.category, reason.actor, reason.why) == (
        "pin",
        "Gold",
        "anna",
        "a <b>friend</b>",
    )
    assert reason.values == ()


def test_a_category_as_a_value_goes_by_its_title(shop: Pack) -> None:
    told = reader(shop, "en").told(
        {"current": "at_risk", "value_tier": "gold", "days_in_category": 3}, "lifecycle"
    )
    assert [(each.name, each.value) for each in told] == [
        ("Category so far", "At risk"),
        ("Value", "Gold"),
        ("Days in the category so far", "3"),
    ]


@pytest.mark.parametrize("name", CATALOG)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_category_of_the_catalog_is_told_with_its_conditions(name: str, language: str) -> None:
    pack = open_pack(name)
    words = pack_in_words(pack, language, Names(pack))
    assert [each.id for each in words.dimensions] == [each.id for each in pack.dimensions]
    assert len(words.metrics) == len(pack.metrics)
    for dimension in words.dimensions:
        assert all(each.enter or each.when for each in dimension.categories[:-1] if not dimension.ladder)
        assert sum(not each.enter for each in dimension.categories if dimension.ladder) == dimension.ladder


@pytest.mark.parametrize("name", CATALOG)
def test_nothing_english_is_left_between_the_titles_of_chinese_rules(name: str) -> None:
    pack = open_pack(name)
    own = {part for text in _own_words(pack) for part in re.findall(r"[a-z]+", text.lower())}
    words = pack_in_words(pack, "zh", Names(pack))
    for dimension in words.dimensions:
        for category in dimension.categories:
            said = (
                f"{category.enter} {category.keep} {category.when} {dimension.upgrade} {dimension.downgrade}"
            )
            assert set(re.findall(r"[A-Za-z]+", said.lower())) <= own
    for metric in words.metrics:
        assert set(re.findall(r"[A-Za-z]+", metric.words.lower())) <= own


def test_a_ladder_is_told_from_the_top(shop: Pack) -> None:
    tier = pack_in_words(shop, "en", Names(shop)).dimensions[0]
    assert [each.title for each in tier.categories] == ["Platinum", "Gold", "Silver", "Bronze"]


def test_a_strategy_may_hold_anything() -> None:
    lines = treatments('{"discount": "8%", "tags": ["a", 1], "free_shipping": true}')
    assert [(each.name, each.value) for each in lines] == [
        ("Discount", "8%"),
        ("Tags", '["a", 1]'),
        ("Free shipping", "true"),
    ]
    assert treatments(None) == []


def _own_words(pack: Pack) -> list[str]:
    """Whatever the pack itself brings: titles, names, labels, literals, its currency."""
    texts = [pack.currency, "NPS"]
    for metric in pack.metrics:
        texts += [metric.title or "", metric.name.replace("_", " "), *(getattr(metric, "labels", None) or ())]
    for dimension in pack.dimensions:
        texts += [dimension.title or "", dimension.id.replace("_", " ")]
        for category in dimension.categories:
            texts += [each.text for each in (category.enter, category.keep, category.when) if each]
            texts.append(category.id)
    return [*texts, *(each.name.replace("_", " ") for each in pack.attributes)]
