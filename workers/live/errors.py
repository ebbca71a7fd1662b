"""Why a shard cannot go on."""

from __future__ import annotations


class Stop(Exception):  # noqa: N818 - not an error of the program: what it says is for the operator
    """The shard stays where it is until somebody has looked: going on could publish something untrue."""


class Refuse(Exception):  # noqa: N818 - likewise
    """The worker must not run with these rules or these topics; says what to do."""
