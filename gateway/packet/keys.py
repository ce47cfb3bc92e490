"""The keys of one encrypted packet and the sealing of one block under them."""

from __future__ import annotations

from typing import NamedTuple

from blake3 import blake3
from nacl import bindings
from nacl.exceptions import CryptoError

from gateway.packet.blocks import TAG
from gateway.packet.header import MAGIC

_CONTEXT = MAGIC.decode("latin-1")
_NONCE_SIZE = 12


class Keys(NamedTuple):
    """What the shared secret of a packet gives (encrypted packet, keys).

    `full` seals ordinary blocks, `size` the one that begins with the sizes, `pad` makes the
    outer padding; `associated` is the data every block is bound to.
    """

    full: bytes
    size: bytes
    pad: bytes
    associated: bytes

    @classmethod
    def agree(cls, private: bytes, public: bytes, signed_part: bytes) -> Keys:
        """Return the keys of the packet whose header begins with `signed_part`.

        Raises:
            ValueError: the public key is a point of low order, which agrees on nothing secret.
        """
        try:
            secret = bindings.crypto_scalarmult(private, public)
        except RuntimeError as error:
            raise ValueError("a public key of low order") from error
        full, size, pad = (
            blake3(secret, derive_key_context=f"{_CONTEXT} {word}").digest()
            for word in ("FULL", "SIZE", "PAD")
        )
        return cls(full, size, pad, blake3(signed_part).digest())

    def seal(self, key: bytes, number: int, block: bytes) -> bytes:
        """Return the ciphertext of block `number`, counted from 0, sealed with one of our keys."""
        return bindings.crypto_aead_chacha20poly1305_ietf_encrypt(
            block, self.associated, number.to_bytes(_NONCE_SIZE, "big"), key
        )

    def open(self, key: bytes, number: int, ciphertext: bytes) -> bytes | None:
        """Return the block that was sealed so, or None if it was not."""
        if len(ciphertext) < TAG:
            return None
        try:
            return bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
                ciphertext, self.associated, number.to_bytes(_NONCE_SIZE, "big"), key
            )
        except CryptoError:
            return None

    def padding(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of the outer padding from `offset` on."""
        return blake3(b"", key=self.pad).digest(length=length, seek=offset)
