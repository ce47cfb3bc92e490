"""Sending: what waits in ``tx`` is offered, read as the peer asks for it, and dropped once it has it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from gateway.errors import GatewayError, UnknownJob
from gateway.links.sync.messages import Info
from gateway.mta import Event, EventKind
from gateway.packet.header import Header
from gateway.packet.identity import decode, encode

if TYPE_CHECKING:
    from gateway.links.session.rules import Account
    from gateway.links.sync.machine import Machine, Wanted
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

_SCRAP = 1024
"""[bytes] Where no more of an envelope is left, no further packet begins."""
_COARSEST = 2_000_000_000
"""[ns] The coarsest times that a file system keeps."""


class Outbound:
    """What we hand to one neighbour (id text and configured name) in one session."""

    def __init__(
        self,
        spool: Spool,
        machine: Machine,
        node: str,
        name: str,
        *,
        max_niceness: int,
        account: Account,
        report: Callable[[Event], None],
    ) -> None:
        self._spool = spool
        self._machine = machine
        self._node = node
        self._name = name
        self._max_niceness = max_niceness
        self._account = account
        self._report = report
        self._looked: set[str] = set()
        self._offers: dict[bytes, tuple[Job, int]] = {}
        self._changed = -1
        self._file: BinaryIO | None = None
        self._sending = b""

    def found(self) -> list[Info]:
        """Return what came into ``tx`` since the last time, the most urgent first.

        Raises:
            SpoolError: temporary.
        """
        changed = self._spool.changed(self._node, "tx")
        if changed == self._changed:
            return []
        new: list[Info] = []
        for job in self._spool.jobs(self._node, "tx"):
            if job.name not in self._looked:
                with suppress(UnknownJob):
                    self._look(job, new)
        # Two changes can bear one time: believe it only once it is past.
        self._changed = changed if time.time_ns() - changed > _COARSEST else -1
        new.sort()
        self._account.tx_offered[0] += len(new)
        self._account.tx_offered[1] += sum(info.size for info in new)
        return new

    def _look(self, job: Job, new: list[Info]) -> None:
        try:
            niceness = Header.decode(self._spool.header(job)).niceness
        except UnknownJob:
            raise
        except GatewayError as failure:
            self._account.notes.append(f"tx of {self._name}: {job.name}: {failure}: left where it is")
        else:
            if niceness <= self._max_niceness:
                name = decode(job.name)
                self._offers[name] = job, niceness
                new.append(Info(niceness, job.size, name))
        self._looked.add(job.name)

    def next(self, chunk: int) -> bytes:
        """Return the envelope with the next content that the peer waits for; empty if it is none.

        `chunk` bounds the content [bytes], which is that of many packets if they are small.
        """
        machine, left = self._machine, chunk
        while left >= min(chunk, _SCRAP) and (wanted := machine.wanted()) is not None:
            data = self._read(wanted, left)
            if data or wanted.offset == wanted.size:
                left -= machine.supply(wanted, data)
            else:
                machine.withhold(wanted)
        return machine.content()

    def _read(self, wanted: Wanted, chunk: int) -> bytes:
        """Return content, nothing if the packet went away or is not what it was."""
        try:
            if self._sending != wanted.hash or self._file is None:
                self.close()
                self._file = self._spool.open(self._offers[wanted.hash][0])
                self._sending = wanted.hash
            return os.pread(self._file.fileno(), min(chunk, wanted.size - wanted.offset), wanted.offset)
        except UnknownJob:
            return b""
        except (OSError, GatewayError) as failure:
            self._account.notes.append(f"tx of {self._name}: {encode(wanted.hash)}: {failure}")
            return b""

    def confirmed(self, name: bytes) -> None:
        """Drop a packet that the peer has.

        Raises:
            SpoolError: temporary.
        """
        job, niceness = self._offers.pop(name)
        if name == self._sending:
            self.close()
        if not self._spool.drop_sent(self._node, job.name):
            return
        self._account.sent += 1
        detail = {"link": "call", "session": self._account.session}
        self._report(Event(EventKind.SENT, job.name, self._name, niceness, job.size, detail=detail))

    def close(self) -> None:
        """Let go of the file."""
        file, self._file, self._sending = self._file, None, b""
        if file is not None:
            file.close()
