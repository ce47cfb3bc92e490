"""What one session may do and how long, and what it did."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gateway.links.sync.messages import MAX_CHUNK
from gateway.mta import Event, EventKind

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


def _session_name() -> str:
    return f"{time.time_ns():x}-{os.getpid():x}"


@dataclass(slots=True)
class Account:
    """What a session did; `end` says why it ended, `broken` whether that wants a look.

    `left` packets were announced by us and not confirmed, `wanting` were requested and not
    received. `notes` are for a person. `session` is a name of its own for the events; `rx_offered`
    and `tx_offered` are packets and bytes that were announced. As text it is one line that says
    what was done.
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
    session: str = field(default_factory=_session_name)
    began: float = field(default_factory=time.monotonic)
    addr: str = ""
    rx_offered: list[int] = field(default_factory=lambda: [0, 0])
    tx_offered: list[int] = field(default_factory=lambda: [0, 0])

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

    def event(self, kind: EventKind) -> Event:
        """Return what to tell of the session as a whole."""
        detail: dict[str, object] = {"link": "call", "session": self.session}
        if self.addr:
            detail["addr"] = self.addr
        if kind is EventKind.CALL_FINISHED:
            detail |= {
                "duration": round(time.monotonic() - self.began, 3),
                "rx_bytes": self.bytes_in,
                "tx_bytes": self.bytes_out,
                "received": self.received,
                "sent": self.sent,
                "left": self.left,
                "wanting": self.wanting,
                "offered": {"rx": self.rx_offered, "tx": self.tx_offered},
                "broken": self.broken,
            }
        text = "" if kind is EventKind.CALL_STARTED else self.end
        return Event(kind, "", self.peer, text=text, detail=detail)
