"""The hosts that the corpus runs against: each takes a pack and inputs and says what came of them."""

from __future__ import annotations

from rules.cases.run import Host, reference

HOSTS: dict[str, Host] = {"reference": reference}
