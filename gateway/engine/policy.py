"""What a neighbour's mail may be, by the globs of its configuration."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gateway.mail import bang

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config.model import Accept
    from gateway.mail.envelope import Envelope

_ROUTING = frozenset("%!@")


def objection(accept: Accept, envelope: Envelope) -> str | None:
    """Return why an envelope is not accepted, or None; the null sender is matched as ``<>``.

    Globs are compared without regard to case: domains have none, and a policy that a
    capital letter evades is none.

    A ``%``, ``!`` or ``@`` in the local part of a recipient is a route to many MTAs (Postfix takes
    ``"x@far.example"@here.example`` and ``x%far.example@here.example`` for x@far.example). So a
    glob matches such a recipient only where it has that character in its own local part; a
    lone ``*`` matches whatever there is.
    """
    sender = str(envelope.sender) or "<>"
    if not _matches(sender, accept.senders):
        return f"sender {sender} is not among accept.senders"
    for recipient in envelope.recipients:
        globs = accept.recipients
        if globs is not None and (routing := _ROUTING.intersection(recipient.local)):
            globs = tuple(glob for glob in globs if glob == "*" or routing <= set(_local(glob)))
        if not _matches(str(recipient), globs):
            return f"recipient {recipient} is not among accept.recipients"
    return None


def _local(glob: str) -> str:
    return glob.rpartition("@")[0]


def objection_to_paths(accept: Accept, words: Iterable[str]) -> dict[str, str]:
    """Return the words that must not be handed on as they are, each with why.

    Those are bang paths whose first host is not accepted: whoever follows one sends the mail
    there, whatever address it comes to in the end.
    """
    return {
        word: f"recipient {word}: by its first host {near}, which is not among accept.recipients"
        for word in words
        for near in map(str, bang.next_addresses((word,)).values())
        if not _matches(near, accept.recipients)
    }


def _matches(address: str, globs: tuple[str, ...] | None) -> bool:
    return globs is None or any(fnmatchcase(address.lower(), glob.lower()) for glob in globs)
