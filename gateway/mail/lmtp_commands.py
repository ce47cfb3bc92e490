"""The command lines of LMTP taken apart (RFC 2033 4, RFC 5321 4.1.1)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gateway.errors import Malformed
from gateway.mail.bsmtp_commands import BRACKETED_PATH, CONTROL, PARAMETERS
from gateway.mail.envelope import Recipient, ReversePath
from gateway.mail.lmtp_replies import Reply

_MAIL = re.compile(r"FROM:[ \t]*", re.IGNORECASE)
_RCPT = re.compile(r"TO:[ \t]*", re.IGNORECASE)
_BRACKETED = re.compile(BRACKETED_PATH)
_PARAMETERS = re.compile(PARAMETERS)
_BODIES: Final = ("7BIT", "8BITMIME")
_DIGITS: Final = 20
"""Of a SIZE (RFC 1870 4)."""


class Wrong(Exception):
    """A command that cannot be heeded; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Line(NamedTuple):
    """A command line: the verb in upper case, and what stands behind it."""

    verb: str
    argument: str


def split(line: bytes) -> Line:
    """Return the verb and the argument of a line, which still has its line end.

    Raises:
        Wrong: it is no command line.
    """
    if not line.endswith(b"\r\n"):
        raise Wrong(Reply(500, "5.5.2", "lines end in CR LF"))
    try:
        text = line[:-2].decode("utf-8").rstrip(" \t")
    except UnicodeDecodeError:
        raise Wrong(Reply(500, "5.5.2", "neither ASCII nor UTF-8")) from None
    if not text.isprintable() and re.search(CONTROL, text):
        raise Wrong(Reply(500, "5.5.2", "a control character in a command"))
    verb, _, argument = text.replace("\t", " ", 1).partition(" ")
    return Line(verb.upper() if verb.isascii() else verb, argument.strip(" \t"))


def mail(argument: str) -> tuple[ReversePath, int]:
    """Return sender and announced size [bytes, 0 for none] of MAIL.

    Raises:
        Wrong: no sender, or a parameter that nobody offered.
    """
    path, parameters = _path(_MAIL, argument, "MAIL FROM:<ADDRESS>")
    size = 0
    for word in parameters.split():
        name, _, value = word.partition("=")
        name = name.upper()
        if name == "SIZE" and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
            size = int(value)
        elif not ((name == "BODY" and value.upper() in _BODIES) or (name == "SMTPUTF8" and not value)):
            raise _unknown(word)
    try:
        return ReversePath.parse(path), size
    except Malformed as failure:
        raise Wrong(Reply(501, "5.1.7", str(failure))) from failure


def rcpt(argument: str) -> Recipient:
    """Return the recipient of RCPT.

    Raises:
        Wrong: no address, or a parameter that nobody offered.
    """
    path, parameters = _path(_RCPT, argument, "RCPT TO:<ADDRESS>")
    if parameters.strip():
        raise _unknown(parameters.split()[0])
    try:
        return Recipient.parse(path)
    except Malformed as failure:
        raise Wrong(Reply(501, "5.1.3", str(failure))) from failure


def _path(word: re.Pattern[str], argument: str, form: str) -> tuple[str, str]:
    begin = word.match(argument)
    bracketed = _BRACKETED.match(argument, begin.end()) if begin else None
    if bracketed is None or not _PARAMETERS.match(bracketed.group(2)):
        raise Wrong(Reply(501, "5.5.4", f"expected {form}"))
    return bracketed.group(1), bracketed.group(2)


def _unknown(word: str) -> Wrong:
    # Temporary: that an MTA asks for what was not offered says nothing about the mail.
    return Wrong(Reply(455, "4.5.4", f"{word[:60]!r} was not offered"))
