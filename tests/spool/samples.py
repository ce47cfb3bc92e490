"""Ids, names and packets for the tests of the spool; the spool never looks inside them."""

from __future__ import annotations

import base64
import hashlib

HEADER = b"NNCPE\0\0\6" + bytes(164)
PACKET = HEADER + b"sealed blocks"


def text_of(seed: object) -> str:
    """Return a valid id or packet name made from a seed."""
    digest = hashlib.sha256(repr(seed).encode()).digest()
    return base64.b32encode(digest).decode().rstrip("=")
