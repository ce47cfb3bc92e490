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
    from gateway.mta import Submission


class Written(NamedTuple):
    """An envelope in words: what stands before the recipients, before the message, and the recipients."""

    leading: tuple[str, ...]
    front: bytes
    recipients: Sequence[str]


if TYPE_CHECKING:
    Letterhead = Callable[[Envelope, Submission], Written]


def letterhead(form: str, place: sendmail.Place, *, as_given: bool, node_name: str) -> Letterhead | None:
    """Return how a form writes an envelope, or None if it is no such form.

    `place` is where the form ``sendmail`` writes the sender. What is returned takes the envelope
    and the submission it is of. With `as_given` the words of the arguments are kept where they
    say the same as the envelope: bang paths, and for the form ``sendmail`` the flags and the
    place where the sender stood.
    """
    if form == "rmail":
        return partial(_rmail, as_given=as_given, node_name=node_name)
    if form == "sendmail":
        return _sendmail_as_given if as_given else partial(_sendmail, place=place)
    return None


def _rmail(envelope: Envelope, submission: Submission, *, as_given: bool, node_name: str) -> Written:
    line = rmail.from_line(envelope.sender, date=_now(), node=node_name)
    return Written((), line, _recipients(envelope, submission.arguments if as_given else ()))


def _sendmail(envelope: Envelope, submission: Submission, *, place: sendmail.Place) -> Written:
    del submission
    front = sendmail.front(envelope.sender, place)
    return Written(sendmail.leading(envelope.sender, place), front, _recipients(envelope, ()))


def _sendmail_as_given(envelope: Envelope, submission: Submission) -> Written:
    given = sendmail.split_arguments(submission.arguments)
    if given.sender is not None:
        front = b""
    elif submission.in_from_line:
        front = rmail.from_line(envelope.sender, date=_now(), node=None)
    else:
        front = sendmail.front(envelope.sender, "header")
    return Written(given.leading(envelope.sender), front, _recipients(envelope, given.recipients))


def _now() -> str:
    return time.asctime(time.gmtime())


def _recipients(envelope: Envelope, words: Sequence[str]) -> list[str]:
    """Return the recipients in words; of those that were given, bang paths keep their way."""
    given = {}
    for word in map(bang.unparenthesized, words):
        with suppress(Malformed):
            if "@" not in word:
                given[bang.recipient(word)] = word
    return [given.get(recipient) or recipient.with_ascii_domain() for recipient in envelope.recipients]
