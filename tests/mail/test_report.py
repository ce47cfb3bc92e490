"""Reports: read back with Python's email package, whatever addresses and words are in them."""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage, Message

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.mail.answerable import HEAD, head_of, objection_to_delay, objection_to_report
from gateway.mail.envelope import Recipient, ReversePath
from gateway.mail.message import Message as Octets
from gateway.mail.report import MAX_WORDS, Failure, Occasion, host_of, one_line, status_of, write_report
from tests.mail.addresses import MAILBOXES

HEADER = b"Subject: hi\nFrom: joe@a.example\n"
OCCASION = Occasion("failed", "b.example", "alice", "PACKET", "0.0", 1_000_000_000.0, 1_100_000_000.5, HEADER)
HOSTILE = (
    st.text(st.characters(codec="utf-8") | st.sampled_from("\r\n\0\x0b\x0c\x1b\x85\u2028\u202e: \t=?"))
    | st.text()
)


def read(octets: bytes) -> tuple[EmailMessage, list[Message], bytes]:
    """Return a report, the blocks about message and recipients, and the header that it returns."""
    assert octets.isascii()
    assert b"\r" not in octets
    assert all(len(line) <= 998 for line in octets.split(b"\n"))
    whole = email.message_from_bytes(octets, policy=policy.default)
    assert isinstance(whole, EmailMessage)
    assert [] == [defect for part in whole.walk() for defect in part.defects]
    people, status, header = whole.iter_parts()
    assert ["text/plain", "message/delivery-status", "text/rfc822-headers"] == [
        part.get_content_type() for part in (people, status, header)
    ]
    returned = header.get_payload(decode=True)
    blocks = email.message_from_bytes(octets).get_payload()[1].get_payload()
    return whole, blocks, returned


def test_a_report_says_all_that_rfc_3464_asks_for() -> None:
    failures = [
        Failure("x@b.example", "5.1.1", "550 5.1.1 no such user"),
        Failure("y@b.example", "5.7.1", "not you"),
    ]
    whole, (about, first, second), header = read(
        write_report(ReversePath("joe@a.example"), failures, OCCASION)
    )
    assert ("joe@a.example", "auto-replied", "1.0") == (
        whole["To"],
        whole["Auto-Submitted"],
        whole["MIME-Version"],
    )
    assert "Mail Delivery System <MAILER-DAEMON@b.example>" == str(whole["From"])
    assert "Tue, 09 Nov 2004 11:33:20 +0000" == whole["Date"]
    assert ("multipart/report", "delivery-status") == (
        whole.get_content_type(),
        whole.get_param("report-type"),
    )
    assert {
        "Reporting-MTA": "dns; b.example",
        "Received-From-MTA": "x-nncp; alice",
        "Arrival-Date": "Sun, 09 Sep 2001 01:46:40 +0000",
        "X-Gateway-Packet": "PACKET",
    } == dict(about.items())
    assert {
        "Final-Recipient": "rfc822; x@b.example",
        "Action": "failed",
        "Status": "5.1.1",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Tue, 09 Nov 2004 11:33:20 +0000",
    } == dict(first.items())
    assert ("5.7.1", "x-gateway; not you") == (second["Status"], second["Diagnostic-Code"])
    assert HEADER == header
    text = whole.get_body(("plain",)).get_content()
    assert "<x@b.example>\n    550 5.1.1 no such user" in text


def test_a_delay_says_until_when_it_is_tried() -> None:
    occasion = OCCASION._replace(action="delayed", retry_until=1_200_000_000.0)
    failures = [Failure("x@b.example", "4.0.0", "later")]
    whole, (_, one), _ = read(write_report(ReversePath("joe@a.example"), failures, occasion))
    assert ("delayed", "Thu, 10 Jan 2008 21:20:00 +0000") == (one["Action"], one["Will-Retry-Until"])
    assert "tried until Thu, 10 Jan 2008 21:20:00 +0000" in whole.get_body(("plain",)).get_content()


@given(HOSTILE, HOSTILE, st.binary(max_size=300), HOSTILE)
@example("550 no\r\nBcc: evil@c.example\r\n\r\nbody", "alice\nX: y", b"Subject: x\r\n\r\n.\r\n", "b\r\nX: y")
@example("x" * 100_000, "a", b"X: " + b"y" * 5000 + b"\n", "b.example")
@example("--===============0000000000==--", "a", b"--===============\nFrom me\n", "")
@example("\ud800 lone", "a", b"", "b.example")
def test_no_words_add_a_line_or_a_field(words: str, node: str, head: bytes, host: str) -> None:
    occasion = OCCASION._replace(node=node, head=head, host=host)
    octets = write_report(ReversePath("joe@a.example"), [Failure("x@b.example", "5.0.0", words)], occasion)
    whole, (about, one), header = read(octets)
    assert [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ] == whole.keys()
    assert ["Reporting-MTA", "Received-From-MTA", "Arrival-Date", "X-Gateway-Packet"] == about.keys()
    assert ["Final-Recipient", "Action", "Status", "Diagnostic-Code", "Last-Attempt-Date"] == one.keys()
    diagnostic = " ".join(one["Diagnostic-Code"].split())
    assert len(diagnostic) <= MAX_WORDS + 20
    assert diagnostic.partition("; ")[2] == " ".join(one_line(words).split()) or diagnostic.endswith(
        "no reason given"
    )
    assert head.replace(b"\r\n", b"\n").replace(b"\r", b" ") == header


@given(MAILBOXES, MAILBOXES)
@example("jö@ü.example", "ß+=\\@b.example")
@example('"a b"@a.example', '"x\\"y z"@b.example')
def test_every_address_can_be_read_back(sender: str, recipient: str) -> None:
    octets = write_report(ReversePath(sender), [Failure(recipient, "5.0.0", "no")], OCCASION)
    whole, (_, one), _ = read(octets)
    kind, _, written = "".join(one["Final-Recipient"].splitlines()).partition("; ")
    if recipient.isascii():
        assert ("rfc822", " ".join(recipient.split())) == (kind, " ".join(written.split()))
    else:
        plain = re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), written)
        assert ("utf-8", recipient) == (kind, plain)
    assert "@" in str(whole["To"])


@pytest.mark.parametrize(
    ("when", "expected"),
    [(-1e18, "Thu, 01 Jan 1970 00:00:00 +0000"), (1e18, "Fri, 31 Dec 9999 23:59:59 +0000")],
)
def test_a_file_from_a_time_that_no_calendar_has_is_reported_too(when: float, expected: str) -> None:
    occasion = OCCASION._replace(arrived=when, retry_until=when)
    failure = Failure("x@b.example", "5.1.1", "no such user")
    _, (about, recipient), _ = read(write_report(ReversePath("joe@a.example"), [failure], occasion))
    assert (expected, expected) == (about["Arrival-Date"], recipient["Will-Retry-Until"])


@pytest.mark.parametrize(
    "address", [f"{'x' * 64}@{'d' * 60}.{'e' * 60}.{'f' * 60}.example", '"a  b"@x.example']
)
def test_no_address_is_cut_or_changed(address: str) -> None:
    _, (_, about), _ = read(
        write_report(ReversePath("joe@a.example"), [Failure(address, "5.0.0", "no")], OCCASION)
    )
    assert f"rfc822; {address}" == re.sub(r"\n(?=[ ])", "", about["Final-Recipient"]).replace(";  ", "; ")


@pytest.mark.parametrize(
    ("words", "default", "status"),
    [
        ("550 5.1.1 no such user", "5.0.0", "5.1.1"),
        ("5.7.1 not you", "5.0.0", "5.7.1"),
        ("550-5.1.1 first", "5.0.0", "5.1.1"),
        ("550 no", "5.0.0", "5.0.0"),
        ("451 4.2.1 busy", "5.0.0", "5.0.0"),
        ("451 4.2.1 busy", "4.4.7", "4.2.1"),
        ("5.1.1.4 is no status", "5.0.0", "5.0.0"),
        ("192.0.2.1 said 5.1.1", "5.0.0", "5.0.0"),
        ("", "5.0.0", "5.0.0"),
    ],
)
def test_the_status_is_that_of_the_words_if_it_is_of_the_same_class(
    words: str, default: str, status: str
) -> None:
    assert status == status_of(words, default)


@pytest.mark.parametrize(
    ("name", "mta", "host"),
    [
        ("b.example", "dns; b.example", "b.example"),
        ("bob", "x-local-hostname; bob", "bob"),
        ("bob's box", "x-local-hostname; bob's box", "localhost"),
        ("", "x-local-hostname;", "localhost"),
        ("a.b\nX: y", "x-local-hostname; a.b X: y", "localhost"),
    ],
)
def test_who_reports(name: str, mta: str, host: str) -> None:
    octets = write_report(ReversePath("joe@a.example"), [], OCCASION._replace(host=name))
    whole, (about,), _ = read(octets)
    assert mta == about["Reporting-MTA"].strip()
    assert host == host_of(name)
    assert f"MAILER-DAEMON@{host}" in whole["From"]


def head(text: bytes, step: int = 7) -> bytes:
    return head_of(Octets(text[i : i + step] for i in range(0, len(text), step)))


def test_the_header_ends_where_the_body_begins() -> None:
    assert b"A: b\nC: d\n" == head(b"A: b\nC: d\n\nbody\n\nmore")
    assert b"A: b\n" == head(b"A: b\r\n\r\nbody")
    assert b"" == head(b"\nbody")
    assert b"" == head(b"")
    assert b"A: b\n" == head(b"A: b\n")


def test_a_header_without_an_end_is_cut_at_a_line() -> None:
    text = b"X: y\n" * HEAD
    assert 0.99 * HEAD < len(head(text, 1000)) <= HEAD
    assert head(text, 1000).endswith(b"\n")
    assert b"" == head(b"x" * 3 * HEAD, 1000), "not one whole line"


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"A: b", b"\r\n"]), max_size=12).map(b"".join), st.integers(1, 5)
)
def test_chunks_do_not_matter_to_the_header(text: bytes, step: int) -> None:
    assert head(text, 1000) == head(text, step)


@given(st.binary(max_size=200), MAILBOXES)
def test_any_header_can_be_judged(octets: bytes, sender: str) -> None:
    objection_to_report(ReversePath(sender), octets)
    objection_to_delay(ReversePath(sender), octets)


@given(MAILBOXES)
def test_no_report_is_ever_answered(sender: str) -> None:
    report = write_report(ReversePath(sender), [Failure("x@b.example", "5.0.0", "no")], OCCASION)
    for pretended in ("", "joe@a.example", "MAILER-DAEMON@b.example"):
        assert objection_to_report(ReversePath(pretended), head(report)) is not None
    assert Recipient(sender)


@given(
    HOSTILE | st.sampled_from(["<1@a.example>", "<1@a.example>\n", "<é@a.example>", "<1@a.example> x"]),
    HOSTILE,
)
def test_a_message_that_waits_is_named_by_its_id_alone(message_id: str, words: str) -> None:
    occasion = OCCASION._replace(action="delayed", waits=True, head=b"", message_id=message_id)
    octets = write_report(ReversePath("joe@a.example"), [Failure("x@b.example", "4.4.1", words)], occasion)
    assert octets.isascii()
    whole = email.message_from_bytes(octets)
    fit = re.fullmatch(r"<[^\s<>]+>", message_id) and message_id.isascii() and message_id.isprintable()
    assert (message_id if fit else None) == whole["References"]
    people, status = whole.get_payload()
    about, one = status.get_payload()
    assert ["Reporting-MTA", "Arrival-Date", "X-Gateway-Packet"] == about.keys()
    assert ["Final-Recipient", "Action", "Status", "Diagnostic-Code"] == one.keys()
    assert "It was handed in at Sun, 09 Sep 2001" in people.get_payload()
