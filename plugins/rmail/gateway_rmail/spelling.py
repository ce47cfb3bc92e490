"""An envelope in words for sendmail and rmail: in domain form, or as bang paths (RFC 976)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gateway import first_hop, to_domain_form

if TYPE_CHECKING:
    from gateway import Delivery, Recipient, ReversePath


class Spelling(NamedTuple):
    """How addresses are written for one delivery.

    `node` is the node that the mail comes from; `ways` are the bang paths that it gave for
    its recipients, by what they come to. Without `bang` everything is in domain form.
    """

    bang: bool
    node: str
    ways: dict[str, str]

    @classmethod
    def of(cls, delivery: Delivery, *, bang: bool) -> Spelling:
        """Return the spelling for a delivery."""
        given = [word for word in delivery.words if first_hop(word) and '"' not in word] if bang else []
        # A word with a domain is a mailbox there, whatever is in front of the @.
        return cls(bang, delivery.sender_node, {to_domain_form(w): w for w in given if "@" not in w})

    def recipient(self, recipient: Recipient) -> str:
        """Return a recipient as one word: the path that was given, else made of the domain."""
        if not self.bang:
            return recipient.with_ascii_domain()
        return self.ways.get(recipient.address) or _as_path(recipient)

    def sender(self, sender: ReversePath) -> str:
        """Return the sender as one word, ``<>`` for the null path.

        As a bang path it begins with the node that the mail comes from, which rmail would have
        put there from "remote from".
        """
        if sender.is_null or not self.bang:
            return sender.with_ascii_domain() or "<>"
        path = _as_path(sender)
        return path if "@" in path or first_hop(path) == self.node else f"{self.node}!{path}"

    def from_line(self, sender: ReversePath) -> bytes:
        """Return the From_ line from which a real rmail makes just this sender.

        It puts the host of "remote from" in front of whatever it finds, which spoils a domain
        address and the null path. So the line has none, and a path has its first hop already.
        """
        return f"From {self.sender(sender)} {time.asctime(time.gmtime())}\n".encode(
            "utf-8", "surrogateescape"
        )


def _as_path(address: Recipient | ReversePath) -> str:
    """Return ``domain!local``, or the domain form where that would be no path."""
    local, domain = address.local, address.ascii_domain()
    path = f"{domain}!{local}"
    if domain is None or local.startswith('"') or first_hop(path) != domain:
        return address.with_ascii_domain()
    return path
