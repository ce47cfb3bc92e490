"""Letterheads: how an envelope is put around a message in the forms that hold one message."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import Malformed
from gateway.mail import bang, rmail, sendmail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.mail.envelope import Envelope


class Written(NamedTuple):
    """An envelope in words: what stands before the recipients, before the message, and the recipients."""

    leading: tuple[str, ...]
    front: bytes
    recipients: Sequence[str]


if TYPE_CHECKING:
    Letterhead = Callable[[Envelope, tuple[str, ...]], Written]


def letterhead(form: str, place: sendmail.Place, *, as_given: bool, node_name: str) -> Letterhead | None:
    """Return how a form writes an envelope, or None if it is no such form.

    `place` is where the form ``sendmail`` writes the sender. What is returned takes the envelope
    and the ingress's arguments. With `as_given` the words of the arguments are kept where they
    say the same as the envelope: bang paths, and for the form ``sendmail`` the flags and the
    place where the sender stood.
    """
    if form == "rmail":
        return partial(_rmail, as_given=as_given, node_name=node_name)
    if form == "sendmail":
        return _sendmail_as_given if as_given else partial(_sendmail, place=place)
    return None


def _rmail(envelope: Envelope, arguments: tuple[str, ...], *, as_given: bool, node_name: str) -> Written:
    line = rmail.from_line(envelope.sender, date=time.asctime(time.gmtime()), node=node_name)
    return Written((), line, _recipients(envelope, arguments if as_given else ()))


def _sendmail(envelope: Envelope, arguments: tuple[str, ...], *, place: sendmail.Place) -> Written:
    del arguments
    front = sendmail.front(envelope.sender, place)
    return Written(sendmail.leading(envelope.sender, place), front, _recipients(envelope, ()))


def _sendmail_as_given(envelope: Envelope, arguments: tuple[str, ...]) -> Written:
    given = sendmail.split_arguments(arguments)
    front = sendmail.front(envelope.sender, "header") if given.sender is None else b""
    return Written(given.leading(envelope.sender), front, _recipients(envelope, given.recipients))


def _recipients(envelope: Envelope, words: Sequence[str]) -> list[str]:
    """Return the recipients in words; of those that were given, bang paths keep their way."""
    given = {}
    for word in map(bang.unparenthesized, words):
        with suppress(Malformed):
            if "@" not in word:
                given[bang.recipient(word)] = word
    return [given.get(recipient) or recipient.with_ascii_domain() for recipient in envelope.recipients]
