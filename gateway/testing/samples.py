"""What the contracts send through a plugin: messages, addresses, and streams that misbehave."""

from __future__ import annotations

import errno
import io

_HEAD = b"From: joe@a.example\nSubject: one\n\n"

MESSAGES = {
    "plain": _HEAD + b"hi\n",
    "empty body": _HEAD,
    "dots": _HEAD + b".\n..\n.dot\n\n.\nafter the dot\n",
    "From lines": _HEAD + b"From here\n>From there\n",
    "octets": _HEAD + bytes(range(128, 256)) + b"\n",
    "long line": _HEAD + b"x" * 70_000 + b"\n",
    "large": _HEAD + b"0123456789abcdef 0123456789abcdef\n" * 20_000,
    "blank lines at the end": _HEAD + b"hi\n\n\n\n",
}
"""Messages that have been damaged on the way before, by name; their lines end in LF."""

SENDERS = ("joe@a.example", "-f@a.example", '"q r"@a.example', "joe+tag=x@a.example")
RECIPIENTS = ("x@b.example", '"y z"@b.example', "w@sub.b.example")

HOSTILE = {
    "USER": "evil",
    "LOGNAME": "evil",
    "LOCAL_PART": "NULL",
    "RECIPIENT": "evil@evil.example",
    "SENDER": "evil@evil.example",
    "HOME": "",
}
"""An environment that a sender could have filled."""


class Slow(io.RawIOBase):
    """A pipe whose writer is slow: an octet at a time."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read at most one octet."""
        count = min(1, len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class Failing(Slow):
    """A pipe that can be read up to some point, and then not any more."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read all there is at once, then fail."""
        if not self._rest:
            raise OSError(errno.EIO, "Input/output error")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
