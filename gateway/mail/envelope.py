"""The envelope of one transaction (RFC 5321 2.3.1): who it is from, and whom it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from gateway.errors import Malformed
from gateway.mail import address as syntax

__all__ = ["Envelope", "Recipient", "ReversePath"]

# A source route (RFC 5321 appendix C) is accepted and dropped, as Exim does.
_ROUTE = re.compile(r"@[^@:,<>\s]+(?:,@[^@:,<>\s]+)*:")


@dataclass(frozen=True, slots=True)
class _Path:
    """An address in its original spelling; making one is the validation."""

    address: str

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
        route = _ROUTE.match(text)
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


@dataclass(frozen=True, slots=True)
class ReversePath(_Path):
    """An envelope sender; the empty address is the null path ``<>``.

    Raises:
        Malformed: permanent; not an address.
    """

    def __post_init__(self) -> None:
        if self.address:
            syntax.check(self.address)

    @property
    def is_null(self) -> bool:
        """Whether this is ``<>``: a report, which must never be answered by another."""
        return not self.address


@dataclass(frozen=True, slots=True)
class Recipient(_Path):
    """One envelope recipient; a bare ``postmaster`` is one too (RFC 5321 4.1.1.3).

    Raises:
        Malformed: permanent; not an address.
    """

    def __post_init__(self) -> None:
        if self.address.lower() != "postmaster":
            syntax.check(self.address)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender and recipients of one transaction, in the order and the spelling they came in.

    Raises:
        Malformed: permanent; there is no recipient.
    """

    sender: ReversePath
    recipients: tuple[Recipient, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.sender, ReversePath):
            raise TypeError(f"sender is not a ReversePath: {self.sender!r}")
        object.__setattr__(self, "recipients", tuple(self.recipients))
        if not all(isinstance(recipient, Recipient) for recipient in self.recipients):
            raise TypeError(f"not all recipients are Recipients: {self.recipients!r}")
        if not self.recipients:
            raise Malformed("an envelope needs at least one recipient")
