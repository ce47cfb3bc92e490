"""One message with the envelope that came in front of it and beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors import Malformed
from gateway.mail.envelope import Envelope
from gateway.mail.message import Message

__all__ = ["Letter", "argument_lists"]


class Letter(NamedTuple):
    """A transaction of a form that holds one; `begin` is the message's offset in what was read.

    `in_from_line` tells whether the sender stood in a From_ line.
    """

    envelope: Envelope
    message: Message
    begin: int
    in_from_line: bool = False


def argument_lists(
    handle: str, leading: Sequence[str], recipients: Sequence[str], *, limit: int
) -> list[tuple[str, ...]]:
    """Share recipients out over as few argument lists as hold them, in their order.

    Each list is `leading` and then recipients; with the handle in front and NULs between the
    words it has at most `limit` octets.

    Raises:
        Malformed: permanent; one recipient alone is too long, or would be taken for an option
            since no ``--`` is in front of it. Names it.
    """
    lists: list[tuple[str, ...]] = []
    empty = sum(map(_octets, (handle, *leading))) - 1
    some: list[str] = []
    size = empty
    for recipient in recipients:
        if recipient.startswith("-") and "--" not in leading[-1:]:
            raise Malformed(
                f'{recipient}: the far side would take it for an option; mail.form = "bsmtp" can carry it'
            )
        more = _octets(recipient)
        if empty + more > limit:
            raise Malformed(
                f"{recipient}: too long for a packet: {empty + more} octets with its handle and "
                f'arguments, {limit} are possible; mail.form = "bsmtp" has no such limit'
            )
        if size + more > limit:
            lists.append((*leading, *some))
            some, size = [], empty
        some.append(recipient)
        size += more
    lists.append((*leading, *some))
    return lists


def _octets(word: str) -> int:
    """Return the octets of a word and the NUL beside it."""
    return len(word.encode("utf-8", "surrogateescape")) + 1
