"""Compose file and manifests are what their programs read: held against the published schemas."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.unit.deploy.files import DEPLOY, objects

#: The oldest version of Kubernetes that the manifests are for, and the newest that was there.
VERSIONS = ("1.31", "1.37")
COMPOSE = DEPLOY / "compose.yaml"


def compose_findings(path: Path) -> str:
    """What the schema of compose files says is wrong."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_compose_file_is_one() -> None:
    assert compose_findings(COMPOSE) == ""


def test_a_word_that_compose_does_not_know_is_found(tmp_path: Path) -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    path = tmp_path / "compose.yaml"
    path.write_text(text.replace("healthcheck:", "healthchek:", 1), encoding="utf-8")
    assert "healthchek" in compose_findings(path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("each", objects(), ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_an_object_is_one_that_kubernetes_knows(each: dict[str, Any], version: str) -> None:
    assert kubernetes_validate.validate(each, version, strict=True) == version


def test_a_word_that_kubernetes_does_not_know_is_found() -> None:
    wrong = deepcopy(next(each for each in objects() if each["kind"] == "StatefulSet"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)
