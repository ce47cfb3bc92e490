"""Deliver: a verified exec job is handed to its egress, in its sender's table, exactly as allowed."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, NamedTuple

from gateway.engine.bodies import deliveries_of, envelopes_of
from gateway.engine.policy import objection, objection_to_paths
from gateway.errors import Refused
from gateway.mail.envelope import Envelope, Recipient
from gateway.mail.message import Message
from gateway.mta import Delivery, Outcome, Verdict
from gateway.program import clean_environ
from gateway.spool.record import WHOLE, JobRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Accept, Handle
    from gateway.mta import Egress


class Parcel(NamedTuple):
    """A verified exec job, ready to be delivered."""

    handle: Handle
    egress: Egress
    deliveries: tuple[Delivery, ...]


def parcel(
    body: IO[bytes],
    handle: Handle,
    egress: Egress,
    arguments: tuple[str, ...],
    *,
    accept: Accept,
    sender_name: str,
    niceness: int,
    packet: str,
    environ: dict[str, str],
    scratch: Callable[[], IO[bytes]],
) -> Parcel:
    """Return all transactions of a body as deliveries, each of them valid and allowed.

    `scratch` makes an empty file for what is to be handed to a program as one.

    Raises:
        Malformed, Truncated: the job must be held; the body is not what its form says.
        Refused: the job must be held; the policy or the arguments forbid it.
        ConfigError: temporary; the handle cannot deliver this form.
    """
    common = Delivery(
        envelope=None,
        message=Message(()),
        transaction=0,
        sender_node=sender_name,
        handle=handle.name,
        niceness=niceness,
        packet=packet,
        command=handle.command,
        timeout=handle.timeout,
        environ=environ,
        options=handle.options,
    )
    for envelope in () if accept.anybody else envelopes_of(body, handle):
        _allowed(common._replace(envelope=envelope), accept)
    deliveries = deliveries_of(body, handle, arguments, common, scratch=scratch)
    allowed = tuple(_allowed(delivery, accept) for delivery in deliveries)
    return Parcel(handle=handle, egress=egress, deliveries=allowed)


def alike(one: Parcel, other: Parcel) -> bool:
    """Return whether two parcels may share a series: the same egress, program and environment for both."""
    return one.egress is other.egress and _common(one) == _common(other)


def _common(whole: Parcel) -> list[object]:
    """Return what says how the parcel's deliveries are handed over, and on whose behalf."""
    return [
        (d.sender_node, d.handle, d.niceness, d.command, d.arguments, d.timeout, d.environ, d.options)
        for d in whole.deliveries[:1]
    ]


def _allowed(delivery: Delivery, accept: Accept) -> Delivery:
    """Return a delivery without the words that the policy forbids; raises `Refused` where it forbids more."""
    if delivery.envelope is None:
        return delivery
    against = objection(accept, delivery.envelope)
    paths = objection_to_paths(accept, delivery.words)
    against = against or next((why for word, why in paths.items() if word in delivery.arguments), None)
    if against:
        msg = f"{delivery.sender_node}: {against}"
        raise Refused(msg)
    return delivery._replace(words=tuple(word for word in delivery.words if word not in paths))


def environ_of(self_id: str, sender_id: str, niceness: int) -> dict[str, str]:
    """Return the complete environment of whatever program takes the job."""
    return clean_environ(self_id=self_id, sender_id=sender_id, niceness=niceness)


class Progress:
    """What became of the transactions of one job, over all attempts."""

    __slots__ = ("answers", "refused", "taken", "words")

    def __init__(self, record: JobRecord) -> None:
        """Begin with what earlier attempts achieved."""
        self.taken: dict[str, tuple[str, ...] | None] = dict(record.taken)
        self.refused: dict[str, dict[str, str]] = {k: dict(v) for k, v in record.refused.items()}
        self.words: dict[int, str] = {}
        """The reason a transaction is still to be tried, by number."""
        self.answers: list[str] = []
        """What was said in this attempt of what was taken."""

    def note(self, outcome: Outcome, delivery: Delivery) -> None:
        """Take one outcome into account."""
        key = str(outcome.transaction)
        if outcome.verdict is Verdict.DEFERRED:
            self.words[outcome.transaction] = outcome.text or "deferred without a reason"
        elif outcome.verdict is Verdict.TAKEN:
            self.taken[key] = _together(self.taken.get(key, ()), outcome.recipients)
            if outcome.text:
                self.answers.append(outcome.text)
        else:
            some = outcome.recipients or _recipients(delivery)
            names = [str(recipient) for recipient in some] or [WHOLE]
            self.refused.setdefault(key, {}).update(dict.fromkeys(names, outcome.text))

    def outstanding(self, delivery: Delivery) -> Delivery | None:
        """Return the delivery with the recipients still to be served, or None when it is settled."""
        key = str(delivery.transaction)
        if delivery.envelope is None:
            return None if key in self.taken or key in self.refused else delivery
        if key in self.taken and self.taken[key] is None:
            return None
        settled = {*(self.taken.get(key) or ()), *self.refused.get(key, {})}
        left = tuple(r for r in delivery.envelope.recipients if str(r) not in settled)
        if not left:
            return None
        if len(left) == len(delivery.envelope.recipients):
            return delivery
        return delivery._replace(envelope=Envelope(delivery.envelope.sender, left))


def _together(before: tuple[str, ...] | None, now: tuple[Recipient, ...] | None) -> tuple[str, ...] | None:
    """Return who has been served after one more outcome; None is everybody."""
    return None if before is None or now is None else (*before, *map(str, now))


def _recipients(delivery: Delivery) -> tuple[Recipient, ...]:
    return delivery.envelope.recipients if delivery.envelope else ()
