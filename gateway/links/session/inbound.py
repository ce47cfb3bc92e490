"""Receiving: which announcements are taken up, and the way of their content onto the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from gateway.links.quota import RESERVE, Quota
from gateway.mta import Event, EventKind
from gateway.packet.identity import encode

if TYPE_CHECKING:
    from gateway.config.model import Limits
    from gateway.links.session.rules import Account
    from gateway.links.sync.machine import Content, Machine
    from gateway.links.sync.messages import Info
    from gateway.spool.incoming import Incoming
    from gateway.spool.spool import Spool

BATCH = 128
"""Complete packets that are synced together, at most: each is an open file meanwhile."""
BATCH_SIZE = 4 * 1024 * 1024
"""[bytes] What they may have together before they are."""
PATIENCE = 0.25
"""[s] How long the first of them waits for others."""
NEWS = 0.25
"""[s] How old our knowledge may be of which neighbours have a directory."""
SLICE = 8 * 1024 * 1024
"""[bytes] What is hashed of an old part between two looks at the peer."""
_OPEN = 4
_T = TypeVar("_T")


class Inbound:
    """What one neighbour (id text and configured name) hands over in one session."""

    def __init__(
        self,
        spool: Spool,
        machine: Machine,
        node: str,
        name: str,
        *,
        limits: Limits,
        account: Account,
        report: Callable[[Event], None],
    ) -> None:
        self._spool = spool
        self._machine = machine
        self._node = node
        self._name = name
        self._account = account
        self._report = report
        self._coming: dict[bytes, tuple[Incoming, Info]] = {}
        self._open: dict[bytes, Incoming] = {}
        self._lagging: dict[bytes, Incoming] = {}
        self._whole: list[bytes] = []
        self._known: list[tuple[Info, str]] = []
        self._since = 0.0
        self._nodes: list[str] = []
        self._looked = -NEWS
        self._refused = self._crowded = self._weight = 0
        self._promised = 0
        self._quota = Quota(spool, node, limits)

    @property
    def wanting(self) -> int:
        """How many packets are on their way."""
        return len(self._coming)

    @property
    def lagging(self) -> bool:
        """Whether there is something to hash while the peer is silent."""
        return bool(self._lagging)

    def announced(self, info: Info) -> None:
        """Take up an announcement, confirm it if we have the packet, or pass it over.

        Raises:
            SpoolError: temporary.
        """
        self._account.rx_offered[0] += 1
        self._account.rx_offered[1] += info.size
        name = encode(info.hash)
        rx = self._spool.job(self._node, "rx", name) is not None
        known = "rx" if rx else self._spool.known(name, self._neighbours())
        if known is not None:
            self._batch(self._known, (info, known))
            return
        incoming = self._spool.incoming(self._node, name, info.size)
        if self._too_much(info, info.size - incoming.held):
            self._machine.decline(info.hash)
            return
        self._quota.took(info.size)
        self._promised += info.size - incoming.held
        self._coming[info.hash] = incoming, info
        if incoming.held == info.size:
            self._lagging[info.hash] = incoming
        else:
            self._machine.request(info.hash, incoming.held)

    def _neighbours(self) -> list[str]:
        now = time.monotonic()
        if now - self._looked > NEWS:
            self._nodes, self._looked = self._spool.nodes(), now
        return self._nodes

    def _too_much(self, info: Info, missing: int) -> bool:
        if not self._quota.has_room(info.size):
            self._refused += 1
            return True
        if missing + self._promised + RESERVE > self._spool.free():
            self._crowded += 1
            return True
        return False

    def content(self, piece: Content) -> None:
        """Write the next piece of a packet.

        Raises:
            SpoolError: temporary.
        """
        incoming, _ = self._coming[piece.hash]
        if piece.hash not in self._open and len(self._open) >= _OPEN:
            self._open.pop(next(iter(self._open))).rest(synced=True)
        self._open[piece.hash] = incoming
        if incoming.hashed < incoming.held:
            self._lagging[piece.hash] = incoming
        incoming.write(piece.data)
        self._promised -= len(piece.data)
        if piece.complete and piece.hash not in self._lagging:
            self._judge(piece.hash)

    def work(self) -> None:
        """Hash the next slice of an old part.

        Raises:
            SpoolError: temporary.
        """
        for name, incoming in self._lagging.items():
            incoming.catch_up(SLICE)
            if incoming.hashed == incoming.held:
                del self._lagging[name]
                if incoming.complete:
                    self._judge(name)
            return

    def _judge(self, name: bytes) -> None:
        """Look whether a packet is what its name says; if not, discard it, and once fetch it anew."""
        incoming, info = self._coming[name]
        self._open.pop(name, None)
        if incoming.intact():
            self._batch(self._whole, name)
            self._weight += incoming.size
            return
        incoming.discard()
        if incoming.resumed:
            self._account.notes.append(f"{self._name}: {incoming.name}: an old part was bad: fetched anew")
            incoming.resumed = False
            self._promised += info.size
            self._machine.request(name, 0)
            return
        self._account.notes.append(f"{self._name}: {incoming.name}: content and name disagree: discarded")
        self._machine.decline(name)
        del self._coming[name]

    def _batch(self, batch: list[_T], item: _T) -> None:
        if not self.waiting:
            self._since = time.monotonic()
        batch.append(item)

    @property
    def waiting(self) -> int:
        """How many packets wait to be confirmed."""
        return len(self._whole) + len(self._known)

    def due(self, *, quiet: bool) -> bool:
        """Whether they have waited long enough; `quiet` says that the peer sends nothing now."""
        return self.waiting > 0 and (
            quiet
            or self.waiting >= BATCH
            or self._weight >= BATCH_SIZE
            or time.monotonic() - self._since > PATIENCE
        )

    def settle(self) -> None:
        """Make the complete packets arrive, durably, and only then confirm them.

        Raises:
            SpoolError: temporary; nothing was confirmed.
        """
        whole, self._whole, self._weight = self._whole, [], 0
        known, self._known = self._known, []
        if whole or any(where == "rx" for _, where in known):
            self._spool.arrive(self._node, [self._coming[name][0] for name in whole], alias=self._name)
        for name in whole:
            incoming, info = self._coming.pop(name)
            self._machine.confirm(name)
            self._account.received += 1
            self._tell(incoming.name, info)
        for info, where in known:
            self._machine.confirm(info.hash)
            self._account.known += 1
            self._tell(encode(info.hash), info, known=where)

    def close(self) -> None:
        """Let go of the files; say what was not taken up."""
        for incoming, _ in self._coming.values():
            incoming.rest()
        note = self._account.notes.append
        if self._refused:
            note(f"{self._name}: {self._refused} packets stay with the peer: `limits` allows no more here")
        if self._crowded:
            note(f"{self._name}: {self._crowded} packets stay with the peer: no room for them in the spool")

    def _tell(self, packet: str, info: Info, **more: str) -> None:
        detail = {"link": "call", "session": self._account.session, **more}
        self._report(Event(EventKind.RECEIVED, packet, self._name, info.niceness, info.size, detail=detail))
