"""The envelope of one transaction (RFC 5321 2.3.1): who it is from, and whom it is for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn, Self

from gateway.errors import Malformed
from gateway.mail import address as syntax

__all__ = ["UNKNOWN_SENDER", "Envelope", "Recipient", "ReversePath"]

# A source route (RFC 5321 appendix C) is accepted and dropped, as Exim does.
_ROUTE = r"@[^@:,<>\s]+(?:,@[^@:,<>\s]+)*:"


class _Path:
    """An address in its original spelling; making one is the validation.

    A frozen value, written by hand: making a dataclass takes longer than the rest of this
    module, for every message.
    """

    __slots__ = ("address",)
    address: str

    def __init__(self, address: str) -> None:
        object.__setattr__(self, "address", address)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        msg = f"{type(self).__name__} cannot be changed"
        raise AttributeError(msg)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the path that a command or an argument names.

        Blanks around it, angle brackets and a source route are taken off; else it is kept
        as it is spelled.

        Raises:
            Malformed: permanent; no address, or one that no MTA would take.
        """
        text = text.strip(" \t")
        if text.startswith("<") and text.endswith(">"):
            text = text[1:-1].strip(" \t")
        route = re.match(_ROUTE, text) if text.startswith("@") else None
        return cls(text[route.end() :] if route else text)

    @property
    def local(self) -> str:
        """The local part as written, quotes included."""
        return syntax.split(self.address)[0]

    @property
    def domain(self) -> str | None:
        """The domain as written, or None where there is none."""
        return syntax.split(self.address)[1]

    @property
    def path(self) -> str:
        """The address in angle brackets, as commands and records have it; ``<>`` if null."""
        return f"<{self.address}>"

    def ascii_domain(self) -> str | None:
        """Return the domain with A-labels (RFC 5891), or None where there is none."""
        domain = self.domain
        return None if domain is None else syntax.to_ascii(domain)

    def with_ascii_domain(self) -> str:
        """Return the address with an A-label domain and the local part as it is."""
        if self.address.isascii():
            return self.address
        local, domain = syntax.split(self.address)
        return local if domain is None else f"{local}@{syntax.to_ascii(domain)}"

    def __str__(self) -> str:
        return self.address


class ReversePath(_Path):
    """An envelope sender; the empty address is the null path ``<>``.

    One that is not `known` was lost on the way. To whoever can send without naming a sender it
    says so, and to everybody else it is the null path.

    Raises:
        Malformed: permanent; not an address.
    """

    __slots__ = ()
    known = True

    def __init__(self, address: str) -> None:
        if address:
            syntax.check(address)
        super().__init__(address)

    @property
    def is_null(self) -> bool:
        """Whether this is ``<>``: a report, which must never be answered by another."""
        return not self.address


class _UnknownSender(ReversePath):
    __slots__ = ()
    known = False


UNKNOWN_SENDER = _UnknownSender("")
"""The sender of a message that came without one; not equal to the null path."""


class Recipient(_Path):
    """One envelope recipient; a bare ``postmaster`` is one too (RFC 5321 4.1.1.3).

    Raises:
        Malformed: permanent; not an address.
    """

    __slots__ = ()

    def __init__(self, address: str) -> None:
        if address.lower() != "postmaster":
            syntax.check(address)
        super().__init__(address)


class _Parts(NamedTuple):
    sender: ReversePath
    recipients: tuple[Recipient, ...]


class Envelope(_Parts):
    """Sender and recipients of one transaction, in the order and the spelling they came in.

    Raises:
        Malformed: permanent; there is no recipient.
    """

    __slots__ = ()

    def __new__(cls, sender: ReversePath, recipients: Iterable[Recipient]) -> Self:
        """Check the parts."""
        recipients = tuple(recipients)
        if not isinstance(sender, ReversePath):
            raise TypeError(f"sender is not a ReversePath: {sender!r}")
        if not all(isinstance(recipient, Recipient) for recipient in recipients):
            raise TypeError(f"not all recipients are Recipients: {recipients!r}")
        if not recipients:
            raise Malformed("an envelope needs at least one recipient")
        return super().__new__(cls, sender, recipients)
