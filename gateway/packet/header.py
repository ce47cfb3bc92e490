"""The signed header of an encrypted packet (encrypted packet, version 6, header)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from nacl import bindings
from nacl.exceptions import BadSignatureError

from gateway.packet.failures import BadSignature, NotAPacket, UnsupportedPacket
from gateway.packet.identity import KEY_SIZE

MAGIC = b"NNCPE\0\0\6"
HEADER_SIZE = 172
SIGNED_SIZE = 108
SIGNATURE_SIZE = 64

_FAMILY = MAGIC[:5]
_MOST = 255
_LAYOUT = struct.Struct(">8sI32s32s32s64s")


class Header(NamedTuple):
    """Who sends to whom, how urgently, and the key that was made for this packet alone.

    Ids and `exchpub` (the ephemeral X25519 key) have 32 bytes, `signature` 64. A header that
    was decoded is a claim until `verify` has returned.
    """

    niceness: int
    sender: bytes
    recipient: bytes
    exchpub: bytes
    signature: bytes = b""

    def signed_part(self) -> bytes:
        """Return the 108 bytes that the signature covers."""
        return self._pack()[:SIGNED_SIZE]

    def sign(self, signprv: bytes) -> Header:
        """Return the same header with the signature of this private signing key (64 bytes)."""
        signature = bindings.crypto_sign(self.signed_part(), signprv)[:SIGNATURE_SIZE]
        return Header(
            niceness=self.niceness,
            sender=self.sender,
            recipient=self.recipient,
            exchpub=self.exchpub,
            signature=signature,
        )

    def verify(self, signpub: bytes) -> None:
        """Return if this public signing key (32 bytes) made the signature.

        Raises:
            BadSignature: temporary; it did not.
        """
        if len(signpub) != KEY_SIZE:
            raise BadSignature(f"the sender's signing key has {len(signpub)} bytes, not {KEY_SIZE}")
        try:
            bindings.crypto_sign_open(self.signature + self.signed_part(), signpub)
        except BadSignatureError as error:
            raise BadSignature("the header is not signed by the sender it names") from error

    def encode(self) -> bytes:
        """Return the 172 bytes of the header."""
        return self._pack()

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """Return the header in the first 172 bytes of `data`, its signature not yet verified.

        Raises:
            NotAPacket: temporary; too short, another magic, or a niceness over 255.
            UnsupportedPacket: temporary; an NNCP packet of another version.
        """
        if len(data) < HEADER_SIZE:
            raise NotAPacket(f"{len(data)} bytes are too few for a packet")
        magic, niceness, sender, recipient, exchpub, signature = _LAYOUT.unpack_from(data)
        if magic != MAGIC:
            if magic.startswith(_FAMILY):
                raise UnsupportedPacket(f"encrypted packet of another version ({magic[5:].hex()})")
            raise NotAPacket("no encrypted packet: it begins otherwise")
        if niceness > _MOST:
            raise NotAPacket(f"the header has niceness {niceness}")
        return cls(
            niceness=niceness, sender=sender, recipient=recipient, exchpub=exchpub, signature=signature
        )

    def _pack(self) -> bytes:
        return _LAYOUT.pack(MAGIC, self.niceness, self.sender, self.recipient, self.exchpub, self.signature)
