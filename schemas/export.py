"""Write the JSON Schemas of everything that crosses a boundary: `make schemas`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from schemas import events, packs
from schemas.changes import (
    Change,
    CustomerCategories,
    CustomerErased,
    DeadLetter,
    PendingNotice,
    ReplaySummary,
)
from schemas.journal import JournalRecord

FOLDER = Path(__file__).parent / "json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: What we write: file name without its ending, and the model whose schema it holds.
WRITTEN: dict[str, type[BaseModel]] = {
    "change": Change,
    "pending-notice": PendingNotice,
    "customer-categories": CustomerCategories,
    "customer-erased": CustomerErased,
    "dead-letter": DeadLetter,
    "journal": JournalRecord,
    "replay-summary": ReplaySummary,
}


def documents() -> dict[str, str]:
    """The text of every schema file by its name."""
    schemas = {"event": events.json_schema(), "pack": packs.json_schema()}
    for name, model in WRITTEN.items():
        schemas[name] = TypeAdapter(model).json_schema(mode="serialization", by_alias=True)
    return {f"{name}.schema.json": _document(schema) for name, schema in sorted(schemas.items())}


def _document(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": _DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all schema files into the folder beside this module."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
