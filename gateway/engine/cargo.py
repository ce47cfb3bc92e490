"""What a packet carries, as its events tell it: for every message who, to whom, and by which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.mail.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.mail.envelope import Envelope
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
    return [found for item in list(items)[:MOST_MESSAGES] if (found := item.told())]


def items_of(deliveries: Iterable[Delivery]) -> list[Item]:
    """Return the messages of verified deliveries, read anew where they can be."""
    return [Item(one.envelope, _marks_of(one)) for one in list(deliveries)[:MOST_MESSAGES]]


def _marks_of(delivery: Delivery) -> Marks:
    marks = Marks()
    if delivery.reopen is None or delivery.envelope is None:
        return marks
    try:
        for chunk in delivery.reopen():
            marks.look(chunk)
            if marks.complete:
                break
        marks.end()
    except Exception:  # noqa: S110 - a message without marks is as good as delivered
        pass
    return marks
