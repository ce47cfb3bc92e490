"""Mail that waits in tx for too long: who sent it hears of it once, through the MTA beside his own node."""

from __future__ import annotations

import email
import os
import shutil
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

from gateway.config.model import Handle, MailForm, Retry
from gateway.engine import delay, posting, warning
from gateway.errors import Refused, SpoolError
from gateway.journal.line import encode as line_of
from gateway.journal.past import submissions
from gateway.journal.place import place_of
from gateway.journal.segments import append, segments
from gateway.mta import Event, EventKind
from gateway.packet.identity import encode
from gateway.spool import delayed
from tests.engine.parties import Party, carry
from tests.engine.test_report import batch
from tests.engine.test_submit import submit

HEAD = "Subject: hi\nMessage-ID: <1@a.example>\n"
ONE = batch(("joe@a.example", ("x@b.example", "y@b.example"), HEAD))


@pytest.fixture
def alice(alice: Party) -> Party:
    """Alice's senders are to be told, by a handle of her own."""
    tell_own_senders(alice)
    return alice


def tell_own_senders(party: Party) -> None:
    party.reconfigure(retry=Retry(warn_sender=True))
    own(party, handles={"rsmtp": Handle("rsmtp", egress="memory", command=("memory",), form="bsmtp")})


def own(party: Party, **changes: object) -> None:
    neighbours = {**party.config.neighbours}
    neighbours["self"] = neighbours["self"]._replace(**changes)
    party.reconfigure(neighbours=neighbours)


def note(party: Party, *events: Event) -> None:
    """Write events into the journal, as its plugin does."""
    for event in events:
        append(place_of(party.config), line_of(event, time.time_ns()))


def queue(alice: Party, body: bytes = ONE) -> list[str]:
    """Submit as an MTA does, with a line in the journal for each packet; return their names."""
    before = len(alice.events)
    submit(alice, body, "bob")
    note(alice, *alice.events[before:])
    return [event.packet for event in alice.events[before:]]


def wait(alice: Party, seconds: float = 90_000) -> None:
    """Make all that waits, and the last look at it, older."""
    then = time.time() - seconds
    root = Path(alice.spool.root)
    for path in [*root.glob("*/tx/" + "?" * 52), *root.glob("*/delayed.json")]:
        os.utime(path, (then, then))


def look(alice: Party) -> list[Event]:
    """Look as a process of its own does; return of which packets a person was told."""
    wait(alice)
    before = len(alice.events)
    delay.Delays(alice.config, alice.spool, alice.registry(), say=alice.said.append).look()
    return [event for event in alice.events[before:] if event.kind is EventKind.DELAYED]


def told(alice: Party) -> list[tuple[str, tuple[str, ...], Message]]:
    """Toss, and return what reached the mail program here."""
    before = len(alice.memory.got)
    alice.toss()
    found = alice.memory.got[before:]
    return [(sender, recipients, email.message_from_bytes(body)) for sender, recipients, body in found]


def about(report: Message) -> list[dict[str, str]]:
    """Return the fields about each recipient."""
    return [dict(block.items()) for block in report.get_payload()[1].get_payload()[1:]]


def silent(alice: Party) -> None:
    """Look, and see that a person is told and no sender."""
    [event] = look(alice)
    assert "reported" not in event.detail
    assert [] == told(alice)


def test_the_sender_hears_of_it_once(alice: Party, bob: Party) -> None:
    [name] = queue(alice)
    [event] = look(alice)
    assert ("joe@a.example",) == event.detail["reported"]
    assert "has been waiting for 25 hours; reported to joe@a.example" == event.text
    [(sender, recipients, report)] = told(alice)
    assert ("", ("joe@a.example",)) == (sender, recipients)
    assert ("Mail is delayed and still on its way", "auto-replied") == (
        report["Subject"],
        report["Auto-Submitted"],
    )
    assert "<1@a.example>" == report["References"]
    whole, first, second = report.get_payload()[1].get_payload()
    assert name == whole["X-Gateway-Packet"]
    assert {"Reporting-MTA", "Arrival-Date", "X-Gateway-Packet"} == set(whole.keys())
    for block, who in ((first, "x"), (second, "y")):
        assert (f"rfc822; {who}@b.example", "delayed", "4.4.1") == (
            block["Final-Recipient"],
            block["Action"],
            block["Status"],
        )
        assert "it waits for the node bob" in block["Diagnostic-Code"]
        assert "Last-Attempt-Date" not in block
    assert "Message-ID: <1@a.example>" in report.get_payload()[2].get_payload()
    assert "It was handed in at" in report.get_payload()[0].get_payload()
    assert [] == look(alice)
    assert [] == told(alice)


def test_the_trace_of_the_packet_leads_to_the_report(alice: Party, bob: Party) -> None:
    [name] = queue(alice)
    look(alice)
    [event] = [one for one in alice.events if "delay_of" in one.detail]
    assert (EventKind.SUBMITTED, "self", [name]) == (event.kind, event.node, event.detail["delay_of"])
    assert [event.packet] == alice.jobs("rx")


def test_when_the_neighbour_was_spoken_with_last_is_said(alice: Party, bob: Party) -> None:
    queue(alice)
    note(alice, Event(EventKind.CALL_FINISHED, "", "bob"))
    look(alice)
    [(_, _, report)] = told(alice)
    assert ", with which we spoke last at " in " ".join(about(report)[0]["Diagnostic-Code"].split())


@pytest.mark.parametrize(
    ("sender", "head"),
    [
        ("", HEAD),
        ("MAILER-DAEMON@a.example", HEAD),
        ("joe@a.example", HEAD + "Auto-Submitted: auto-generated\n"),
        ("joe@a.example", HEAD + "Auto-Submitted:\n auto-replied; x=y\n"),
        ("joe@a.example", HEAD + "Precedence: bulk\n"),
        ("joe@a.example", HEAD + "List-Id: <l.a.example>\n"),
        ("joe@a.example", HEAD + "Content-Type: multipart/report; boundary=x\n"),
    ],
)
def test_who_hears_of_no_delay(alice: Party, bob: Party, sender: str, head: str) -> None:
    queue(alice, batch((sender, ("x@b.example",), head)))
    silent(alice)


def test_a_raw_job_has_nobody_to_tell(alice: Party, bob: Party) -> None:
    alice.submit(b"octets", "bob", "inbox")
    note(alice, *alice.events)
    silent(alice)


def test_what_an_older_version_wrote_tells_too_little(alice: Party, bob: Party) -> None:
    queue(alice)
    [file] = segments(place_of(alice.config).path)
    known = Path(file).read_bytes()
    Path(file).write_bytes(known.replace(b'"answering"', b'"somewhat"'))
    assert known != Path(file).read_bytes()
    silent(alice)


def test_of_what_the_journal_has_forgotten_only_a_person_hears(alice: Party, bob: Party) -> None:
    """And of what other programs queued: nncp-exec keeps no journal."""
    queue(alice)
    shutil.rmtree(place_of(alice.config).path)
    silent(alice)
    assert [] == look(alice)


def test_of_what_is_only_relayed_no_sender_hears(
    party: Callable[[str], Party], alice: Party, bob: Party
) -> None:
    hub = party("hub")
    alice.knows(hub)
    hub.knows(alice)
    hub.knows(bob)
    tell_own_senders(hub)
    alice.submit(ONE, "bob", via=("hub",))
    carry(alice, hub)
    hub.toss()
    note(hub, *hub.events)
    assert EventKind.RELAYED in [event.kind for event in hub.events]
    silent(hub)


def test_it_is_said_only_where_it_is_wanted(alice: Party, bob: Party) -> None:
    alice.reconfigure(retry=Retry())
    queue(alice)
    silent(alice)
    assert not any("not told" in words for words in alice.said)
    alice.reconfigure(retry=Retry(warn_sender=True))
    own(alice, bounce=False)
    queue(alice)
    silent(alice)
    own(alice, bounce=True)
    assert [] == look(alice)
    assert [("joe@a.example",)] == [recipients for _, recipients, _ in told(alice)]


def test_without_a_handle_of_our_own_a_person_hears_what_is_missing(alice: Party, bob: Party) -> None:
    own(alice, handles={}, mail=MailForm("rmail", "rmail"))
    queue(alice)
    silent(alice)
    words = (
        "their senders are not told: there is no handle of our own that takes the reports: add exec.rmail = "
    )
    assert alice.said[-1].startswith(words)


def test_without_a_journal_a_person_hears_what_is_missing(alice: Party, bob: Party) -> None:
    queue(alice)
    alice.reconfigure(plugin={"journal": {"enabled": False}})
    silent(alice)
    assert "take `enabled = false` out of [plugin.journal] in alice.toml" in alice.said[-1]
    alice.reconfigure(plugin={"journal": {"nonsense": 1}})
    mistaken = delay.hindrance(alice.config)
    assert mistaken is not None
    assert "nonsense" in mistaken.what


def test_a_sender_behind_a_neighbour_hears_what_that_one_lets_him(alice: Party, bob: Party) -> None:
    alice.reconfigure(routes={"c.example": "bob"})
    letter = batch(("sue@c.example", ("x@b.example",), HEAD))
    queue(alice, letter)
    assert not alice.config.neighbours["bob"].bounce
    silent(alice)
    alice.knows(bob, bounce=True)
    queue(alice, letter)
    look(alice)
    assert [("sue@c.example",)] == [recipients for _, recipients, _ in told(alice)]


def test_a_sites_policy_is_asked(alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, envelope: object, node: str) -> None:
        raise Refused("nobody writes to joe")

    queue(alice)
    monkeypatch.setattr("gateway.registry.Registry.check_submission", refuse)
    silent(alice)


def test_a_message_that_became_several_packets_is_one_message(alice: Party, bob: Party) -> None:
    neighbours = {**alice.config.neighbours}
    neighbours["bob"] = neighbours["bob"]._replace(mail=MailForm("sendmail", "sendmail"))
    alice.reconfigure(neighbours=neighbours)
    recipients = tuple(f"{number}{'x' * 60}@b.example" for number in range(20))
    letter = b"MAIL FROM:<joe@a.example>\n" + b"".join(f"RCPT TO:<{who}>\n".encode() for who in recipients)
    letter += f"DATA\n{HEAD}\nbody\n.\n".encode()
    names = queue(alice, letter)
    assert len(names) > 3
    assert sorted(names) == sorted(event.packet for event in look(alice))
    [(_, _, report)] = told(alice)
    assert {f"rfc822; {who}" for who in recipients} == {
        " ".join(block["Final-Recipient"].split()) for block in about(report)
    }


@pytest.mark.parametrize("form", ["bsmtp", "sendmail"])
def test_of_many_the_journal_is_read_once_and_no_look_takes_too_long(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    handle = {"bsmtp": "rsmtp", "sendmail": "sendmail"}[form]
    known = Handle(handle, egress="memory", command=("memory",), form=form, arguments="recipients")  # type: ignore[arg-type]
    own(alice, handles={handle: known}, mail=MailForm(form, handle))  # type: ignore[arg-type]
    reads: list[int] = []
    monkeypatch.setattr(warning, "submissions", lambda *words: reads.append(1) or submissions(*words))
    monkeypatch.setattr(warning, "MOST", 5)
    monkeypatch.setattr(posting, "AT_ONCE", 2)
    for number in range(8):
        queue(alice, batch((f"u{number}@a.example", ("x@b.example",), f"Message-ID: <{number}@a.example>\n")))
    assert 8 == len(look(alice))
    assert 1 == len(reads)
    assert (3 if form == "bsmtp" else 5) == len(alice.jobs("rx"))
    assert 5 == len(told(alice))
    assert [] == look(alice)
    assert 2 == len(reads)
    assert 3 == len(told(alice))
    look(alice)
    assert 2 == len(reads)
    heard = sorted(recipients for _, recipients, _ in alice.memory.got)
    assert [(f"u{number}@a.example",) for number in range(8)] == heard


def test_a_packet_that_was_held_meanwhile_is_not_told_of_again(alice: Party, bob: Party) -> None:
    [name] = queue(alice)
    look(alice)
    assert 1 == len(told(alice))
    node = encode(bob.identity.id)
    job = alice.spool.job(node, "tx", name)
    assert job is not None
    held = alice.spool.hold(job, "by a person")
    queue(alice, batch(("sue@a.example", ("x@b.example",), HEAD)))
    look(alice)
    assert 1 == len(told(alice))
    alice.spool.release(held)
    assert [] == look(alice)
    assert [] == told(alice)


def test_what_cannot_be_written_is_told_of_later(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(alice)

    def full(*_: object) -> None:
        raise SpoolError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(delayed, "prepare", full)
        silent(alice)
    assert any("are not told yet: no space left" in words for words in alice.said)
    assert [] == alice.tmp()
    assert [] == look(alice)
    assert 1 == len(told(alice))


def test_a_message_without_an_id_is_reported_as_well(alice: Party, bob: Party) -> None:
    queue(alice, batch(("joe@a.example", ("x@b.example",), "Subject: no id\n")))
    look(alice)
    [(_, _, report)] = told(alice)
    assert "References" not in report
    people, status = report.get_payload()
    assert "message/delivery-status" == status.get_content_type()
    assert "x@b.example" in people.get_payload()
