"""What a service manager is told, as sd_notify(3) says: one datagram to ``$NOTIFY_SOCKET``."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

__all__ = ["Manager"]


class Manager:
    """The service manager, if there is one; without one, telling it anything does nothing."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Take the variables away, so that no program we start speaks in our name."""
        self._address = environ.pop("NOTIFY_SOCKET", "")
        usec, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        meant = usec.isdecimal() and (not pid or pid == str(os.getpid()))
        self.watchdog = int(usec) / 1e6 if meant and self._address else None
        """[s] Without a sign of life the manager kills us; None if it does not."""

    def ready(self, status: str) -> None:
        """Tell that we serve, after the start and after a reload."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Tell that a reload begins."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Tell that we are about to end."""
        self._tell("STOPPING=1", "STATUS=lets what is under way come to its end")

    def alive(self) -> None:
        """Tell that there is progress."""
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Tell what a person may want to know, in one line."""
        self._tell(f"STATUS={text}")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        address = self._address
        if address.startswith("@"):
            address = "\0" + address[1:]
        # Nobody who listens is no reason for us to stop.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.sendto("\n".join(lines).encode(), address)
