"""The peers' programs: what they need, built once by Maven and javac, and the commands that run them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.process import FailedError

HERE = Path(__file__).parent
PACK = HERE / "order_tiers.yaml"
#: What both work on holds in far less; both had as much when they were compared with each other.
_HEAP = ("-Xms3g", "-Xmx3g")
#: Flink's serialisation looks into these.
_OPENED = ("lang", "lang.invoke", "util", "util.concurrent", "nio", "time", "net", "io")


@dataclass(frozen=True, slots=True)
class Peer:
    """A program: its folder, its class, and what it is called in a table.

    `options` say the rest; `flags` are for the JVM.
    """

    title: str
    folder: str
    main: str
    options: tuple[str, ...]
    flags: tuple[str, ...] = ()


_STREAMS = ("kafka_streams", "KafkaStreamsTiers")
_FLINK = ("flink", "FlinkTiers")
_FLINK_FLAGS = (
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)
#: Exactly once, each at the settings at which it was fastest, and Kafka Streams with its usual store too.
THROUGHPUT = {
    "streams": Peer("Kafka Streams, in memory, 1 thread", *_STREAMS, ("--store", "memory", "--threads", "1")),
    "streams-2": Peer(
        "Kafka Streams, in memory, 2 threads", *_STREAMS, ("--store", "memory", "--threads", "2")
    ),
    "streams-rocksdb": Peer("Kafka Streams, RocksDB, 1 thread", *_STREAMS, ("--store", "rocksdb")),
    "flink": Peer("Flink, heap, 1 slot", *_FLINK, ("--threads", "1"), _FLINK_FLAGS),
    "flink-2": Peer("Flink, heap, 2 slots", *_FLINK, ("--threads", "2"), _FLINK_FLAGS),
}
#: Every event emits, whatever its tier.
LATENCY = {
    "streams-100ms": Peer(
        "Kafka Streams, RocksDB, commits each 100 ms",
        *_STREAMS,
        ("--store", "rocksdb", "--commit", "100", "--forever", "1"),
    ),
    "streams-10ms": Peer(
        "Kafka Streams, RocksDB, commits each 10 ms",
        *_STREAMS,
        ("--store", "rocksdb", "--commit", "10", "--forever", "1"),
    ),
    "flink-100ms": Peer(
        "Flink, heap, checkpoints each 100 ms", *_FLINK, ("--commit", "100", "--forever", "1"), _FLINK_FLAGS
    ),
}


def missing() -> str | None:
    """Why the peers cannot run here; None if they can."""
    absent = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if absent:
        return f"{', '.join(f'`{name}`' for name in absent)} not found: install a JDK 17 or newer and Maven"
    return None


def build(kept: Path) -> None:
    """Fetch the libraries and compile, where sources or poms are newer than what was built."""
    for folder in sorted({peer.folder for peer in (*THROUGHPUT.values(), *LATENCY.values())}):
        sources = [*sorted((HERE / "common").glob("*.java")), *sorted((HERE / folder).glob("*.java"))]
        wanted = hashlib.sha256(
            b"".join(path.read_bytes() for path in (*sources, HERE / folder / "pom.xml"))
        ).hexdigest()
        built = kept / "peers" / folder
        mark = built / "built"
        if mark.exists() and mark.read_text() == wanted:
            continue
        shutil.rmtree(built, ignore_errors=True)
        (built / "classes").mkdir(parents=True)
        libraries = built.resolve() / "libs"
        _run(
            [
                *("mvn", "-q", "-B", "-f", HERE / folder / "pom.xml"),
                *("dependency:copy-dependencies", f"-DoutputDirectory={libraries}"),
            ]
        )
        _run(["javac", "-cp", f"{libraries}/*", "-d", built / "classes", *sources])
        mark.write_text(wanted)


def command(kept: Path, peer: Peer, *options: str) -> list[str | Path]:
    """The command of a peer; `options` come after its own."""
    built = kept / "peers" / peer.folder
    return [
        *("java", *_HEAP, *peer.flags, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"),
        *("-cp", f"{built / 'classes'}:{built / 'libs'}/*", peer.main, *peer.options, *options),
    ]


def _run(words: list[str | Path]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise FailedError(f"`{' '.join(map(str, words[:4]))}` ended with {done.returncode}: {said}")
