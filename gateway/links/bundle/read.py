"""Reading a bundle: what is for us into ``rx``; or what we wrote, proved, out of ``tx``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from gateway.config.model import Limits
from gateway.errors import BadPacket, SpoolError, Truncated
from gateway.links.account import Account, Exchanged
from gateway.links.bundle.archive import Member, members
from gateway.links.quota import RESERVE, Quota
from gateway.packet.header import HEADER_SIZE, Header
from gateway.packet.identity import encode
from gateway.packet.mth import MerkleTree
from gateway.spool.layout import is_name

if TYPE_CHECKING:
    from gateway.mta import Event
    from gateway.spool.spool import Spool


class _Place(NamedTuple):
    """What an entry's path says: for whom, by whom, and the packet's name."""

    recipient: str
    sender: str
    packet: str


class _Packet(NamedTuple):
    """A packet for us: its name, size [bytes] and niceness, and whose it is, by id and by name."""

    name: str
    size: int
    niceness: int
    node: str
    sender: str


class Reader:
    """Reads bundles into one spool, for the node `own` (id text).

    `names` maps the ids of neighbours, as text, to their names; `limits` says for some of
    the names what may lie here of theirs. `senders` (ids) narrows whose packets are taken.
    """

    def __init__(
        self,
        spool: Spool,
        own: str,
        names: Mapping[str, str],
        limits: Mapping[str, Limits],
        *,
        senders: Collection[str] | None = None,
        max_niceness: int = 255,
        report: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._spool = spool
        self._own = own
        self._names = names
        self._limits = limits
        self._senders = senders
        self._max_niceness = max_niceness
        self._account = Account("bundle", "", report)
        self._quotas: dict[str, Quota] = {}

    def receive(self, read: Callable[[int], bytes], *, dry_run: bool = False) -> Exchanged:
        """Take what is for us; a packet counts when it is safe in ``rx``.

        With `dry_run` everything is read and proved, and nothing is written.
        """

        def take(place: _Place, member: Member) -> None:
            if place.recipient == self._own:
                try:
                    self._receive(place, member, dry_run=dry_run)
                except BadPacket as failure:
                    self._account.failed(place.packet, failure)
                except SpoolError as failure:
                    self._account.postpone(f"{place.packet}: {failure}")

        return self._each(read, take)

    def verify(self, read: Callable[[int], bytes], *, dry_run: bool = False) -> Exchanged:
        """Prove what we wrote, and let it leave ``tx``: `sent` counts what did."""

        def prove(place: _Place, member: Member) -> None:
            if place.sender != self._own:
                return
            name = self._names.get(place.recipient, place.recipient)
            tree = MerkleTree()
            for chunk in member.content:
                tree.update(chunk)
            if tree.name() != place.packet:
                self._account.failed(place.packet, "content and name disagree: it stays in the spool")
            elif not dry_run and not self._spool.drop_sent(place.recipient, place.packet):
                self._account.present()
            else:
                self._account.sent(place.packet, name, niceness=0, size=member.size)

        return self._each(read, prove)

    def _each(self, read: Callable[[int], bytes], act: Callable[[_Place, Member], None]) -> Exchanged:
        """Act on the entries whose path is that of a packet; a stream that breaks off is a failure."""
        try:
            for member in members(read):
                place = _place(member.path)
                if place is not None:
                    act(place, member)
        except Truncated as failure:
            self._account.failed("bundle", failure)
        return self._account.result()

    def _receive(self, place: _Place, member: Member, *, dry_run: bool) -> None:
        head = b""
        chunks = iter(member.content)
        while len(head) < HEADER_SIZE and (chunk := next(chunks, b"")):
            head += chunk
        header = Header.decode(head[:HEADER_SIZE])
        if encode(header.recipient) != self._own:
            self._account.failed(place.packet, "its path says it is for us, the packet does not")
            return
        # Who handed it over; a bundle made by a stranger is filed under the packet's own sender.
        node = place.sender if place.sender in self._names else encode(header.sender)
        name = self._names.get(node)
        if name is None:
            self._account.failed(place.packet, f"from {node}, no neighbour of ours: gateway node add")
            return
        if header.niceness > self._max_niceness or (self._senders is not None and node not in self._senders):
            return
        packet = _Packet(place.packet, member.size, header.niceness, node, name)
        known = self._spool.known(packet.name)
        if known is not None:
            self._account.known(packet.name, name, known)
        elif self._has_room(packet):
            self._store(packet, _rejoined(head, chunks), dry_run=dry_run)

    def _has_room(self, packet: _Packet) -> bool:
        quota = self._quotas.get(packet.node)
        if quota is None:
            limits = self._limits.get(packet.sender, Limits())
            quota = self._quotas[packet.node] = Quota(self._spool, packet.node, limits)
        if not quota.has_room(packet.size):
            self._account.postpone(f"{packet.sender}: {quota}")
            return False
        return True

    def _store(self, packet: _Packet, chunks: Iterator[bytes], *, dry_run: bool) -> None:
        tree = MerkleTree()
        with ExitStack() as until_done:
            staged = None if dry_run else until_done.enter_context(self._spool.stage())
            if staged is not None and packet.size + RESERVE > self._spool.free():
                self._account.postpone(f"{packet.name}: no room in the spool for {packet.size} bytes")
                return
            for chunk in chunks:
                tree.update(chunk)
                if staged is not None:
                    staged.write(chunk)
            if tree.name() != packet.name:
                self._account.failed(packet.name, "content and name disagree")
                return
            if staged is not None:
                staged.complete()
                self._spool.commit(staged, packet.node, "rx", packet.name, alias=packet.sender)
        self._quotas[packet.node].took(packet.size)
        self._account.received(packet.name, packet.sender, niceness=packet.niceness, size=packet.size)


def _place(path: str) -> _Place | None:
    """Return what a path says, if its last three parts are two ids and a packet's name."""
    parts = path.split("/")[-3:]
    if len(parts) == 3 and all(map(is_name, parts)):  # noqa: PLR2004 - RECIPIENT/SENDER/PACKET
        return _Place(*parts)
    return None


def _rejoined(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
