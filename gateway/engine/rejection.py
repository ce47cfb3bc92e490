"""Rejection: a packet that its handle never gets, for what the policy on its sender says, or its size."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import IO, TYPE_CHECKING

from gateway.config.model import Accept
from gateway.engine import retry
from gateway.engine.claim import take_out
from gateway.engine.ending import exec_detail, joined
from gateway.engine.fate import Fate
from gateway.engine.loss import Loss, forbidden, too_large
from gateway.engine.report import Told
from gateway.engine.verify import arrive, reason
from gateway.errors import Malformed, Refused, Truncated
from gateway.spool.record import JobRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.config.model import Config, Handle
    from gateway.engine.ending import Endings
    from gateway.engine.report import Reports
    from gateway.engine.unpacking import Unpacker
    from gateway.engine.verify import Arrival
    from gateway.mta import Delivery
    from gateway.packet.failures import OverLimit
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool


class Rejection:
    """Holds the jobs of one spool that may not be delivered, and tells the senders in them why."""

    def __init__(
        self,
        config: Config,
        identity: Identity,
        spool: Spool,
        *,
        unpacker: Unpacker,
        reports: Reports,
        endings: Endings,
    ) -> None:
        self._config = config
        self._identity = identity
        self._spool = spool
        self._unpacker = unpacker
        self._reports = reports
        self._endings = endings

    def forbid(
        self, arrival: Arrival, handle: Handle, body: IO[bytes], refused: Refused, record: JobRecord | None
    ) -> Fate:
        """Hold a job with something in it that is not accepted from its sender."""
        against = partial(forbidden, handle=handle, accept=arrival.sender.accept)
        return self._turn_away(arrival, handle, body, record, words=str(refused), against=against)

    def outsize(
        self, arrival: Arrival, handle: Handle, body: IO[bytes], failure: OverLimit, record: JobRecord | None
    ) -> Fate:
        """Hold a job whose body is larger than accepted, and tell the senders that are in the part we have.

        Raises:
            BadPacket: the job must be held; it is not even whole. (The same in other packets must not
                make other reports.)
        """
        words = reason(failure)
        if not self._reports.wanted(arrival):
            return self._endings.hold(arrival, words, record, exec_detail(arrival))
        with self._spool.open(arrival.job) as file:
            arrive(arrival.job, file, self._config, self._identity).drain()
        if handle.form == "bsmtp":
            body.seek(0, os.SEEK_END)
            body.write(b"\n.\n")
            body.flush()
        against = partial(too_large, words=str(failure))
        return self._turn_away(arrival, handle, body, record, words=words, against=against)

    def _turn_away(
        self,
        arrival: Arrival,
        handle: Handle,
        body: IO[bytes],
        record: JobRecord | None,
        *,
        words: str,
        against: Callable[[Iterable[Delivery]], Iterable[Loss]],
    ) -> Fate:
        """Hold a job, and tell the senders what is `against` it."""
        told = Told(record or JobRecord())
        if self._reports.wanted(arrival):
            if arrival.job.box == "rx" and not take_out(self._spool, arrival):
                return Fate.LEFT
            try:
                deliveries = self._unpacker.parcel(arrival, handle, body, Accept()).deliveries
            except (Malformed, Truncated, Refused):
                deliveries = ()  # it is no mail whose sender could be told
            told = self._reports.tell(arrival, told.record, handle, against(deliveries))
            if told.trouble:
                later = retry.deferred(told.record, "", time.time(), self._config.retry)
                return self._endings.defer(arrival, later, joined(words, told.trouble), exec_detail(arrival))
        return self._endings.hold(arrival, joined(words, told.words), told.record, exec_detail(arrival))
