"""Feeds verified mail to ``sendmail -bS`` so that nothing is lost and nothing repeated.

Exim stops at the first error of a stream and abandons the rest. So each process is fed few
transactions (one, unless `session` says more), its report decides about each, and what it
did not look at is fed to the next. A transaction that was tried before is fed by itself: what it
does to Exim is not to befall others twice.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from gateway import BatchWriter, Malformed, PluginError, ProgramError, Verdict
from gateway_exim.abreast import abreast
from gateway_exim.session import Share, feed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway import Delivery, Outcome
    from gateway_exim.options import Options
    from gateway_exim.report import Report

PATIENCE = 3
"""Processes that may come to grief in a row before the rest is left for the next attempt."""


def outcomes_of(first: Delivery, coming: Iterator[Delivery], options: Options) -> Iterator[Outcome]:
    """Feed deliveries for one handle, its own `options` included; yield outcomes as the processes end.

    Raises:
        PluginError: temporary; the handle's command is not one that reads batch SMTP, or
            a delivery has no envelope.
        GatewayError: temporary; a message cannot be read.
    """
    _check_command(first)
    feeding = _Feeding()
    batches = _batches(map(_share, _chain(first, coming)), options.session)
    yield from abreast(batches, feeding.settle, options.processes, feeding.stop.set)


def _batches(shares: Iterator[Share], most: int) -> Iterator[list[Share]]:
    """Yield what one process each is fed."""
    batch: list[Share] = []
    for share in shares:
        if share.delivery.attempts:
            yield [share]
            continue
        batch.append(share)
        if len(batch) == most:
            yield batch
            batch = []
    if batch:
        yield batch


class _Feeding:
    """The feeding of one call's transactions; shared by the threads that do it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._grief = 0

    def settle(self, batch: list[Share]) -> Iterator[Outcome]:
        """Yield outcomes until every share of the batch is taken, refused or deferred."""
        waiting: deque[Share] = deque()
        for share in batch:
            objection = _objection(share)
            if objection:
                yield share.outcome(Verdict.REFUSED, objection)
            else:
                waiting.append(share)
        while waiting and not self._hopeless():
            try:
                ending = feed(waiting, self.stop.is_set)
            except ProgramError as error:
                trouble = str(error)
            else:
                trouble = ending.trouble
            self._note(trouble)
            if trouble:
                yield from (share.outcome(Verdict.DEFERRED, trouble) for share in waiting)
                return
            for _ in range(ending.taken):
                yield waiting.popleft().outcome(Verdict.TAKEN)
            if ending.report is not None:
                outcomes, again = judge(waiting.popleft(), ending.report)
                yield from outcomes
                waiting.extendleft(reversed(again))
                yield from _set_aside(waiting, ending.report)

    def _hopeless(self) -> bool:
        with self._lock:
            return self.stop.is_set() or self._grief >= PATIENCE

    def _note(self, trouble: str) -> None:
        with self._lock:
            self._grief = self._grief + 1 if trouble else 0


def judge(share: Share, report: Report) -> tuple[list[Outcome], list[Share]]:
    """Return what is settled of a share that Exim reported on, and what to feed again.

    A bad recipient condemns its whole transaction, so the others are fed again without it;
    a transaction with too many of them is fed in pieces.
    """
    recipients = share.envelope.recipients
    index = report.recipient
    if index is not None and index < len(recipients):
        if report.too_many:
            return [], [share.narrowed(recipients[i : i + index]) for i in range(0, len(recipients), index)]
        if report.permanent and len(recipients) > 1:
            refused = share.narrowed(recipients[index : index + 1])
            others = share.narrowed(recipients[:index] + recipients[index + 1 :])
            return [refused.outcome(Verdict.REFUSED, report.words())], [others]
    verdict = Verdict.REFUSED if report.permanent else Verdict.DEFERRED
    return [share.outcome(verdict, report.words())], []


def _set_aside(waiting: deque[Share], report: Report) -> Iterator[Outcome]:
    """Take out the shares whose message cannot be read a second time; they are deferred."""
    for share in [share for share in waiting if not share.can_be_fed]:
        waiting.remove(share)
        yield share.outcome(Verdict.DEFERRED, f"not fed again yet, after {report.words()}")


def _share(delivery: Delivery) -> Share:
    if delivery.envelope is None:
        msg = f"exim: handle {delivery.handle}: a raw job has no envelope, so it cannot go to -bS"
        raise PluginError(msg)
    return Share(delivery, delivery.envelope)


def _objection(share: Share) -> str:
    """Return why a share cannot be fed at all, or nothing.

    Tried before the process is started, since a stream that breaks off midway would leave us
    in doubt about the others in it.
    """
    if share.delivery.arguments:
        return (
            f"the sending node gave arguments, which are never passed to Exim: {share.delivery.arguments!r}"
        )
    try:
        BatchWriter(lambda _: None).begin(share.envelope)
    except Malformed as error:
        return str(error)
    return ""


def _check_command(delivery: Delivery) -> None:
    command = delivery.command
    if "-bS" not in command[1:] and not (command and command[0].rpartition("/")[2] == "rsmtp"):
        msg = (
            f"exim: handle {delivery.handle}: the command must be Exim's with -bS, such as"
            f' ["/usr/sbin/sendmail", "-bS"], not {list(command)}'
        )
        raise PluginError(msg)


def _chain(first: Delivery, rest: Iterator[Delivery]) -> Iterator[Delivery]:
    yield first
    yield from rest
