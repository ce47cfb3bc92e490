"""The form ``sendmail``: a message as the body, and arguments as one gives them to ``sendmail``.

The recipients are arguments. The sender stands where whoever wrote it could put it::

    -f joe@a.example -- x@b.example          as an option
    Return-Path: <joe@a.example>             as the first header of the message
    From joe@a.example Thu Jan  1 ...        as a From_ line in front of it

or nowhere at all. Of the options only those are read that cannot make another program of
``sendmail``: ``-f``, ``-i``, ``-oi``, ``-G`` and ``--``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import IO, Final, Literal, NamedTuple

from gateway.errors import Malformed, Refused
from gateway.mail import bang
from gateway.mail.bang import NULL_SENDERS
from gateway.mail.envelope import UNKNOWN_SENDER, Envelope, ReversePath
from gateway.mail.head import Head
from gateway.mail.letter import Letter
from gateway.mail.message import Message
from gateway.mail.rmail import take_from_lines

__all__ = ["FLAGS", "Arguments", "Place", "front", "leading", "read", "split_arguments"]

Place = Literal["argument", "header"]
"""Where the sender is written."""

FLAGS: Final = frozenset({"-i", "-oi", "-G"})
"""Options without a value that may stand in front: they let the body through as it is."""

_RETURN_PATH = re.compile(rb"return-path[ \t]*:", re.IGNORECASE)


class Arguments(NamedTuple):
    """Arguments taken apart, each word as it was; `sender` is None where there is no ``-f``.

    `ended` tells whether ``--`` ended the options.
    """

    flags: tuple[str, ...]
    sender: str | None
    ended: bool
    recipients: tuple[str, ...]

    def leading(self, sender: ReversePath) -> tuple[str, ...]:
        """Return what stood before the recipients, with a sender in the place of the one given."""
        option = () if self.sender is None else ("-f", _word(sender))
        return (*self.flags, *option, *(("--",) if self.ended else ()))


def split_arguments(arguments: Sequence[str]) -> Arguments:
    """Take arguments apart.

    Raises:
        Refused: permanent; an option that is not among the few. Names it.
        Malformed: permanent; ``-f`` without a sender, or twice.
    """
    flags: list[str] = []
    sender = None
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            return Arguments(tuple(flags), sender, ended=True, recipients=tuple(rest))
        if option in FLAGS:
            flags.append(option)
        elif option.startswith("-f"):
            if sender is not None:
                raise Malformed("the option -f is given twice")
            if option == "-f" and not rest:
                raise Malformed("the option -f without a sender behind it")
            sender = option[2:] or rest.pop(0)
        else:
            raise _not_allowed(option)
    late = next((word for word in rest if word.startswith("-")), None)
    if late is not None:
        raise _not_allowed(late)
    return Arguments(tuple(flags), sender, ended=False, recipients=tuple(rest))


def read(
    stream: IO[bytes],
    arguments: Sequence[str],
    *,
    null_senders: Collection[str] = NULL_SENDERS,
    host: str | None = None,
) -> Letter:
    """Return envelope and message of what is given to sendmail; the message is still to be read.

    The sender is that of ``-f``, or else of a Return-Path header if that is the message's first,
    or else of the From_ lines, or else `UNKNOWN_SENDER`. From_ lines are no part of the
    message, and of a Return-Path only one that the sender was taken from is none. `host` is
    where a sender belongs that names no host.

    Raises:
        Refused: permanent; an option that is not allowed.
        Malformed: permanent; no recipient, or what is no address.
        Truncated: temporary; the input ends inside a From_ line.
    """
    given = split_arguments(arguments)
    recipients = tuple(map(bang.recipient, given.recipients))
    head = Head(stream)
    lines = take_from_lines(head)
    word = given.sender if given.sender is not None else _take_return_path(head)
    if word is not None:
        path = bang.sender(word, null_senders=null_senders, host=host)
    elif lines is not None:
        path = lines.sender(null_senders=null_senders, host=host)
    else:
        path = UNKNOWN_SENDER
    in_from_line = word is None and lines is not None
    return Letter(Envelope(path, recipients), Message(head.rest()), head.offset, in_from_line)


def leading(sender: ReversePath, place: Place) -> tuple[str, ...]:
    """Return the arguments to write in front of the recipients."""
    return ("-f", _word(sender), "--") if place == "argument" and sender.known else ()


def front(sender: ReversePath, place: Place) -> bytes:
    """Return what to write in front of the message."""
    if place == "header" and sender.known:
        return f"Return-Path: <{sender.with_ascii_domain()}>\n".encode()
    return b""


def _take_return_path(head: Head) -> str | None:
    line = head.line()
    name = _RETURN_PATH.match(line)
    if name is None or not line.endswith(b"\n"):
        return None
    head.take(line)
    value = line[name.end() :]
    while (line := head.line()).startswith((b" ", b"\t")) and line.strip():
        head.take(line)
        value += line
    unfolded = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return unfolded.decode("utf-8", "surrogateescape").strip(" \t")


def _word(sender: ReversePath) -> str:
    """Return the sender as an argument; ``<>`` survives scripts that lose an empty word."""
    return sender.with_ascii_domain() or "<>"


def _not_allowed(option: str) -> Refused:
    few = "-f SENDER, " + ", ".join(sorted(FLAGS)) + " and --"
    return Refused(f"argument {option[:80]!r}: not an option that may be sent: only {few} are")
