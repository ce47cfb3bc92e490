"""What an exchange without a peer at the other end did, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gateway.mta import Event, EventKind
from gateway.spool.refusal import refusal


class Exchanged(NamedTuple):
    """What an exchange did: packets counted, `bytes` of those that moved.

    `known` counts arrivals that had been here before, `present` departures that lay on the
    medium already. `failures` want a person; `postponed` will mend itself; `notes` are
    neither.
    """

    received: int = 0
    known: int = 0
    sent: int = 0
    present: int = 0
    bytes: int = 0
    failures: tuple[str, ...] = ()
    postponed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Account:
    """The running account of one exchange; `link` and `path` go into its events."""

    def __init__(self, link: str, path: str, report: Callable[[Event], None]) -> None:
        self._link = link
        self.path = path
        self._report = report
        self._done = Exchanged()

    def result(self) -> Exchanged:
        """Return how it stands."""
        return self._done

    def received(self, packet: str, name: str, *, niceness: int, size: int) -> None:
        """Count a packet from the node `name`, now in the spool."""
        done = self._done
        self._done = done._replace(received=done.received + 1, bytes=done.bytes + size)
        self._tell(EventKind.RECEIVED, packet, name, niceness, size)

    def known(self, packet: str, name: str, where: str) -> None:
        """Count a packet from the node `name` that had been here before."""
        self._done = self._done._replace(known=self._done.known + 1)
        self._tell(EventKind.RECEIVED, packet, name, known=where)

    def sent(self, packet: str, name: str, *, niceness: int, size: int) -> None:
        """Count a packet for the node `name`, now on the medium."""
        done = self._done
        self._done = done._replace(sent=done.sent + 1, bytes=done.bytes + size)
        self._tell(EventKind.SENT, packet, name, niceness, size)

    def present(self) -> None:
        """Count a packet to be sent that lay on the medium already, whole."""
        self._done = self._done._replace(present=self._done.present + 1)

    def failed(self, where: str, why: object) -> None:
        """Keep what needs a person."""
        if isinstance(why, PermissionError):
            # Run as root we act as the spool's owner, who may not be the stick's.
            text = str(refusal(why, where))
        else:
            text = f"{where}: {why.strerror if isinstance(why, OSError) else why}"
        self._done = self._done._replace(failures=(*self._done.failures, text))

    def postpone(self, words: str) -> None:
        """Keep what will go better another time."""
        self._done = self._done._replace(postponed=(*self._done.postponed, words))

    def note(self, words: str) -> None:
        """Keep what is as it should be and worth saying."""
        self._done = self._done._replace(notes=(*self._done.notes, words))

    def _tell(
        self, kind: EventKind, packet: str, name: str, niceness: int = 0, size: int = 0, **more: str
    ) -> None:
        detail = {"link": self._link, "path": self.path, **more}
        self._report(Event(kind, packet, name, niceness, size, detail=detail))
