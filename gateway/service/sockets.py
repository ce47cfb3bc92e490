"""Listening sockets: opened here, or opened by systemd and handed over (LISTEN_FDS)."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Literal

from gateway.links.daemon import listening
from gateway.service import local_socket

__all__ = ["PURPOSES", "Purpose", "Sockets", "inherited"]

Purpose = Literal["daemon", "lmtp", "submit", "metrics", "status"]
PURPOSES: tuple[Purpose, ...] = ("daemon", "lmtp", "submit", "metrics", "status")
"""Each is the key of [serve] that has the address."""

_FIRST = 3
_OPEN: Mapping[Purpose, Callable[[str], AbstractContextManager[socket.socket]]] = {
    "daemon": listening,
    "lmtp": local_socket.listening,
    "submit": local_socket.listening,
    "metrics": local_socket.listening,
    "status": local_socket.listening,
}


class Sockets:
    """The sockets of a service by purpose and address; they outlive the parts that accept on them.

    `handed` are those of systemd, by purpose; they win over an address.
    """

    def __init__(self, handed: dict[Purpose, socket.socket]) -> None:
        self._handed = handed
        self._open: dict[tuple[Purpose, str], tuple[socket.socket, ExitStack]] = {}

    def get(self, purpose: Purpose, address: str | None) -> socket.socket | None:
        """Return the listening socket for a purpose, opened when first asked for; None without any.

        Raises:
            GatewayError: temporary; the address cannot be had.
            ConfigError: temporary; other machines could reach what is for this one.
        """
        if purpose in self._handed:
            return self._handed[purpose]
        return None if address is None else self.opened(purpose, address)

    def opened(self, purpose: Purpose, address: str) -> socket.socket:
        """Return the listening socket of an address; raises as `get` does."""
        if (purpose, address) not in self._open:
            with ExitStack() as stack:
                listener = stack.enter_context(_OPEN[purpose](address))
                self._open[purpose, address] = listener, stack.pop_all()
        return self._open[purpose, address][0]

    def keep_only(self, wanted: Iterable[tuple[Purpose, str | None]]) -> None:
        """Close those that are not among these."""
        for key in self._open.keys() - {*wanted}:
            listener, closing = self._open.pop(key)
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # at once, even while a thread waits on it
            closing.close()


def inherited(environ: MutableMapping[str, str]) -> dict[Purpose, socket.socket]:
    """Return the sockets that systemd handed over, by purpose; take their variables away.

    The purpose is the name (FileDescriptorName=) or, without one that we know, the kind: a Unix
    socket is for LMTP, any other one for the daemon. See sd_listen_fds(3).
    """
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    found: dict[Purpose, socket.socket] = {}
    if pid != str(os.getpid()) or not count.isdecimal():
        return found
    for number in range(int(count)):
        descriptor = _FIRST + number
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            continue
        os.set_inheritable(descriptor, False)
        handed = socket.socket(fileno=descriptor)
        name = names[number] if number < len(names) else ""
        found[_purpose(name, handed)] = handed
    return found


def _purpose(name: str, handed: socket.socket) -> Purpose:
    for purpose in PURPOSES:
        if name == purpose:
            return purpose
    return "lmtp" if handed.family == socket.AF_UNIX else "daemon"
