"""What a packet carries, as its events tell it: for every message who, to whom, and by which name."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from gateway.errors import Interrupted
from gateway.mail.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.mail.envelope import Envelope
    from gateway.mail.message import Message
    from gateway.mta import Delivery

MOST_MESSAGES = 50
"""Messages of one packet that are told of."""
MOST_RECIPIENTS = 50
"""Recipients of one message that are told of."""


class Item:
    """One message in a packet: its envelope, and the marks of its header."""

    __slots__ = ("marks", "recipients", "sender")

    def __init__(self, envelope: Envelope | None, marks: Marks) -> None:
        self.sender = str(envelope.sender) if envelope else None
        self.recipients = [str(one) for one in envelope.recipients[:MOST_RECIPIENTS]] if envelope else []
        self.marks = marks

    def only(self, words: Sequence[str]) -> Item:
        """Return the same for those of its recipients that are among some arguments, where any is."""
        item = Item(None, self.marks)
        item.sender = self.sender
        item.recipients = [one for one in self.recipients if one in words] or self.recipients
        return item

    def told(self) -> dict[str, object]:
        """Return what an event's detail says of it; what is not known is left out."""
        facts = {
            "from": self.sender,
            "to": self.recipients,
            "id": self.marks.message_id,
            "queue": self.marks.queue_id,
        }
        return {key: value for key, value in facts.items() if value not in ("", []) and value is not None}


def descriptions(items: Iterable[Item]) -> list[dict[str, object]]:
    """Return what an event's detail says of the messages in a packet."""
    return [found for item in islice(items, MOST_MESSAGES) if (found := item.told())]


def answering(items: Iterable[Item]) -> list[str]:
    """Return for each of `descriptions` the fields by which its sender is told of a delay, or not."""
    return [item.marks.answering for item in islice(items, MOST_MESSAGES) if item.told()]


def items_of(deliveries: Iterable[Delivery]) -> list[Item]:
    """Return the messages of verified deliveries, read anew where they can be; without them if they cannot.

    Their fate is settled already, and nothing that goes wrong here may change it.
    """
    items: list[Item] = []
    try:
        for delivery in islice(deliveries, MOST_MESSAGES):
            items.append(Item(delivery.envelope, Marks()))
            if delivery.envelope is not None and delivery.reopen is not None:
                _look(delivery.reopen(), items[-1].marks)
    except Interrupted:
        raise
    except Exception:  # noqa: S110 - see above
        pass
    return items


def _look(message: Message, marks: Marks) -> None:
    for chunk in message:
        marks.look(chunk)
        if marks.complete:
            break
    marks.end()
