from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.mail.bsmtp import BatchWriter
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.message import Message
from tests.mail.samples import ENVELOPE, HEAD, write_all


def test_the_canonical_form() -> None:
    envelope = Envelope(
        ReversePath(""),
        tuple(map(Recipient, ['"q r"@Far.Example', "ü@ü.example", "y@[192.0.2.1]", "-oQ@x", "postmaster"])),
    )
    assert write_all([(envelope, b"a\n\n.b\n.\nc")]).decode() == (
        "MAIL FROM:<>\n"
        'RCPT TO:<"q r"@Far.Example>\n'
        "RCPT TO:<ü@xn--tda.example>\n"
        "RCPT TO:<y@[192.0.2.1]>\n"
        "RCPT TO:<-oQ@x>\n"
        "RCPT TO:<postmaster>\n"
        "DATA\n"
        "a\n\n..b\n..\nc\n.\n"
    )


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        ([], b""),
        ([b""], b""),
        ([b"a"], b"a\n"),
        ([b"a\n"], b"a\n"),
        ([b"a\r\n"], b"a\n"),
        ([b"a\r", b"\nb"], b"a\nb\n"),
        ([b"a\r", b"b"], b"a\nb\n"),
        ([b"a\r", b"", b"\r", b"\n"], b"a\n\n"),
        ([b"a\r"], b"a\n"),
        ([b"a\r."], b"a\n..\n"),
        ([b"a\r", b"."], b"a\n..\n"),
        ([b"a\n", b".\n"], b"a\n..\n"),
        ([b"."], b"..\n"),
        ([b"", b".", b"."], b"...\n"),
        ([b"\r\n.\r\n"], b"\n..\n"),
        ([b"\r.\r"], b"\n..\n"),
    ],
)
def test_line_ends_and_dots_wherever_the_chunks_end(chunks: list[bytes], text: bytes) -> None:
    assert HEAD + text + b".\n" == write_all([(ENVELOPE, chunks)])


def test_a_transaction_can_be_pushed() -> None:
    parts: list[bytes] = []
    writer = BatchWriter(parts.append)
    for _ in range(2):
        writer.begin(ENVELOPE)
        writer.data(b"a\n")
        writer.data(b".b")
        writer.end()
    writer.finish()
    assert b"".join(parts) == (HEAD + b"a\n..b\n.\n") * 2
    assert writer.transactions == 2


def test_calls_that_make_no_batch_are_mistakes() -> None:
    writer = BatchWriter(lambda text: None)
    with pytest.raises(RuntimeError):
        writer.finish()
    with pytest.raises(RuntimeError):
        writer.data(b"a")
    with pytest.raises(RuntimeError):
        writer.end()
    writer.begin(ENVELOPE)
    with pytest.raises(RuntimeError):
        writer.begin(ENVELOPE)
    with pytest.raises(RuntimeError):
        writer.finish()


def test_a_message_that_breaks_off_leaves_no_whole_batch() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a\n"
        raise OSError("gone")

    parts: list[bytes] = []
    writer = BatchWriter(parts.append)
    with pytest.raises(OSError, match="gone"):
        writer.transaction(ENVELOPE, Message(broken()))
    assert not b"".join(parts).endswith(b".\n")
    with pytest.raises(RuntimeError):
        writer.finish()
