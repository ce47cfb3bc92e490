"""LMTP (RFC 2033) as a machine without input or output: octets in, events and replies out.

Whoever has the connection feeds `Machine.receive`, asks `next_event` until it has none, and
sends `replies`. The machine answers by itself what needs no decision. Some events are
questions, and nothing more happens before their answer::

    Opened      MAIL        answer(reply)
    Addressed   RCPT        answer(reply)
    Begun       DATA        answer(GO_ON), or a reply that refuses all of it
    Text        octets of the message, line ends LF, dots unstuffed; no answer
    Ended       the dot     conclude(replies), one for every recipient that was accepted

Two readers of the same octets must not find the end of a message at different places: it ends
at CRLF, dot, CRLF only, and a message with anything else that some reader could take for an
end is refused. What it says does not depend on how the octets were cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from gateway.errors import Malformed
from gateway.mail import lmtp_commands as commands
from gateway.mail.envelope import Recipient, ReversePath
from gateway.mail.lmtp_commands import Wrong
from gateway.mail.lmtp_replies import Reply
from gateway.mail.stuffing import Unstuffer

__all__ = ["GO_ON", "OK", "Addressed", "Begun", "Ended", "Event", "Machine", "Opened", "Text"]

MAX_LINE: Final = 4096
"""Octets of a command line, its end included; RFC 5321 and its extensions need no more than 1024."""
MAX_RECIPIENTS: Final = 1000
"""Recipients of a transaction; the client sends the rest in another (RFC 5321 4.5.3.1.10)."""
MAX_WRONG: Final = 20
"""Wrong commands of a connection before it is closed."""

OK: Final = Reply(250, "2.1.0", "ok")
GO_ON: Final = Reply(354, "", "end with a dot on a line of its own")
_BYE: Final = Reply(221, "2.0.0", "bye")
_ORDER: Final = Reply(503, "5.5.1", "not now: the order is LHLO, MAIL, RCPT, DATA")
_FOREIGN: Final = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "TRACE"})
"""What a browser says that was sent here; its body might hold commands."""
_NONSENSE: Final = (500, 501)
_END: Final = b"\r\n.\r\n"


class Opened(NamedTuple):
    """A transaction begins; `size` [bytes] is what the client announced, 0 if nothing."""

    sender: ReversePath
    size: int


class Addressed(NamedTuple):
    """One more recipient is asked for."""

    recipient: Recipient


class Begun(NamedTuple):
    """The message is to follow."""


class Text(NamedTuple):
    """The next octets of the message."""

    octets: bytes


class Ended(NamedTuple):
    """The message is over; with a `refusal` nothing of it counts, and that is the only answer."""

    refusal: Reply | None


Event: TypeAlias = Opened | Addressed | Begun | Text | Ended


class Machine:
    """One connection of a client; `name` is what we call ourselves.

    `max_size` [bytes of the message, lines ending in LF] is offered as SIZE and held; None
    means no limit. Memory is what `receive` was given last and a line at most.

    Raises:
        RuntimeError: a mistake of the program: a question without an answer, or an answer
            without a question.
    """

    def __init__(self, name: str, *, max_size: int | None = None) -> None:
        self._name = name
        self._max_size = max_size
        self._buffer = b""
        self._position = 0
        self._skipping = False
        self._replies: list[bytes] = []
        self._asked: Event | None = None
        self._greeted = False
        self._wrong = 0
        self._accepted = 0
        self._open = False
        self._refused_data = False
        self._text: _Body | None = None
        self.over = False
        self._say(Reply(220, "", f"{name} LMTP gateway"))

    @property
    def idle(self) -> bool:
        """Whether no transaction is open."""
        return not self._open

    def receive(self, octets: bytes) -> None:
        """Take what the client sent."""
        self._buffer = self._buffer[self._position :] + octets
        self._position = 0

    def replies(self) -> bytes:
        """Return what is to be sent to the client, and forget it."""
        replies, self._replies = b"".join(self._replies), []
        return replies

    def next_event(self) -> Event | None:
        """Return what happened next, or None if that depends on what the client sends next."""
        if self._asked is not None:
            raise RuntimeError(f"{self._asked} was not answered")
        event: Event | None = None
        while event is None and not self.over:
            if self._text is not None:
                event = self._next_of_text(self._text)
                break
            line = self._next_line()
            if line is None:
                break
            event = self._heed(line)
        if not isinstance(event, (Text, type(None))):
            self._asked = event
        return event

    def answer(self, reply: Reply) -> None:
        """Answer `Opened`, `Addressed` or `Begun`."""
        match self._asked:
            case Opened():
                self._open, self._accepted = reply.good, 0
            case Addressed():
                self._accepted += reply.good
            case Begun():
                if reply.good:
                    self._text = _Body(self._max_size)
                else:
                    self._open, self._refused_data = False, True
            case _:
                raise RuntimeError("nothing was asked")
        self._asked = None
        self._say(reply)

    def conclude(self, replies: Sequence[Reply]) -> None:
        """Answer `Ended`: one reply for every recipient that was accepted, in their order."""
        if not isinstance(self._asked, Ended) or len(replies) != self._accepted:
            raise RuntimeError("not one reply for each recipient")
        self._asked = self._text = None
        self._open = False
        for reply in replies:
            self._say(reply)

    def close(self, reply: Reply) -> None:
        """Say a last word, such as 421; nothing that comes is heeded any more."""
        self._say(reply)
        self.over = True

    # The text of a message

    def _next_of_text(self, body: _Body) -> Event | None:
        octets = b""
        if not body.ended and self._position < len(self._buffer):
            octets, self._buffer = body.take(self._buffer[self._position :])
            self._position = 0
        if octets:
            return Text(octets)
        return Ended(body.refusal) if body.ended else None

    # Commands

    def _next_line(self) -> bytes | None:
        """Return the next line with its end, and None if there is no whole one."""
        end = self._buffer.find(b"\n", self._position) + 1
        if not end:
            if len(self._buffer) - self._position > MAX_LINE:
                self._skipping = True
            if self._skipping:
                self._buffer, self._position = b"", 0
            return None
        line, self._position = self._buffer[self._position : end], end
        if self._skipping or len(line) > MAX_LINE:
            self._skipping = False
            return b""
        return line

    def _heed(self, line: bytes) -> Event | None:
        try:
            if not line:
                raise Wrong(Reply(500, "5.5.2", f"a line of more than {MAX_LINE} octets"))
            event = self._command(*commands.split(line))
        except Wrong as wrong:
            # What is wrong with the order follows from an answer of ours, in a pipelined group.
            nonsense = wrong.reply.code in _NONSENSE
            self._wrong += nonsense
            if nonsense and self._refused_data:
                # A message that did not wait for our answer: what stands in it are no commands.
                self.close(Reply(421, "4.7.0", "DATA was refused, and this is no command"))
            elif self._wrong >= MAX_WRONG:
                self.close(Reply(421, "4.7.0", "too much that I cannot understand"))
            else:
                self._say(wrong.reply)
            return None
        self._refused_data = False
        return event

    def _command(self, verb: str, argument: str) -> Event | None:
        match verb:
            case "MAIL":
                return self._mail(argument)
            case "RCPT":
                return self._rcpt(argument)
            case "DATA":
                return self._data(argument)
            case "LHLO":
                self._lhlo(argument)
            case "RSET":
                self._open = False
                self._say(Reply(250, "2.0.0", "ok"))
            case "NOOP":
                self._say(Reply(250, "2.0.0", "ok"))
            case "QUIT":
                self.close(_BYE)
            case "VRFY":
                self._say(Reply(252, "2.5.0", "send it, and see"))
            case "HELO" | "EHLO":
                raise Wrong(Reply(500, "5.5.1", "this is LMTP: say LHLO"))
            case _ if verb in _FOREIGN:
                self.close(Reply(421, "4.7.0", "this is LMTP"))
            case _:
                raise Wrong(Reply(500, "5.5.1", "no such command here"))
        return None

    def _lhlo(self, argument: str) -> None:
        if not argument:
            raise Wrong(Reply(501, "5.5.4", "expected LHLO NAME"))
        self._greeted, self._open = True, False
        size = f"SIZE {self._max_size}" if self._max_size else "SIZE"
        offers = [self._name, size, "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        last = len(offers) - 1
        lines = [f"250{' ' if number == last else '-'}{offer}\r\n" for number, offer in enumerate(offers)]
        self._replies.append("".join(lines).encode("ascii", "replace"))

    def _mail(self, argument: str) -> Event:
        if not self._greeted or self._open:
            raise Wrong(_ORDER)
        sender, size = commands.mail(argument)
        if self._max_size is not None and size > self._max_size:
            raise Wrong(_too_large(self._max_size))
        return Opened(sender, size)

    def _rcpt(self, argument: str) -> Event:
        if not self._open:
            raise Wrong(_ORDER)
        if self._accepted >= MAX_RECIPIENTS:
            raise Wrong(Reply(452, "4.5.3", f"{MAX_RECIPIENTS} recipients already: the rest another time"))
        return Addressed(commands.rcpt(argument))

    def _data(self, argument: str) -> Event:
        if argument:
            raise Wrong(Reply(501, "5.5.4", "DATA stands alone"))
        if not self._open or not self._accepted:
            self._refused_data = True
            raise Wrong(_ORDER)
        return Begun()

    def _say(self, reply: Reply) -> None:
        self._replies.append(reply.line())


class _Body:
    """The text between DATA and its dot; `refusal` says why nothing of it counts, if so."""

    def __init__(self, max_size: int | None) -> None:
        self._unstuffer: Unstuffer | None = Unstuffer(crlf=True)
        self._room = max_size
        # What an end may have begun in; the line end of DATA stands in front.
        self._tail = b"\r\n"
        self.refusal: Reply | None = None
        self.ended = False

    def take(self, octets: bytes) -> tuple[bytes, bytes]:
        """Return octets of the message, and what follows its end if that was seen."""
        if self._unstuffer is None:
            return b"", self._pass_over(octets)
        try:
            text = self._unstuffer.feed(octets)
        except Malformed as failure:
            self.refusal = Reply.of(failure)
            self._unstuffer = None
            return b"", self._pass_over(octets)
        self._tail = (self._tail + octets)[-len(_END) + 1 :]
        rest = self._unstuffer.rest
        self.ended = rest is not None
        if self._room is not None:
            self._room -= len(text)
            if self._room < 0:
                self.refusal = Reply(552, "5.3.4", "the message is larger than was offered")
        return b"" if self.refusal else text, rest or b""

    def _pass_over(self, octets: bytes) -> bytes:
        raw = self._tail + octets
        end = raw.find(_END)
        self.ended = end >= 0
        self._tail = raw[-len(_END) + 1 :]
        return raw[end + len(_END) :] if self.ended else b""


def _too_large(limit: int) -> Reply:
    return Reply(552, "5.3.4", f"larger than {limit} octets")
