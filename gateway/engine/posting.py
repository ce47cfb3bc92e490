"""Reports on their way: each a message from the null path to one sender, written into packets as mail is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.cargo import Item
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.marks import Marks
from gateway.mail.message import Message
from gateway.mta import Submission

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config.model import Config, Neighbour
    from gateway.engine.draft import Draft
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool

AT_ONCE = 100
"""Reports that go into one packet, where its form holds more than one."""


class Report(NamedTuple):
    """One report: to whom, and its octets."""

    sender: ReversePath
    message: bytes


def at_once(neighbour: Neighbour) -> int:
    """Return how many reports go into one packet for a neighbour."""
    return AT_ONCE if neighbour.mail.form == "bsmtp" else 1


def envelope_to(sender: ReversePath) -> Envelope:
    """Return the envelope of a report to a message's sender."""
    return Envelope(ReversePath(""), (Recipient(str(sender)),))


def write_reports(
    config: Config,
    identity: Identity,
    spool: Spool,
    neighbour: Neighbour,
    reports: Iterable[Report],
    *,
    niceness: int,
) -> Draft:
    """Return the packet for a neighbour, complete and synced, that has these reports, `at_once` at most.

    Raises:
        GatewayError: temporary, unless it is `Permanent`: then these can never be written.
    """
    from gateway.engine.draft import Order  # noqa: PLC0415 - mail that fails is rare
    from gateway.engine.lanes import lane_to  # noqa: PLC0415 - as above

    lane = lane_to(neighbour, Order(niceness=niceness), config=config, identity=identity, spool=spool)
    try:
        for report in reports:
            envelope = envelope_to(report.sender)
            marks = Marks()
            marks.look(report.message)
            lane.begin(envelope, Submission(envelope, Message(report.message)), Item(envelope, marks))
            lane.data(report.message)
            lane.end()
        drafts = list(lane.finish())
    except BaseException:
        lane.discard()
        raise
    assert len(drafts) == 1, "one recipient, or one batch, is one packet"
    return drafts[0]
