"""Does what rmail does with a message from afar, except for hiding that it failed.

rmail takes sender and recipients apart and calls ``sendmail``; whatever that ends in, rmail
exits with 0. So sendmail is called here directly, with the words that rmail would use.
"""

from __future__ import annotations

import os
import re
from collections import deque
from typing import IO, TYPE_CHECKING, NamedTuple

from gateway import (
    Malformed,
    Message,
    Outcome,
    PluginError,
    ProgramError,
    Verdict,
    WithoutFromLines,
    run_program,
)
from gateway_rmail.ending import Ending, ending
from gateway_rmail.options import Options, handle_options
from gateway_rmail.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway import Delivery, Envelope, Recipient, ReversePath

FLAGS = ("-i", "-G", "-oep")
"""Dots are text; mail from elsewhere (Exim: and refuse a user that may not set the sender); no bounce of
sendmail's own, since whoever still has the message tries again."""

PATIENCE = 3
"""Calls in a row that may come to grief before the rest of a packet is left for the next attempt."""

AT_ONCE = 500
"""Recipients of one call; their words stay far below what a program's arguments may take."""


_OTHER_WORD = re.compile(r"-[GNimnv]*t[GNimnv]*|-(?:b[^m]|[IqQ]).*|--|[^-/].*@.*")
"""Recipients from headers, another mode, an end of the options, an address."""


class RmailEgress:
    """Hands deliveries to sendmail, or to a real rmail where that is asked for."""

    name = "rmail"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.handles = options.handles

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield an outcome after each call; see `gateway.Egress`.

        Raises:
            ConfigError: temporary; the handle's options have mistakes.
            PluginError: temporary; the handle's command can do anything but take a message, or
                a delivery has no envelope.
            GatewayError: temporary; a message cannot be read.
        """
        grief = 0
        for delivery in deliveries:
            call = call_for(delivery, self.options)
            for outcome in _settle(delivery, call, give_up=grief >= PATIENCE):
                grief = grief + 1 if outcome.verdict is Verdict.DEFERRED else 0
                yield outcome

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Raise `ConfigError` (temporary) for the mistakes in a handle's own options."""
        handle_options(options, self.options, handle)


class Call(NamedTuple):
    """How a program is called: `argv` without what differs from message to message."""

    argv: tuple[str, ...]
    real: bool
    spelling: Spelling

    def words(self, sender: ReversePath, recipients: Sequence[Recipient]) -> tuple[str, ...]:
        """Return the whole command line."""
        names = map(self.spelling.recipient, recipients)
        if self.real:
            return (*self.argv, *names)
        # Without a sender sendmail takes the one that we run as: a person, if anybody.
        named = ("-f", self.spelling.sender(sender)) if sender.known else ()
        return (*self.argv, *FLAGS, *named, "--", *names)

    def front(self, sender: ReversePath) -> bytes:
        """Return what is written in front of the message."""
        return self.spelling.from_line(sender) if self.real else b""

    def against_sender(self, sender: ReversePath) -> str:
        """Return why this program cannot be told of a sender, or nothing."""
        if self.real and set(self.spelling.sender(sender)) & set(" \t"):
            return f"sender {sender}: rmail cuts it at its first blank"
        return ""

    def against(self, recipient: Recipient) -> str:
        """Return why a recipient cannot be given to this program, or nothing."""
        if recipient.local.lstrip('"\\')[:1] in ("|", "/", ":"):
            return f"recipient {recipient}: could be taken for a command or a file"
        if self.real and self.spelling.recipient(recipient).startswith("-"):
            return f"recipient {recipient}: rmail would take it for an option"
        return ""


def call_for(delivery: Delivery, base: Options) -> Call:
    """Return how a delivery's program is called.

    Raises:
        ConfigError: temporary; the handle's options have mistakes.
        PluginError: temporary; no real rmail is named, or a sendmail that is told to do
            something else than take a message for the recipients given.
    """
    options = handle_options(delivery.options, base, delivery.handle)
    spelling = Spelling.of(delivery, bang=options.addresses == "bang")
    command = delivery.command
    if options.real:
        if not command:
            msg = f'rmail: handle {delivery.handle}: real = true needs command = ["/usr/bin/rmail"]'
            raise PluginError(msg)
        return Call(command, real=True, spelling=spelling)
    argv = command if command and not is_rmail(command) else options.sendmail
    other = next(filter(_OTHER_WORD.fullmatch, argv[1:]), None)
    if other:
        msg = f"rmail: handle {delivery.handle}: {other} makes {argv[0]} do something else; leave it out"
        raise PluginError(msg)
    return Call(argv, real=False, spelling=spelling)


def is_rmail(command: Sequence[str]) -> bool:
    """Return whether a command is an rmail by its name."""
    return command[0].rpartition("/")[2] == "rmail"


def _settle(delivery: Delivery, call: Call, *, give_up: bool) -> Iterator[Outcome]:
    """Yield outcomes until every recipient of a delivery is taken, refused or deferred."""
    envelope = _envelope(delivery)
    sender = envelope.sender
    against = call.against_sender(sender)
    if against:
        yield Outcome(delivery.transaction, Verdict.REFUSED, against)
        return
    good = []
    for recipient in envelope.recipients:
        against = call.against(recipient)
        if against:
            yield Outcome(delivery.transaction, Verdict.REFUSED, against, (recipient,))
        else:
            good.append(recipient)
    waiting = deque(tuple(good[i : i + AT_ONCE]) for i in range(0, len(good), AT_ONCE))
    text = _Text(delivery)
    words = "given up for now, after those before it" if give_up else ""
    while waiting:
        some = waiting.popleft()
        found = Ending(Verdict.DEFERRED, words) if words else _hand_over(delivery, call, sender, some, text)
        bad = tuple(r for r in some if call.spelling.recipient(r) == found.bad)
        if found.too_many and len(some) > 1:
            waiting.extendleft([some[len(some) // 2 :], some[: len(some) // 2]])
        elif bad and len(bad) < len(some):
            yield Outcome(delivery.transaction, Verdict.REFUSED, found.text, bad)
            waiting.appendleft(tuple(r for r in some if r not in bad))
        else:
            everybody = len(some) == len(envelope.recipients)
            yield Outcome(delivery.transaction, found.verdict, found.text, None if everybody else some)
            if found.verdict is Verdict.DEFERRED:  # the next would fare no better
                words = found.text


def _hand_over(
    delivery: Delivery, call: Call, sender: ReversePath, recipients: tuple[Recipient, ...], text: _Text
) -> Ending:
    message = text.open()
    if message is None:
        return Ending(Verdict.DEFERRED, "the message cannot be read a second time now")
    stream = _Stream(call.front(sender), message)
    written = message.rewritten(stream)
    try:
        file = written.file
        finished = run_program(
            call.words(sender, recipients),
            stdin=file or written,
            environ=delivery.environ,
            timeout=delivery.timeout,
        )
    except ProgramError as error:
        return Ending(Verdict.DEFERRED, str(error))
    except Malformed as error:
        return Ending(Verdict.REFUSED, str(error))
    return ending(finished, whole=_at_end(file) if file else stream.whole)


def _at_end(file: IO[bytes]) -> bool:
    """Return whether a file was read to its end, by whoever shares its position with us."""
    return os.lseek(file.fileno(), 0, os.SEEK_CUR) == os.fstat(file.fileno()).st_size


class _Text:
    """The message of a delivery, as often as it can be had."""

    def __init__(self, delivery: Delivery) -> None:
        self._next: Message | None = delivery.message
        self._delivery = delivery

    def open(self) -> Message | None:
        message, self._next = self._next, None
        if message is None and self._delivery.reopen is not None:
            message = self._delivery.reopen()
        return message


class _Stream:
    """The chunks of one program's input; `whole` once the last one was written.

    From_ lines that the message begins with are left out: sendmail would take them off, and a
    real rmail would take the sender from them, past every policy on senders.
    """

    def __init__(self, front: bytes, message: Message) -> None:
        self._front = front
        self._message = message
        self.whole = False

    def __iter__(self) -> Iterator[bytes]:
        waiting = [self._front]
        text = WithoutFromLines(waiting.append)
        for chunk in self._message:
            text.data(chunk)
            yield b"".join(waiting)
            waiting.clear()
        text.end()
        yield b"".join(waiting)
        self.whole = True


def _envelope(delivery: Delivery) -> Envelope:
    if delivery.envelope is None:
        msg = f"rmail: handle {delivery.handle}: a raw job has no envelope"
        raise PluginError(msg)
    return delivery.envelope
