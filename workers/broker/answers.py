"""Whether a Kafka broker answers at an address, and where one could be put."""

from __future__ import annotations

import socket
import struct

#: The question that every broker answers, even before a login: which requests do you know (ApiVersions, v0)?
_ASK = struct.pack(">hhih", 18, 0, 1, -1)
_TIMEOUT_S = 2.0


def answers(host: str, port: int) -> bool:
    """Whether a Kafka broker that takes plain connections answers there."""
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_S) as line:
            line.settimeout(_TIMEOUT_S)
            line.sendall(struct.pack(">i", len(_ASK)) + _ASK)
            head = line.recv(8)
            return len(head) == 8 and struct.unpack(">ii", head)[1] == 1
    except OSError:
        return False


def free_port(host: str) -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
