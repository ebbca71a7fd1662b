"""What a replay writes is what the published schemas promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from schemas.changes import Change, CustomerErased, DeadLetter, PendingNotice, ReplaySummary
from schemas.export import documents
from tests.small_shop import replay_small_shop

FILES: dict[str, tuple[str, type[BaseModel]]] = {
    "changes.ndjson": ("change", Change),
    "pending.ndjson": ("pending-notice", PendingNotice),
    "erased.ndjson": ("customer-erased", CustomerErased),
    "dead-letters.ndjson": ("dead-letter", DeadLetter),
    "summary.json": ("replay-summary", ReplaySummary),
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replay_small_shop(tmp_path_factory.mktemp("shop"))


def records(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="utf-8")
    return [json.loads(text)] if file.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_every_record_is_valid_under_its_schema(out: Path, name: str) -> None:
    schema, _ = FILES[name]
    validator = Draft202012Validator(json.loads(documents()[f"{schema}.schema.json"]))
    found = records(out / name)
    assert found
    for record in found:
        validator.validate(record)


@pytest.mark.parametrize("name", FILES)
def test_every_record_passes_its_model_unchanged(out: Path, name: str) -> None:
    _, model = FILES[name]
    for record in records(out / name):
        parsed = model.model_validate(record)
        assert list(parsed.model_dump(by_alias=True, mode="json", exclude_unset=True).items()) == list(
            record.items()
        )
