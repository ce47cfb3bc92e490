"""The client's side of SMTP (RFC 5321) and LMTP (RFC 2033): commands, replies, the text of a message.

Not `smtplib`: it holds whole messages in memory, and takes a reply that was cut off for an answer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import GatewayError, Interrupted
from gateway.mail.stuffing import Stuffer
from gateway.mta import Verdict
from gateway.program import Unasked, work_meanwhile
from gateway.stderr import printable

if TYPE_CHECKING:
    from gateway.mail.message import Message
    from gateway.program import Line

__all__ = ["Broken", "Reply", "Talk", "Unreadable", "unreadable"]

REPLY_LIMIT = 65536
"""Octets of one reply, all its lines together."""

_FLUSH = 65536
_SAYS = 500
_LEAVING = 421
_REPLY = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_NOT_ABOUT_THE_MAIL = frozenset({502, 503, 504, 521, 530, 534, 535, 538, 555})
"""Not implemented, out of order, no parameter, no mail here, authentication: the talk, not the mail."""


class Broken(GatewayError):
    """The session is of no further use; what it has not answered is not known.

    `gone` says that the other side hung up.
    """

    def __init__(self, text: str, *, gone: bool = False) -> None:
        super().__init__(text)
        self.gone = gone


class Unreadable(GatewayError):
    """Our own message cannot be read to its end."""


def unreadable(error: Exception) -> GatewayError:
    """Return what a failure to read our own message is to be raised as."""
    return error if isinstance(error, Interrupted) else Unreadable(f"the message cannot be read: {error}")


class Reply(NamedTuple):
    """A reply of the server: `text` is one printable line that begins with the code, `lines` are as read."""

    code: int
    text: str
    lines: tuple[bytes, ...] = ()

    @property
    def good(self) -> bool:
        """Whether it is a yes."""
        return self.text.startswith("2")

    @property
    def permanent(self) -> bool:
        """Whether it is a no that a repetition will not change."""
        return self.text.startswith("5")

    @property
    def verdict(self) -> Verdict:
        """What it means for the mail it is about."""
        if self.good:
            return Verdict.TAKEN
        about_the_mail = self.permanent and self.code not in _NOT_ABOUT_THE_MAIL
        return Verdict.REFUSED if about_the_mail else Verdict.DEFERRED


class Talk:
    """One session over a line. `offers` is what the server can do, by upper-case keyword.

    `idle` says that nothing was said that still waits for its answer.
    """

    def __init__(self, line: Line, *, lmtp: bool, name: str) -> None:
        self.lmtp = lmtp
        self.offers: dict[str, str] = {}
        self.idle = False
        self._line = line
        self._name = name
        self._heard = bytearray()

    def open(self) -> None:
        """Hear the greeting and introduce ourselves; a server that knows no EHLO hears HELO.

        Raises:
            Broken: temporary; it does not want to talk to us.
        """
        greeting = self.reply("instead of a greeting")
        if not greeting.good:
            raise Broken(greeting.text)
        hello = self.ask(f"{'LHLO' if self.lmtp else 'EHLO'} {self._name}")
        if hello.good:
            self.offers = dict(map(_keyword, hello.lines[1:]))
            return
        if not self.lmtp and hello.permanent:
            hello = self.ask(f"HELO {self._name}")
        if not hello.good:
            raise Broken(hello.text)

    def ask(self, command: str, *, last: bool = False) -> Reply:
        """Send a command and return the reply to it; the `last` one ends what we say.

        Raises:
            Broken: temporary; there is none, or it ends the session, or it shows that the two
                sides do not speak of the same thing.
        """
        line = command.encode("utf-8")
        assert b"\r" not in line
        assert b"\n" not in line
        verb = command.partition(" ")[0]
        self._silence(verb)
        try:
            self._send(line + b"\r\n", verb)
        except Unasked:
            self._silence(verb)
        if last:
            self._line.end()
        reply = self.reply(f"after {verb}")
        if reply.code in _NOT_ABOUT_THE_MAIL and verb != "EHLO":
            raise Broken(f"after {verb}: {reply.text}")
        return reply

    def data(self, message: Message) -> Reply | None:
        """Send the text of a message and its end; return the reply of a server that did not wait for it.

        Raises:
            Broken: temporary; the server is gone.
            Unreadable: temporary; the message broke off, and was not ended.
        """
        stuffer, waiting = Stuffer(), bytearray()
        chunks = iter(message)
        try:
            while True:
                try:
                    chunk = next(chunks)
                except StopIteration:
                    break
                except Exception as error:
                    raise unreadable(error) from error
                waiting += _crlf(stuffer.feed(chunk))
                if len(waiting) >= _FLUSH:
                    self._send(waiting, "DATA")
                    waiting.clear()
                    if self._speaks():
                        return self._early()
            if self._speaks():
                return self._early()
            self._send(waiting + _crlf(stuffer.close()), "the message")
            work_meanwhile()  # while the server syncs it
        except Unasked:
            return self._early()
        except Broken as broken:
            if not broken.gone:
                raise
            with suppress(Broken):  # what it said before it left is worth more
                return self._early()
            raise
        return None

    def reply(self, when: str) -> Reply:
        """Return the next reply; `when` says in words what it comes after.

        Raises:
            Broken: temporary; as for `ask`.
        """
        texts: list[bytes] = []
        code, room = b"", REPLY_LIMIT
        more = True
        while more:
            line = self._readline(room, when)
            room -= len(line)
            found = _REPLY.fullmatch(line.rstrip(b"\r\n"))
            if found is None or (code and found[1] != code):
                raise Broken(f"{when}: no SMTP reply: {_printable(line)}")
            code = found[1]
            texts.append(found[3] or b"")
            more = found[2] == b"-"
        reply = Reply(int(code), _printable(b" ".join((code, *texts))), tuple(texts))
        self.idle = True
        if reply.code == _LEAVING:
            raise Broken(f"{when}: {reply.text}", gone=True)
        return reply

    def _early(self) -> Reply:
        try:
            reply = self.reply("within the message")
        finally:
            self.idle = False  # what we say next it may take for text
        if reply.text < "4":
            raise Broken(f"within the message, an answer that nobody asked for: {reply.text}")
        return reply

    def _silence(self, verb: str) -> None:
        """Make sure that what comes next is the answer to what is said next."""
        if self._speaks():
            reply = self.reply(f"before {verb}")
            raise Broken(f"before {verb}, an answer that nobody asked for: {reply.text}")

    def _speaks(self) -> bool:
        return bool(self._heard) or self._line.speaks()

    def _send(self, data: bytes | bytearray, what: str) -> None:
        self.idle = False
        try:
            self._line.sendall(data)
        except TimeoutError as error:
            raise Broken(f"{what} not taken in time") from error
        except OSError as error:
            raise Broken(f"connection lost while sending {what}", gone=True) from error

    def _readline(self, room: int, when: str) -> bytes:
        while (end := self._heard.find(b"\n")) < 0:
            if len(self._heard) > room:
                raise Broken(f"{when}: a reply without end")
            try:
                chunk = self._line.recv()
            except TimeoutError as error:
                raise Broken(f"{when}: no answer in time") from error
            except OSError as error:
                raise Broken(f"{when}: connection lost", gone=True) from error
            if not chunk:
                raise Broken(f"{when}: connection closed", gone=True)
            self._heard += chunk
        if end >= room:
            raise Broken(f"{when}: a reply without end")
        line = bytes(self._heard[: end + 1])
        del self._heard[: end + 1]
        return line


def _crlf(text: bytes) -> bytes:
    """Return text that has no CR with CRLF for each LF."""
    return text.replace(b"\n", b"\r\n")


def _keyword(text: bytes) -> tuple[str, str]:
    keyword, _, parameters = text.decode("ascii", "replace").strip().partition(" ")
    return keyword.upper(), parameters.strip()


def _printable(text: bytes) -> str:
    words = printable(text.decode("utf-8", "replace"))
    return words if len(words) <= _SAYS else words[:_SAYS] + "..."
