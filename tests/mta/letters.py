"""What is sent through the matrix, and what may be different about it when it comes out.

The same letters go in by every way; the domain of their recipients names the way.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tests.real.exim import Mail, read_mail

EXCEPTIONS = frozenset({
    "Received", "Return-Path", "Envelope-To", "Delivered-To", "X-Original-To", "From_", "Date", "Message-Id",
    "the last line end", "quotes",
})  # fmt: skip
"""All that mail programs may add to a message on the way; docs/forms.md says who adds what.

Everything else arrives octet by octet. The letters have a Date and a Message-Id.
"""


class Letter(NamedTuple):
    """One message: its name, its sender, the local parts that it goes to, and its octets."""

    name: str
    sender: str
    names: tuple[str, ...]
    message: bytes

    def to(self, domain: str) -> list[str]:
        """Return the recipients at a domain."""
        return [f"{name}@{domain}" for name in self.names]


ODD = ('"q r"', "UPPER.Case", "o'brien", "a+b=c", '"a>b"', "u%h", "x!y", "{a}|~", "a..b", "x+y/z")
BODY = b"".join((
    b".\n", b"..\n", b".a\n", b"From here\n", b">From there\n", b"\xfc\xff\x80 not UTF-8\n", b"nul \0 nul\n",
    b"x" * 5000 + b"\n", b"." * 997 + b"\n", b"trailing blanks \t \n\n\n",
    b"MAIL FROM:<evil@a.example>\nRCPT TO:<x@b.example>\nDATA\n\n.\nQUIT\n", "Grüße, 你好\n".encode(),
))  # fmt: skip


def _letter(name: str, sender: str, names: Iterable[str], body: bytes) -> Letter:
    head = (
        f"From: Joe <joe@a.example>\nTo: all@b.example\nDate: Thu, 01 Jan 2026 00:00:00 +0000\n"
        f"Message-Id: <{name}@a.example>\nSubject: {name}\nX-Folded: one\n\ttwo\n three\n"
    )
    return Letter(name, sender, tuple(names), head.encode() + b"X-8bit: Gr\xfc\xdfe\n\n" + body)


LETTERS = (
    _letter("plain", "joe@a.example", ["x"], BODY),
    _letter("null", "", ["x"], b"a report\n.\nend\n"),
    _letter("quoted", '"j b"@a.example', [*ODD, *(f"x{i}" for i in range(20 - len(ODD)))], BODY),
    _letter("verp", "list-7+x=b.example@a.example", ["x"], b"no end of line\n.\n..."),
    _letter("utf8", "jürgen@a.example", ["用户", "müller"], "Grüße\n".encode()),
    _letter("many", "joe@a.example", [f"u{i}" for i in range(300)], b"to 300\n"),
)

_NEEDLESS_QUOTES = re.compile(r'^"([\w.]+)"@')

Row = tuple[str, str, str]
"""Sender, recipient, and the name of the letter, or what became of it."""


def _digest(message: bytes) -> str:
    whole = message if message.endswith(b"\n") else message + b"\n"
    return hashlib.sha256(whole).hexdigest()


_NAMES = {_digest(letter.message): letter.name for letter in LETTERS}


def sent(domains: Iterable[str]) -> Counter[Row]:
    """Return what must arrive: one row for every recipient at every domain."""
    return Counter(
        (letter.sender, recipient, letter.name)
        for domain in domains
        for letter in LETTERS
        for recipient in letter.to(domain)
    )


def arrived(mails: Iterable[Mail]) -> Counter[Row]:
    """Return what arrived: one row for every recipient of every message."""
    return Counter(
        (mail.sender, _NEEDLESS_QUOTES.sub(r"\1@", recipient), _name(mail.message))
        for mail in mails
        for recipient in mail.recipients
    )


def bare(data: bytes, sender: str, recipients: Iterable[str]) -> Mail:
    """Return a message that came beside its envelope, without the trace headers on top."""
    return Mail(sender, tuple(sorted(recipients)), read_mail(data).message)


def _name(message: bytes) -> str:
    return _NAMES.get(_digest(message)) or f"changed: {message[:200]!r} ... {message[-60:]!r}"
