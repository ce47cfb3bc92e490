"""Losses: what of a job's mail failed, or still waits, by message and recipient, and for which reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.bodies import opened
from gateway.engine.policy import objection, objection_to_paths
from gateway.mail.envelope import Envelope
from gateway.spool.record import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.config.model import Accept, Handle
    from gateway.engine.deliver import Parcel, Progress
    from gateway.mail.report import Failure
    from gateway.mta import Delivery

EXPIRED = "4.4.7"
REFUSED = "5.0.0"
FORBIDDEN = "5.7.1"
TOO_LARGE = "5.3.4"
NOT_YET = "4.0.0"
"""What a status is (RFC 3463) where whoever failed us named none."""


class Loss(NamedTuple):
    """Recipients of one transaction that failed for the same reason; None is all of them."""

    delivery: Delivery
    recipients: tuple[str, ...] | None
    status: str
    words: str


def losses(whole: Parcel, progress: Progress, *, given_up: bool) -> Iterator[Loss]:
    """Yield what failed for good; with `given_up` also what was still to be tried."""
    for delivery in whole.deliveries:
        for who, text in progress.refused.get(str(delivery.transaction), {}).items():
            yield Loss(delivery, None if who == WHOLE else (who,), REFUSED, text)
        left = progress.outstanding(delivery) if given_up else None
        if left is not None:
            yield _outstanding(left, progress, EXPIRED)


def waiting(whole: Parcel, progress: Progress) -> Iterator[Loss]:
    """Yield what is still to be tried."""
    for left in map(progress.outstanding, whole.deliveries):
        if left is not None:
            yield _outstanding(left, progress, NOT_YET)


def _outstanding(left: Delivery, progress: Progress, status: str) -> Loss:
    recipients = tuple(map(str, left.envelope.recipients)) if left.envelope else None
    return Loss(left, recipients, status, progress.words.get(left.transaction, ""))


def forbidden(deliveries: Iterable[Delivery], handle: Handle, accept: Accept) -> Iterator[Loss]:
    """Yield all recipients of a packet that a policy turned away, each with what it says of him.

    One message that is not accepted keeps the others of its packet from being delivered.
    """
    for delivery in [one for whole in deliveries for one in opened(whole, handle)]:
        if delivery.envelope is None:
            continue
        paths = objection_to_paths(accept, delivery.words)
        for recipient in delivery.envelope.recipients:
            against = objection(accept, Envelope(delivery.envelope.sender, (recipient,)))
            against = against or next(iter(paths.values()), None)
            words = against or "not delivered: the packet has mail in it that is not accepted here"
            yield Loss(delivery, (str(recipient),), FORBIDDEN, words)


def too_large(deliveries: Iterable[Delivery], words: str) -> Iterator[Loss]:
    """Yield all recipients of a packet that has more in it than is accepted."""
    return (Loss(delivery, None, TOO_LARGE, words) for delivery in deliveries)


def by_transaction(handle: Handle, lost: Iterable[Loss]) -> Iterator[tuple[Delivery, list[Failure]]]:
    """Yield each message with those of its recipients that failed, in their order."""
    from gateway.mail.report import Failure, status_of  # noqa: PLC0415 - mail that fails is rare

    found: dict[int, tuple[Delivery, dict[str, Failure]]] = {}
    for loss in lost:
        for delivery in opened(loss.delivery, handle):
            _, failures = found.setdefault(delivery.transaction, (delivery, {}))
            everybody = map(str, delivery.envelope.recipients) if delivery.envelope else (WHOLE,)
            for who in loss.recipients or everybody:
                failures.setdefault(who, Failure(who, status_of(loss.words, loss.status), loss.words))
    for delivery, failures in found.values():
        yield delivery, list(failures.values())
