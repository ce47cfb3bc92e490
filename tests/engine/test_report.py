"""Reports to senders: who gets one, once, through the node that sent the packet, and who never does."""

from __future__ import annotations

import email
import random
from collections.abc import Callable
from email.message import Message

import pytest

from gateway.config.model import Accept, Handle, MailForm, Retry
from gateway.engine.fate import Fate
from gateway.engine.report import Reports
from gateway.errors import Refused, SpoolError
from gateway.mail.envelope import Recipient
from gateway.mta import EventKind, Outcome, Verdict
from tests.engine.parties import Party, carry

pytestmark = pytest.mark.usefixtures("_telling")

HEAD = "Subject: hi\nFrom: Joe <joe@a.example>\n"


@pytest.fixture
def _telling(alice: Party, bob: Party) -> None:
    """Both nodes have senders told, as our own configuration has it."""
    alice.knows(bob, bounce=True)
    bob.knows(alice, bounce=True)


def batch(*letters: tuple[str, tuple[str, ...], str]) -> bytes:
    """Return a batch of messages: sender, recipients, header."""
    written = []
    for sender, recipients, head in letters:
        commands = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{who}>" for who in recipients), "DATA"]
        written.append("\n".join([*commands, f"{head}\nbody", ".", ""]))
    return "".join(written).encode()


ONE = batch(("joe@a.example", ("x@b.example",), HEAD))


def refuse(words: str = "550 5.1.1 no such user") -> Callable[..., list[Outcome]]:
    return lambda d: [Outcome(d.transaction, Verdict.REFUSED, words)]


def reports(alice: Party, bob: Party) -> list[tuple[str, tuple[str, ...], Message]]:
    """Carry what Bob has for Alice, and return what reaches her mail program."""
    carry(bob, alice)
    before = len(alice.memory.got)
    assert Fate.HELD not in +alice.toss().fates
    found = alice.memory.got[before:]
    return [(sender, recipients, email.message_from_bytes(body)) for sender, recipients, body in found]


def blocks(report: Message) -> list[dict[str, str]]:
    """Return the fields about each recipient."""
    _, status, _ = report.get_payload()
    assert "message/delivery-status" == status.get_content_type()
    return [dict(block.items()) for block in status.get_payload()[1:]]


def fail(alice: Party, bob: Party, body: bytes = ONE) -> None:
    alice.submit(body, "bob")
    carry(alice, bob)
    assert {Fate.HELD: 1} == +bob.toss().fates


def reason(bob: Party) -> str:
    (job,) = [job for node in bob.spool.nodes() for job in bob.spool.jobs(node, "hold")]
    record = bob.spool.recorded(job)
    assert record is not None
    return record.reason


def test_a_refusal_comes_back_to_the_sender(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    fail(alice, bob)
    [(sender, recipients, report)] = reports(alice, bob)
    assert ("", ("joe@a.example",)) == (sender, recipients)
    assert ("multipart/report", "delivery-status") == (
        report.get_content_type(),
        report.get_param("report-type"),
    )
    [about] = blocks(report)
    assert ("rfc822; x@b.example", "failed", "5.1.1", "smtp; 550 5.1.1 no such user") == (
        about["Final-Recipient"],
        about["Action"],
        about["Status"],
        about["Diagnostic-Code"],
    )
    assert HEAD == report.get_payload()[2].get_payload()
    assert "refused: x@b.example: 550 5.1.1 no such user; reported to joe@a.example" == reason(bob)


def test_the_operator_hears_of_the_job_and_of_the_report(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    fail(alice, bob)
    submitted, held = bob.events
    assert (EventKind.SUBMITTED, EventKind.HELD) == (submitted.kind, held.kind)
    assert (held.packet, "alice") == (submitted.detail["report_of"], submitted.node)
    assert held.text.endswith("reported to joe@a.example")


def test_what_was_given_up_is_reported_as_expired(alice: Party, bob: Party) -> None:
    bob.reconfigure(retry=Retry(schedule=(0.0,), give_up=0.0))
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.DEFERRED, "451 4.2.1 mailbox busy")]
    fail(alice, bob)
    [(_, _, report)] = reports(alice, bob)
    [about] = blocks(report)
    assert ("4.2.1", "smtp; 451 4.2.1 mailbox busy") == (about["Status"], about["Diagnostic-Code"])


def test_only_those_are_named_who_failed(alice: Party, bob: Party) -> None:
    bob.memory.say = lambda d: [
        Outcome(d.transaction, Verdict.TAKEN, "", (Recipient("y@b.example"),)),
        Outcome(d.transaction, Verdict.REFUSED, "550 no", (Recipient("x@b.example"),)),
    ]
    fail(alice, bob, batch(("joe@a.example", ("x@b.example", "y@b.example"), HEAD)))
    [(_, _, report)] = reports(alice, bob)
    assert ["rfc822; x@b.example"] == [about["Final-Recipient"] for about in blocks(report)]


def test_a_refusal_is_reported_at_once_and_what_is_given_up_later_by_itself(alice: Party, bob: Party) -> None:
    busy = Outcome(0, Verdict.DEFERRED, "450 busy", (Recipient("y@b.example"),))
    no = Outcome(0, Verdict.REFUSED, "550 no", (Recipient("x@b.example"),))
    bob.memory.say = lambda d: [busy, no] if len(d.envelope.recipients) > 1 else [busy]
    alice.submit(batch(("joe@a.example", ("x@b.example", "y@b.example"), HEAD)), "bob")
    carry(alice, bob)
    assert {Fate.DEFERRED: 1} == +bob.toss().fates
    [(_, _, first)] = reports(alice, bob)
    assert {Fate.DEFERRED: 1} == +bob.toss().fates
    assert [] == reports(alice, bob)
    bob.reconfigure(retry=Retry(schedule=(0.0,), give_up=0.0))
    assert {Fate.HELD: 1} == +bob.toss().fates
    [(_, _, second)] = reports(alice, bob)
    assert [["rfc822; x@b.example"], ["rfc822; y@b.example"]] == [
        [about["Final-Recipient"] for about in blocks(report)] for report in (first, second)
    ]
    assert first["Message-ID"] != second["Message-ID"]


def test_a_policy_says_of_each_recipient_what_it_has_against_him(alice: Party, bob: Party) -> None:
    bob.knows(alice, bounce=True, accept=Accept(recipients=("*@b.example",)))
    fail(
        alice,
        bob,
        batch(("joe@a.example", ("x@b.example", "y@far.example"), HEAD), ("", ("z@b.example",), HEAD)),
    )
    [(_, recipients, report)] = reports(alice, bob)
    assert ("joe@a.example",) == recipients
    together, against = blocks(report)
    assert ("5.7.1", "5.7.1") == (together["Status"], against["Status"])
    assert "mail in it that is not accepted" in together["Diagnostic-Code"]
    assert "recipient y@far.example is not among accept.recipients" in " ".join(
        against["Diagnostic-Code"].split()
    )
    assert "reported to joe@a.example; not reported: its sender is the null path" in reason(bob)


def test_a_policy_on_what_a_command_takes_whole_is_reported(alice: Party, bob: Party) -> None:
    handles = {"rsmtp": Handle("rsmtp", command=("/bin/true",), form="bsmtp")}
    bob.knows(alice, bounce=True, accept=Accept(recipients=("*@b.example",)), handles=handles)
    fail(alice, bob, batch(("joe@a.example", ("y@far.example",), HEAD)))
    [(_, recipients, report)] = reports(alice, bob)
    assert (("joe@a.example",), "5.7.1") == (recipients, blocks(report)[0]["Status"])


@pytest.mark.parametrize("compress", [True, False])
def test_what_is_too_large_is_reported(alice: Party, bob: Party, compress: bool) -> None:
    bob.knows(alice, bounce=True, accept=Accept(max_size=1_000_000))
    large = ONE.replace(b"body", random.Random(1).randbytes(2_000_000).hex().encode())
    alice.submit(large, "bob", compress=compress)
    carry(alice, bob)
    assert {Fate.HELD: 1} == +bob.toss().fates
    [(_, recipients, report)] = reports(alice, bob)
    [about] = blocks(report)
    assert (("joe@a.example",), "5.3.4") == (recipients, about["Status"])
    assert HEAD == report.get_payload()[2].get_payload()
    assert "reported to joe@a.example" in reason(bob)


def test_what_is_too_large_and_damaged_has_nobody_to_tell(alice: Party, bob: Party) -> None:
    """Whoever can change the end of a packet could else make any number of reports of it."""
    bob.knows(alice, bounce=True, accept=Accept(max_size=1_000_000))
    large = ONE.replace(b"body", random.Random(1).randbytes(2_000_000).hex().encode())
    [name] = alice.submit(large, "bob")
    carry(alice, bob)
    packet = bob.box(alice, "rx") / name
    packet.write_bytes(packet.read_bytes()[:-1] + b"!")
    assert {Fate.HELD: 1} == +bob.toss().fates
    assert [] == bob.jobs("tx")


def test_every_message_of_a_batch_has_its_own_report_in_one_packet(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    fail(alice, bob, batch(*((f"u{n}@a.example", ("x@b.example",), HEAD) for n in range(5))))
    assert 1 == len(bob.jobs("tx"))
    found = reports(alice, bob)
    assert [(f"u{n}@a.example",) for n in range(5)] == [recipients for _, recipients, _ in found]
    assert 5 == len({report["Message-ID"] for _, _, report in found})


@pytest.mark.parametrize(
    ("sender", "head", "why"),
    [
        ("", HEAD, "its sender is the null path"),
        ("MAILER-daemon@a.example", HEAD, "its sender is MAILER-daemon@a.example"),
        ("joe@a.example", f"Auto-Submitted: auto-replied (vacation)\n{HEAD}", "it is an automatic answer"),
        ("joe@a.example", f'Content-Type: multipart/report;\n report-type="x"\n{HEAD}', "it is a report"),
        ("joe@a.example", f"Precedence: junk\n{HEAD}", "its precedence is junk"),
    ],
)
def test_who_is_never_told(alice: Party, bob: Party, sender: str, head: str, why: str) -> None:
    bob.memory.say = refuse()
    fail(alice, bob, batch((sender, ("x@b.example",), head)))
    assert [] == reports(alice, bob)
    assert f"not reported: {why}" in reason(bob)


@pytest.mark.parametrize("field", ["Precedence: bulk", "Auto-Submitted: auto-generated", "Precedence: list"])
def test_lists_and_machines_are_told(alice: Party, bob: Party, field: str) -> None:
    bob.memory.say = refuse()
    fail(alice, bob, batch(("list-bounces@a.example", ("x@b.example",), f"{field}\n{HEAD}")))
    assert 1 == len(reports(alice, bob))


def test_a_neighbour_can_do_without(alice: Party, bob: Party) -> None:
    neighbours = {**bob.config.neighbours}
    neighbours["alice"] = neighbours["alice"]._replace(bounce=False)
    bob.reconfigure(neighbours=neighbours)
    bob.memory.say = refuse()
    fail(alice, bob)
    assert [] == bob.jobs("tx")
    assert "refused: x@b.example: 550 5.1.1 no such user" == reason(bob)


def test_a_raw_job_has_nobody_to_tell(alice: Party, bob: Party) -> None:
    bob.knows(alice, bounce=True, handles={"do": Handle("do", command=("/bin/sh", "-c", "exit 77"))})
    alice.submit(b"anything", "bob", "do")
    carry(alice, bob)
    assert {Fate.HELD: 1} == +bob.toss().fates
    assert [] == bob.jobs("tx")
    assert "not reported: it has no envelope" in reason(bob)


def test_a_batch_that_a_command_took_whole_is_reported(alice: Party, bob: Party) -> None:
    command = ("/bin/sh", "-c", "echo broken >&2; exit 77")
    bob.knows(alice, bounce=True, handles={"rsmtp": Handle("rsmtp", command=command, form="bsmtp")})
    fail(
        alice,
        bob,
        batch(("joe@a.example", ("x@b.example",), HEAD), ("sue@a.example", ("y@b.example",), HEAD)),
    )
    assert [("joe@a.example",), ("sue@a.example",)] == [to for _, to, _ in reports(alice, bob)]


def test_a_damaged_batch_has_nobody_to_tell(alice: Party, bob: Party) -> None:
    fail(alice, bob, b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nnever ends\n")
    assert [] == bob.jobs("tx")


def test_two_nodes_that_refuse_everything_do_not_answer_each_other(alice: Party, bob: Party) -> None:
    alice.memory.say = bob.memory.say = refuse()
    fail(alice, bob)
    carry(bob, alice)
    assert {Fate.HELD: 1} == +alice.toss().fates
    assert ([], []) == (alice.jobs("tx"), bob.jobs("tx"))
    assert "not reported: its sender is the null path" in reason(alice)


@pytest.mark.parametrize("form", ["rmail", "sendmail"])
def test_the_report_is_written_in_the_neighbours_form(alice: Party, bob: Party, form: str) -> None:
    neighbours = {**bob.config.neighbours}
    neighbours["alice"] = neighbours["alice"]._replace(mail=MailForm(form, form))  # type: ignore[arg-type]
    bob.reconfigure(neighbours=neighbours)
    alice.knows(
        bob, bounce=True, handles={form: Handle(form, egress="memory", command=("memory",), form=form)}
    )  # type: ignore[arg-type]
    bob.memory.say = refuse()
    fail(
        alice,
        bob,
        batch(("joe@a.example", ("x@b.example",), HEAD), ("sue@a.example", ("y@b.example",), HEAD)),
    )
    assert 2 == len(bob.jobs("tx"))
    found = reports(alice, bob)
    assert {("", ("joe@a.example",)), ("", ("sue@a.example",))} == {(sender, to) for sender, to, _ in found}


def test_a_released_job_that_fails_again_is_not_reported_again(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    fail(alice, bob)
    assert 1 == len(reports(alice, bob))
    (job,) = [job for node in bob.spool.nodes() for job in bob.spool.jobs(node, "hold")]
    bob.spool.release(job)
    assert {Fate.HELD: 1} == +bob.toss().fates
    assert [] == bob.jobs("tx")
    assert reason(bob).endswith("reported to joe@a.example")


def test_a_released_job_may_still_be_delivered(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    fail(alice, bob)
    (job,) = [job for node in bob.spool.nodes() for job in bob.spool.jobs(node, "hold")]
    bob.spool.release(job)
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.TAKEN)]
    assert {Fate.DELIVERED: 1} == +bob.toss().fates
    assert job.name in bob.seen()


def test_no_room_for_the_report_keeps_the_job_for_later(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob.memory.say = refuse()
    alice.submit(ONE, "bob")
    carry(alice, bob)
    with monkeypatch.context() as full:

        def answer(*_: object, **__: object) -> None:
            raise SpoolError("disk full")

        full.setattr("gateway.engine.report.answer", answer)
        assert {Fate.DEFERRED: 1} == +bob.toss().fates
    assert 1 == len(bob.memory.got)
    assert {Fate.HELD: 1} == +bob.toss().fates
    assert 1 == len(bob.memory.got), "refused is refused"
    assert 1 == len(reports(alice, bob))


def test_a_site_that_sends_no_such_mail_keeps_the_job_and_says_so(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    alice.submit(ONE, "bob")
    carry(alice, bob)
    registry = bob.registry

    def refusing():
        found = registry()

        def check(envelope, node):
            raise Refused("nothing to alice on Sundays")

        found.check_submission = check
        return found

    bob.registry = refusing  # type: ignore[method-assign]
    assert {Fate.HELD: 1} == +bob.toss().fates
    assert "not reported: nothing to alice on Sundays" in reason(bob)


def test_a_delay_is_reported_once_where_it_is_wanted(alice: Party, bob: Party) -> None:
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.DEFERRED, "451 4.2.1 busy")]
    bob.reconfigure(retry=Retry(schedule=(0.0,), give_up=3600.0, warn_after=0.0, warn_sender=True))
    alice.submit(ONE, "bob")
    carry(alice, bob)
    assert {Fate.DEFERRED: 1} == +bob.toss().fates
    [(sender, recipients, report)] = reports(alice, bob)
    [about] = blocks(report)
    assert ("", ("joe@a.example",)) == (sender, recipients)
    assert ("delayed", "4.2.1") == (about["Action"], about["Status"])
    assert "Will-Retry-Until" in about
    assert {Fate.DEFERRED: 1} == +bob.toss().fates
    assert [] == reports(alice, bob)
    bob.memory.say = refuse()
    assert {Fate.HELD: 1} == +bob.toss().fates
    [(_, _, report)] = reports(alice, bob)
    assert ["failed"] == [about["Action"] for about in blocks(report)]


@pytest.mark.parametrize(
    ("warn_after", "warn_sender", "head"),
    [
        (3600.0, True, HEAD),
        (0.0, False, HEAD),
        (0.0, True, f"Precedence: bulk\n{HEAD}"),
        (0.0, True, f"List-Id: <us.a.example>\n{HEAD}"),
        (0.0, True, f"Auto-Submitted: auto-generated\n{HEAD}"),
    ],
)
def test_a_delay_that_nobody_is_told_of(
    alice: Party, bob: Party, warn_after: float, warn_sender: bool, head: str
) -> None:
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.DEFERRED, "451 busy")]
    retry = Retry(schedule=(0.0,), give_up=7200.0, warn_after=warn_after, warn_sender=warn_sender)
    bob.reconfigure(retry=retry)
    alice.submit(batch(("joe@a.example", ("x@b.example",), head)), "bob")
    carry(alice, bob)
    assert {Fate.DEFERRED: 1} == +bob.toss().fates
    assert [] == bob.jobs("tx")


def test_addresses_beyond_ascii_travel_as_they_are(alice: Party, bob: Party) -> None:
    bob.memory.say = refuse()
    fail(alice, bob, batch(("jö@a.example", ("größe+x@b.example",), HEAD)))
    [(_, recipients, report)] = reports(alice, bob)
    assert ("jö@a.example",) == recipients
    assert ["utf-8; gr\\x{F6}\\x{DF}e\\x{2B}x@b.example"] == [b["Final-Recipient"] for b in blocks(report)]


def test_more_reports_than_one_packet_takes_are_several_packets(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.engine.posting.AT_ONCE", 2)
    bob.memory.say = refuse()
    fail(alice, bob, batch(*((f"u{n}@a.example", ("x@b.example",), HEAD) for n in range(5))))
    assert 3 == len(bob.jobs("tx"))
    assert {(f"u{n}@a.example",) for n in range(5)} == {to for _, to, _ in reports(alice, bob)}


def test_no_more_reports_are_kept_than_one_packet_takes(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    for name in ("_note", "_send"):
        work = getattr(Reports, name)

        def step(
            *args: object, work: Callable[..., object] = work, name: str = name, **named: object
        ) -> object:
            steps.append(name)
            return work(*args, **named)

        monkeypatch.setattr(Reports, name, step)
    monkeypatch.setattr("gateway.engine.posting.AT_ONCE", 2)
    bob.memory.say = refuse()
    fail(alice, bob, batch(*((f"u{n}@a.example", ("x@b.example",), HEAD) for n in range(5))))
    assert "_note _note _send _note _note _send _note _send" == " ".join(steps)


def test_mail_that_we_sent_to_ourselves_is_not_reported(alice: Party, bob: Party) -> None:
    handles = {"rsmtp": Handle("rsmtp", egress="memory", command=("memory",), form="bsmtp")}
    own = bob.config.neighbours["self"]._replace(handles=handles, bounce=True)
    bob.reconfigure(neighbours={**bob.config.neighbours, "self": own})
    bob.memory.say = refuse()
    bob.submit(ONE, "self")
    carry(bob, bob)
    assert {Fate.HELD: 1} == +bob.toss().fates
    assert [] == bob.jobs("tx")


def test_one_sender_who_cannot_be_told_does_not_silence_the_others(alice: Party, bob: Party) -> None:
    registry = bob.registry

    def choosing():
        found = registry()

        def check(envelope, node):
            if str(envelope.recipients[0]) == "sue@a.example":
                raise Refused("nothing to sue")

        found.check_submission = check
        return found

    bob.registry = choosing  # type: ignore[method-assign]
    bob.memory.say = refuse()
    fail(alice, bob, batch(*((f"{who}@a.example", ("x@b.example",), HEAD) for who in ("sue", "joe"))))
    assert [("joe@a.example",)] == [to for _, to, _ in reports(alice, bob)]
    assert reason(bob).endswith("reported to joe@a.example; not reported: nothing to sue")
