"""What a program printed and how it ended, in bounded room."""

from __future__ import annotations

import signal
from typing import NamedTuple

from gateway.stderr import printable

_SAYS = 500


class Finished(NamedTuple):
    """How a program ended and what it printed.

    Exactly one of `status` (exit status) and `signal` (number) is set. `output` is stdout
    and stderr in the order in which they were read; each of the three is cut in its middle
    to the bound, with a line that says how much is missing.
    """

    status: int | None
    signal: int | None
    timed_out: bool
    output: bytes
    stdout: bytes
    stderr: bytes
    timeout: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it exited with status 0, within its time."""
        return self.status == 0 and not self.timed_out

    def says(self) -> str:
        """Return how it ended and what it printed as one printable line of bounded length."""
        if self.timed_out:
            how = f"not finished within {self.timeout:g} s"
        elif self.signal is not None:
            how = f"killed by {_signal_name(self.signal)}"
        else:
            how = f"exit status {self.status}"
        words = self.words()
        return f"{how}: {words}" if words else how

    def words(self) -> str:
        """Return what it printed as one printable line of bounded length."""
        words = "; ".join(filter(None, (_printable(line) for line in self.output.splitlines())))
        if len(words) > _SAYS:
            words = words[: _SAYS // 2] + " ... " + words[-_SAYS // 2 :]
        return words


class Kept:
    """The first and the last part of an output of any length."""

    def __init__(self, limit: int) -> None:
        self.half = limit // 2
        self.head = bytearray()
        self.tail = bytearray()
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """Take the next part."""
        self.size += len(chunk)
        room = self.half - len(self.head)
        if room > 0:
            self.head += chunk[:room]
            chunk = chunk[room:]
        self.tail += chunk
        if len(self.tail) > 2 * self.half:
            del self.tail[: len(self.tail) - self.half]

    def value(self) -> bytes:
        """Return what is kept, with a line in place of what is not."""
        cut = self.size - 2 * self.half
        if cut <= 0:
            return bytes(self.head + self.tail)
        tail = self.tail[len(self.tail) - self.half :]
        return b"%b\n[... %d bytes cut ...]\n%b" % (bytes(self.head), cut, bytes(tail))


def _printable(line: bytes) -> str:
    return printable(line.decode("utf-8", "replace"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
