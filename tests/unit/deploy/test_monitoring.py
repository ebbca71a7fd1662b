"""Alerts and dashboards name figures that exist, and alerts come when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import groupby
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.deploy.files import (
    DASHBOARDS,
    DEPLOY,
    RULES,
    expressions,
    labels_in,
    names_in,
    panels,
    read,
    rules,
)
from workers.console.telemetry import Telemetry as ConsoleTelemetry
from workers.live.telemetry import Telemetry as WorkerTelemetry
from workers.projector.telemetry import Telemetry as ProjectorTelemetry

#: What Prometheus and histograms add.
GIVEN_LABELS = {"job", "instance", "le"}
EXPRESSIONS = expressions()
ALERTS = [rule for rule in rules() if "alert" in rule]


def registries() -> list[CollectorRegistry]:
    return [each.registry for each in (WorkerTelemetry(), ProjectorTelemetry(), ConsoleTelemetry())]


def figures() -> tuple[set[str], set[str]]:
    """The names under which figures are scraped, and the labels that they carry."""
    names, labels = set(), set()
    for registry in registries():
        for collector in list(registry._collector_to_names):
            names |= set(registry._collector_to_names[collector])
            labels |= set(getattr(collector, "_labelnames", ()))
    return names, labels | {"version", "pack", "pack_version", "fingerprint"}


NAMES, LABELS = figures()
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed here")
    return found


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_every_figure_and_label_exists(where: str, expression: str) -> None:
    assert names_in(expression) <= NAMES | RECORDED
    assert labels_in(expression) - {""} <= LABELS | GIVEN_LABELS
    assert names_in(expression) or "up{" in expression


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_every_alert_says_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"]
    page, _, section = rule["annotations"]["runbook"].partition("#")
    text = (DEPLOY.parent / page).read_text(encoding="utf-8")
    assert section in {heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)}


def test_every_alert_is_tried() -> None:
    tried = {
        each["alertname"]
        for test in read(RULES.with_name("tierline.test.yml"))["tests"]
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert tried == {rule["alert"] for rule in ALERTS}


def test_alerts_come_when_they_should() -> None:
    done = subprocess.run(
        [promtool(), "test", "rules", "tierline.test.yml"],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_one() -> None:
    done = subprocess.run(
        [promtool(), "check", "config", "prometheus.yml"],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_expressions_of_dashboards_are_well_formed(tmp_path: Path) -> None:
    listed = [{"record": f"r{number}", "expr": each} for number, (_, each) in enumerate(EXPRESSIONS)]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "all", "rules": listed}]}), encoding="utf-8")
    done = subprocess.run([promtool(), "check", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=[path.stem for path in DASHBOARDS])
def test_a_dashboard_is_whole(path: Path) -> None:
    board = read(path)
    assert board["uid"] == path.stem
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert [each["name"] for each in board["templating"]["list"]] == ["source"]
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${source}"
        assert panel["targets"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_panels_do_not_lie_on_each_other() -> None:
    for _, group in groupby(panels(), key=lambda each: each[0]):
        taken: set[tuple[int, int]] = set()
        for _, panel in group:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            taken |= cells


def test_every_figure_of_ours_is_on_a_dashboard_or_in_an_alert() -> None:
    ours = {
        name
        for registry in registries()
        for names in registry._collector_to_names.values()
        for name in names[:1]
    }
    shown = " ".join(expression for _, expression in EXPRESSIONS)
    assert {name for name in ours if name.startswith("tierline") and name not in shown} == {
        "tierline_projector_batch_records",
        "tierline_projector_last_commit_timestamp_seconds",
    }
