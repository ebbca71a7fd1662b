"""The JSON Schemas in the repository are those of the models, and good schemas."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from schemas.export import FOLDER, documents


def test_the_folder_holds_exactly_the_published_schemas() -> None:
    assert {path.name for path in FOLDER.iterdir()} == documents().keys()


@pytest.mark.parametrize("name", documents())
def test_the_file_is_what_the_model_says(name: str) -> None:
    """If this fails, run `make schemas` and say in the changelog what changed for subscribers."""
    assert (FOLDER / name).read_text(encoding="utf-8") == documents()[name]


@pytest.mark.parametrize("name", documents())
def test_the_schema_is_itself_valid(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(documents()[name]))
