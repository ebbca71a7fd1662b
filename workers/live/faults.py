"""Points at which a worker can be told to die, so that tests can kill it at every step of a batch.

`TIERLINE_FAULT=sent:3` ends the process by SIGKILL, as a power cut would, when it reaches the step `sent` for
the third time. Never set outside of tests.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Final, Literal, get_args

from workers.cli.errors import UserError

Step = Literal[
    "taken", "stepped", "begun", "sent", "offsets", "acknowledged", "committed", "fenced", "restored"
]
STEPS: Final[tuple[Step, ...]] = get_args(Step)


class Faults:
    """At which step the process dies, if at any."""

    def __init__(self, chosen: str | None = None) -> None:
        """`chosen`: `step` or `step:nth`; `UserError` for a step that is none."""
        step, _, nth = (chosen or "").partition(":")
        if chosen and (step not in STEPS or not (nth or "1").isdecimal()):
            raise UserError(
                f"`{chosen}` is no fault: give one of {', '.join(STEPS)}, or `sent:3` for the third"
            )
        self._step = step
        self._nth = int(nth or 1)
        self._seen: Counter[str] = Counter()

    def reach(self, step: Step) -> None:
        """Go on, or die here."""
        if step != self._step:
            return
        self._seen[step] += 1
        if self._seen[step] == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)
