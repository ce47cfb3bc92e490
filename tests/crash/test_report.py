"""SIGKILL before every single system call of a toss that refuses: each sender is told once, whatever dies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.config.model import Accept
from gateway.mta import Outcome, Verdict
from gateway.spool.spool import Spool
from tests.crash.shim import killed
from tests.engine.parties import Party, carry

BATCH = (
    b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@far.example>\nDATA\nSubject: hi\n\nhello\n.\n"
    b"MAIL FROM:<sue@a.example>\nRCPT TO:<y@far.example>\nDATA\nSubject: hi\n\nhello\n.\n"
)
POLICY = Accept(recipients=("*@b.example",))


@pytest.mark.parametrize("accept", [Accept(), POLICY], ids=["by the program", "by the policy"])
def test_every_sender_is_told_once(tmp_path: Path, accept: Accept) -> None:
    alice, bob = Party(tmp_path, "alice"), Party(tmp_path, "bob")
    alice.knows(bob)
    bob.knows(alice, accept=accept, bounce=True)
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.REFUSED, "550 no")]
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    template = str(bob.spool.root)
    step, through = 0, False
    while not through:
        root = f"{template}{step}"
        shutil.copytree(template, root, symlinks=True)
        bob.spool = Spool(root)
        through = killed(step, bob.toss)
        bob.spool.recover()
        bob.toss()
        assert (0, 0, 1) == (len(bob.jobs("rx")), len(bob.jobs("work")), len(bob.jobs("hold"))), step
        before = len(alice.memory.got)
        carry(bob, alice)
        alice.toss()
        told = [recipients for _, recipients, _ in alice.memory.got[before:]]
        assert [("joe@a.example",), ("sue@a.example",)] == sorted(told), step
        assert [] == list(Path(root).glob("*/work/*.answer")), step
        step += 1
    assert step > 50
