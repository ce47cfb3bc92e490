"""What a neighbour's mail may be, by the globs of its configuration."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.model import Accept
    from gateway.mail.envelope import Envelope


def objection(accept: Accept, envelope: Envelope) -> str | None:
    """Return why an envelope is not accepted, or None; the null sender is matched as ``<>``.

    Globs are compared without regard to case: domains have none, and a policy that a
    capital letter evades is none.
    """
    sender = str(envelope.sender) or "<>"
    if not _matches(sender, accept.senders):
        return f"sender {sender} is not among accept.senders"
    for recipient in envelope.recipients:
        if not _matches(str(recipient), accept.recipients):
            return f"recipient {recipient} is not among accept.recipients"
    return None


def _matches(address: str, globs: tuple[str, ...] | None) -> bool:
    return globs is None or any(fnmatchcase(address.lower(), glob.lower()) for glob in globs)
