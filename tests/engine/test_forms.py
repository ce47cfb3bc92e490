"""What entered in one form leaves in any other: same sender, same recipients, same octets."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Iterator, Mapping
from typing import IO

import pytest

from gateway.config.model import Accept, Handle, MailForm
from gateway.engine import letter_lane
from gateway.engine.draft import Order
from gateway.engine.submit import Submitter
from gateway.errors import ConfigError, Malformed, SpoolError
from gateway.mail import bsmtp, rmail, sendmail
from gateway.mail.envelope import Envelope, ReversePath
from gateway.mail.message import Message
from gateway.mta import Delivery, Outcome, Submission, Verdict
from tests.engine.parties import Party, carry
from tests.mail.addresses import SENDERS, envelope

J, X = "j@a.example", "x@b.example"
MESSAGE = b"Received: by a.example\nSubject: hi\n\n.\n..\nFrom x\n>From y\n\0\xff end\n"
FORMS = {
    "bsmtp": MailForm("bsmtp", "rsmtp"),
    "rmail": MailForm("rmail", "rmail"),
    "argument": MailForm("sendmail", "sendmail", "argument"),
    "header": MailForm("sendmail", "sendmail", "header"),
}
HANDLES = {
    mail.handle: Handle(mail.handle, egress="memory", command=("memory",), form=mail.form)
    for mail in FORMS.values()
}


class Ingress:
    """Reads one of the forms, as the plugins do."""

    name = "forms"
    handles = ()

    def __init__(self, form: str) -> None:
        self.form = form

    def read(
        self, arguments: tuple[str, ...], stream: IO[bytes], environ: Mapping[str, str]
    ) -> Iterator[Submission]:
        if self.form == "bsmtp":
            yield from (Submission(one.envelope, one.message) for one in bsmtp.read(stream))
        else:
            read = rmail.read if self.form == "rmail" else sendmail.read
            letter = read(stream, arguments)
            yield Submission(letter.envelope, letter.message, arguments, letter.in_from_line)


def written(mail: MailForm, what: Envelope, message: bytes = MESSAGE) -> tuple[tuple[str, ...], bytes]:
    """Return arguments and body as a mail program would hand them to us in this form."""
    if mail.form == "bsmtp":
        parts: list[bytes] = []
        bsmtp.BatchWriter(parts.append).transaction(what, Message(message))
        return (), b"".join(parts)
    recipients = tuple(map(str, what.recipients))
    if mail.form == "rmail":
        return recipients, rmail.from_line(what.sender, date="D", node="n") + message
    front = sendmail.front(what.sender, mail.sender)
    return (*sendmail.leading(what.sender, mail.sender), *recipients), front + message


def send(
    party: Party,
    form: str,
    what: tuple[tuple[str, ...], bytes],
    *,
    handle: str | None = None,
    to: MailForm | None = None,
) -> list[tuple[str, ...]]:
    """Submit to Bob, in the form his table names or to a handle; return the packets' arguments."""
    bob = party.config.neighbours["bob"]
    party.reconfigure(neighbours={**party.config.neighbours, "bob": bob._replace(mail=to or bob.mail)})
    arguments, body = what
    drafts = Submitter(party.config, party.spool, party.registry()).submit(
        Ingress(form), arguments, io.BytesIO(body), {}, node="bob", handle=handle, order=Order()
    )
    return [draft.arguments for draft in drafts]


def received(alice: Party, bob: Party) -> tuple[set[str], list[str], set[bytes]]:
    """Toss at Bob; return senders, recipients in order of submission, messages."""
    carry(alice, bob)
    tally = bob.toss()
    assert str(tally) == f"delivered {len(bob.memory.got)}", bob.said
    return (
        {sender for sender, _, _ in bob.memory.got},
        sorted(recipient for _, some, _ in bob.memory.got for recipient in some),
        {message for _, _, message in bob.memory.got},
    )


@pytest.fixture
def bob(bob: Party, alice: Party) -> Party:
    bob.knows(alice, handles=HANDLES)
    return bob


@pytest.mark.parametrize("out", FORMS)
@pytest.mark.parametrize("way_in", FORMS)
def test_any_form_into_any_form(alice: Party, bob: Party, way_in: str, out: str) -> None:
    recipients = ["x@b.example", '"q r"@b.example', "a!b@b.example", "u%h@b.example", "ü@b.example"]
    for sender in SENDERS:
        bob.memory.got.clear()
        before = envelope(sender, *recipients)
        send(alice, FORMS[way_in].form, written(FORMS[way_in], before), to=FORMS[out])
        assert ({sender}, sorted(recipients), {MESSAGE}) == received(alice, bob)
    assert [] == alice.tmp() == alice.jobs("tx")


@pytest.mark.parametrize("count", [1, 20, 300])
@pytest.mark.parametrize("out", FORMS)
def test_any_number_of_recipients(alice: Party, bob: Party, out: str, count: int) -> None:
    recipients = [f"user{i:03}@far-away.b.example" for i in range(count)]
    packets = send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("", *recipients)), to=FORMS[out])
    if out == "bsmtp":
        assert [()] == packets
    else:
        assert recipients == [word for words in packets for word in words if "@" in word]
    assert ({""}, recipients, {MESSAGE}) == received(alice, bob)


def test_the_arguments_are_what_sendmail_expects(alice: Party, bob: Party) -> None:
    joe = written(FORMS["bsmtp"], envelope("joe@a.example", "x@b.example", "y@b.example"))
    null = written(FORMS["bsmtp"], envelope(""))
    argument, header = FORMS["argument"], FORMS["header"]
    both = ("x@b.example", "y@b.example")
    assert [("-f", "joe@a.example", "--", *both)] == send(alice, "bsmtp", joe, to=argument)
    assert [("-f", "<>", "--", "x@b.example")] == send(alice, "bsmtp", null, to=argument)
    assert [both] == send(alice, "bsmtp", joe, to=header)
    assert [both] == send(alice, "bsmtp", joe, to=FORMS["rmail"])


class Counted:
    """What stands open while packets are made."""

    def __init__(self, party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queued_at_commit: list[int] = []
        self.staged_at_commit: list[int] = []
        self.scratches = 0
        commit, scratch = party.spool.commit, party.spool.scratch

        def watch(*args: object, **more: object) -> None:
            self.queued_at_commit.append(len(party.jobs("tx")))
            self.staged_at_commit.append(len(party.tmp()))
            commit(*args, **more)  # type: ignore[arg-type]

        def count() -> object:
            self.scratches += 1
            return scratch()

        monkeypatch.setattr(party.spool, "commit", watch)
        monkeypatch.setattr(party.spool, "scratch", count)


def test_all_packets_are_staged_before_the_first_is_committed(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(alice, monkeypatch)
    recipients = [f"user{i:03}@b.example" for i in range(300)]
    before = set(os.listdir("/proc/self/fd"))
    packets = send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("", *recipients)), to=FORMS["rmail"])
    assert (0, len(packets)) == (counted.queued_at_commit[0], counted.staged_at_commit[0])
    assert 20 < len(packets) < 40
    assert 1 == counted.scratches
    assert before == set(os.listdir("/proc/self/fd"))


def test_one_packet_needs_nothing_set_aside(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(alice, monkeypatch)
    send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("")), to=FORMS["rmail"])
    assert (0, [1]) == (counted.scratches, counted.staged_at_commit)


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_failure_leaves_nothing_staged_or_open(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    stage, calls = alice.spool.stage, []

    def fail() -> object:
        calls.append(1)
        if len(calls) == fails_at:
            raise SpoolError("disk full")
        return stage()

    monkeypatch.setattr(alice.spool, "stage", fail)
    recipients = [f"user{i:03}@b.example" for i in range(100)]
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(SpoolError, match="disk full"):
        send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("", *recipients)), to=FORMS["rmail"])
    assert ([], []) == (alice.tmp(), alice.jobs("tx"))
    assert before == set(os.listdir("/proc/self/fd"))


def test_more_packets_than_can_be_open_wait_for_another_form(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_lane, "MAX_PACKETS", 2)
    recipients = [f"user{i:03}@b.example" for i in range(60)]
    with pytest.raises(ConfigError, match=r'mail\.form to "bsmtp"'):
        send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("", *recipients)), to=FORMS["rmail"])
    assert ([], []) == (alice.tmp(), alice.jobs("tx"))


def test_an_address_that_no_packet_holds_is_malformed_and_named(alice: Party, bob: Party) -> None:
    long = "x" * 200 + "@b.example"
    body = written(FORMS["bsmtp"], envelope("joe@" + "a" * 60 + ".example", "x@b.example", long))
    with pytest.raises(Malformed, match=long):
        send(alice, "bsmtp", body, to=FORMS["argument"])
    assert ([], []) == (alice.tmp(), alice.jobs("tx"))


@pytest.mark.parametrize(
    ("form", "words", "front", "sent", "body_front"),
    [
        ("sendmail", (X,), b"Return-Path: <j@a.example>\n", (X,), b"Return-Path: <j@a.example>\n"),
        ("sendmail", (X,), b"Return-Path: <MAILER-DAEMON>\n", (X,), b"Return-Path: <>\n"),
        ("sendmail", (X,), b"From j@a.example D\n", (X,), None),
        ("sendmail", (X,), b"", (X,), b""),
        ("sendmail", ("-f", J, "--", X), b"", ("-f", J, "--", X), b""),
        ("sendmail", ("-i", f"-f{J}", X), b"", ("-i", "-f", J, X), b""),
        ("sendmail", ("-oi", "--", X), b"Return-Path: <>\n", ("-oi", "--", X), b"Return-Path: <>\n"),
        ("sendmail", ("c!d!user", "user%host"), b"", ("c!d!user", "user%host"), b""),
        ("rmail", ("c!d!user", f"({X})", "u%h"), b"From j@a.example D\n", ("c!d!user", X, "u%h"), None),
    ],
)  # fmt: skip
def test_exec_says_what_it_was_told_to_say(
    alice: Party,
    bob: Party,
    form: str,
    words: tuple[str, ...],
    front: bytes,
    sent: tuple[str, ...],
    body_front: bytes | None,
) -> None:
    """The place of the sender, the flags and the bang paths stay what they were."""
    (arguments,) = send(alice, form, (words, front + MESSAGE), handle="raw-at-bob")
    assert sent == arguments
    bob.knows(alice, handles={"raw-at-bob": Handle("raw-at-bob", egress="maildir", options=_maildir(bob))})
    carry(alice, bob)
    bob.toss()
    (path,) = (bob.root / "Maildir" / "new").iterdir()
    line, _, rest = path.read_bytes().partition(b"\n")
    if body_front is None:
        ours = f" remote from {os.uname().nodename}" if form == "rmail" else ""
        date = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"
        assert re.fullmatch(f"From j@a.example {date}{ours}", line.decode())
        assert MESSAGE == rest
    else:
        assert body_front + MESSAGE == path.read_bytes()


def _maildir(party: Party) -> dict[str, object]:
    return {"path": str(party.root / "Maildir")}


def test_our_own_name_stands_behind_remote_from(alice: Party, bob: Party) -> None:
    alice.reconfigure(name="alpha")
    send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("j@a.example")), to=FORMS["rmail"])
    bob.knows(alice, handles={"rmail": Handle("rmail", egress="maildir", form="raw", options=_maildir(bob))})
    carry(alice, bob)
    bob.toss()
    (path,) = (bob.root / "Maildir" / "new").iterdir()
    assert path.read_bytes().partition(b"\n")[0].endswith(b" remote from alpha")


def test_a_message_cannot_bring_another_sender(alice: Party, bob: Party) -> None:
    forged = b">From evil@e.example D remote from e\nFrom evil D remote from e\n" + MESSAGE
    for out in FORMS.values():
        bob.memory.got.clear()
        body = written(FORMS["bsmtp"], envelope("joe@a.example"), forged)
        send(alice, "bsmtp", body, to=out)
        kept = forged if out.form == "bsmtp" else MESSAGE
        assert ({"joe@a.example"}, ["x@b.example"], {kept}) == received(alice, bob)


def test_a_sender_without_a_host_is_at_the_node_that_sent_it(alice: Party, bob: Party) -> None:
    alice.submit(b"From joe D\nSubject: s\n\n", "bob", "rmail", "x@b.example")
    alice.submit(b"Subject: s\n\n", "bob", "sendmail", "-f", "joe", "x@b.example")
    assert {"joe@alice"} == received(alice, bob)[0]


def test_a_message_without_a_sender_says_so(alice: Party, bob: Party) -> None:
    senders: list[ReversePath] = []

    def keep(delivery: Delivery) -> list[Outcome]:
        assert delivery.envelope is not None
        senders.append(delivery.envelope.sender)
        return [Outcome(delivery.transaction, Verdict.TAKEN)]

    bob.memory.say = keep
    alice.submit(MESSAGE, "bob", "sendmail", "x@b.example")
    assert ({""}, ["x@b.example"], {MESSAGE}) == received(alice, bob)
    assert [False] == [sender.known for sender in senders]


def test_the_message_can_be_had_again_from_any_thread(alice: Party, bob: Party) -> None:
    again: list[bytes] = []

    def read(delivery: Delivery) -> list[Outcome]:
        assert delivery.reopen is not None
        reopen = delivery.reopen
        threads = [threading.Thread(target=lambda: again.append(reopen().read())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [Outcome(delivery.transaction, Verdict.TAKEN)]

    bob.memory.say = read
    big = MESSAGE * 20000
    send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("joe@a.example"), big), to=FORMS["header"])
    carry(alice, bob)
    bob.toss()
    assert [big] * 4 == again


@pytest.mark.parametrize(
    ("handle", "words", "body"),
    [
        ("sendmail", ("-t",), MESSAGE),
        ("sendmail", ("-oQ/tmp", "x@b.example"), MESSAGE),
        ("sendmail", ("x@b.example", "-be"), MESSAGE),
        ("sendmail", (), MESSAGE),
        ("sendmail", ("joe",), MESSAGE),
        ("rmail", ("x@b.example",), MESSAGE),
        ("rmail", ("-oQ/tmp",), b"From joe@a.example D\n" + MESSAGE),
        ("rmail", ("x@b.example",), b""),
        ("rmail", ("x@b.example",), b"From joe@a.example D"),
    ],
)
def test_what_is_not_in_the_form_is_held(
    alice: Party, bob: Party, handle: str, words: tuple[str, ...], body: bytes
) -> None:
    alice.submit(body, "bob", handle, *words)
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert [] == bob.memory.got


@pytest.mark.parametrize("egress", ["memory", "command"])
def test_the_policy_holds_for_envelopes_in_arguments(alice: Party, bob: Party, egress: str) -> None:
    handles = {
        name: handle._replace(egress=egress, command=("/bin/true",), arguments="recipients")
        for name, handle in HANDLES.items()
    }
    bob.knows(alice, handles=handles, accept=Accept(senders=("*@a.example",), recipients=("*@b.example",)))
    alice.submit(MESSAGE, "bob", "sendmail", "-f", "evil@e.example", "x@b.example")
    alice.submit(b"From joe@a.example D\n" + MESSAGE, "bob", "rmail", "b.example!x", "x%e.example")
    alice.submit(MESSAGE, "bob", "sendmail", "x@b.example")
    carry(alice, bob)
    assert "held 3" == str(bob.toss())


@pytest.mark.parametrize(
    ("handle", "words", "passed"),
    [
        ("sendmail", ("x@b.example", '"q r"@b.example'), 'x@b.example\n"q r"@b.example\n'),
        ("sendmail", ("-i", "-fjoe@a.example", "x@b.example"), "-i\n-f\njoe@a.example\nx@b.example\n"),
        ("sendmail", ("-f", "", "--", "x@b.example"), "-f\n<>\n--\nx@b.example\n"),
        ("sendmail", ("-f", "joe", "--", "c!d!u"), "-f\njoe@alice\n--\nc!d!u\n"),
        ("sendmail", ("-G",), "-G\n"),
        ("sendmail", (), "\n"),
        ("rmail", ("c!d!u", "(x@b.example)"), "c!d!u\nx@b.example\n"),
    ],
)
def test_a_command_gets_what_nncp_would_pass(
    alice: Party, bob: Party, handle: str, words: tuple[str, ...], passed: str
) -> None:
    """Body untouched; arguments written again from what was read."""
    got = bob.root / "got"
    script = f'printf "%s\\n" "$@" >{got}; cat >>{got}'
    form = HANDLES[handle].form
    command = ("/bin/sh", "-c", script, "sh")
    bob.knows(alice, handles={handle: Handle(handle, command=command, form=form, arguments="recipients")})
    body = b"From joe@a.example D\nReturn-Path: <joe@a.example>\n" + MESSAGE
    alice.submit(body, "bob", handle, *words)
    carry(alice, bob)
    assert "delivered 1" == str(bob.toss()), bob.said
    assert passed.encode() + body == got.read_bytes()


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ("sendmail", ("-t", "x@b.example")),
        ("sendmail", ("--", "-x@b.example")),
        ("sendmail", ("-f", "-x@a.example", "x@b.example")),
        ("sendmail", ("|cmd@b.example",)),
        ("sendmail", ("h!|cmd",)),
        ("sendmail", ("/etc/passwd%h",)),
        ("sendmail", ("<x@b.example>",)),
        ("rmail", ("h!/etc/passwd",)),
        ("rmail", ("--", "x@b.example")),
        ("rmail", ("a!b ",)),
        ("rmail", ("(-x@b.example)",)),
    ],
)
def test_a_command_never_gets_what_is_no_plain_address(
    alice: Party, bob: Party, handle: str, words: tuple[str, ...]
) -> None:
    got = bob.root / "got"
    one = Handle(
        handle, command=("/usr/bin/touch", str(got)), form=HANDLES[handle].form, arguments="recipients"
    )
    bob.knows(alice, handles={handle: one})
    alice.submit(b"From joe@a.example D\n" + MESSAGE, "bob", handle, *words)
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert not got.exists()


def test_a_maildir_gets_mail_of_every_form(alice: Party, bob: Party) -> None:
    handles = {
        name: handle._replace(egress="maildir", options=_maildir(bob)) for name, handle in HANDLES.items()
    }
    bob.knows(alice, handles=handles)
    for out in FORMS.values():
        send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("joe@a.example")), to=out)
    alice.submit(MESSAGE, "bob", "sendmail", "x@b.example")
    carry(alice, bob)
    assert "delivered 5" == str(bob.toss())
    mails = sorted(path.read_bytes() for path in (bob.root / "Maildir" / "new").iterdir())
    trace = b"Return-Path: <joe@a.example>\nEnvelope-To: x@b.example\n"
    assert [b"Envelope-To: x@b.example\n" + MESSAGE] + [trace + MESSAGE] * 4 == mails


def test_an_unknown_form_is_temporary(alice: Party, bob: Party) -> None:
    with pytest.raises(ConfigError, match="pigeon"):
        send(alice, "bsmtp", written(FORMS["bsmtp"], envelope("")), to=MailForm("pigeon", "coo"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("-t",), MESSAGE),
        (("root",), MESSAGE),
        (("-oi", "-fj@a.example", "x@b.example"), MESSAGE),
        ((X,), b"Return-Path: <no address>\n" + MESSAGE),
    ],
)
def test_what_only_nncps_command_can_take_gets_there_as_nncp_would_pass_it(
    alice: Party, bob: Party, words: tuple[str, ...], body: bytes
) -> None:
    """A mail egress stands in for a command of NNCP's configuration only where there is an envelope."""
    got = bob.root / "got"
    command = ("/bin/sh", "-c", f'printf "%s\\n" "$@" >{got}; cat >>{got}', "sh")
    one = Handle("sendmail", egress="memory", command=command, form="sendmail", arguments="any")
    bob.knows(alice, handles={"sendmail": one})
    alice.submit(body, "bob", "sendmail", *words)
    carry(alice, bob)
    assert "delivered 1" == str(bob.toss()), bob.said
    readable = words[0] == "-oi"
    assert ([("j@a.example", (X,), MESSAGE)] if readable else []) == bob.memory.got
    if not readable:
        assert "".join(f"{word}\n" for word in words).encode() + body == got.read_bytes()


@pytest.mark.parametrize(
    ("globs", "end", "words"),
    [
        (None, "delivered 1", ("c!b.example!u", "x@b.example")),
        (("*@b.example", "*@c"), "delivered 1", ("c!b.example!u", "x@b.example")),
        (("*@b.example",), "delivered 1", ("x@b.example",)),
        (("*@c",), "held 1", None),
    ],
)
@pytest.mark.parametrize("egress", ["memory", "command"])
def test_a_policy_is_not_evaded_by_the_first_host_of_a_path(
    alice: Party,
    bob: Party,
    egress: str,
    globs: tuple[str, ...] | None,
    end: str,
    words: tuple[str, ...] | None,
) -> None:
    """Who follows the path sends the mail there; an egress that does not has the address alone."""
    seen: list[Delivery] = []
    bob.memory.say = lambda d: seen.append(d) or [Outcome(d.transaction, Verdict.TAKEN)]  # type: ignore[func-returns-value]
    one = HANDLES["rmail"]._replace(egress=egress, command=("/bin/true",), arguments="recipients")
    bob.knows(alice, handles={"rmail": one}, accept=Accept(recipients=globs))
    alice.submit(b"From j D\n" + MESSAGE, "bob", "rmail", "c!b.example!u", "x@b.example")
    carry(alice, bob)
    evades = egress == "command" and words == ("x@b.example",)
    assert ("held 1" if evades else end) == str(bob.toss())
    assert [words] * (egress == "memory" and words is not None) == [delivery.words for delivery in seen]


def test_a_policy_on_envelopes_is_not_evaded_by_words_without_one(alice: Party, bob: Party) -> None:
    got = bob.root / "got"
    command = ("/usr/bin/touch", str(got))
    one = Handle("sendmail", egress="memory", command=command, form="sendmail", arguments="any")
    bob.knows(alice, handles={"sendmail": one}, accept=Accept(recipients=("*@b.example",)))
    alice.submit(MESSAGE, "bob", "sendmail", "-t")
    carry(alice, bob)
    assert "held 1" == str(bob.toss())
    assert not got.exists()
