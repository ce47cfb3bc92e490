"""What one session may do and how long, and what it did."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gateway.links.sync.messages import MAX_CHUNK

if TYPE_CHECKING:
    from gateway.config.model import Neighbour

DEADLINE = 10.0
"""[s] For the handshake, and without a byte inside an envelope; ``$NNCPDEADLINE`` replaces it."""


class Rules(NamedTuple):
    """What a session may do; times in seconds, `maxonlinetime` 0 for no limit.

    `listing` only hears what the peer announces. `rxrate` and `txrate` are packets of the
    protocol a second, 0 for no limit. `chunk` bounds the content in one of them [bytes].
    """

    receive: bool = True
    send: bool = True
    listing: bool = False
    max_niceness: int = 255
    onlinedeadline: float = 10
    maxonlinetime: float = 0
    rxrate: int = 0
    txrate: int = 0
    chunk: int = MAX_CHUNK
    deadline: float = DEADLINE

    @classmethod
    def of(cls, neighbour: Neighbour) -> Rules:
        """Return what the configuration says of sessions with a neighbour."""
        return cls(
            onlinedeadline=neighbour.onlinedeadline,
            maxonlinetime=neighbour.maxonlinetime,
            rxrate=neighbour.rxrate,
            txrate=neighbour.txrate,
            deadline=deadline(),
        )


def deadline() -> float:
    """Return the time limit that NNCP's programs take from the environment, or the default [s]."""
    try:
        return float(os.environ.get("NNCPDEADLINE") or DEADLINE)
    except ValueError:
        return DEADLINE


class Heard(NamedTuple):
    """A packet that the peer announced to a listing session."""

    name: str
    size: int
    niceness: int


@dataclass(slots=True)
class Account:
    """What a session did; `end` says why it ended, `broken` whether that wants a look.

    `left` packets were announced by us and not confirmed, `wanting` were requested and not
    received. `notes` are for a person. As text it is one line that says what was done.
    """

    peer: str = ""
    started: bool = False
    received: int = 0
    known: int = 0
    sent: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    left: int = 0
    wanting: int = 0
    end: str = ""
    broken: bool = False
    heard: list[Heard] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kib = -(-(self.bytes_in + self.bytes_out) // 1024)
        line = f"received {self.received}, sent {self.sent}, {kib} KiB both ways"
        if self.known:
            line += f"; {self.known} had arrived before"
        if self.left:
            line += f"; {self.left} not taken yet"
        if self.wanting:
            line += f"; {self.wanting} not here yet"
        return line
