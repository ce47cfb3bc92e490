"""Conclusion: from the outcomes of an attempt, one after the other, to the fate of its job."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

from gateway.engine import retry
from gateway.engine.bodies import opened
from gateway.engine.cargo import descriptions, items_of
from gateway.engine.ending import exec_detail, joined
from gateway.mail.marks import taken_as
from gateway.spool.record import WHOLE, JobRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config.model import Retry
    from gateway.engine.deliver import Progress
    from gateway.engine.ending import Endings
    from gateway.engine.fate import Fate
    from gateway.engine.report import Reports
    from gateway.engine.series import Begun
    from gateway.mta import Delivery
    from gateway.spool.spool import Spool

SMALL = 1024 * 1024
"""[bytes] Of larger packets no batch is read once more for the events alone."""


class Conclusion:
    """Draws the conclusion of every attempt at one spool's jobs; safe to use from several threads."""

    def __init__(self, spool: Spool, schedule: Retry, *, reports: Reports, endings: Endings) -> None:
        self._spool = spool
        self._schedule = schedule
        self._reports = reports
        self._endings = endings

    def note(self, begun: Begun) -> None:
        """Remember the progress of a job, if there is more to remember than its end (T4).

        Raises:
            SpoolError: temporary; the disk does not take it.
        """
        progress = begun.progress
        partly = any(recipients is not None for recipients in progress.taken.values())
        if len(begun.whole.deliveries) > 1 or partly or progress.refused or progress.words:
            self._spool.record(begun.arrival.job, _with(begun.record, progress, running=True))

    def draw(self, begun: Begun) -> Fate:
        """Settle a job of which its egress says nothing more: T5 and T6, or retry, or hold.

        T4 is on disk for every transaction that was taken.

        Raises:
            GatewayError: temporary; what became of it could not be remembered.
        """
        if begun.failure is not None:
            raise begun.failure
        arrival, whole, progress = begun.arrival, begun.whole, begun.progress
        left = begun.outstanding()
        # Of a job that is over there is nothing to remember.
        record = _with(begun.record, progress, running=False) if left or progress.refused else begun.record
        detail = {
            **exec_detail(arrival),
            "transactions": len(whole.deliveries),
            "messages": descriptions(items_of(_messages(begun))),
        }
        waits = "; ".join(dict.fromkeys(progress.words.get(d.transaction, "") for d in left))
        now = time.time()
        tried = retry.deferred(record, waits, now, self._schedule) if left else record
        given_up = bool(left) and retry.given_up(tried, now, self._schedule)
        told = self._reports.after_attempt(arrival, tried, whole, progress, given_up=given_up)
        if told.trouble and not left:
            told = told._replace(record=retry.deferred(told.record, "", now, self._schedule))
        if told.trouble or (left and not given_up):
            return self._endings.defer(arrival, told.record, joined(waits, told.trouble), detail)
        if given_up:
            words = f"given up after {tried.attempts} attempts: {waits}"
            return self._endings.hold(arrival, joined(words, told.words), told.record, detail)
        if progress.refused:
            words = joined(f"refused: {_refusals(progress)}", told.words)
            return self._endings.hold(arrival, words, told.record, detail)
        answers = list(dict.fromkeys(progress.answers))
        queue_ids = list(filter(None, map(taken_as, answers)))
        detail |= {"queue_ids": queue_ids, "waited": max(0.0, now - arrival.job.mtime)}
        return self._endings.deliver(arrival, answers, queue_ids, detail)


def _messages(begun: Begun) -> Iterable[Delivery]:
    """Return the messages that were delivered; a batch that went as a whole is opened if it is small."""
    deliveries, handle = begun.whole.deliveries, begun.whole.handle
    if begun.arrival.job.size > SMALL:
        return deliveries
    return chain.from_iterable(opened(delivery, handle) for delivery in deliveries)


def _refusals(progress: Progress) -> str:
    return "; ".join(
        f"{who}: {text}" if who != WHOLE else text
        for texts in progress.refused.values()
        for who, text in texts.items()
    )


def _with(record: JobRecord, progress: Progress, *, running: bool) -> JobRecord:
    return record._replace(taken=dict(progress.taken), refused=dict(progress.refused), running=running)
