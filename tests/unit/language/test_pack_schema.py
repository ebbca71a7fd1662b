"""The schema for editors knows the keys that the language knows, and accepts every pack that it accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from ruamel.yaml import YAML

import schemas.packs as shapes
from rules.language import keys
from rules.language.load import load_pack
from workers.packs import catalog

RETAIL = Path(__file__).parents[2] / "data" / "retail.yaml"
PACKS = {"retail": RETAIL, **catalog()}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = shapes.json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def tree(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_of_ours_fits_the_schema(validator: Draft202012Validator, name: str) -> None:
    load_pack(PACKS[name].read_text(), name)
    assert [error.message for error in validator.iter_errors(tree(PACKS[name]))] == []


@pytest.mark.parametrize(
    ("models", "known"),
    [
        ((shapes.PackFile,), keys.PACK),
        ((shapes.AggregateMetric,), keys.AGGREGATE),
        ((shapes.DerivedMetric,), keys.DERIVED),
        ((shapes.Ladder, shapes.FirstMatch), keys.DIMENSION),
        ((shapes.LadderCategory, shapes.MatchCategory), keys.CATEGORY),
        ((shapes.LadderPolicy,), keys.POLICY),
    ],
)
def test_schema_and_language_know_the_same_keys(
    models: tuple[type[BaseModel], ...], known: keys.Keys
) -> None:
    assert {name for model in models for name in model.model_fields} == set(known.all)
    required = [
        {name for name, field in model.model_fields.items() if field.is_required()} for model in models
    ]
    assert all(names == set(known.required) for names in required)


def test_schema_and_language_know_the_same_words() -> None:
    assert get_args(shapes.FactType) == keys.FACT_TYPES
    metric = shapes.AggregateMetric.model_fields
    assert get_args(metric["agg"].annotation) == keys.AGGREGATES
    assert get_args(get_args(metric["field"].annotation)[0]) == tuple(keys.FIELDS)
    policy = shapes.LadderPolicy.model_fields
    assert get_args(get_args(policy["at"].annotation)[0]) == keys.REVIEWS
    assert set(get_args(policy["step"].annotation)) == set(keys.STEPS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 1),
        (("lateness",), 30),
        (("colour",), "red"),
        (("metrics", "orders", "agg"), "average"),
        (("metrics", "orders", "of"), []),
        (("metrics", "orders", "where"), {"channel": "web", "method": "card"}),
        (("metrics", "orders", "window"), "365"),
        (("metrics", "Orders"), {"agg": "count", "of": "order.placed"}),
        (("dimensions", "value_tier", "kind"), "steps"),
        (("dimensions", "value_tier", "change"), {}),
        (("dimensions", "lifecycle", "change", "step"), "one"),
        (("dimensions", "value_tier", "categories", "gold", "when"), "orders > 1"),
        (("rates", "EUR", "2024"), "0.8"),
    ],
)
def test_a_slip_does_not_fit_the_schema(
    validator: Draft202012Validator, path: tuple[str, ...], value: object
) -> None:
    pack = tree(RETAIL)
    part = pack
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert not validator.is_valid(pack)
