"""Endings: what became of a job, first on disk, then said, then told to plugins, then acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.engine.acknowledge import acknowledge
from gateway.engine.fate import Fate
from gateway.engine.unpacking import EXEC
from gateway.errors import GatewayError
from gateway.mta import Event, EventKind
from gateway.packet.plain import split_exec_path
from gateway.packet.receipt import DELIVERED, HELD, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.config.model import Config
    from gateway.engine.news import News
    from gateway.engine.verify import Arrival
    from gateway.packet.identity import Identity
    from gateway.spool.layout import Job
    from gateway.spool.record import JobRecord
    from gateway.spool.spool import Spool


def exec_detail(arrival: Arrival) -> dict[str, object]:
    """Return what an event's detail says of an exec job."""
    handle, arguments = split_exec_path(arrival.plain.path)
    return {"type": "exec", "handle": handle, "arguments": arguments}


def joined(*words: str) -> str:
    """Return those of the words that say anything, as one text."""
    return "; ".join(filter(None, words))


class Endings:
    """Ends the handling of one spool's jobs; `finish` takes those that are done with (T5 and T6).

    Every method raises SpoolError, which is temporary, before anybody was told of anything.
    """

    def __init__(
        self,
        config: Config,
        identity: Identity,
        spool: Spool,
        *,
        news: News,
        finish: Callable[[Job], None],
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._identity = identity
        self._spool = spool
        self._news = news
        self._finish = finish
        self._say = say

    def repeat(self, job: Job) -> Fate:
        """Drop a copy of what was done with before."""
        self._finish(job)
        return Fate.REPEATED

    def honour(self, arrival: Arrival, honoured: Event) -> Fate:
        """Be done with a receipt that was honoured."""
        self._finish(arrival.job)
        self._news.tell(honoured)
        return Fate.ACKNOWLEDGED

    def relay(self, arrival: Arrival, detail: dict[str, object]) -> Fate:
        """Be done with a packet whose inner packet is in the queue of the next node."""
        self._finish(arrival.job)
        self._news.tell(_event(EventKind.RELAYED, arrival, detail=detail))
        return Fate.RELAYED

    def welcome(self, arrival: Arrival) -> Fate:
        """Be done with a canary of ours: the mark that it leaves is all that it was sent for."""
        self._finish(arrival.job)
        text, detail = "a canary of ours came back", exec_detail(arrival)
        self._news.tell(_event(EventKind.DELIVERED, arrival, text=text, detail=detail))
        return Fate.DELIVERED

    def deliver(
        self, arrival: Arrival, answers: Sequence[str], queue_ids: Sequence[str], detail: dict[str, object]
    ) -> Fate:
        """Be done with a job of which everything was taken; `answers` are what was said to it."""
        self._finish(arrival.job)
        self._news.tell_soon(_event(EventKind.DELIVERED, arrival, text="; ".join(answers), detail=detail))
        self._acknowledge(arrival, Receipt(arrival.job.name, DELIVERED, " ".join(queue_ids)))
        return Fate.DELIVERED

    def defer(self, arrival: Arrival, record: JobRecord, words: str, detail: dict[str, object]) -> Fate:
        """Leave a job in work until its next attempt is due."""
        record = record._replace(error=words, running=False)
        self._spool.record(arrival.job, record)
        self._say(f"{arrival.job.name}: deferred: {words}")
        detail = detail | {"attempts": record.attempts}
        self._news.tell(_event(EventKind.DEFERRED, arrival, text=words, detail=detail))
        return Fate.DEFERRED

    def hold(self, arrival: Arrival, words: str, record: JobRecord | None, detail: dict[str, object]) -> Fate:
        """Hold a job whose sender is known, and may hear of it."""
        self._set_aside(arrival.job, words, record)
        self._news.tell(_event(EventKind.HELD, arrival, text=words, detail=detail))
        # Of nothing else: in what is relayed may be a receipt, which must not cause another.
        if arrival.plain.type in EXEC:
            # Where our files lie is nobody's business.
            told = words.replace(f" in {self._config.path}", "")
            self._acknowledge(arrival, Receipt(arrival.job.name, HELD, told))
        return Fate.HELD

    def hold_unproved(self, job: Job, words: str, record: JobRecord | None) -> Fate:
        """Hold a job of which nothing is proved, or nothing was looked at."""
        self._set_aside(job, words, record)
        self._news.tell(Event(EventKind.HELD, job.name, job.node, text=words, size=job.size))
        return Fate.HELD

    def _set_aside(self, job: Job, words: str, record: JobRecord | None) -> None:
        self._spool.hold(job, words, record)
        self._say(f"{job.name}: held: {words}")

    def _acknowledge(self, arrival: Arrival, receipt: Receipt) -> None:
        """Queue a receipt where one is wanted; the job's fate does not depend on it."""
        try:
            for queued in acknowledge(arrival, receipt, self._config, self._identity, self._spool):
                self._news.tell(queued)
        except GatewayError as failure:
            self._say(f"{arrival.job.name}: {receipt.state}, but not acknowledged: {failure}")


def _event(kind: EventKind, arrival: Arrival, *, text: str = "", detail: dict[str, object]) -> Event:
    return Event(
        kind=kind,
        packet=arrival.job.name,
        node=arrival.sender.name,
        niceness=arrival.header.niceness,
        size=arrival.job.size,
        text=text,
        detail=detail,
    )
