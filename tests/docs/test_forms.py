"""docs/forms.md against what is written and read."""

from __future__ import annotations

import re
import time
import tomllib

import pytest

from gateway.config.model import FORM_OF_HANDLE
from gateway.engine.letter_lane import MAX_PACKETS
from gateway.engine.letterheads import letterhead
from gateway.mail.bang import NULL_SENDERS
from gateway.mail.bsmtp import BatchWriter
from gateway.mail.sendmail import FLAGS
from gateway.packet.plain import PATH_SIZE
from tests.docs.pages import ROOT, rows, sections
from tests.mail.addresses import envelope
from tests.mta.letters import EXCEPTIONS

TEXT = (ROOT / "docs" / "forms.md").read_text()
ENVELOPE = envelope("joe@a.example", "x@b.example", "y@b.example")


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


@pytest.mark.parametrize("row", rows(TEXT.partition("## ")[0]), ids=lambda row: row[0])
def test_the_same_message_in_every_form(row: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "gmtime", lambda: time.struct_time((2026, 1, 1, 0, 0, 0, 3, 1, 0)))
    mail = tomllib.loads("mail = " + words(row[0])[0])["mail"]
    head = letterhead(mail["form"], mail.get("sender"), as_given=False, node_name="alpha")
    if head is None:
        parts: list[bytes] = []
        BatchWriter(parts.append).begin(ENVELOPE)
        arguments, front = [], b"".join(parts).decode()
    else:
        written = head(ENVELOPE, ())
        arguments, front = [*written.leading, *written.recipients], written.front.decode()
    assert (words(row[1]), words(row[2])) == (arguments, front.splitlines())


def test_names_and_numbers() -> None:
    for handle, form in FORM_OF_HANDLE.items():
        assert f"`{handle}` is `{form}`" in TEXT
    assert f"of a packet have {PATH_SIZE} octets" in TEXT
    assert f"{MAX_PACKETS} at most" in TEXT
    options = sections(ROOT / "docs" / "forms.md")["Arguments of a peer"]
    assert {*FLAGS, "-f SENDER", "--"} == {word for word in words(options) if word[0] == "-"} - {"-f"}
    assert {"MAILER-DAEMON", "<>"} == {name for name in NULL_SENDERS if name and name[:2] != "<M"}


def test_what_mail_programs_add_is_what_the_tests_with_real_ones_allow() -> None:
    table = rows(sections(ROOT / "docs" / "forms.md")["What mail programs add on the way"])
    assert EXCEPTIONS == {word for cell, _ in table for word in words(cell) or [cell]}
