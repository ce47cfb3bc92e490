from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest

from gateway.errors import Truncated
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


def test_a_part_becomes_a_file_where_somebody_asks_for_one() -> None:
    made: list[BytesIO] = []

    def scratch() -> BytesIO:
        made.append(BytesIO())
        return made[-1]

    message = Message((b"Subject: x\n", b"\ny\n"), scratch=scratch)
    assert [] == made
    for _ in range(2):
        assert message.file is made[0]
    assert b"Subject: x\n\ny\n" == made[0].read()
    other = Message((b"a\n",), scratch=scratch).rewritten(iter((b"b\n", b"c\n")))
    assert other.file is made[1]
    assert b"b\nc\n" == made[1].read()
    message.close()
    assert ([True, False], None) == ([file.closed for file in made], message.file)
    del other
    assert made[1].closed


def test_without_a_place_for_it_there_is_no_file() -> None:
    message = Message(b"x\n")
    assert message.file is None
    assert message.rewritten(message).file is None


def test_a_message_that_was_read_becomes_no_file_any_more() -> None:
    message = Message(b"x\n", scratch=BytesIO)
    assert b"x\n" == message.read()
    assert message.file is None


def test_what_broke_off_on_its_way_into_a_file_is_no_file() -> None:
    def cut() -> Iterator[bytes]:
        yield b"the first half"
        raise Truncated("there is no more")

    message = Message(cut(), scratch=BytesIO)
    with pytest.raises(Truncated):
        _ = message.file
    assert message.file is None
