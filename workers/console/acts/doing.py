"""Carrying out what was planned: written once, told to the log with who decided, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from workers.acting.decisions import Written
from workers.console.acts.outbox import AwayError, Sent
from workers.console.acts.planning import Plan
from workers.console.context import RefusedError, Visit
from workers.logs import logger
from workers.sql.queries.shapes import Letter

log = logger("console")


def carry_out(visit: Visit, planned: Plan, number: UUID) -> Written:
    """Write the events of a plan. Raises RefusedError (503) where no broker answers."""
    act = planned.asked.act
    try:
        written = visit.state.outbox.write(planned.events(number), planned.decision.at_ms)
    except AwayError as error:
        _tell(visit, act, 0, planned.asked.reason, failed=str(error))
        raise RefusedError(503, f"nothing was written: {error}") from error
    _tell(visit, act, written.taken, planned.asked.reason, failed=written.why_not)
    log.debug("acted on", act=act, actor=visit.user, customer=planned.asked.customers)
    return written


def send_letters(visit: Visit, letters: Sequence[Letter], *, fix_key: bool) -> Sent:
    """Send the records of letters again. Raises RefusedError (503) where no broker answers."""
    sources = {(each.source, each.position) for each in letters}
    since_ms = min(each.at_us for each in letters) // 1000
    try:
        sent = visit.state.outbox.send_again(sources, since_ms, fix_key=fix_key)
    except AwayError as error:
        _tell(visit, "redrive", 0, "", failed=str(error))
        raise RefusedError(503, f"nothing was sent: {error}") from error
    _tell(visit, "redrive", sent.sent, "", failed=None)
    return sent


def _tell(visit: Visit, act: str, count: int, reason: str, *, failed: str | None) -> None:
    line = {"act": act, "actor": visit.user, "role": visit.role, "count": count, "reason": reason}
    if failed is None:
        log.info("acted", **line)
    else:
        log.warning("acted", **line, failed=failed)
    visit.state.telemetry.acted(act, count)
