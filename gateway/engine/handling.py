"""One job from rx or work to its fate: the sequence T1 to T6, in the order that keeps mail safe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING, NamedTuple

from gateway.config.model import Accept
from gateway.engine import deliver, retry
from gateway.engine.acknowledge import acknowledge, honour
from gateway.engine.bodies import fitting, opened
from gateway.engine.canary import is_canary
from gateway.engine.cargo import descriptions, items_of
from gateway.engine.draft import route_to
from gateway.engine.fate import Fate
from gateway.engine.loss import Loss, forbidden, too_large
from gateway.engine.relay import relay
from gateway.engine.report import Reports, Told
from gateway.engine.series import Begun
from gateway.engine.verify import Arrival, arrive, reason
from gateway.errors import BadPacket, GatewayError, Malformed, Refused, Truncated
from gateway.mail.marks import taken_as
from gateway.mta import Event, EventKind
from gateway.packet.failures import OverLimit
from gateway.packet.identity import encode, id_text
from gateway.packet.plain import PacketType, split_exec_path
from gateway.packet.receipt import DELIVERED, HELD, Receipt
from gateway.spool.answer import settle
from gateway.spool.record import WHOLE, JobRecord

if TYPE_CHECKING:
    from gateway.config.model import Config, Handle
    from gateway.mta import Delivery
    from gateway.packet.identity import Identity
    from gateway.registry import Registry
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

NOT_OURS = frozenset({PacketType.FILE, PacketType.FREQ, PacketType.AREA})
"""Left in place for NNCP's own tools."""
EXEC = frozenset({PacketType.EXEC, PacketType.EXEC_FAT})
SMALL = 1024 * 1024
"""[bytes] Of larger packets no batch is read once more for the events alone."""


class Unpacked(NamedTuple):
    """An exec job that was verified and unpacked, and may be delivered; whoever has it closes `body`."""

    arrival: Arrival
    whole: deliver.Parcel
    body: IO[bytes]


class Handling:
    """Handles the jobs of one spool; safe to use from several threads for different jobs.

    `finish` takes the jobs that are done with (T5 and T6). `leave` are kinds to be left in place.
    """

    def __init__(
        self,
        config: Config,
        identity: Identity,
        spool: Spool,
        registry: Registry,
        *,
        finish: Callable[[Job], None],
        say: Callable[[str], None],
        leave: frozenset[PacketType] = frozenset(),
    ) -> None:
        self._config = config
        self._identity = identity
        self._spool = spool
        self._registry = registry
        self._finish = finish
        self._say = say
        self._leave = leave
        self._nodes = spool.nodes()
        self._reports = Reports(config, identity, spool, registry)

    def take_up(self, job: Job, unpacked: Unpacked | None = None) -> Begun | Fate:
        """Bring a job to its fate, or as far as T3 if it is to be delivered.

        `unpacked` is what `unpack` made of it before. Its body goes with it into what is returned;
        where that is a fate it is the caller's still.

        Raises:
            GatewayError: temporary; the job lies where it lay.
        """
        before = self._known(job)
        if before is not None:
            return before
        record = self._spool.recorded(job) if job.box == "work" else None
        if record is not None and record.reason:
            # What was taken is unknown: to go on could deliver twice, so a person decides.
            return self._hold(job, record.reason, record)
        if job.box == "work" and (record is None or record.running):
            record = retry.died(record or JobRecord())
            if record.deaths > retry.DEATHS_ALLOWED:
                words = f"our own process died {record.deaths} times while delivering it"
                return self._hold(job, words, record)
            self._spool.record(job, record)
            settle(self._spool, job.node, job.name, record)
        if unpacked is not None:
            return self._begin(unpacked, record)
        try:
            with self._spool.open(job) as file:
                arrival = arrive(job, file, self._config, self._identity)
                return self._by_type(arrival, record)
        except BadPacket as failure:
            return self._hold(job, reason(failure), record)

    def may_open(self, job: Job) -> bool:
        """Say whether a job may be opened before its turn.

        If we died at it, that is to be recorded before it is opened.
        """
        if job.box == "rx":
            return True
        record = self._spool.recorded(job)
        return record is not None and not (record.running or record.deaths or record.reason)

    def unpack(self, job: Job, limit: int) -> Unpacked | None:
        """Verify and unpack an exec job before its turn, if all is well with it; change nothing on disk.

        `limit` [bytes] is for its body.

        Raises:
            GatewayError: something is not well; only `take_up` can deal with it.
        """
        with self._spool.open(job) as file, ExitStack() as until_whole:
            arrival = arrive(job, file, self._config, self._identity)
            handle = _handle_of(arrival) if arrival.plain.type in EXEC - self._leave else None
            if handle is None:
                return None
            body = until_whole.enter_context(self._spool.scratch(job.size))
            arrival.unpack(body, limit)
            whole = self._parcel(arrival, handle, body)
            until_whole.pop_all()
            return Unpacked(arrival, whole, body)

    def examine(self, job: Job) -> Fate:
        """Verify one job and say what would be done with it; change nothing on disk."""
        try:
            with self._spool.open(job) as file:
                arrival = arrive(job, file, self._config, self._identity)
                arrival.drain()
        except BadPacket as failure:
            self._say(f"{job.name}: would be held: {reason(failure)}")
            return Fate.HELD
        kind = arrival.plain.type
        if is_canary(arrival, self._identity):
            what = "take note of a canary of ours"
        elif kind in EXEC:
            handle, _ = split_exec_path(arrival.plain.path)
            known = handle in arrival.sender.handles
            what = f"deliver by handle {handle!r}" if known else f"hold: no handle {handle!r}"
        elif kind == PacketType.TRNS:
            target = self._config.by_id(arrival.plain.path)
            what = f"relay to {target.name}" if target else "hold: unknown next node"
        else:
            what = "leave it in place" if kind in NOT_OURS else "take note"
        self._say(f"{job.name}: from {arrival.sender.name}, niceness {arrival.header.niceness}: would {what}")
        return Fate.LEFT

    def _known(self, job: Job) -> Fate | None:
        """Settle a job that was delivered before, or that is being dealt with elsewhere."""
        # A neighbour that is new since is looked at by `_begun_elsewhere`.
        where = self._spool.known(job.name, self._nodes)
        if where == "seen":
            self._finish(job)
            return Fate.REPEATED
        if job.box == "rx" and where in ("work", "hold"):
            return Fate.LEFT
        return None

    def _begun_elsewhere(self, job: Job) -> bool:
        """Say whether the same packet, come by another neighbour, was taken up meanwhile.

        Another process may toss that neighbour's jobs. Both look after they have begun, so
        at least one of the two sees the other.
        """
        others = [node for node in self._spool.nodes() if node != job.node]
        return bool(others) and self._spool.known(job.name, others) is not None

    def _by_type(self, arrival: Arrival, record: JobRecord | None) -> Begun | Fate:
        kind = arrival.plain.type
        if kind in self._leave:
            arrival.drain()
            return Fate.LEFT
        if kind in EXEC:
            ours = is_canary(arrival, self._identity)
            return self._welcome(arrival) if ours else self._exec(arrival, record)
        if kind == PacketType.TRNS:
            return self._relay(arrival, record)
        arrival.drain()
        if kind == PacketType.ACK:
            honoured = honour(arrival, self._spool)
            self._finish(arrival.job)
            self._registry.event(honoured)
            return Fate.ACKNOWLEDGED
        if kind in NOT_OURS:
            return Fate.LEFT
        words = f"unknown packet type {kind}"
        return self._hold(arrival.job, words, record, arrival, {"who": "rx-type-unknown"})

    def _welcome(self, arrival: Arrival) -> Fate:
        """Be done with a canary of ours: the mark that it leaves is all that it was sent for."""
        arrival.drain()
        self._finish(arrival.job)
        self._tell(EventKind.DELIVERED, arrival, text="a canary of ours came back", detail=_job(arrival))
        return Fate.DELIVERED

    def _relay(self, arrival: Arrival, record: JobRecord | None) -> Fate:
        target = self._config.by_id(arrival.plain.path)
        if target is None:
            arrival.drain()
            words = f"unknown next node {encode(arrival.plain.path)}: add it to {self._config.path}"
            return self._hold(arrival.job, words, record, arrival, {"type": "trns", "who": "rx-unknown"})
        first, sender = route_to(self._config, target)[0], arrival.sender
        if first.id == sender.id != target.id:
            arrival.drain()
            words = f"a circle: our way to {target.name} leads back to {sender.name}: mend a `via`"
            return self._hold(arrival.job, words, record, arrival, {"type": "trns", "who": "rx-trns"})
        name = relay(arrival, target, self._config, self._identity, self._spool)
        self._finish(arrival.job)
        self._tell(EventKind.RELAYED, arrival, detail={"type": "trns", "next": target.name, "as": name})
        return Fate.RELAYED

    def _exec(self, arrival: Arrival, record: JobRecord | None) -> Begun | Fate:
        handle = _handle_of(arrival)
        if handle is None:
            arrival.drain()
            name, word = arrival.sender.name, split_exec_path(arrival.plain.path)[0]
            words = f"no handle {word!r} for {name}: add exec.{word} to [neigh.{name}] in {self._config.path}"
            return self._hold(arrival.job, words, record, arrival, {**_job(arrival), "who": "rx-no-handle"})
        with ExitStack() as until_begun:
            body = until_begun.enter_context(self._spool.scratch(arrival.job.size))
            # T2: all of it is decrypted, checked and within its limits before anything acts.
            try:
                arrival.unpack(body)
            except OverLimit as failure:
                return self._too_large(arrival, handle, body, failure, record)
            try:
                whole = self._parcel(arrival, handle, body)
            except (Malformed, Truncated) as objection:
                return self._hold(arrival.job, str(objection), record, arrival, _job(arrival))
            except Refused as objection:
                against = partial(forbidden, handle=handle, accept=arrival.sender.accept)
                return self._turn_away(arrival, handle, body, record, words=str(objection), against=against)
            begun = self._begin(Unpacked(arrival, whole, body), record)
            if isinstance(begun, Begun):
                until_begun.pop_all()
            return begun

    def _too_large(
        self, arrival: Arrival, handle: Handle, body: IO[bytes], failure: OverLimit, record: JobRecord | None
    ) -> Fate:
        """Hold a job whose body is larger than accepted, and tell the senders that are in the part we have.

        Raises:
            BadPacket: the job must be held; it is not even whole. (The same in other packets must not
                make other reports.)
        """
        if not self._reports.wanted(arrival):
            return self._hold(arrival.job, reason(failure), record, arrival, _job(arrival))
        with self._spool.open(arrival.job) as file:
            arrive(arrival.job, file, self._config, self._identity).drain()
        if handle.form == "bsmtp":
            body.seek(0, os.SEEK_END)
            body.write(b"\n.\n")
            body.flush()
        against = partial(too_large, words=str(failure))
        return self._turn_away(arrival, handle, body, record, words=reason(failure), against=against)

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
        """Hold a job that the policy on its neighbour forbids, and tell the senders what is `against` it."""
        told = Told(record or JobRecord())
        if self._reports.wanted(arrival):
            if arrival.job.box == "rx" and not self._take_out(arrival):
                return Fate.LEFT
            try:
                deliveries = self._parcel(arrival, handle, body, Accept()).deliveries
            except (Malformed, Truncated, Refused):
                deliveries = ()  # it is no mail whose sender could be told
            told = self._reports.tell(arrival, told.record, handle, against(deliveries))
            if told.trouble:
                later = retry.deferred(told.record, "", time.time(), self._config.retry)
                return self._defer(arrival, later, _joined(words, told.trouble), _job(arrival))
        return self._hold(arrival.job, _joined(words, told.words), told.record, arrival, _job(arrival))

    def _take_out(self, arrival: Arrival) -> bool:
        """Take a job out of rx (T3); say whether it is ours alone.

        No record is written here: a job in work without one is a job in whose delivery we died.
        """
        job = self._spool.begin(arrival.job)
        if self._begun_elsewhere(job):
            self._spool.put_back(job)
            return False
        arrival.job = job
        return True

    def _parcel(
        self, arrival: Arrival, handle: Handle, body: IO[bytes], accept: Accept | None = None
    ) -> deliver.Parcel:
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
        )

    def _begin(self, unpacked: Unpacked, record: JobRecord | None) -> Begun | Fate:
        arrival, whole, body = unpacked
        # T3, before the first byte is handed over.
        if arrival.job.box == "rx":
            if not self._take_out(arrival):
                return Fate.LEFT
        elif record is not None and not record.running:
            self._spool.record(arrival.job, replace(record, running=True))
        record = record or JobRecord()
        progress = deliver.Progress.of(record)
        return Begun(arrival=arrival, whole=whole, body=body, record=record, progress=progress)

    def note(self, begun: Begun) -> None:
        """Remember the progress of a job, if there is more to remember than its end (T4).

        Raises:
            SpoolError: temporary; the disk does not take it.
        """
        progress = begun.progress
        partly = any(recipients is not None for recipients in progress.taken.values())
        if len(begun.whole.deliveries) > 1 or partly or progress.refused or progress.words:
            self._spool.record(begun.arrival.job, _with(begun.record, progress, running=True))

    def conclude(self, begun: Begun) -> Fate:
        """Settle a job of which its egress says nothing more: T5 and T6, or retry, or hold.

        T4 is on disk for every transaction that was taken.

        Raises:
            GatewayError: temporary; what became of it could not be remembered.
        """
        if begun.failure is not None:
            raise begun.failure
        arrival, whole, progress = begun.arrival, begun.whole, begun.progress
        record = _with(begun.record, progress, running=False)
        left = [d for d in whole.deliveries if progress.outstanding(d) is not None]
        detail = {
            **_job(arrival),
            "transactions": len(whole.deliveries),
            "messages": descriptions(items_of(_messages(begun))),
        }
        waits = "; ".join(dict.fromkeys(progress.words.get(d.transaction, "") for d in left))
        now = time.time()
        tried = retry.deferred(record, waits, now, self._config.retry) if left else record
        given_up = bool(left) and retry.given_up(tried, now, self._config.retry)
        told = self._reports.after_attempt(arrival, tried, whole, progress, given_up=given_up)
        if told.trouble and not left:
            told = told._replace(record=retry.deferred(told.record, "", now, self._config.retry))
        if told.trouble or (left and not given_up):
            return self._defer(arrival, told.record, _joined(waits, told.trouble), detail)
        if given_up:
            words = f"given up after {tried.attempts} attempts: {waits}"
            return self._hold(arrival.job, _joined(words, told.words), told.record, arrival, detail)
        if progress.refused:
            words = "; ".join(
                f"{who}: {text}" if who != WHOLE else text
                for texts in progress.refused.values()
                for who, text in texts.items()
            )
            words = _joined(f"refused: {words}", told.words)
            return self._hold(arrival.job, words, told.record, arrival, detail)
        self._finish(arrival.job)
        answers = list(dict.fromkeys(progress.answers))
        queue_ids = list(filter(None, map(taken_as, answers)))
        detail |= {"queue_ids": queue_ids, "waited": max(0.0, now - arrival.job.mtime)}
        self._tell(EventKind.DELIVERED, arrival, text="; ".join(answers), detail=detail)
        self._acknowledge(arrival, Receipt(arrival.job.name, DELIVERED, " ".join(queue_ids)))
        return Fate.DELIVERED

    def _defer(self, arrival: Arrival, record: JobRecord, words: str, detail: dict[str, object]) -> Fate:
        """Leave a job in work until its next attempt is due."""
        record = replace(record, error=words, running=False)
        self._spool.record(arrival.job, record)
        self._say(f"{arrival.job.name}: deferred: {words}")
        self._tell(EventKind.DEFERRED, arrival, text=words, detail=detail | {"attempts": record.attempts})
        return Fate.DEFERRED

    def _acknowledge(self, arrival: Arrival, receipt: Receipt) -> None:
        """Queue a receipt where one is wanted; the job's fate does not depend on it."""
        try:
            for queued in acknowledge(arrival, receipt, self._config, self._identity, self._spool):
                self._registry.event(queued)
        except GatewayError as failure:
            self._say(f"{arrival.job.name}: {receipt.state}, but not acknowledged: {failure}")

    def _hold(
        self,
        job: Job,
        words: str,
        record: JobRecord | None,
        arrival: Arrival | None = None,
        detail: dict[str, object] | None = None,
    ) -> Fate:
        self._spool.hold(job, words, record)
        self._say(f"{job.name}: held: {words}")
        if arrival is not None:
            self._tell(EventKind.HELD, arrival, text=words, detail=detail)
            # Of nothing else: in what is relayed may be a receipt, which must not cause another.
            if arrival.plain.type in EXEC:
                # Where our files lie is nobody's business.
                told = words.replace(f" in {self._config.path}", "")
                self._acknowledge(arrival, Receipt(job.name, HELD, told))
        else:
            self._registry.event(
                Event(kind=EventKind.HELD, packet=job.name, node=job.node, text=words, size=job.size)
            )
        return Fate.HELD

    def _tell(
        self, kind: EventKind, arrival: Arrival, *, text: str = "", detail: dict[str, object] | None = None
    ) -> None:
        self._registry.event(
            Event(
                kind=kind,
                packet=arrival.job.name,
                node=arrival.sender.name,
                niceness=arrival.header.niceness,
                size=arrival.job.size,
                text=text,
                detail=detail or {},
            )
        )


def _messages(begun: Begun) -> Iterable[Delivery]:
    """Return the messages that were delivered; a batch that went as a whole is opened if it is small."""
    deliveries, handle = begun.whole.deliveries, begun.whole.handle
    if begun.arrival.job.size > SMALL:
        return deliveries
    return chain.from_iterable(opened(delivery, handle) for delivery in deliveries)


def _job(arrival: Arrival) -> dict[str, object]:
    """Return what an event's detail says of an exec job."""
    handle, arguments = split_exec_path(arrival.plain.path)
    return {"type": "exec", "handle": handle, "arguments": arguments}


def _handle_of(arrival: Arrival) -> Handle | None:
    """Return what the sender may have run under the word in the packet, if anything."""
    word, _ = split_exec_path(arrival.plain.path)
    handle = arrival.sender.handles.get(word)
    return handle if handle and (handle.command or handle.options) else None


def _joined(*words: str) -> str:
    return "; ".join(filter(None, words))


def _with(record: JobRecord, progress: deliver.Progress, *, running: bool) -> JobRecord:
    return replace(record, taken=dict(progress.taken), refused=dict(progress.refused), running=running)
