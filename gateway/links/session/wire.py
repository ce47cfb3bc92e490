"""What a session runs over: a descriptor to read from and one to write to, neither of them waiting."""

from __future__ import annotations

import fcntl
import os
import select
import termios
from contextlib import suppress

_READ = 256 * 1024
_KEPT = 1 * 1024 * 1024
"""[bytes] Half of what the C library is to keep of freed memory rather than return it to the system."""


class Wire:
    """A socket or two pipes; as a context manager it restores how the descriptors were.

    It does not own the descriptors: whoever made them closes them.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        # glibc learns from a large block that is freed. Otherwise it returns the pages of nearly every
        # envelope to the system and fetches new ones, which costs more than the encryption.
        bytes(_KEPT)
        self._before = {fd: os.get_blocking(fd) for fd in (reading, writing)}
        for fd in self._before:
            os.set_blocking(fd, False)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        for fd, blocking in self._before.items():
            with suppress(OSError):
                os.set_blocking(fd, blocking)

    def ready(self, seconds: float, *, read: bool, write: bool) -> tuple[bool, bool]:
        """Wait until there is something to read, or room to write, or the time is up."""
        poll = select.poll()
        if read:
            poll.register(self._reading, select.POLLIN)
        if write:
            same = self._reading == self._writing and read
            poll.register(self._writing, select.POLLOUT | (select.POLLIN if same else 0))
        readable = writable = False
        for fd, event in poll.poll(seconds * 1000):
            ended = bool(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL))
            readable |= read and fd == self._reading and (ended or bool(event & select.POLLIN))
            writable |= write and fd == self._writing and (ended or bool(event & select.POLLOUT))
        return readable, writable

    def read(self) -> bytes | None:
        """Return what there is: nothing (b"") at the end, None if there is nothing yet."""
        try:
            return os.read(self._reading, _READ)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""

    def write(self, data: bytes | memoryview) -> int:
        """Write some of it; return how much.

        Raises:
            OSError: the other end is gone.
        """
        try:
            return os.write(self._writing, data)
        except BlockingIOError:
            return 0

    def unsent(self) -> int:
        """Return how much of what was written the other end has not got yet, as far as one can know."""
        try:
            answer = fcntl.ioctl(self._writing, termios.TIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int.from_bytes(answer, "little")
