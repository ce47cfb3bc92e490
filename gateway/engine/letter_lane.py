"""The lane of the forms that hold one message: recipients in arguments, in as many packets as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.engine.letterheads import letterhead
from gateway.errors import ConfigError
from gateway.mail.letter import argument_lists
from gateway.mail.message import Message
from gateway.mail.rmail import WithoutFromLines
from gateway.mta import Submission
from gateway.packet.plain import PATH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from gateway.config.model import MailForm
    from gateway.engine.cargo import Item
    from gateway.engine.draft import Draft, DraftMaker
    from gateway.engine.letterheads import Letterhead
    from gateway.mail.envelope import Envelope

MAX_PACKETS = 500
"""Packets of one input in one lane: each is an open file until all of them are committed."""


def check_recipient(mail: MailForm, envelope: Envelope, *, node_name: str) -> None:
    """Refuse a recipient that could stand in no packet, however few others there are.

    Raises:
        Malformed: permanent.
    """
    head = letterhead(mail.form, mail.sender, as_given=False, node_name=node_name)
    if head is not None:
        leading, _, recipients = head(envelope, Submission(envelope, Message(())))
        argument_lists(mail.handle, leading, recipients, limit=PATH_SIZE)


class LetterLane:
    """One message in each packet, with as many recipients as its arguments hold (``rmail``, ``sendmail``).

    What fits into one packet goes straight into it. Else the message is set aside and sealed
    once for every list of recipients, one after the other: memory and disk that a message
    needs beside its packets do not grow with them.
    """

    def __init__(
        self, make: DraftMaker, handle: str, head: Letterhead, scratch: Callable[[], BinaryIO]
    ) -> None:
        self._make = make
        self._handle = handle
        self._head = head
        self._scratch = scratch
        self._drafts: list[Draft] = []
        self._aside: BinaryIO | None = None
        self._lists: list[tuple[str, ...]] = []
        self._message: WithoutFromLines | None = None
        self._item: Item | None = None

    def begin(self, envelope: Envelope | None, submission: Submission, item: Item) -> None:
        """Begin a message.

        Raises:
            Malformed: permanent; an address that the form cannot carry.
            ConfigError: temporary; too many packets, which form bsmtp would not need.
        """
        assert envelope is not None, "only the raw form goes without an envelope"
        leading, front, recipients = self._head(envelope, submission)
        self._lists = argument_lists(self._handle, leading, recipients, limit=PATH_SIZE)
        count = len(self._drafts) + len(self._lists)
        if count > MAX_PACKETS:
            msg = f'{count} packets for one input, {MAX_PACKETS} are possible: set mail.form to "bsmtp"'
            raise ConfigError(msg)
        if len(self._lists) == 1:
            self._drafts.append(self._make(self._lists[0]))
            self._drafts[-1].items.append(item)
            write: Callable[[bytes], object] = self._drafts[-1].write
        else:
            self._aside = self._scratch()
            write = self._aside.write
        self._item = item
        if front:
            write(front)
        self._message = WithoutFromLines(write)

    def data(self, chunk: bytes) -> None:
        """Take the next octets of the message."""
        assert self._message is not None, "begin comes first"
        self._message.data(chunk)

    def end(self) -> None:
        """Complete the packets of this message."""
        assert self._message is not None, "begin comes first"
        self._message.end()
        self._message = None
        assert self._item is not None, "begin set it"
        if self._aside is None:
            self._drafts[-1].finish()
            return
        self._aside.flush()
        for arguments in self._lists:
            draft = self._make(arguments)
            self._drafts.append(draft)
            draft.items.append(self._item.only(arguments))
            Message.of_part(self._aside, 0).copy_to(draft.write)
            draft.finish()
        self._put_away()

    def finish(self) -> list[Draft]:
        """Return the packets."""
        return self._drafts

    def discard(self) -> None:
        """Forget the packets, and what was set aside."""
        for draft in self._drafts:
            draft.discard()
        self._put_away()

    def _put_away(self) -> None:
        if self._aside is not None:
            self._aside.close()
            self._aside = None
