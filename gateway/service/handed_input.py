"""The standard input of a pipe command, read here for as long as the command waits for it."""

from __future__ import annotations

import io
import os
import select
import socket
import time
from typing import TYPE_CHECKING

from gateway.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

__all__ = ["HandedInput"]

_TICK = 1.0
_LAST = 5.0
"""[s] That a writer may still take over its next octets once we are to end."""
_HANGUP = select.POLLIN | select.POLLRDHUP


class HandedInput(io.RawIOBase):
    """Octets of the descriptor `source`, which is closed with it.

    `command` is the connection to whoever passed it: anything there means that it gave up.
    `leaving` says whether the service is to end.
    """

    def __init__(self, source: int, command: socket.socket, leaving: Callable[[], bool]) -> None:
        super().__init__()
        self._source = source
        self._command = command
        self._leaving = leaving
        self.since: float | None = None
        """When the work that is under way without waiting for input began; None while it waits."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Wait for octets and return how many there were; none at the end.

        Raises:
            Interrupted: temporary; nobody waits for the result, or the service ends.
        """
        self.since = None
        self._wait()
        self.since = time.monotonic()
        return os.readv(self._source, [buffer])

    def check(self) -> None:
        """Raise `Interrupted` if the pipe command gave up."""
        poll = select.poll()
        poll.register(self._command, _HANGUP)
        if poll.poll(0):
            raise Interrupted("the pipe command gave up: nothing was accepted")

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            os.close(self._source)
        super().close()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._command, _HANGUP)
        left = _LAST
        while not poll.poll(_TICK * 1000):
            if self._leaving():
                left -= _TICK
            if left <= 0:
                raise Interrupted("the resident process ends, and the input does not: nothing was accepted")
        self.check()
