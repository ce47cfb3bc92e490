"""The signed header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadPacket
from gateway.packet.failures import BadSignature, NotAPacket, UnsupportedPacket
from gateway.packet.header import Header
from tests.packet.nodes import ALICE, BOB, HUB

HEADER = Header(niceness=96, sender=ALICE.id, recipient=HUB.id, exchpub=bytes(32)).sign(ALICE.signprv)


def test_header_returns_and_verifies() -> None:
    decoded = Header.decode(HEADER.encode() + b"more")
    assert HEADER == decoded
    decoded.verify(ALICE.signpub)


@pytest.mark.parametrize(
    "signpub", [BOB.signpub, bytes(32), b"\1" + bytes(31), b"\xff" * 32, b"", ALICE.signpub[:31]]
)
def test_no_other_key_verifies(signpub: bytes) -> None:
    with pytest.raises(BadSignature):
        HEADER.verify(signpub)


@given(st.integers(8, 171), st.integers(1, 255))
def test_every_changed_byte_breaks_the_signature(offset: int, change: int) -> None:
    data = bytearray(HEADER.encode())
    data[offset] ^= change
    with pytest.raises((BadSignature, NotAPacket)):
        Header.decode(bytes(data)).verify(ALICE.signpub)


@given(st.binary(max_size=180))
def test_any_bytes_are_a_header_or_refused(data: bytes) -> None:
    with pytest.raises(BadPacket):
        Header.decode(data).verify(ALICE.signpub)


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 7])
def test_other_versions_are_told_apart(version: int) -> None:
    with pytest.raises(UnsupportedPacket, match=f"another version \\(00000{version}\\)"):
        Header.decode(b"NNCPE\0\0" + bytes([version]) + HEADER.encode()[8:])


def test_niceness_over_255_is_refused() -> None:
    with pytest.raises(NotAPacket, match="niceness 352"):
        Header.decode(HEADER._replace(niceness=352).encode())
