"""SIGKILL before every single system call of a look at waiting mail: each sender is told once."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.engine.delay import Delays
from gateway.spool.spool import Spool
from tests.crash.shim import killed
from tests.engine.parties import Party
from tests.engine.test_report import batch
from tests.engine.test_warning import queue, tell_own_senders, wait


def test_every_sender_is_told_once(tmp_path: Path) -> None:
    alice, bob = Party(tmp_path, "alice"), Party(tmp_path, "bob")
    alice.knows(bob)
    tell_own_senders(alice)
    for who in ("joe", "sue"):
        queue(alice, batch((f"{who}@a.example", ("x@b.example",), f"Message-ID: <{who}@a.example>\n")))
    wait(alice)
    template = str(alice.spool.root)

    def look() -> None:
        Delays(alice.config, alice.spool, alice.registry(), say=alice.said.append).look()

    step, through = 0, False
    while not through:
        root = f"{template}{step}"
        shutil.copytree(template, root, symlinks=True)
        alice.spool = Spool(root)
        through = killed(step, look)
        wait(alice)
        alice.spool.recover()
        look()
        before = len(alice.memory.got)
        alice.toss()
        told = [recipients for _, recipients, _ in alice.memory.got[before:]]
        assert [("joe@a.example",), ("sue@a.example",)] == sorted(told), step
        assert [] == list(Path(root).glob("*/delayed/*")) + alice.tmp(), step
        step += 1
    assert step > 20
