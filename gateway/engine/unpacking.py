"""Unpacking: a verified exec job is made the parcel that its handle gets; nothing changes on disk."""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, NamedTuple

from gateway.engine import deliver
from gateway.engine.bodies import fitting
from gateway.engine.verify import Arrival, arrive
from gateway.packet.identity import id_text
from gateway.packet.plain import PacketType, split_exec_path

if TYPE_CHECKING:
    from gateway.config.model import Accept, Config, Handle
    from gateway.packet.identity import Identity
    from gateway.registry import Registry
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

EXEC = frozenset({PacketType.EXEC, PacketType.EXEC_FAT})


class Unpacked(NamedTuple):
    """An exec job that was verified and unpacked, and may be delivered; whoever has it closes `body`."""

    arrival: Arrival
    whole: deliver.Parcel
    body: IO[bytes]


def handle_of(arrival: Arrival) -> Handle | None:
    """Return what the sender may have run under the word in the packet, if anything."""
    word, _ = split_exec_path(arrival.plain.path)
    handle = arrival.sender.handles.get(word)
    return handle if handle and (handle.command or handle.options) else None


class Unpacker:
    """Unpacks the jobs of one spool; safe to use from several threads. Kinds in `leave` stay packed."""

    def __init__(
        self,
        config: Config,
        identity: Identity,
        spool: Spool,
        registry: Registry,
        *,
        leave: frozenset[PacketType] = frozenset(),
    ) -> None:
        self._config = config
        self._identity = identity
        self._spool = spool
        self._registry = registry
        self._kinds = EXEC - leave

    def unpack(self, job: Job, limit: int) -> Unpacked | None:
        """Verify and unpack a small exec job before its turn, if all is well with it.

        `limit` [bytes] is for its body. None is for a job that has to wait for its turn.

        Raises:
            GatewayError: something is not well; what that means for the job is decided in its turn.
        """
        if not self._may_open(job):
            return None
        with ExitStack() as until_whole:
            arrival = arrive(job, io.BytesIO(self._spool.read(job)), self._config, self._identity)
            handle = handle_of(arrival) if arrival.plain.type in self._kinds else None
            if handle is None:
                return None
            body = until_whole.enter_context(self._spool.scratch(job.size, at_most=limit))
            arrival.unpack(body, limit)
            whole = self.parcel(arrival, handle, body)
            until_whole.pop_all()
            return Unpacked(arrival, whole, body)

    def parcel(
        self, arrival: Arrival, handle: Handle, body: IO[bytes], accept: Accept | None = None
    ) -> deliver.Parcel:
        """Return the deliveries in an unpacked body; `accept` stands in for the policy on the sender.

        Raises:
            GatewayError: as `gateway.engine.deliver.parcel` does.
        """
        _, arguments = split_exec_path(arrival.plain.path)
        niceness = arrival.plain.niceness
        accept = accept or arrival.sender.accept
        if arrival.sender.accept.anybody:
            handle = fitting(body, handle, arguments, arrival.sender.name)
        return deliver.parcel(
            body,
            handle,
            self._registry.egress(handle.egress),
            arguments,
            accept=accept,
            sender_name=arrival.sender.name,
            niceness=niceness,
            packet=arrival.job.name,
            environ=deliver.environ_of(id_text(self._identity.id), id_text(arrival.sender.id), niceness),
            scratch=self._spool.scratch,
        )

    def _may_open(self, job: Job) -> bool:
        """Say whether a job may be opened before its turn: if we died at it, that is recorded first."""
        if job.box == "rx":
            return True
        record = self._spool.recorded(job)
        return record is not None and not (record.running or record.deaths or record.reason)
