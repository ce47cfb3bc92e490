"""A socket on which everything that is done ends by one deadline."""

from __future__ import annotations

import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

__all__ = ["Line", "Unasked"]


class Unasked(Exception):
    """The other side speaks while we do, and takes nothing more."""


class Line:
    """One end of a dialogue; an operation that the deadline overtakes raises TimeoutError.

    It takes the socket over. `allow` sets the deadline; before the first call nothing may be done.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._deadline = 0.0
        self._poll = select.poll()
        self._poll.register(sock.fileno(), 0)

    def allow(self, seconds: float) -> None:
        """Let what is done from now on take so long [s], all together."""
        self._deadline = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds up to the deadline, not below 0."""
        return max(0.0, self._deadline - time.monotonic())

    def sendall(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it.

        Raises:
            TimeoutError: the deadline has passed.
            Unasked: nothing more is taken, and there is something to read instead.
            OSError: the other side is gone.
        """
        view = memoryview(data)
        while view:
            self._check()
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                if self._wait(select.POLLOUT | select.POLLIN) == select.POLLIN:
                    raise Unasked from None

    def recv(self, size: int = 65536) -> bytes:
        """Return what there is to read, waiting for the first octet; nothing at the end.

        Raises:
            TimeoutError: the deadline has passed.
            OSError: the other side is gone.
        """
        while True:
            self._check()
            try:
                return self.socket.recv(size)
            except BlockingIOError:
                self._wait(select.POLLIN)

    def speaks(self) -> bool:
        """Say whether there is something to read, the end included; does not wait."""
        self._poll.modify(self.socket.fileno(), select.POLLIN)
        return bool(self._ready(0))

    def end(self) -> None:
        """Let the other side know that nothing more will be sent; what it sends is still received."""
        import socket  # noqa: PLC0415 - not for those who only run programs

        with suppress(OSError):  # it is gone
            self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _check(self) -> None:
        if not self.left:
            raise TimeoutError("the time is up")

    def _wait(self, events: int) -> int:
        self._poll.modify(self.socket.fileno(), events)
        while not (ready := self._ready(self.left)):
            self._check()
        return ready

    def _ready(self, seconds: float) -> int:
        """Return the events of the socket within so many seconds, or 0."""
        return next((events for _, events in self._poll.poll(seconds * 1000)), 0)
