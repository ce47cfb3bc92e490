"""Receiving: from the medium into ``rx``, and only then off the medium."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.config.model import Limits
from gateway.errors import BadPacket, SpoolError
from gateway.links.content import NotIntact, checked, read
from gateway.links.quota import RESERVE, Quota
from gateway.packet.header import HEADER_SIZE, Header
from gateway.spool.layout import is_name
from gateway.spool.medium import Folder

if TYPE_CHECKING:
    from gateway.links.account import Account
    from gateway.spool.spool import Spool


class Receiver:
    """Receives into one spool; `keep` leaves the originals on the medium."""

    def __init__(
        self,
        spool: Spool,
        account: Account,
        limits: Mapping[str, Limits],
        *,
        max_niceness: int,
        keep: bool,
    ) -> None:
        self._spool = spool
        self._account = account
        self._limits = limits
        self._max_niceness = max_niceness
        self._keep = keep

    def receive(self, medium: Folder, own: str, names: Mapping[str, str]) -> None:
        """Take everything that the given nodes (id text to name) have put there for us."""
        try:
            inbox = medium.folder(own)
            if inbox is None:
                return
            with inbox:
                for node in inbox.names():
                    if node in names:
                        self._receive_from(inbox, node, names[node])
        except OSError as failure:
            self._account.failed(os.path.join(medium.path, own), failure)
        except SpoolError as failure:
            # A spool that takes nothing may still give, and giving makes room.
            self._account.postpone(str(failure))

    def _receive_from(self, inbox: Folder, node: str, name: str) -> None:
        try:
            folder = inbox.folder(node)
            if folder is None:
                return
            with folder:
                quota = Quota(self._spool, node, self._limits.get(name, Limits()))
                source = _Source(folder, node, name, quota)
                for packet in self._by_niceness(folder):
                    self._receive_packet(source, packet)
                if not self._keep:
                    folder.sync()
                if source.refused:
                    self._account.postpone(source.complaint())
        except OSError as failure:
            self._account.failed(os.path.join(inbox.path, node), failure)

    def _by_niceness(self, folder: Folder) -> list[str]:
        """Return the packets within the wanted niceness, the most urgent first."""
        found = []
        for packet in filter(is_name, folder.names()):
            try:
                with folder.open(packet) as file:
                    niceness = Header.decode(read(file, HEADER_SIZE)).niceness
            except FileNotFoundError:
                continue
            except (OSError, BadPacket) as failure:
                self._account.failed(os.path.join(folder.path, packet), failure)
            else:
                if niceness <= self._max_niceness:
                    found.append((niceness, packet))
        return [packet for _, packet in sorted(found)]

    def _receive_packet(self, source: _Source, packet: str) -> None:
        path = os.path.join(source.folder.path, packet)
        try:
            known = self._spool.known(packet)
            if known is not None:
                self._account.known(packet, source.name, known)
            elif not self._take(source, packet, path):
                return
            if not self._keep:
                source.folder.remove(packet)
        except FileNotFoundError:
            return
        except NotIntact:
            self._account.failed(path, "content and name disagree (copied in part?): left where it is")
        except (OSError, BadPacket) as failure:
            self._account.failed(path, failure)

    def _take(self, source: _Source, packet: str, path: str) -> bool:
        """Copy one packet into ``rx``; False if it has to wait."""
        with source.folder.open(packet) as file:
            size = os.fstat(file.fileno()).st_size
            if not source.may_bring(size):
                return False
            niceness = Header.decode(read(file, HEADER_SIZE)).niceness
            file.seek(0)
            with self._spool.stage() as staged:
                if size + RESERVE > self._spool.free():
                    self._account.postpone(f"{path}: no room in the spool for {size} bytes")
                    return False
                for chunk in checked(file, packet, size):
                    staged.write(chunk)
                staged.complete()
                self._spool.commit(staged, source.node, "rx", packet, alias=source.name)
        source.quota.took(size)
        self._account.received(packet, source.name, niceness=niceness, size=size)
        return True


class _Source:
    """What one neighbour has put there, and how much more of it may lie here."""

    def __init__(self, folder: Folder, node: str, name: str, quota: Quota) -> None:
        self.folder = folder
        self.node = node
        self.name = name
        self.quota = quota
        self.refused = 0

    def may_bring(self, size: int) -> bool:
        """Say whether a packet of so many bytes is within the limits; count it if it is not."""
        fits = self.quota.has_room(size)
        self.refused += not fits
        return fits

    def complaint(self) -> str:
        """Say what has to stay on the medium, and why."""
        return f"{self.name}: {self.refused} packets stay on the medium: {self.quota}"
