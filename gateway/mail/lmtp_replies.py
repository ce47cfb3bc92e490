"""Replies of LMTP: a code (RFC 5321 4.2), an enhanced code (RFC 3463, RFC 2034) and a text."""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.errors import GatewayError, Refused, SpoolError
from gateway.stderr import printable

_LONGEST: Final = 480
"""Octets of a text: the whole line is at most 512 (RFC 5321 4.5.3.1.5)."""


class Reply(NamedTuple):
    """One answer; `enhanced` may be empty where RFC 2034 wants none."""

    code: int
    enhanced: str
    text: str

    @property
    def good(self) -> bool:
        """Whether it says yes, so far or for good."""
        return self.code < 400  # noqa: PLR2004 - RFC 5321 4.2.1: from here on it is no

    def line(self) -> bytes:
        """Return the line, CRLF included; nothing that a peer wrote can make two of it."""
        text = self.text if self.text.isprintable() else printable(self.text)
        words = f"{self.enhanced} {text}" if self.enhanced else text
        return f"{self.code} ".encode() + words.encode("ascii", "replace")[:_LONGEST] + b"\r\n"

    @classmethod
    def of(cls, failure: BaseException) -> Reply:
        """Return the answer for a failure: temporary, unless its class says that it is permanent."""
        if not isinstance(failure, GatewayError):
            return cls(451, "4.3.0", f"{type(failure).__name__}: {failure}")
        code = 451
        if failure.permanent:
            code = 550 if isinstance(failure, Refused) else 554
        elif isinstance(failure, SpoolError):
            code = 452
        return cls(code, failure.enhanced, str(failure) or type(failure).__name__)
