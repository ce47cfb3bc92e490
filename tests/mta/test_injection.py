"""Words that want to be more than an address: through every way in, and from a peer that writes packets.

Each must be refused, or reach a program as one address in the place of an address: behind the
``--`` that ends the options, as the value of ``-f``, or in the angle brackets of a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.config.model import Form, Handle
from gateway.errors import Malformed, Refused, Truncated, UsageError
from gateway.mail.envelope import Recipient, ReversePath
from tests.defaults.test_smtp import Program
from tests.engine.parties import Party, carry
from tests.mta.ways_out import batch
from tests.real.cap import Call, Recorder

JOE, X, EVIL = "joe@a.example", "x@b.example", "evil@evil.example"
TEXT = b"Subject: one\n\nhi\n"
WORDS = (
    "-oQ/tmp", "-oQ/tmp@b.example", "-C/tmp/x@b.example", "-t", "--", "", '"; rm -rf /"@x', "$(id)@b.example",
    '"-oQ/tmp"@b.example', "${run{/bin/id}}@b.example", "|cmd", "|cmd@b.example", '"|cmd"@b.example',
    ":include:/etc/passwd", '":include:/etc/passwd"@b.example', "/etc/passwd@b.example", f"{X} -oQ/tmp",
    f"{X},{EVIL}", f"<{X}> SIZE=1", f"@{EVIL}:{X}", f"Evil <{EVIL}>", "a!-C/tmp/x", "(-oQ/tmp)", "-oQ/tmp!x",
)  # fmt: skip
LINES = (
    f"{X}\n{EVIL}",
    f"{X}>\nRCPT TO:<{EVIL}",
    f"{X}>\r\nRCPT TO:<{EVIL}",
    f"{X}\r-oQ/tmp",
    '"a\n"@b.example',
)
"""With line ends: in arguments. In a stream of commands or in a header they are what they look like."""


class Job(NamedTuple):
    """What is given to ``gateway exec``, or what stands in a packet: handle, arguments, body."""

    handle: str
    arguments: tuple[str, ...]
    body: bytes


PLUGINS = ("exim", "postfix", "rmail")
FORMS: dict[str, Form] = {"rsmtp": "bsmtp", "rmail": "rmail", "sendmail": "sendmail"}
INGRESS = {"rsmtp": "exim", "rmail": "rmail", "sendmail": "postfix"}


def _in_batch(sender: str, recipient: str) -> bytes:
    return f"MAIL FROM:<{sender}>\nRCPT TO:<{recipient}>\nDATA\n".encode() + TEXT + b".\n"


def arguments(word: str) -> Iterator[Job]:
    """Yield a word in all places where an argument is an address."""
    yield Job("rmail", (word,), _from_line(JOE) + TEXT)
    for sender, recipient in ((JOE, word), (word, X)):
        yield Job("sendmail", ("-f", sender, "--", recipient), TEXT)


def streams(word: str) -> Iterator[Job]:
    """Yield a word in all places where a line of the input holds an address."""
    for sender, recipient in ((JOE, word), (word, X)):
        yield Job("rsmtp", (), _in_batch(sender, recipient))
    yield Job("rmail", (X,), _from_line(word) + TEXT)
    yield Job("sendmail", (X,), f"Return-Path: <{word}>\n".encode() + TEXT)


def of_postfix(word: str) -> Iterator[Job]:
    """Yield a word where ``gateway submit postfix`` has addresses."""
    for sender, recipient in ((JOE, word), (word, X)):
        yield Job("sendmail", ("--sender", sender, "--", recipient), TEXT)


def _from_line(sender: str) -> bytes:
    return f"From {sender} Thu Jan  1 00:00:00 2026 remote from a\n".encode()


JOBS = [job for word in WORDS + LINES for job in arguments(word)] + [
    job for word in WORDS for job in streams(word)
]


class Bob:
    """Bob with one egress behind every handle; every program that it runs is a recorder."""

    def __init__(self, party: Party, alice: Party, egress: str, recorder: Recorder, folder: Path) -> None:
        self.party = party
        self.egress = egress
        self.recorder = recorder
        self.server = Program(folder, {})
        command = {
            "exim": (str(recorder.program), "-bS"),
            "smtp": self.server.command,
        }.get(egress, (str(recorder.program),))
        party.reconfigure(plugins=PLUGINS)
        party.knows(
            alice,
            handles={
                word: Handle(word, egress, command, form, "none" if form == "bsmtp" else "recipients")
                for word, form in FORMS.items()
            },
        )

    def envelopes(self) -> list[tuple[str, list[str]]]:
        """Return what the programs were told, every word of it looked at."""
        if self.egress == "smtp":
            return [one for session in self.server.sessions() for one in _of_session(session["commands"])]
        return [one for call in self.recorder.calls() for one in _of_call(self.egress, call)]


def _of_session(commands: list[str]) -> Iterator[tuple[str, list[str]]]:
    assert commands[0].startswith("EHLO "), commands
    assert ["DATA", "QUIT"] == commands[-2:]
    transaction: list[str] = []
    for command in commands[1:-1]:
        if command != "DATA":
            transaction.append(command)
            continue
        sender, *recipients = transaction
        transaction = []
        assert sender.startswith("MAIL FROM:<"), commands
        assert all(one.startswith("RCPT TO:<") and one.endswith(">") for one in recipients), commands
        path = sender.removeprefix("MAIL FROM:<").partition("> SIZE=")[0]
        yield path.removesuffix(">"), [one[len("RCPT TO:<") : -1] for one in recipients]


def _of_call(egress: str, call: Call) -> Iterator[tuple[str, list[str]]]:
    words = list(call.arguments)
    if egress == "exim":
        assert ["-bS"] == words
        yield from ((mail.sender, list(mail.recipients)) for mail in batch(call.body))
        return
    if egress == "command" and not words:  # a batch without the arguments that came with it
        assert _in_batch(JOE, X) == call.body
        return
    while words and words[0] in ("-G", "-i", "-oep"):
        words.pop(0)
    sender = ""
    if words[:1] == ["-f"]:
        sender = words[1]
        words = words[2:]
    if words[:1] == ["--"]:
        words.pop(0)
    else:
        assert egress == "command", call.arguments
        assert not [word for word in words if word.startswith("-")], call.arguments
    yield sender, words


def harmless(envelopes: list[tuple[str, list[str]]]) -> None:
    """Check that every word is an address, and that nobody was added."""
    for sender, recipients in envelopes:
        assert 1 == len(recipients), recipients
        (recipient,) = recipients
        if not re.fullmatch(r"\w+!\S+", recipient):  # a bang path keeps its spelling
            assert recipient == Recipient(recipient).address
        assert EVIL not in recipient
        if sender not in ("", "<>"):
            assert sender == ReversePath(sender).address


@pytest.fixture(params=["exim", "postfix", "rmail", "smtp", "command"])
def far(request: pytest.FixtureRequest, bob: Party, alice: Party, recorder: Recorder, tmp_path: Path) -> Bob:
    return Bob(bob, alice, request.param, recorder, tmp_path)


def test_through_a_way_in(alice: Party, bob: Party) -> None:
    """What is refused goes back to the MTA; what is left is one address."""
    alice.reconfigure(plugins=PLUGINS)
    bob.knows(alice, handles={word: Handle(word, "memory", ("m",), form) for word, form in FORMS.items()})
    refused = taken = 0
    for job in [*JOBS, *(job for word in WORDS + LINES for job in of_postfix(word))]:
        try:
            alice.submit(job.body, "bob", job.handle, *job.arguments, ingress=INGRESS[job.handle])
        except (Malformed, Refused, UsageError, Truncated):
            refused += 1
        else:
            taken += 1
    assert min(refused, taken) > len(JOBS) // 4, (refused, taken)
    carry(alice, bob)
    bob.toss()
    assert taken == len(bob.memory.got)
    harmless([(sender, list(recipients)) for sender, recipients, _ in bob.memory.got])


def test_from_a_peer_that_writes_packets_itself(alice: Party, far: Bob) -> None:
    # To a plain command a batch goes as it came: what its lines mean is for that program to say.
    jobs = [job for job in JOBS if far.egress != "command" or job.handle != "rsmtp"]
    for job in jobs:
        alice.submit(job.body, "bob", job.handle, *job.arguments)
    for word in WORDS + LINES:
        alice.submit(_in_batch(JOE, X), "bob", "rsmtp", word, X)
    carry(alice, far.party)
    far.party.toss()
    found = far.envelopes()
    assert len(found) + len(far.party.jobs("hold")) >= len(jobs)
    assert len(found) > len(jobs) // 4
    harmless(found)
    assert [] == far.party.jobs("work")
