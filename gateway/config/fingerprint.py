"""The public keys of a node as a few words, for two people to compare by telephone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.model import Neighbour

__all__ = ["COUNT", "fingerprint"]

COUNT = 8
"""Words in a fingerprint. Each is one of 2,048: whoever wants keys with the words of ours tries 2^88."""
_BITS = 11
_PERSON = b"gateway words"


def fingerprint(node: Neighbour) -> str:
    """Return what stands for all public keys of a node: lower-case English words with spaces between.

    The words are those of BIP 39, in which no two begin with the same four letters; the number is
    BLAKE2b over id, exchpub, signpub and noisepub (32 bytes each, a missing noisepub as zeroes).
    """
    from hashlib import blake2b  # noqa: PLC0415 - only where two people meet

    from mnemonic import Mnemonic  # noqa: PLC0415 - as above

    keys = b"".join((node.id, node.exchpub, node.signpub, node.noisepub or bytes(32)))
    digest = blake2b(keys, digest_size=COUNT * _BITS // 8, person=_PERSON).digest()
    number = int.from_bytes(digest, "big")
    words = Mnemonic("english").wordlist
    return " ".join(words[number >> shift & 2047] for shift in range((COUNT - 1) * _BITS, -1, -_BITS))
