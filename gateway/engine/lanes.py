"""Lanes: what goes to one node, written into packets in one of the forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.engine.draft import Draft, route_to
from gateway.engine.ground import self_name
from gateway.errors import ConfigError
from gateway.mail.bsmtp import BatchWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from gateway.config.model import Config, Neighbour
    from gateway.engine.cargo import Item
    from gateway.engine.draft import DraftMaker, Order
    from gateway.mail.envelope import Envelope
    from gateway.mail.sendmail import Place
    from gateway.mta import Submission
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool


class Lane(Protocol):
    """What goes to one node: transactions in one form, in one packet or several."""

    def begin(self, envelope: Envelope | None, submission: Submission, item: Item) -> None:
        """Begin a transaction of a submission, for those of its recipients that are ours; octets follow.

        `item` is what the packets' events will say of it.
        """
        ...

    def data(self, chunk: bytes) -> None:
        """Take the next octets of the message."""
        ...

    def end(self) -> None:
        """End the transaction."""
        ...

    def finish(self) -> Iterable[Draft]:
        """Return all packets, complete and synced."""
        ...

    def discard(self) -> None:
        """Forget everything that was not committed."""
        ...


def lane_to(
    neighbour: Neighbour,
    order: Order,
    given: tuple[str, str] | None = None,
    *,
    config: Config,
    identity: Identity,
    spool: Spool,
) -> Lane:
    """Return an empty lane in the form and to the handle that are `given`, else the neighbour's.

    Raises:
        ConfigError, UnknownNode: temporary.
    """
    form, handle = given or (neighbour.mail.form, neighbour.mail.handle)
    route = route_to(config, neighbour, order.via)

    def make(arguments: tuple[str, ...]) -> Draft:
        return Draft(spool, identity=identity, route=route, handle=handle, arguments=arguments, order=order)

    return open_lane(
        form,
        handle,
        make,
        place=neighbour.mail.sender,
        as_given=given is not None,
        node_name=self_name(config),
        scratch=spool.scratch,
    )


def open_lane(
    form: str,
    handle: str,
    make: DraftMaker,
    *,
    place: Place,
    as_given: bool,
    node_name: str,
    scratch: Callable[[], BinaryIO],
) -> Lane:
    """Return an empty lane for a form and a handle.

    `place` is where the form ``sendmail`` writes the sender. `as_given` keeps the arguments of
    the ingress where they say the same. `node_name` is ours, for the forms that tell it.

    Raises:
        ConfigError: temporary; there is no such form.
    """
    if form == "bsmtp":
        return BatchLane(make)
    if form == "raw":
        return RawLane(make)
    # Batches are what most sites send.
    from gateway.engine.letter_lane import LetterLane  # noqa: PLC0415 - see above
    from gateway.engine.letterheads import letterhead  # noqa: PLC0415 - see above

    head = letterhead(form, place, as_given=as_given, node_name=node_name)
    if head is None:
        msg = f"the form {form!r} cannot be written: use bsmtp"
        raise ConfigError(msg)
    return LetterLane(make, handle, head, scratch)


class BatchLane:
    """All transactions of an input as one batch in one packet (form ``bsmtp``)."""

    def __init__(self, make: DraftMaker) -> None:
        self._draft = make(())
        self._writer = BatchWriter(self._draft.write)
        self.data = self._writer.data
        self.end = self._writer.end

    def begin(self, envelope: Envelope | None, submission: Submission, item: Item) -> None:
        """Begin a transaction; the batch has no place for arguments."""
        assert envelope is not None, "only the raw form goes without an envelope"
        del submission
        self._draft.items.append(item)
        self._writer.begin(envelope)

    def finish(self) -> list[Draft]:
        """Return the one packet."""
        self._writer.finish()
        self._draft.finish()
        return [self._draft]

    def discard(self) -> None:
        """Forget the packet."""
        self._draft.discard()


class RawLane:
    """One packet for every submission, body and arguments as they came (form ``raw``)."""

    def __init__(self, make: DraftMaker) -> None:
        self._make = make
        self._drafts: list[Draft] = []

    def begin(self, envelope: Envelope | None, submission: Submission, item: Item) -> None:
        """Begin a packet with its arguments."""
        del envelope
        self._drafts.append(self._make(submission.arguments))
        self._drafts[-1].items.append(item)

    def data(self, chunk: bytes) -> None:
        """Take the next octets of the body."""
        self._drafts[-1].write(chunk)

    def end(self) -> None:
        """Complete the packet."""
        self._drafts[-1].finish()

    def finish(self) -> list[Draft]:
        """Return the packets."""
        return self._drafts

    def discard(self) -> None:
        """Forget the packets."""
        for draft in self._drafts:
            draft.discard()
