"""Every way a packet can be bad, each with a stable `code`, and what cannot become a packet.

A `BadPacket` is never acted on and never deleted; its code goes into reasons, logs and JSON.
"""

from __future__ import annotations

from gateway.errors import BadPacket, Malformed


class NotAPacket(BadPacket):
    """The first bytes are not the header of an encrypted packet."""

    code = "not-a-packet"


class UnsupportedPacket(BadPacket):
    """A packet of another version of the format."""

    code = "unsupported"


class NotForUs(BadPacket):
    """The packet is addressed to somebody else, or to an area; `recipient` is that id."""

    code = "not-for-us"

    def __init__(self, text: str, recipient: bytes) -> None:
        super().__init__(text)
        self.recipient = recipient


class UnknownSender(BadPacket):
    """The packet claims a sender that is no neighbour of ours; `sender` is that id."""

    code = "unknown-sender"

    def __init__(self, text: str, sender: bytes) -> None:
        super().__init__(text)
        self.sender = sender


class BadSignature(BadPacket):
    """The header is not signed by the sender that it names."""

    code = "bad-signature"


class Corrupt(BadPacket):
    """Bytes were changed or are missing: a block or the compressed body does not hold."""

    code = "corrupt"


class BadSize(BadPacket):
    """The announced size contradicts the packet."""

    code = "bad-size"


class BadPadding(BadPacket):
    """The padding is not what the packet announces."""

    code = "bad-padding"


class TrailingBytes(BadPacket):
    """Something follows the end of the packet or of its compressed body."""

    code = "trailing-bytes"


class WrongName(BadPacket):
    """The file's name is not the hash of its content."""

    code = "wrong-name"


class OverLimit(BadPacket):
    """The body is larger, or needs more memory to decompress, than we allow."""

    code = "over-limit"


class PathTooLong(Malformed):
    """Handle and arguments, or another path, exceed the 255 bytes that a packet has for them."""


class TooLarge(Malformed):
    """The packet would exceed the size that the caller allows."""
