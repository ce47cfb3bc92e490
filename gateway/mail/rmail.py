"""The form ``rmail``: a From_ line with the sender in front of the message (RFC 976).

::

    From joe@a.example Thu Jan  1 00:00:00 2026 remote from alpha
    Subject: hi

    hello

The recipients are arguments. Every hop may have put a line in front of those it found; they
fold into a bang path, nearest hop first, and the last line's address ends it::

    From beta!joe Thu Jan  1 00:00:00 2026 remote from alpha
    >From joe Thu Jan  1 00:00:00 2026 remote from beta          alpha!beta!joe
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import IO, Final, NamedTuple

from gateway.errors import Malformed, Truncated
from gateway.mail import address as syntax
from gateway.mail import bang
from gateway.mail.bang import NULL_SENDERS, first_hop, to_domain_form
from gateway.mail.envelope import Envelope, ReversePath
from gateway.mail.head import LIMIT, Head
from gateway.mail.letter import Letter
from gateway.mail.message import Message

__all__ = [
    "NULL_SENDERS",
    "FromLines",
    "WithoutFromLines",
    "first_hop",
    "from_line",
    "read",
    "take_from_lines",
    "to_domain_form",
]

# "From :" is a header of the obsolete kind (RFC 5322 4.5).
_FROM_LINE = re.compile(rb">?From (?![ \t]*:)")
_LONGEST_PREFIX: Final = len(b">From ")
_SENDER = re.compile(
    r"""
      [ \t]+ (?= (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [ \t] )            # a date in the sender's place
    | [ \t]* ( (?: "(?:[^"\\]|\\.)*" | [^ \t"] )+ (?![^ \t]) | [^ \t]+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_NEEDLESSLY_QUOTED = re.compile(r'"([^"\\\s\x00-\x1f()<>\[\]:;@,]*)"\Z')
_NODE = re.compile(r"[^\s!\x00-\x20\x7f]+\Z")


class FromLines(NamedTuple):
    """What the From_ lines in front of a message say.

    `hosts` are those they are remote from, nearest first; `address` and `date` are the last
    line's, as they stand there.
    """

    hosts: tuple[str, ...]
    address: str
    date: str

    @property
    def path(self) -> str:
        """The bang path that the lines fold into; a sender that is missing shows as ``<>``."""
        return "!".join((*self.hosts, self.address or "<>"))

    def sender(self, *, null_senders: Collection[str] = NULL_SENDERS, host: str | None = None) -> ReversePath:
        """Return the path as an envelope sender; hops before a domain address are left out.

        `null_senders` mean the null path, by whatever way they came. `host` is where a sender
        belongs that names no host.

        Raises:
            Malformed: permanent; not an address.
        """
        hops, user = bang.split(self.address)
        if user in null_senders:
            return ReversePath("")
        local, domain = syntax.split(user)
        quoted = _NEEDLESSLY_QUOTED.match(local)
        if domain is not None and quoted and "!" in local:
            user = f"{quoted.group(1)}@{domain}"  # see `from_line`
        hosts = (*self.hosts, *hops) or (() if host is None else (host,))
        if domain is None and hosts:
            user = f"{user}@{hosts[-1]}"
        return bang.sender(user, null_senders=null_senders)


def read(
    stream: IO[bytes],
    arguments: Iterable[str],
    *,
    null_senders: Collection[str] = NULL_SENDERS,
    host: str | None = None,
) -> Letter:
    """Return envelope and message of what is given to rmail; the message is still to be read.

    `host` is where a sender belongs that names no host at all.

    Raises:
        Malformed: permanent; no From_ line, no recipient, or what is no address.
        Truncated: temporary; the input ends before the message begins.
    """
    recipients = tuple(map(bang.recipient, arguments))
    head = Head(stream)
    lines = take_from_lines(head)
    if lines is None and not head.line():
        raise Truncated("the input is empty")
    if lines is None:
        raise Malformed("the first line is no From_ line, which rmail's form begins with")
    if not head.line():
        raise Truncated("the input ends after the From_ lines")
    envelope = Envelope(lines.sender(null_senders=null_senders, host=host), recipients)
    return Letter(envelope, Message(head.rest()), head.offset)


def take_from_lines(head: Head) -> FromLines | None:
    """Take the From_ lines off the front of a message; None if there are none.

    Raises:
        Malformed: permanent; a line without a sender, or too much of them.
        Truncated: temporary; the input ends inside one.
    """
    hosts: list[str] = []
    address = date = None
    while _FROM_LINE.match(line := head.line()):
        if not line.endswith(b"\n"):
            if len(line) >= LIMIT:
                raise Malformed(f"a From_ line of more than {LIMIT} octets")
            raise Truncated("the input ends inside a From_ line")
        head.take(line)
        text = line.decode("utf-8", "surrogateescape").partition("From ")[2].rstrip(" \t\r\n")
        found = _SENDER.match(text)
        if found is None:
            raise Malformed("a From_ line without a sender")
        address = found.group(1) or ""
        date, remote = _date_and_host(text[found.end() :])
        if remote:
            hosts.append(remote)
    return None if address is None or date is None else FromLines(tuple(hosts), address, date)


def _date_and_host(text: str) -> tuple[str, str | None]:
    date, remote, host = text.rpartition(" remote from ")
    if not remote or len(host.split()) != 1:
        return text.strip(), None
    return date.strip(), host.strip()


def from_line(path: ReversePath, *, date: str, node: str | None) -> bytes:
    """Return the one canonical From_ line; the date is in the form of asctime, UTC.

    Without a node it is the one that mail programs put in front of what they pipe.

    The null path is written MAILER-DAEMON, as Exim and Postfix do it. A local part with ``!``
    is quoted, and so the same mailbox to every mail program, lest a hop be seen in it.

    Raises:
        ValueError: a mistake of the program; the node is not one word.
    """
    if node is not None and not _NODE.match(node):
        raise ValueError(f"{node!r} cannot stand behind 'remote from'")
    address = path.with_ascii_domain() or "MAILER-DAEMON"
    local, domain = syntax.split(address)
    if "!" in local and not local.startswith('"'):
        address = f'"{local}"@{domain}'
    remote = "" if node is None else f" remote from {node}"
    return f"From {address} {date}{remote}\n".encode()


class WithoutFromLines:
    """Hands a message on without the From_ lines that it may begin with.

    A line of the envelope is no part of a message; left there, the far side would take the
    sender from it. Every mail program takes them off what is submitted to it.
    """

    __slots__ = ("_held", "_through", "_write")

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._held = b""
        self._through = False

    def data(self, chunk: bytes) -> None:
        """Take the next octets.

        Raises:
            Malformed: permanent; the message begins with a From_ line that has no end.
        """
        if self._through:
            self._write(chunk)
            return
        self._held += chunk
        while _FROM_LINE.match(self._held):
            line, end, rest = self._held.partition(b"\n")
            if not end:
                if len(line) > LIMIT:
                    raise Malformed(f"a From_ line of more than {LIMIT} octets")
                return
            self._held = rest
        if len(self._held) > _LONGEST_PREFIX:
            self._release()

    def end(self) -> None:
        """Hand on what was still held back."""
        if not _FROM_LINE.match(self._held):
            self._release()

    def _release(self) -> None:
        self._through = True
        held, self._held = self._held, b""
        if held:
            self._write(held)
