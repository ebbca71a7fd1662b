"""Apache Kafka on this machine: one process that is broker and controller (KRaft), without a container.

Its libraries come from Maven, once, into the user's folder of caches; which ones says `pom.xml` beside this.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.broker.answers import free_port
from workers.cli.errors import UserError
from workers.settings import cache_home

POM = Path(__file__).with_name("pom.xml")
HEAP = "1g"
#: What Kafka 4 runs on.
JAVA_MIN = 17
_LAST_LINES = 15

_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # members of a test's group do not wait for others that might come
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # a broker that was killed may come back before the controller has missed it for the usual nine seconds
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # simulated time, as of tests and generated events, may be ahead of the clock
    "log.message.timestamp.after.max.ms": str(2**63 - 1),
    # transactions of a worker that is gone are aborted soon after their time
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


_LISTS = ("listeners", "advertised.listeners", "listener.security.protocol.map")


def why_not() -> str | None:
    """Why Apache Kafka cannot run here; None if it can."""
    missing = [
        name for name, program in (("Java", "java"), ("Maven", "mvn")) if shutil.which(program) is None
    ]
    if missing == ["Maven"] and _libraries_folder().is_dir():
        missing = []
    if not missing and not _java_is_new_enough():
        missing = ["a newer Java"]
    if missing:
        return f"Apache Kafka needs {' and '.join(missing)}: install a JRE 17 or newer and Maven"
    return None


def recipe(
    folder: Path,
    host: str,
    port: int,
    *,
    more: Mapping[str, str] | None = None,
    format_options: Sequence[str] = (),
) -> list[str | Path]:
    """The command of a broker with its data in a folder, which is formatted if it is new.

    `more` properties win; of listeners and their protocols they come after those that are there.
    `format_options` go to Kafka's storage tool, such as users for SCRAM.
    """
    libraries = fetch_libraries()
    data = folder / "data"
    settings = folder / "server.properties"
    controller = free_port(host)
    properties = {
        **_PROPERTIES,
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.quorum.voters": f"1@{host}:{controller}",
        "log.dirs": str(data),
    }
    for name, value in (more or {}).items():
        properties[name] = f"{properties[name]},{value}" if name in _LISTS else value
    settings.write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")
    java: list[str | Path] = ["java", f"-Xmx{HEAP}", "-cp", f"{libraries}/*"]
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    if not (data / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [*java, "-XX:TieredStopAtLevel=1", quiet, "kafka.tools.StorageTool"]
        # in one word: an id may begin with a hyphen
        format_command = [*tool, "format", f"--cluster-id={cluster}", "--config", settings, *format_options]
        _run(format_command, "Apache Kafka cannot format its folder")
    return [*java, "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", quiet, "kafka.Kafka", settings]


def fetch_libraries() -> Path:
    """The folder with Kafka's libraries; Maven fetches them the first time. Raises UserError if it cannot."""
    folder = _libraries_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        fetched = Path(scratch) / "libraries"
        copy: list[str | Path] = [
            "mvn",
            "-q",
            "-B",
            "-f",
            POM,
            "dependency:copy-dependencies",
            f"-DoutputDirectory={fetched}",
        ]
        _run(copy, "Maven cannot fetch Apache Kafka")
        try:
            fetched.rename(folder)
        except OSError:
            # another process was faster
            if not folder.is_dir():
                raise
    return folder


def _java_is_new_enough() -> bool:
    """Whether `java` is what Kafka needs; it tells its version in quotes, as `"17.0.15"` or `"1.8.0"`."""
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'"(\d+)', told)
    return version is not None and int(version[1]) >= JAVA_MIN


def _libraries_folder() -> Path:
    home = cache_home() or Path(tempfile.gettempdir())
    return home / "tierline" / f"apache-kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def _run(command: list[str | Path], failure: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        raise UserError(f"{failure}: its last words were:\n" + "\n".join(lines[-_LAST_LINES:]))
