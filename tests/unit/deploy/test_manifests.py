"""Compose file, manifests and image: their settings, ports, probes and commands are those of the program."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from tests.unit.deploy.files import DEPLOY, objects, read
from workers.cli.main import build
from workers.settings.console import ConsoleSettings, console_settings
from workers.settings.database import DatabaseSettings, database_settings
from workers.settings.live import LiveSettings, live_settings

COMPOSE = read(DEPLOY / "compose.yaml")
OURS = ("worker", "projector", "console")
PORTS = {
    "worker": live_settings().web_port,
    "projector": database_settings().projector_port,
    "console": console_settings().console_port,
}
SETTINGS = {
    f"TIERLINE_{name.upper()}"
    for model in (LiveSettings, DatabaseSettings, ConsoleSettings)
    for name in model.model_fields
} | {"TIERLINE_RULES"}
PODS = {each["metadata"]["name"]: each for each in objects() if each["kind"] in ("Deployment", "StatefulSet")}
PINNED = re.compile(r"[\w./-]+:[\w.-]*\d[\w.-]*")


def settings_named(text: str) -> set[str]:
    return set(re.findall(r"\bTIERLINE_[A-Z_]+\b", text))


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(DEPLOY).as_posix()
        for path in DEPLOY.rglob("*")
        if path.suffix in {".yaml", ".yml", ".md"} or path.name == "Dockerfile"
    ),
)
def test_every_setting_exists(path: str) -> None:
    assert settings_named((DEPLOY / path).read_text(encoding="utf-8")) <= SETTINGS


def check_command(words: list[str]) -> None:
    """The words are a command of the program, with options that it has."""
    tool: Any = typer.main.get_command(build())
    context = tool.make_context("tierline", list(words), resilient_parsing=True)
    name, command, rest = tool.resolve_command(context, list(words))
    assert name in tool.commands
    known = {option for each in command.params for option in each.opts}
    assert {word for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize("name", OURS)
def test_the_services_run_commands_that_there_are(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["command"][0] == name
    check_command(service["command"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", OURS)
def test_the_pods_run_commands_that_there_are(name: str) -> None:
    (container,) = PODS[name]["spec"]["template"]["spec"]["containers"]
    assert container["args"][0] == name
    check_command(container["args"])


@pytest.mark.parametrize("name", OURS)
def test_probes_ask_pages_that_are_served_at_the_port(name: str) -> None:
    (container,) = PODS[name]["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == PORTS[name]
    for probe, page in (
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ):
        assert container[probe]["httpGet"] == {"path": page, "port": port["name"]}


@pytest.mark.parametrize("name", OURS)
def test_pods_are_confined(name: str) -> None:
    pod = PODS[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]


def test_objects_find_each_other() -> None:
    """Selectors of services, budgets and policies choose pods that there are, and ports are theirs."""
    components = {
        pod["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: name
        for name, pod in PODS.items()
    }
    key = "app.kubernetes.io/component"
    kinds = set()
    for each in objects():
        kinds.add(each["kind"])
        spec = each["spec"]
        match each["kind"]:
            case "Service":
                name = components[spec["selector"][key]]
                assert [port["port"] for port in spec["ports"]] == [PORTS[name]]
            case "PodDisruptionBudget":
                assert spec["selector"]["matchLabels"][key] in components
            case "NetworkPolicy":
                name = components[spec["podSelector"]["matchLabels"][key]]
                assert [port["port"] for rule in spec["ingress"] for port in rule["ports"]] == [PORTS[name]]
            case "Deployment" | "StatefulSet":
                assert spec["selector"]["matchLabels"][key] in components
    assert kinds == {"Deployment", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"}


def test_a_worker_keeps_its_name_and_has_time_to_end() -> None:
    worker = PODS["worker"]
    assert worker["kind"] == "StatefulSet"
    pod = worker["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 80
    (container,) = pod["containers"]
    assert "$(POD_NAME)" in container["args"]
    assert COMPOSE["services"]["worker"]["stop_grace_period"] == "80s"


def test_one_projector_at_a_time() -> None:
    assert PODS["projector"]["spec"]["replicas"] == 1
    assert PODS["projector"]["spec"]["strategy"] == {"type": "Recreate"}


def test_the_overlay_stands_on_the_base() -> None:
    folder = DEPLOY / "kubernetes" / "overlays" / "example"
    overlay, base = (
        read(folder / "kustomization.yaml"),
        read(DEPLOY / "kubernetes" / "base" / "kustomization.yaml"),
    )
    assert (folder / overlay["resources"][0]).resolve() == (DEPLOY / "kubernetes" / "base").resolve()
    assert all((DEPLOY / "kubernetes" / "base" / name).is_file() for name in base["resources"])
    assert all(
        (folder / name).is_file() for each in overlay["configMapGenerator"] for name in each.get("files", ())
    )
    assert (
        [each["name"] for each in overlay["images"]]
        == [each["name"] for each in base["images"]]
        == ["tierline"]
    )


def test_images_are_pinned() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    images += [each["image"] for name, each in COMPOSE["services"].items() if name not in OURS]
    for image in images:
        assert PINNED.fullmatch(image), image


def test_whatever_the_compose_file_names_is_there() -> None:
    for service in COMPOSE["services"].values():
        for other in service.get("depends_on", ()):
            assert other in COMPOSE["services"]
        for secret in service.get("secrets", ()):
            assert secret in COMPOSE["secrets"]
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists()


def test_the_image_takes_what_the_program_needs_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    kept = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (DEPLOY.parent / name).exists()
            assert f"!{name}" in kept
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    for port in PORTS.values():
        assert str(port) in text
