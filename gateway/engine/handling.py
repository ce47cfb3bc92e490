"""Handling: one job is taken up, and it is decided what is to be done with it; the sequence T1 to T3."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from gateway.engine import retry
from gateway.engine.acknowledge import honour
from gateway.engine.canary import is_canary
from gateway.engine.claim import take_out
from gateway.engine.ending import exec_detail
from gateway.engine.fate import Fate
from gateway.engine.series import Begun
from gateway.engine.unpacking import EXEC, Unpacked, handle_of
from gateway.engine.verify import Arrival, arrive, reason
from gateway.errors import BadPacket, Malformed, Refused, Truncated
from gateway.packet.failures import OverLimit
from gateway.packet.identity import encode
from gateway.packet.plain import PacketType, split_exec_path
from gateway.spool.answer import settle
from gateway.spool.record import JobRecord

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.engine.ending import Endings
    from gateway.engine.rejection import Rejection
    from gateway.engine.unpacking import Unpacker
    from gateway.packet.identity import Identity
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

NOT_OURS = frozenset({PacketType.FILE, PacketType.FREQ, PacketType.AREA})
"""Left in place for NNCP's own tools."""


class Handling:
    """Takes up the jobs of one spool; safe to use from several threads for different jobs.

    `leave` are kinds to be left in place.
    """

    def __init__(
        self,
        config: Config,
        identity: Identity,
        spool: Spool,
        *,
        unpacker: Unpacker,
        endings: Endings,
        rejection: Rejection,
        leave: frozenset[PacketType] = frozenset(),
    ) -> None:
        self._config = config
        self._identity = identity
        self._spool = spool
        self._unpacker = unpacker
        self._endings = endings
        self._rejection = rejection
        self._leave = leave
        self._nodes = spool.nodes()

    def take_up(self, job: Job, unpacked: Unpacked | None = None) -> Begun | Fate:
        """Bring a job to its fate, or as far as T3 if it is to be delivered.

        `unpacked` is what was made of it before its turn. Its body goes with it into what is
        returned; where that is a fate it is the caller's still.

        Raises:
            GatewayError: temporary; the job lies where it lay.
        """
        before = self._known(job)
        if before is not None:
            return before
        record = self._spool.recorded(job) if job.box == "work" else None
        if record is not None and record.reason:
            # What was taken is unknown: to go on could deliver twice, so a person decides.
            return self._endings.hold_unproved(job, record.reason, record)
        if job.box == "work" and (record is None or record.running):
            record = retry.died(record or JobRecord())
            if record.deaths > retry.DEATHS_ALLOWED:
                words = f"our own process died {record.deaths} times while delivering it"
                return self._endings.hold_unproved(job, words, record)
            self._spool.record(job, record)
            settle(self._spool, job.node, job.name, record)
        if unpacked is not None:
            return self._begin(unpacked, record)
        try:
            with self._spool.open(job) as file:
                arrival = arrive(job, file, self._config, self._identity)
                return self._by_type(arrival, record)
        except BadPacket as failure:
            return self._endings.hold_unproved(job, reason(failure), record)

    def _known(self, job: Job) -> Fate | None:
        """Settle a job that was delivered before, or that is being dealt with elsewhere."""
        # A neighbour that is new since is looked at when the job is taken out of rx.
        where = self._spool.known(job.name, self._nodes)
        if where == "seen":
            return self._endings.repeat(job)
        if job.box == "rx" and where in ("work", "hold"):
            return Fate.LEFT
        return None

    def _by_type(self, arrival: Arrival, record: JobRecord | None) -> Begun | Fate:
        kind = arrival.plain.type
        if kind in self._leave | NOT_OURS:
            arrival.drain()
            return Fate.LEFT
        if is_canary(arrival, self._identity):
            arrival.drain()
            return self._endings.welcome(arrival)
        if kind in EXEC:
            return self._exec(arrival, record)
        if kind == PacketType.TRNS:
            return self._relay(arrival, record)
        arrival.drain()
        if kind == PacketType.ACK:
            return self._endings.honour(arrival, honour(arrival, self._spool))
        words = f"unknown packet type {kind}"
        return self._endings.hold(arrival, words, record, {"who": "rx-type-unknown"})

    def _relay(self, arrival: Arrival, record: JobRecord | None) -> Fate:
        target = self._config.by_id(arrival.plain.path)
        if target is None:
            arrival.drain()
            words = f"unknown next node {encode(arrival.plain.path)}: add it to {self._config.path}"
            return self._endings.hold(arrival, words, record, {"type": "trns", "who": "rx-unknown"})
        from gateway.engine.draft import route_to  # noqa: PLC0415 - only where something is sealed
        from gateway.engine.relay import relay  # noqa: PLC0415 - as above

        first, sender = route_to(self._config, target)[0], arrival.sender
        if first.id == sender.id != target.id:
            arrival.drain()
            words = f"a circle: our way to {target.name} leads back to {sender.name}: mend a `via`"
            return self._endings.hold(arrival, words, record, {"type": "trns", "who": "rx-trns"})
        name = relay(arrival, target, self._config, self._identity, self._spool)
        return self._endings.relay(arrival, {"type": "trns", "next": target.name, "as": name})

    def _exec(self, arrival: Arrival, record: JobRecord | None) -> Begun | Fate:
        handle = handle_of(arrival)
        if handle is None:
            arrival.drain()
            name, word = arrival.sender.name, split_exec_path(arrival.plain.path)[0]
            words = f"no handle {word!r} for {name}: add exec.{word} to [neigh.{name}] in {self._config.path}"
            return self._endings.hold(arrival, words, record, {**exec_detail(arrival), "who": "rx-no-handle"})
        with ExitStack() as until_begun:
            body = until_begun.enter_context(self._spool.scratch(arrival.job.size))
            # T2: all of it is decrypted, checked and within its limits before anything acts.
            try:
                arrival.unpack(body)
            except OverLimit as failure:
                return self._rejection.outsize(arrival, handle, body, failure, record)
            try:
                whole = self._unpacker.parcel(arrival, handle, body)
            except (Malformed, Truncated) as objection:
                return self._endings.hold(arrival, str(objection), record, exec_detail(arrival))
            except Refused as objection:
                return self._rejection.forbid(arrival, handle, body, objection, record)
            begun = self._begin(Unpacked(arrival, whole, body), record)
            if isinstance(begun, Begun):
                until_begun.pop_all()
            return begun

    def _begin(self, unpacked: Unpacked, record: JobRecord | None) -> Begun | Fate:
        arrival, whole, body = unpacked
        # T3, before the first byte is handed over.
        if arrival.job.box == "rx":
            if not take_out(self._spool, arrival):
                return Fate.LEFT
        elif record is not None and not record.running:
            self._spool.record(arrival.job, record._replace(running=True))
        return Begun(arrival, whole, body, record or JobRecord())
