"""Write the JSON Schemas of everything that crosses a boundary: `make schemas`."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from schemas.changes import Change, CustomerErased, DeadLetter, PendingNotice, ReplaySummary

FOLDER = Path(__file__).parent / "json"

#: File name without its ending, and the type whose schema it holds.
PUBLISHED: dict[str, type[BaseModel]] = {
    "change": Change,
    "pending-notice": PendingNotice,
    "customer-erased": CustomerErased,
    "dead-letter": DeadLetter,
    "replay-summary": ReplaySummary,
}


def documents() -> dict[str, str]:
    """The text of every schema file by its name."""
    return {f"{name}.schema.json": _document(model) for name, model in PUBLISHED.items()}


def _document(model: type[BaseModel]) -> str:
    schema = TypeAdapter(model).json_schema(mode="serialization", by_alias=True)
    framed = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(framed, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all schema files into the folder beside this module."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
