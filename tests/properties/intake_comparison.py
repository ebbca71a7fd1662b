"""What the fast decoders must give, built from the answers of `decode_event`."""

from __future__ import annotations

from typing import Any

import numpy as np

from rules.engine.event import TYPES, Event, Rejection, Unknown
from rules.intake import columns as at
from rules.intake.columns import ABSENT, Decoded, EventColumns
from rules.intake.tables import Intake

_NAMES = tuple(TYPES)


def expected_rows(answers: list[Event | Rejection | Unknown], intake: Intake) -> list[dict[str, Any]]:
    """The accepted events as rows."""
    rows = []
    for index, event in enumerate(answers):
        if not isinstance(event, Event):
            continue
        codes = intake.label_codes[event.topic]
        detailed = event.type in ("category.assigned", "category.released", "customer.erased")
        rows.append(
            {
                "index": index,
                "type": event.type,
                "occurred_us": event.occurred_us,
                "period": event.period,
                "amount": event.amount,
                "discount": event.discount,
                "items": event.items,
                "score": event.severity if event.score is None else event.score,
                "label": codes.index(event.label) + 1 if event.label in codes else 0,
                "customer_id": event.customer_id,
                "event_id": event.event_id,
                "detail": event if detailed else None,
                # doubles by their bits, so that the two zeros differ
                "attributes": [(k, v.hex() if isinstance(v, float) else v) for k, v in event.attributes],
            }
        )
    return rows


def decoded_rows(events: EventColumns) -> list[dict[str, Any]]:
    """The columns as rows."""

    def number(value: Any) -> int | None:
        return None if value == ABSENT else int(value)

    def text(buf: Any, start: Any, length: Any) -> str:
        return bytes(buf[start : start + length]).decode()

    rows = []
    for i in range(events.index.size):
        attributes: list[tuple[int, Any]] = []
        for k in range(events.attribute_first[i], events.attribute_first[i + 1]):
            kind, word = events.attribute_kind[k], events.attribute_value[k]
            value: Any = None
            if kind == at.ATTRIBUTE_INTEGER:
                value = int(word)
            elif kind == at.ATTRIBUTE_NUMBER:
                value = float(word.view(np.float64)).hex()
            elif kind == at.ATTRIBUTE_STRING:
                value = text(events.attribute_text, events.attribute_start[k], events.attribute_length[k])
            elif kind == at.ATTRIBUTE_BOOLEAN:
                value = bool(word)
            attributes.append((int(events.attribute_index[k]), value))
        rows.append(
            {
                "index": int(events.index[i]),
                "type": _NAMES[events.type[i]],
                "occurred_us": int(events.occurred_us[i]),
                "period": int(events.period[i]),
                "amount": number(events.amount[i]),
                "discount": number(events.discount[i]),
                "items": number(events.items[i]),
                "score": number(events.score[i]),
                "label": int(events.label[i]),
                "customer_id": text(
                    events.customer_text, events.customer_start[i], events.customer_length[i]
                ),
                "event_id": text(events.event_text, events.event_start[i], events.event_length[i]),
                "detail": events.details[events.detail[i]] if events.detail[i] >= 0 else None,
                "attributes": attributes,
            }
        )
    return rows


def assert_same(
    decoded: Decoded,
    records: list[bytes],
    answers: list[Event | Rejection | Unknown],
    intake: Intake,
) -> None:
    """The batch decoded fast is what the records are one by one; fails with the record that differs."""
    expected = {row["index"]: row for row in expected_rows(answers, intake)}
    rows = {row["index"]: row for row in decoded_rows(decoded.events)}
    assert list(rows) == sorted(rows)
    for index, record in enumerate(records):
        assert rows.get(index) == expected.get(index), record
    rejected = {one.index: (one.rejection, one.record) for one in decoded.rejected}
    assert list(rejected) == sorted(rejected)
    assert rejected == {
        index: (answer, records[index])
        for index, answer in enumerate(answers)
        if isinstance(answer, Rejection)
    }
    unknown: dict[str, int] = {}
    for answer in answers:
        if isinstance(answer, Unknown):
            unknown[answer.type] = unknown.get(answer.type, 0) + 1
    assert decoded.unknown == unknown
