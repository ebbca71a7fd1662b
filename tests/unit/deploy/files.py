"""The files of `deploy/`, read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tests.repository.project import ROOT

DEPLOY: Final = ROOT / "deploy"
RULES: Final = DEPLOY / "prometheus" / "tierline.rules.yml"
DASHBOARDS: Final = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))


def read(path: Path) -> Any:
    """A YAML or JSON file with one document."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else YAML(typ="safe").load(text)


def rules() -> list[dict[str, Any]]:
    """All rules, recorded ones and alerts."""
    return [rule for group in read(RULES)["groups"] for rule in group["rules"]]


def panels() -> list[tuple[str, dict[str, Any]]]:
    """All panels with the names of their dashboards."""
    return [(path.stem, panel) for path in DASHBOARDS for panel in read(path)["panels"]]


def expressions() -> list[tuple[str, str]]:
    """Every expression of Prometheus' language, with where it stands."""
    of_rules = [(str(rule.get("alert") or rule["record"]), rule["expr"]) for rule in rules()]
    of_panels = [
        (f"{board}: {panel['title']}", target["expr"])
        for board, panel in panels()
        for target in panel["targets"]
    ]
    return of_rules + of_panels


def names_in(expression: str) -> set[str]:
    """Figures that an expression names, recorded ones too; labels' values are taken away first."""
    return set(re.findall(r"\btierline[:_][a-z0-9_:]+", re.sub(r'"[^"]*"', '""', expression)))


def labels_in(expression: str) -> set[str]:
    """Labels that an expression names."""
    grouped = re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", expression)
    chosen = re.findall(r"[{,]\s*([a-z_]+)\s*(?:=~|!~|!=|=)", expression)
    return {label.strip() for group in grouped for label in group.split(",")} | set(chosen)


def objects() -> list[dict[str, Any]]:
    """All objects of the base for Kubernetes."""
    found = []
    for path in sorted((DEPLOY / "kubernetes" / "base").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            found += list(YAML(typ="safe").load_all(path.read_text(encoding="utf-8")))
    return found
