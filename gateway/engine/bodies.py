"""Bodies: a verified exec job is read by its handle's form into the transactions it holds.

========================  =========================  ===========================================
form                      egress ``command``         every other egress
========================  =========================  ===========================================
``bsmtp``                 the body as it came, the   its transactions, the whole batch checked
                          envelopes in it checked
                          where there is a policy
``rmail``, ``sendmail``   body and arguments as      one transaction; the envelope from arguments
                          they came, the envelope    and body, the message without what carried
                          in them checked            the envelope
``raw``                   the body as it came        ``maildir`` only
========================  =========================  ===========================================

What "as they came" means for arguments is the handle's ``arguments`` key; the envelope is
checked where that is ``recipients``.
"""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING

from gateway.arguments import checked_arguments, option_like
from gateway.errors import ConfigError, Malformed, Refused, Truncated
from gateway.mail import bang, rmail, sendmail
from gateway.mail.bsmtp import scan
from gateway.mail.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Handle
    from gateway.mail.envelope import Envelope
    from gateway.mail.letter import Letter
    from gateway.mta import Delivery

LETTER_FORMS = frozenset({"rmail", "sendmail"})
"""The forms whose body is one message, with its recipients in the arguments."""
RAW_EGRESSES = frozenset({"command", "maildir"})
"""The egresses that take a body without an envelope."""


def deliveries_of(
    body: IO[bytes],
    handle: Handle,
    arguments: tuple[str, ...],
    common: Delivery,
    *,
    scratch: Callable[[], IO[bytes]] | None = None,
) -> tuple[Delivery, ...]:
    """Return the transactions of a body; `common` has what is the same in all of them.

    `scratch` makes a file for a message that is but a part of the body, where a program wants one.

    Raises:
        Malformed, Truncated: the body is not what its form says.
        Refused: an argument is not what the handle allows.
        ConfigError: temporary; the egress cannot take this form.
    """
    if handle.egress != "command" and handle.form == "bsmtp":
        return _of_batch(body, common, scratch)
    if handle.egress != "command" and handle.form in LETTER_FORMS:
        return (_of_letter(body, handle.form, arguments, common, scratch),)
    if handle.form in LETTER_FORMS and handle.arguments == "recipients":
        return (_as_sent(body, handle.form, arguments, common),)
    if handle.egress in RAW_EGRESSES:
        passed = checked_arguments(handle.arguments, arguments)
        return (_whole(body, common._replace(arguments=passed)),)
    where = f"handle {handle.name!r} of {common.sender_node}"
    msg = f"{where}: egress {handle.egress!r} needs a form with envelopes"
    raise ConfigError(msg)


def fitting(body: IO[bytes], handle: Handle, arguments: tuple[str, ...], sender_node: str) -> Handle:
    """Return the handle, or NNCP's own command in its place where that alone can take the job.

    In NNCP's configuration (`arguments` any) an egress stands in for ``sendmail`` and the like.
    Who sends such a handle words that are no envelope (``-t``, an alias of the other side)
    gets what NNCP would do with them.
    """
    if handle.egress in RAW_EGRESSES or handle.form not in LETTER_FORMS or handle.arguments != "any":
        return handle
    try:
        _read_letter(body, handle.form, arguments, sender_node)
    except (Malformed, Refused):
        return handle._replace(egress="command", form="raw")
    return handle


def envelopes_of(body: IO[bytes], handle: Handle) -> tuple[Envelope, ...]:
    """Return the envelopes in a batch that a program is to get as it came; else none.

    Raises:
        Malformed, Truncated: the body is no batch, so nobody can say who is in it.
    """
    if handle.egress != "command" or handle.form != "bsmtp":
        return ()
    return tuple(transaction.envelope for transaction in scan(body))


def read_envelopes(
    body: IO[bytes], form: str, arguments: tuple[str, ...], sender_node: str
) -> tuple[Envelope, ...]:
    """Return the envelopes that a body of that form and its arguments carry, to be shown only.

    Raises:
        Malformed, Truncated, Refused: the body is not what its form says.
    """
    if form == "bsmtp":
        return tuple(transaction.envelope for transaction in scan(body))
    return (_read_letter(body, form, arguments, sender_node).envelope,) if form in LETTER_FORMS else ()


def opened(delivery: Delivery, handle: Handle) -> tuple[Delivery, ...]:
    """Return the transactions in a batch that a program got as it came; else the delivery itself."""
    if delivery.envelope is not None or handle.form != "bsmtp" or delivery.reopen is None:
        return (delivery,)
    body = delivery.reopen().file
    if body is None:
        return (delivery,)
    try:
        return deliveries_of(body, handle._replace(egress="(none)"), (), delivery)
    except (Malformed, Truncated, Refused):
        return (delivery,)


def _of_batch(
    body: IO[bytes], common: Delivery, scratch: Callable[[], IO[bytes]] | None
) -> tuple[Delivery, ...]:
    body.seek(0)
    return tuple(
        common._replace(
            envelope=transaction.envelope,
            message=transaction.open(scratch),
            transaction=number,
            reopen=partial(transaction.open, scratch),
        )
        for number, transaction in enumerate(scan(body))
    )


def _read_letter(body: IO[bytes], form: str, arguments: tuple[str, ...], sender_node: str) -> Letter:
    body.seek(0)
    read = rmail.read if form == "rmail" else sendmail.read
    # A sender that names no host is somebody at the node which sent this.
    return read(body, arguments, host=sender_node)


def _of_letter(
    body: IO[bytes],
    form: str,
    arguments: tuple[str, ...],
    common: Delivery,
    scratch: Callable[[], IO[bytes]] | None,
) -> Delivery:
    letter = _read_letter(body, form, arguments, common.sender_node)
    words = sendmail.split_arguments(arguments).recipients if form == "sendmail" else arguments

    def reopen() -> Message:
        return Message.of_part(body, letter.begin, scratch=scratch)

    return common._replace(
        envelope=letter.envelope,
        message=reopen(),
        reopen=reopen,
        words=tuple(map(bang.unparenthesized, words)),
    )


def _as_sent(body: IO[bytes], form: str, arguments: tuple[str, ...], common: Delivery) -> Delivery:
    """Return body and arguments as NNCP would pass them, once the envelope in them has been read.

    Every address is written again from what was read, and the sender stands behind an ``-f``
    of ours: no word of the peer reaches the program that is not an address or a known flag.
    """
    given = sendmail.split_arguments(arguments) if form == "sendmail" else None
    words = given.recipients if given else arguments
    if not words:
        return _whole(body, common._replace(arguments=given.flags if given else ()))
    envelope = _read_letter(body, form, arguments, common.sender_node).envelope
    recipients = tuple(map(bang.unparenthesized, words))
    # A bang path is checked as the address that it comes to.
    checked_arguments("recipients", [w if "@" in w else str(bang.recipient(w)) for w in recipients])
    if given and option_like(str(envelope.sender) or "<>"):
        msg = f"sender {envelope.sender} could be taken for an option"
        raise Refused(msg)
    leading = given.leading(envelope.sender) if given else ()
    return _whole(
        body, common._replace(envelope=envelope, arguments=(*leading, *recipients), words=recipients)
    )


def _whole(body: IO[bytes], common: Delivery) -> Delivery:
    def reopen() -> Message:
        return Message.of_file(body)

    return common._replace(message=reopen(), reopen=reopen)
