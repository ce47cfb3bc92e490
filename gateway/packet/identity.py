"""Our own keys, node ids, and the text form that keys, ids and packet names share."""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from typing import NamedTuple

from nacl import bindings

KEY_SIZE = 32
SIGNPRV_SIZE = 64


def encode(data: bytes) -> str:
    """Return the text form: base32 in upper case without padding (32 bytes become 52 characters)."""
    return base64.b32encode(data).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=1024)
def id_text(node_id: bytes) -> str:
    """Return what `encode` does, remembered: the same few ids are written for every packet."""
    return encode(node_id)


def decode(text: str, size: int = KEY_SIZE) -> bytes:
    """Return the `size` bytes that `text` stands for; only the one canonical spelling is taken.

    Raises:
        ValueError: the text is not what `encode` writes for so many bytes.
    """
    characters = -(-size * 8 // 5)
    if len(text) != characters:
        raise ValueError(f"{len(text)} characters where {characters} belong")
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError as error:
        raise ValueError("not base32 (A to Z and 2 to 7, upper case, no padding)") from error
    if encode(data) != text:
        raise ValueError("not the canonical base32 spelling: its last character has stray bits")
    return data


def node_id(signpub: bytes) -> bytes:
    """Return the id that a new node with this public signing key gets (BLAKE2b, 32 bytes)."""
    return bindings.crypto_generichash_blake2b_salt_personal(signpub, digest_size=KEY_SIZE)


class _Keys(NamedTuple):
    id: bytes
    exchpub: bytes
    exchprv: bytes
    signpub: bytes
    signprv: bytes
    noisepub: bytes
    noiseprv: bytes


class Identity(_Keys):
    """The keys of the local node; raw bytes, 32 each, but `signprv` is seed and public key, 64.

    The id is opaque: nothing here relies on its being derived from `signpub`. The private
    keys do not show in its representation.

    Raises:
        ValueError: a value has the wrong size.
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        id: bytes,  # noqa: A002 - the name that the configuration and NNCP have for it
        exchpub: bytes,
        exchprv: bytes,
        signpub: bytes,
        signprv: bytes,
        noisepub: bytes,
        noiseprv: bytes,
    ) -> Identity:
        """Check the sizes; the only way in that does."""
        self = super().__new__(cls, id, exchpub, exchprv, signpub, signprv, noisepub, noiseprv)
        for name, value in zip(cls._fields, self, strict=True):
            size = SIGNPRV_SIZE if name == "signprv" else KEY_SIZE
            if len(value) != size:
                raise ValueError(f"{name} has {len(value)} bytes, not {size}")
        return self

    def __repr__(self) -> str:
        return f"Identity({encode(self.id)})"

    @classmethod
    def generate(cls) -> Identity:
        """Return a new identity with fresh keys from the system's random source."""
        signpub, signprv = bindings.crypto_sign_keypair()
        exchprv, noiseprv = os.urandom(KEY_SIZE), os.urandom(KEY_SIZE)
        return cls(
            id=node_id(signpub),
            exchpub=bindings.crypto_scalarmult_base(exchprv),
            exchprv=exchprv,
            signpub=signpub,
            signprv=signprv,
            noisepub=bindings.crypto_scalarmult_base(noiseprv),
            noiseprv=noiseprv,
        )
