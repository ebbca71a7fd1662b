"""What is compiled ahead of its first use is all that there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workers import warm

#: Where the processor has no instruction for it.
ELSEWHERE = "workers.kafka.crc32c.crc32c_by_tables"

SCRIPT = """
import importlib, pkgutil, sys
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
from workers.machine_code import prepare
prepare()
from workers import warm
warm._warm_decoders_and_texts()
warm.warm()
for root in ("rules", "workers"):
    for module in pkgutil.walk_packages(importlib.import_module(root).__path__, root + "."):
        if "migrations" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
kept = {
    each
    for name, module in sys.modules.items() if name.startswith(("rules.", "workers."))
    for each in vars(module).values()
    if isinstance(each, Dispatcher) and not isinstance(each._cache, NullCache)
}
assert len(kept) > 40
for each in kept:
    if not each.overloads:
        print(f"{each.py_func.__module__}.{each.py_func.__name__}")
"""


def test_everything_that_is_kept_on_disk_is_made() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert set(told.stdout.split()) - {ELSEWHERE} == set(), told.stdout


def test_who_goes_back_to_earlier_sources_is_told_that_they_are_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    sources = {"are": ""}
    monkeypatch.setattr(warm, "machine_code_folder", lambda: tmp_path / "machine-code")
    monkeypatch.setattr(warm, "fingerprint", lambda: sources["are"])
    monkeypatch.setattr(warm, "warm", lambda: made.append(sources["are"]))
    told: list[str] = []
    for sources["are"] in ("old", "old", "new", "new", "old"):
        warm.make_ready(told.append)
    assert made == ["old", "new", "old"]
    assert sum("preparing" in each for each in told) == 3
