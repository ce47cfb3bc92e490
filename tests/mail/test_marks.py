from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.answerable import head_of, objection_to_delay
from gateway.mail.envelope import ReversePath
from gateway.mail.marks import LIMIT, Marks, taken_as
from gateway.mail.message import Message

POSTFIX = (
    b"Received: from laptop (laptop.example [192.0.2.7])\n"
    b"\tby mail.a.example (Postfix) with ESMTPS id 4Zx1Y23abczQ\n"
    b"\tfor <x@b.example>; Sun, 1 Jun 2025 12:00:00 +0000 (UTC)\n"
)
EXIM = (
    b"Received: from joe by mail.a.example with local (Exim 4.98)\r\n"
    b"\t(envelope-from <joe@a.example>)\r\n\tid 1uMxyz-000000001Ab-2cde\r\n"
    b"\tfor x@b.example; Sun, 01 Jun 2025 12:00:00 +0000\r\n"
)
OLDER = b"Received: by elsewhere.example id OTHER123; Sat, 31 May 2025 12:00:00 +0000\n"


def marks(*chunks: bytes) -> tuple[str, str]:
    found = Marks()
    for chunk in chunks:
        found.look(chunk)
    found.end()
    return found.message_id, found.queue_id


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (POSTFIX + OLDER + b"Message-ID: <1@a.example>\n\nbody\n", ("<1@a.example>", "4Zx1Y23abczQ")),
        (EXIM + b"MESSAGE-id:\r\n\t<2@a.example>\r\n\r\n", ("<2@a.example>", "1uMxyz-000000001Ab-2cde")),
        (b"Subject: x\n\nMessage-ID: <body@a.example>\n" + OLDER, ("", "")),
        (b"Message-ID: <1@a.example>\nMessage-ID: <2@a.example>\n\n", ("<1@a.example>", "")),
        (b"Received: by a.example; id is what it is\n\n", ("", "")),
        (b"Received: from a (id)\n\n" + OLDER, ("", "")),
        (b"Message-ID: <only@a.example>", ("<only@a.example>", "")),
        (b"", ("", "")),
        (b"\nMessage-ID: <1@a.example>\n\n", ("<1@a.example>", "")),
    ],
)
def test_marks_of_a_message(message: bytes, expected: tuple[str, str]) -> None:
    assert expected == marks(message)


FIELDS = st.tuples(
    st.sampled_from(
        ["Auto-Submitted", "PRECEDENCE", "List-Id", "list-post", "Content-Type", "Subject", "X-List-Id"]
    ),
    st.sampled_from(["", " ", "\n\t", "  (so)", "\r\n "]),
    st.sampled_from(
        [
            *("no", "auto-generated", "Auto-Replied; x=y", "bulk", "first-class", "<a.example>"),
            *("", "text/plain", "multipart/Report; report-type=delivery-status", "é" * 200),
        ]
    ),
)


@given(st.lists(FIELDS, max_size=6))
def test_the_fields_that_are_kept_decide_as_the_whole_header_does(fields: list[tuple[str, str, str]]) -> None:
    head = "".join(f"{name}:{fold}{value}\n" for name, fold, value in fields).encode()
    found = Marks()
    found.look(head + b"\nAuto-Submitted: auto-replied\n")
    sender = ReversePath("joe@a.example")
    whole = objection_to_delay(sender, head_of(Message(head + b"\n")))
    assert whole == objection_to_delay(sender, f"{found.answering}\n".encode())


def test_of_most_messages_no_field_is_kept() -> None:
    found = Marks()
    found.look(POSTFIX + b"Subject: hi\nContent-Type: multipart/mixed; boundary=x\n\nPrecedence: bulk\n")
    assert "" == found.answering


@given(st.lists(st.integers(0, 300), max_size=10))
def test_it_does_not_matter_how_the_message_is_cut(cuts: list[int]) -> None:
    message = POSTFIX + b"Message-ID: <1@a.example>\n\nMessage-ID: <2@a.example>\n\n"
    ends = [*sorted(cuts), len(message)]
    chunks = [message[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    assert ("<1@a.example>", "4Zx1Y23abczQ") == marks(*chunks)


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_nothing_that_a_message_holds_is_an_error(chunks: list[bytes]) -> None:
    message_id, queue_id = marks(*chunks)
    assert len(message_id) <= 4 * 255
    assert queue_id.isascii()


def test_no_more_is_kept_of_a_header_without_an_end_than_the_limit() -> None:
    found = Marks()
    for _ in range(100):
        found.look(b"x" * 10_000)
    assert found.complete
    assert found._head is None
    early = Marks()
    early.look(b"Message-ID: <1@a.example>\n" + b"x" * (2 * LIMIT))
    assert "<1@a.example>" == early.message_id


@pytest.mark.parametrize(
    ("answer", "queue_id"),
    [
        ("250 OK id=1uMxyz-000000001Ab-2cde", "1uMxyz-000000001Ab-2cde"),
        ("250 2.0.0 Ok: queued as 4Zx1Y23abczQ", "4Zx1Y23abczQ"),
        ("250 2.0.0 x@b.example 55A1Bx012345 Message accepted for delivery", "55A1Bx012345"),
        ("released", ""),
        ("", ""),
        ("250 2.0.0 Ok: queued as", ""),
        ("250 saved as message", ""),
    ],
)
def test_the_queue_id_in_an_answer(answer: str, queue_id: str) -> None:
    assert queue_id == taken_as(answer)
