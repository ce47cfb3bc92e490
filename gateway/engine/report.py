"""Reports: who sent a message hears what finally became of it, by way of the node that sent the packet.

A report travels as an answer of the job (`gateway.spool.answer`): once for each recipient, whatever
dies meanwhile, and what was told stands in the job's record.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.cargo import descriptions
from gateway.engine.ground import self_name
from gateway.engine.loss import Loss, by_transaction, losses, waiting
from gateway.engine.posting import Report, at_once, envelope_to, write_reports
from gateway.errors import ConfigError, GatewayError, Permanent, Refused
from gateway.packet.identity import encode
from gateway.spool.answer import answer, ready

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.config.model import Config, Handle
    from gateway.engine.deliver import Parcel, Progress
    from gateway.engine.news import News
    from gateway.engine.verify import Arrival
    from gateway.mail.envelope import Envelope
    from gateway.mail.report import Action, Failure
    from gateway.mta import Delivery
    from gateway.packet.identity import Identity
    from gateway.registry import Registry
    from gateway.spool.record import JobRecord
    from gateway.spool.spool import Spool


class Told(NamedTuple):
    """What came of telling the senders: the job's record, and the words of it for the operator.

    `trouble` is temporary: what is not told yet can be, later.
    """

    record: JobRecord
    words: str = ""
    trouble: str = ""


class _Note(NamedTuple):
    """One report that is to be sent, and about whom."""

    key: str
    recipients: tuple[str, ...]
    report: Report


class Reports:
    """Tells the senders of one spool's jobs; safe to use from several threads for different jobs."""

    def __init__(
        self, config: Config, identity: Identity, spool: Spool, registry: Registry, *, news: News
    ) -> None:
        self._config = config
        self._identity = identity
        self._spool = spool
        self._registry = registry
        self._news = news

    def wanted(self, arrival: Arrival) -> bool:
        """Whether the neighbour's senders are to be told of anything."""
        return arrival.sender.bounce and arrival.sender.id != self._identity.id

    def after_attempt(
        self, arrival: Arrival, record: JobRecord, whole: Parcel, progress: Progress, *, given_up: bool
    ) -> Told:
        """Tell the senders what an attempt has settled, and where it is wanted what still waits.

        `record` is that of the job in work, this attempt included.
        """
        told = Told(record)
        if progress.refused or given_up:
            told = self.tell(arrival, record, whole.handle, losses(whole, progress, given_up=given_up))
        retry = self._config.retry
        if given_up or told.trouble or not retry.warn_sender:
            return told
        late = bool(record.first) and time.time() - record.first >= self._patience(arrival)
        if not late:
            return told
        until = record.first + retry.give_up
        delays = self.tell(arrival, told.record, whole.handle, waiting(whole, progress), retry_until=until)
        return told._replace(record=delays.record)

    def _patience(self, arrival: Arrival) -> float:
        own = arrival.sender.warn_after
        return self._config.retry.warn_after if own is None else own

    def tell(
        self,
        arrival: Arrival,
        record: JobRecord,
        handle: Handle,
        lost: Iterable[Loss],
        *,
        retry_until: float | None = None,
    ) -> Told:
        """Queue a report for every sender that has not heard of it; the job lies in work.

        With `retry_until` [unix s] they are told of a delay. Afterwards the record is on disk as
        it is returned, if anybody was told.
        """
        if not self.wanted(arrival):
            return Told(record)
        silent: dict[str, None] = {}
        words: list[str] = []
        step = at_once(arrival.sender)
        notes: list[_Note] = []

        def send() -> None:
            nonlocal record
            some = notes[:]
            notes.clear()
            try:
                record = self._send(arrival, record, some)
            except (Permanent, ConfigError) as failure:
                silent[str(failure)] = None
            else:
                words.extend(str(note.report.sender) for note in some)

        try:
            record = ready(self._spool, arrival.job, record)
            for delivery, failures in by_transaction(handle, lost):
                if delivery.envelope is not None and record.told.get(_key(delivery, retry_until)):
                    words.append(str(delivery.envelope.sender))
                note = self._note(arrival, record, delivery, failures, retry_until=retry_until, silent=silent)
                if note is not None:
                    notes.append(note)
                # A packet can have a hundred thousand messages in it: their reports are not all kept.
                if len(notes) == step:
                    send()
            if notes:
                send()
        except GatewayError as failure:
            return Told(record, trouble=f"not reported yet: {failure}")
        said = [f"reported to {', '.join(dict.fromkeys(words))}"] if words else []
        return Told(record, "; ".join([*said, *(f"not reported: {why}" for why in silent)]))

    def _note(
        self,
        arrival: Arrival,
        record: JobRecord,
        delivery: Delivery,
        failures: Sequence[Failure],
        *,
        retry_until: float | None,
        silent: dict[str, None],
    ) -> _Note | None:
        """Return the report to a message's sender; None, and why in `silent`, if there is to be none."""
        # Mail that fails is rare, and email takes as long to import as all of the gateway.
        from gateway.mail.answerable import (  # noqa: PLC0415 - see above
            head_of,
            objection_to_delay,
            objection_to_report,
        )
        from gateway.mail.report import Occasion, write_report  # noqa: PLC0415 - see above

        action: Action = "failed" if retry_until is None else "delayed"
        key = _key(delivery, retry_until)
        known = record.told.get(key, ())
        new = [failure for failure in failures if failure.recipient not in known]
        if not new:
            return None
        if delivery.envelope is None or delivery.reopen is None:
            silent["it has no envelope"] = None
            return None
        sender = delivery.envelope.sender
        head = head_of(delivery.reopen())
        against = (objection_to_report if action == "failed" else objection_to_delay)(sender, head)
        if against is None:
            against = self._refusal(envelope_to(sender), arrival)
        if against is not None:
            silent[against] = None
            return None
        occasion = Occasion(
            action,
            host=self_name(self._config),
            node=arrival.sender.name,
            packet=arrival.job.name,
            number=f"{delivery.transaction}.{len(known)}",
            arrived=arrival.job.mtime,
            attempted=time.time(),
            head=head,
            retry_until=retry_until,
        )
        report = Report(sender, write_report(sender, new, occasion))
        return _Note(key, tuple(f.recipient for f in new), report)

    def _refusal(self, envelope: Envelope, arrival: Arrival) -> str | None:
        """Return why a site's own policy lets no report of that envelope go, or None."""
        try:
            self._registry.check_submission(envelope, arrival.sender.name)
        except Refused as refusal:
            return str(refusal)
        return None

    def _send(self, arrival: Arrival, record: JobRecord, notes: Sequence[_Note]) -> JobRecord:
        reports = [note.report for note in notes]
        ours = self._config, self._identity, self._spool
        draft = write_reports(*ours, arrival.sender, reports, niceness=arrival.header.niceness)
        try:
            told = {**record.told}
            for note in notes:
                told[note.key] = (*told.get(note.key, ()), *note.recipients)
            assert draft.sealed is not None, "what is written is sealed"
            record = answer(
                self._spool,
                arrival.job,
                ready(self._spool, arrival.job, record)._replace(told=told),
                draft.staged,
                hop=encode(draft.first.id),
                name=draft.sealed.name,
                alias=draft.first.name,
            )
        finally:
            draft.discard()
        more = {"messages": descriptions(draft.items), "report_of": arrival.job.name}
        self._news.tell(draft.news(more))
        return record


def _key(delivery: Delivery, retry_until: float | None) -> str:
    """Return under what a record remembers whom a report was about."""
    return f"{delivery.transaction}{'' if retry_until is None else ' delayed'}"
