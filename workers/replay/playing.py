"""The second step of a replay: parts through engines, results to the shelves."""

from __future__ import annotations

import threading

from rules.engine import layout as at
from rules.engine.plan_arrays import Plan
from rules.engine.strings import gather
from workers.replay.dealing import Dealer
from workers.replay.gather import Shelved
from workers.replay.play import Played, Ticks, play
from workers.replay.summary import Summary


class Player:
    """Plays parts; may be called from several threads. `results` leaves out those that are empty."""

    def __init__(self, plan: Plan, dealer: Dealer, ticks: Ticks, summary: Summary) -> None:
        self.plan = plan
        self.rejections: list[tuple[int, int, str, str]] = []
        self._results: dict[int, Shelved] = {}
        self._dealer = dealer
        self._ticks = ticks
        self._summary = summary
        self._lock = threading.Lock()

    def play(self, part: int) -> None:
        """Play one part."""
        events = self._dealer.parts.take(part)
        if events is None:
            return
        played = play(self.plan, events, self._ticks, self._summary.order == "arrival")
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
        shelves = self._dealer.parts.shelves(part)
        shelf = shelves.put
        ids, ends = gather(played.ids.arena, played.ids.ends, played.id_order)
        shelved = Shelved(
            ids=ids,
            ids_ends=ends,
            when=played.when,
            notice_when=played.notice_when,
            change_first=played.change_first,
            trigger_first=played.trigger_first,
            trigger_type=played.trigger_type,
            customer_rows=played.customers[:, 0].copy(),
            strings=played.strings,
            evaluations=shelf(played.evaluations, played.evaluation_order),
            changes=shelf(played.changes, played.change_order),
            notices=shelf(played.notices, played.notice_order),
            triggers=shelf(played.trigger_text),
            customers=shelf(played.customers),
            erasures=played.erasures,
        )
        shelves.close()
        return shelved
