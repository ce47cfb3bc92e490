"""The one form in which we write a batch: the form that ``exim -bS`` takes."""

from __future__ import annotations

from collections.abc import Callable

from gateway.mail.envelope import Envelope
from gateway.mail.message import Message
from gateway.mail.stuffing import Stuffer


class BatchWriter:
    r"""Writes transactions one after the other, in the canonical form.

    LF line ends throughout, no HELO, no QUIT, no ESMTP parameters, domains as A-labels, local
    parts as they were, every line that begins with a dot stuffed, a last line end added where
    it is missing. Messages may come with any line ends: CRLF and CR become LF.

    Either hand over whole transactions, or push one with `begin`, `data` and `end`.

    Raises:
        RuntimeError: a mistake of the program; calls in an order that makes no batch.
    """

    __slots__ = ("_stuffer", "_write", "transactions")

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._stuffer: Stuffer | None = None
        self.transactions = 0

    def transaction(self, envelope: Envelope, message: Message) -> None:
        """Write one whole transaction; reads the message."""
        self.begin(envelope)
        for chunk in message:
            self.data(chunk)
        self.end()

    def begin(self, envelope: Envelope) -> None:
        """Write the commands of an envelope, DATA included."""
        if self._stuffer is not None:
            raise RuntimeError("the transaction before has not ended")
        lines = [f"MAIL FROM:<{envelope.sender.with_ascii_domain()}>\n"]
        lines += [f"RCPT TO:<{recipient.with_ascii_domain()}>\n" for recipient in envelope.recipients]
        lines.append("DATA\n")
        self._write("".join(lines).encode("utf-8"))
        self._stuffer = Stuffer()

    def data(self, chunk: bytes) -> None:
        """Write the next octets of the message."""
        if self._stuffer is None:
            raise RuntimeError("no transaction has begun")
        text = self._stuffer.feed(chunk)
        if text:
            self._write(text)

    def end(self) -> None:
        """Write the end of the message."""
        if self._stuffer is None:
            raise RuntimeError("no transaction has begun")
        self._write(self._stuffer.close())
        self._stuffer = None
        self.transactions += 1

    def finish(self) -> None:
        """Make sure that the batch is whole: at least one transaction, and none left open."""
        if self._stuffer is not None:
            raise RuntimeError("the last transaction has not ended")
        if not self.transactions:
            raise RuntimeError("a batch needs at least one transaction")
