"""Sockets that a process shows itself on."""

from __future__ import annotations

import socket

from workers.cli.errors import UserError


def listen(host: str, port: int, *, setting: str = "web") -> socket.socket:
    """A socket that listens; port 0: any that is free.

    Raises UserError where the address cannot be had; it names the options, `--{setting}-host` and `-port`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(f"`{host}` is no address of this machine: put another `--{setting}-host`") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        reason = (error.strerror or "it cannot be opened").lower()
        raise UserError(
            f"the web port `{host}:{port}`: {reason}; choose another `--{setting}-port`"
        ) from error
    listening.setblocking(False)
    return listening
