"""The second step of a replay: parts through engines, results to the shelves."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.engine import layout as at
from rules.engine.plan import Plan
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
        def shelf(name: str, table: NDArray[Any]) -> Shelf:
            return Shelf(table, None if self._folder is None else self._folder / f"{name}-{part}")

        evaluations, changes, notices = played.evaluations, played.changes, played.notices
        counts = np.bincount(changes[:, at.CHANGE_EVALUATION], minlength=evaluations.shape[0])
        ids, ends = gather(played.ids.arena, played.ids.ends, played.id_order)
        return Shelved(
            ids=ids,
            ids_ends=ends,
            when=evaluations[:, [at.EVALUATION_INPUT, at.EVALUATION_INSTANT]],
            notice_when=notices[:, [at.NOTICE_INPUT, at.NOTICE_INSTANT]],
            change_first=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            trigger_first=np.concatenate(([0], np.cumsum(played.trigger_length, dtype=np.int64))).astype(
                np.int64
            ),
            trigger_type=played.trigger_type,
            customer_rows=played.customers[:, 0].copy(),
            strings=played.strings,
            evaluations=shelf("evaluations", evaluations),
            changes=shelf("changes", changes),
            notices=shelf("notices", notices),
            triggers=shelf("triggers", played.trigger_text),
            customers=shelf("customers", played.customers),
            erasures=played.erasures,
        )
