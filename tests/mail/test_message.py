from __future__ import annotations

import pytest

from gateway.mail.message import Message


def test_read_joins_the_chunks() -> None:
    assert Message([b"a\n", b"", b"b\n"]).read() == b"a\nb\n"


def test_one_block_is_one_chunk() -> None:
    assert list(Message(b"a\nb\n")) == [b"a\nb\n"]


def test_copy_to_counts_octets() -> None:
    parts: list[bytes] = []
    assert Message(iter([b"ab", b"c"])).copy_to(parts.append) == 3
    assert parts == [b"ab", b"c"]


def test_a_message_is_read_once() -> None:
    message = Message(b"a\n")
    message.read()
    with pytest.raises(RuntimeError, match="only once"):
        message.read()
    with pytest.raises(RuntimeError, match="only once"):
        iter(message)
