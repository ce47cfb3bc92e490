"""The plain packet header and exec paths."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import BadPacket, Malformed
from gateway.packet.failures import Corrupt, NotAPacket, PathTooLong, UnsupportedPacket
from gateway.packet.plain import PacketType, Plain, exec_path, split_exec_path

WORD = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=255))
def test_header_returns(kind: int, niceness: int, path: bytes) -> None:
    data = Plain(kind, niceness, path).encode()
    assert 276 == len(data)
    assert (kind, niceness, path) == Plain.decode(data)
    assert isinstance(Plain.decode(data).type, PacketType) is (1 <= kind <= 7)


@given(st.binary(min_size=270, max_size=280), st.booleans())
@example(b"\xff" * 276, True)
def test_any_bytes_are_a_header_or_refused(data: bytes, magic: bool) -> None:
    try:
        plain = Plain.decode(b"NNCPP\0\0\3" + data if magic else data)
    except BadPacket:
        return
    assert len(plain.path) <= 255


def test_rest_of_the_path_is_ignored_as_nncp_does() -> None:
    data = bytearray(Plain(PacketType.ACK, 1, bytes(32)).encode())
    data[275] = data[60] = 1
    assert Plain(PacketType.ACK, 1, bytes(32)) == Plain.decode(bytes(data))


@pytest.mark.parametrize(
    ("offset", "failure"),
    [(0, NotAPacket), (7, UnsupportedPacket), (10, Corrupt), (14, Corrupt), (18, Corrupt)],
)
def test_damaged_header_is_refused(offset: int, failure: type[BadPacket]) -> None:
    data = bytearray(Plain(PacketType.EXEC, 1, b"x").encode())
    data[offset] ^= 1
    with pytest.raises(failure):
        Plain.decode(bytes(data))


@pytest.mark.parametrize(
    "plain", [Plain(256, 0, b""), Plain(-1, 0, b""), Plain(1, 256, b""), Plain(1, -1, b"")]
)
def test_numbers_that_do_not_fit_are_refused(plain: Plain) -> None:
    with pytest.raises(ValueError, match="out of 0 to 255"):
        plain.encode()


def test_path_that_does_not_fit_is_refused() -> None:
    assert Plain(1, 0, bytes(255)) == Plain.decode(Plain(1, 0, bytes(255)).encode())
    with pytest.raises(PathTooLong):
        Plain(1, 0, bytes(256)).encode()


@given(WORD.filter(bool), st.lists(WORD, max_size=3))
@example("h", ["", "x"])
def test_exec_path_returns(handle: str, arguments: list[str]) -> None:
    try:
        path = exec_path(handle, arguments)
    except PathTooLong:
        assert len("\0".join([handle, *arguments]).encode()) > 255
        return
    assert (handle, tuple(arguments)) == split_exec_path(path)


@given(st.binary(max_size=255))
def test_any_path_splits_and_returns(path: bytes) -> None:
    handle, arguments = split_exec_path(path)
    if handle:
        assert path == exec_path(handle, arguments)


def test_exec_path_takes_255_bytes() -> None:
    assert 255 == len(exec_path("h", ["x" * 253]))
    with pytest.raises(PathTooLong) as caught:
        exec_path("h", ["\u00e4" * 127])
    assert 65 == caught.value.status


@pytest.mark.parametrize(("handle", "arguments"), [("", []), ("h\0x", []), ("h", ["a\0b"])])
def test_words_that_cannot_be_sent_are_refused(handle: str, arguments: list[str]) -> None:
    with pytest.raises(Malformed):
        exec_path(handle, arguments)
