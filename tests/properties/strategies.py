"""Hypothesis strategies of random packs and histories; what fails shrinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from rules.language.model import Pack
from tests.properties.chooser import Drawn, Seeded
from tests.properties.histories import History, Input, random_history, random_inputs

Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def histories(draw: Draw) -> History:
    """A random history under a random pack."""
    return random_history(Drawn(draw))


@st.composite
def inputs_under(draw: Draw, pack: Pack) -> tuple[Input, ...]:
    """Random inputs under a given pack."""
    return random_inputs(Drawn(draw), pack)


def seeded_history(seed: int) -> History:
    """The history of a seed: more varied and faster than what Hypothesis draws, but it does not shrink."""
    return random_history(Seeded(seed))


def varied_histories() -> st.SearchStrategy[History]:
    """Histories of seeds: for laws whose failures are plain to see without shrinking."""
    return st.integers(0, 2**32 - 1).map(seeded_history)
