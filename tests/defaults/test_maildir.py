from __future__ import annotations

import mailbox
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.defaults.maildir import gateway_register_egress
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.message import Message
from gateway.mta import Delivery, Outcome, Verdict

PACKET = "P" * 52
BODY = b"Subject: x\n\nhello\n"


def delivery(
    path: Path | object,
    *,
    transaction: int = 0,
    chunks: object = (BODY,),
    sender: str | None = "joe@a.example",
    recipients: tuple[str, ...] = ("b@b.example",),
    **options: object,
) -> Delivery:
    envelope = (
        None
        if sender is None
        else Envelope(ReversePath.parse(sender), tuple(map(Recipient.parse, recipients)))
    )
    return Delivery(
        envelope=envelope,
        message=Message(chunks),  # type: ignore[arg-type]
        transaction=transaction,
        sender_node="bob",
        handle="inbox",
        niceness=96,
        packet=PACKET,
        options={"path": str(path) if isinstance(path, Path) else path, **options},
    )


def deliver(*deliveries: Delivery) -> list[Outcome]:
    return list(gateway_register_egress().deliver(deliveries))


def files(path: Path) -> list[bytes]:
    return sorted(file.read_bytes() for file in (path / "new").iterdir())


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "Maildir"


def test_a_raw_body_is_kept_as_it_came(box: Path) -> None:
    body = b"From x\r\n\0\xff"
    (outcome,) = deliver(delivery(box, sender=None, chunks=(body[:3], body[3:])))
    assert Verdict.TAKEN is outcome.verdict
    assert [body] == files(box)


def test_the_envelope_goes_in_front(box: Path) -> None:
    deliver(delivery(box, recipients=("b@b.example", '"c d"@b.example')))
    trace = b'Return-Path: <joe@a.example>\nEnvelope-To: b@b.example,\n\t"c d"@b.example\n'
    assert [trace + BODY] == files(box)


def test_null_sender_and_utf8(box: Path) -> None:
    deliver(delivery(box, sender="", recipients=("j\u00fcrgen@b.example",)))
    assert ["Return-Path: <>\nEnvelope-To: j\u00fcrgen@b.example\n".encode() + BODY] == files(box)


def test_every_transaction_is_a_file_and_a_real_reader_finds_them(box: Path) -> None:
    outcomes = deliver(*(delivery(box, transaction=i, chunks=(b"Subject: %d\n\nx\n" % i,)) for i in range(3)))
    assert [(i, Verdict.TAKEN) for i in range(3)] == [(o.transaction, o.verdict) for o in outcomes]
    assert ["0", "1", "2"] == sorted(m["Subject"] for m in mailbox.Maildir(str(box), create=False))
    assert [] == list((box / "tmp").iterdir())


def test_names_are_those_of_a_maildir(box: Path) -> None:
    deliver(delivery(box, transaction=7))
    (name,) = os.listdir(box / "new")
    assert re.fullmatch(rf"\d+\.M\d+P{os.getpid()}Q\d+_{PACKET}_7\.[^/:]+", name)


@pytest.mark.parametrize("moved", ["new", "cur"])
def test_a_repeat_after_a_crash_delivers_nothing_twice(box: Path, moved: str) -> None:
    deliver(delivery(box, transaction=1))
    (file,) = (box / "new").iterdir()
    if moved == "cur":
        file.rename(box / "cur" / (file.name + ":2,S"))
    first, second = deliver(delivery(box, transaction=1), delivery(box, transaction=11))
    assert (Verdict.TAKEN, "delivered before") == (first.verdict, first.text)
    assert Verdict.TAKEN is second.verdict
    assert 2 == len([*(box / "new").iterdir(), *(box / "cur").iterdir()])


def test_what_a_crash_left_in_tmp_is_not_taken_for_delivered(box: Path) -> None:
    deliver(delivery(box))
    (file,) = (box / "new").iterdir()
    file.rename(box / "tmp" / file.name)
    deliver(delivery(box))
    assert 1 == len(list((box / "new").iterdir()))


def test_a_body_that_breaks_off_leaves_nothing(box: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("disk fell out")

    bad, good = deliver(delivery(box, chunks=broken()), delivery(box, transaction=1))
    assert (Verdict.DEFERRED, "OSError: disk fell out") == (bad.verdict, bad.text)
    assert Verdict.TAKEN is good.verdict
    assert [1, 0] == [len(list((box / folder).iterdir())) for folder in ("new", "tmp")]


def test_file_is_synced_before_it_appears_and_its_folder_after(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(delivery(box, transaction=9))
    calls: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note_sync(fd: int) -> None:
        calls.append("sync " + Path(os.readlink(f"/proc/self/fd/{fd}")).parent.name)
        fsync(fd)

    def note_rename(source: str, target: str) -> None:
        calls.append("rename")
        rename(source, target)

    monkeypatch.delenv("NNCPNOSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    deliver(delivery(box))
    assert ["sync tmp", "rename", f"sync {box.name}"] == calls


@pytest.mark.parametrize("path", [None, "", "Maildir", 5])
def test_a_path_that_is_none_defers_and_says_so(path: object) -> None:
    (outcome,) = deliver(delivery(path))
    assert Verdict.DEFERRED is outcome.verdict
    assert "handle 'inbox' of bob: path: not an absolute path" in outcome.text


def test_a_missing_home_is_not_made(tmp_path: Path) -> None:
    (outcome,) = deliver(delivery(tmp_path / "no" / "home" / "Maildir"))
    assert Verdict.DEFERRED is outcome.verdict
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(("mode", "folder", "file"), [(None, 0o700, 0o600), ("0640", 0o750, 0o640)])
def test_modes(box: Path, mode: str | None, folder: int, file: int) -> None:
    deliver(delivery(box) if mode is None else delivery(box, mode=mode))
    assert folder == (box / "new").stat().st_mode & 0o777
    assert file == next((box / "new").iterdir()).stat().st_mode & 0o777


def test_a_mode_that_is_none_defers(box: Path) -> None:
    (outcome,) = deliver(delivery(box, mode="rw"))
    assert "mode: not octal digits: 'rw'" in outcome.text
