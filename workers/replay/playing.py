"""The second step of a replay: parts through engines, results to the shelves."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.plan_arrays import Plan
from rules.engine.strings import gather
from workers.replay.dealing import Dealer
from workers.replay.gather import Shelved
from workers.replay.play import Played, Ticks, play
from workers.replay.shelf import Shelf
from workers.replay.summary import Summary


class Player:
    """Plays parts; may be called from several threads. `results` leaves out those that are empty."""

    def __init__(
        self, plan: Plan, dealer: Dealer, ticks: Ticks, folder: Path | None, summary: Summary
    ) -> None:
        self.plan = plan
        self.rejections: list[tuple[int, int, str, str]] = []
        self._results: dict[int, Shelved] = {}
        self._dealer = dealer
        self._ticks = ticks
        self._folder = folder
        self._summary = summary
        self._lock = threading.Lock()

    def play(self, part: int) -> None:
        """Play one part."""
        blocks = self._dealer.parts.take(part)
        if not blocks:
            return
        played = play(self.plan, blocks, self._ticks, self._summary.order == "arrival")
        shelved = self._shelve(part, played)
        counters = played.counters.tolist()
        with self._lock:
            summary = self._summary
            self._results[part] = shelved
            self.rejections += played.rejections
            summary.applied += counters[at.COUNTED_APPLIED]
            summary.duplicates += counters[at.COUNTED_DUPLICATE]
            summary.late += counters[at.COUNTED_LATE]
            summary.changes += played.changes.shape[0]
            summary.notices += played.notices.shape[0]
            summary.erased += len(played.erasures)
            summary.customers += played.customers.shape[0]

    def results(self) -> list[Shelved]:
        """What all parts brought, in the order of the parts."""
        return [self._results[part] for part in sorted(self._results)]

    def _shelve(self, part: int, played: Played) -> Shelved:
        def shelf(name: str, table: NDArray[Any], order: NDArray[np.int64] | None = None) -> Shelf:
            return Shelf(table, order, None if self._folder is None else self._folder / f"{name}-{part}")

        ids, ends = gather(played.ids.arena, played.ids.ends, played.id_order)
        evaluations, notices = played.evaluations, played.notices
        when = np.stack(
            [evaluations[played.evaluation_order, c] for c in (at.EVALUATION_INPUT, at.EVALUATION_INSTANT)],
            axis=1,
        )
        notice_when = np.stack(
            [notices[played.notice_order, c] for c in (at.NOTICE_INPUT, at.NOTICE_INSTANT)], axis=1
        )
        return Shelved(
            ids=ids,
            ids_ends=ends,
            when=when,
            notice_when=notice_when,
            change_first=played.change_first,
            trigger_first=played.trigger_first,
            trigger_type=played.trigger_type,
            customer_rows=played.customers[:, 0].copy(),
            strings=played.strings,
            evaluations=shelf("evaluations", evaluations, played.evaluation_order),
            changes=shelf("changes", played.changes, played.change_order),
            notices=shelf("notices", notices, played.notice_order),
            triggers=shelf("triggers", played.trigger_text),
            customers=shelf("customers", played.customers),
            erasures=played.erasures,
        )
