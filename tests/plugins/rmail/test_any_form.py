"""Mail that came in by rmail leaves by others, and mail of other forms leaves by rmail's egress."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.cap import Recorder
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import Node, carry, toss

TEXT = b"Subject: x\n\n.\n..\nhi\n"
BATCH = b"MAIL FROM:<%b>\nRCPT TO:<x@b.example>\nRCPT TO:<y@b.example>\nDATA\nSubject: x\n\n..\n...\nhi\n.\n"
NAMES = ("x@b.example", "y@b.example")
FLAGS = ("-i", "-G", "-oep")


def arrive(alice: Node, bob: Node, medium: Path) -> None:
    carry(alice, bob, medium, tx="gateway", rx="gateway")
    done = toss(bob, "gateway")
    assert done.status == 0, done


@pytest.mark.parametrize("sender", ["joe@a.example", ""])
@pytest.mark.parametrize("form", ["rmail", "bsmtp", "sendmail"])
def test_every_form_reaches_sendmail(tmp_path: Path, recorder: Recorder, form: str, sender: str) -> None:
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    alice.know(bob, toml=f'mail = {{ form = "{form}" }}')
    handle = f'{{ egress = "rmail", command = ["{recorder.program}"] }}'
    bob.know(alice, toml="\n".join(f"exec.{word} = {handle}" for word in ("rmail", "rsmtp", "sendmail")))
    for ingress, words, data in [
        ("rmail", ("--", *NAMES), b"From %b D\n" % (sender.encode() or b"MAILER-DAEMON") + TEXT),
        ("exim", (), BATCH % sender.encode()),
    ]:
        done = alice.gateway("submit", ingress, "--node", "bob", *words, stdin=data)
        assert done.status == 0, done
    arrive(alice, bob, tmp_path / "medium")
    expected = (*FLAGS, "-f", sender or "<>", "--", *NAMES)
    assert [(expected, TEXT)] * 2 == [(call.arguments, call.body) for call in recorder.calls()]


def test_a_sender_that_nobody_wrote_is_not_made_up(tmp_path: Path, recorder: Recorder) -> None:
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    alice.know(bob)
    bob.know(alice, toml=f'exec.sendmail = {{ egress = "rmail", command = ["{recorder.program}"] }}')
    done = alice.gateway("exec", "--raw", "bob", "sendmail", *NAMES, stdin=TEXT)
    assert done.status == 0, done
    arrive(alice, bob, tmp_path / "medium")
    (call,) = recorder.calls()
    assert ((*FLAGS, "--", *NAMES), TEXT) == (call.arguments, call.body)


@pytest.mark.exim
@pytest.mark.parametrize("sender", ["joe@a.example", ""])
def test_from_rmail_into_batch_smtp(tmp_path: Path, make_exim: Callable[..., Exim], sender: str) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    alice, bob = (Node(tmp_path / name, name) for name in ("alice", "bob"))
    alice.know(bob)
    command = json.dumps([str(exim.sendmail("-odi")), "-bS"])
    bob.know(alice, toml=f'exec.rsmtp = {{ egress = "exim", command = {command} }}')
    line = b"From %b D remote from a.example\n" % (sender.encode() or b"MAILER-DAEMON")
    done = alice.gateway("submit", "rmail", "--node", "bob", "--", *NAMES, stdin=line + TEXT)
    assert done.status == 0, done
    arrive(alice, bob, tmp_path / "medium")
    assert {sender} == {mail.sender for mail in exim.mails()}
    assert sorted(NAMES) == sorted(name for mail in exim.mails() for name in mail.recipients)
    assert {b".\n..\nhi\n"} == {mail.message.partition(b"\n\n")[2] for mail in exim.mails()}
