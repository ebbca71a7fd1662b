"""Dead letters: what is said of a record that changed nothing (S2.4)."""

from __future__ import annotations

import base64
import hashlib

from rules.engine.event import Code, Rejection


def dead_letter(rejection: Rejection, source: str, position: int, raw: bytes) -> dict[str, object]:
    """The body of a rejected record; of an erased customer's it says nothing but where it stood.

    `source` is the base name of a file, or `topic/partition`; `position` the line, row or offset.
    """
    letter: dict[str, object] = {
        "code": rejection.code.value,
        "detail": rejection.detail,
        "source": source,
        "position": position,
    }
    if rejection.code is Code.ERASED:
        letter["customer_sha256"] = hashlib.sha256((rejection.customer_id or "").encode()).hexdigest()
        return letter
    letter["event_id"] = rejection.event_id
    try:
        letter["record"] = raw.decode()
    except UnicodeDecodeError:
        letter["record"] = None
        letter["record_base64"] = base64.b64encode(raw).decode()
    return letter
