"""SIGKILL before every single system call of a directory exchange: nothing lost, nothing twice."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.links.xfer import Exchanged, exchange
from gateway.packet.header import Header
from gateway.packet.identity import encode
from gateway.packet.mth import MerkleTree
from gateway.spool.spool import Spool
from tests.crash.shim import killed

ALICE, BOB = bytes([1]) * 32, bytes([2]) * 32
A, B = encode(ALICE), encode(BOB)
DATA = Header(niceness=96, sender=ALICE, recipient=BOB, exchpub=bytes(32)).encode() + bytes(300_000)


def name_of(data: bytes) -> str:
    tree = MerkleTree()
    tree.update(data)
    return tree.name()


NAME = name_of(DATA)


class Trip:
    """A packet between two spools and a stick."""

    def __init__(self, root: Path) -> None:
        self.alice, self.bob = Spool(str(root / "alice")), Spool(str(root / "bob"))
        self.stick = root / "stick"
        self.stick.mkdir(parents=True)
        with self.alice.stage() as staged:
            staged.write(DATA)
            staged.complete()
            self.alice.commit(staged, B, "tx", NAME)

    def send(self) -> Exchanged:
        return exchange(self.alice, str(self.stick), ALICE, {"bob": BOB}, mkdir=True)

    def receive(self) -> Exchanged:
        return exchange(self.bob, str(self.stick), BOB, {"alice": ALICE})

    def places(self) -> dict[str, bytes]:
        """Return where the packet lies, by its name, and what lies there."""
        found = {
            f"{who} {job.box}": Path(spool.paths.packet(job.node, job.box, NAME)).read_bytes()
            for who, spool in (("alice", self.alice), ("bob", self.bob))
            for job in spool.find(NAME)
        }
        for path in self.stick.rglob(NAME):
            found["stick"] = path.read_bytes()
        return found


def test_a_kill_while_sending_leaves_the_packet_whole_and_the_next_run_sends_it(tmp_path: Path) -> None:
    step, through = 0, False
    while not through:
        trip = Trip(tmp_path / str(step))
        through = killed(step, trip.send)
        assert set(trip.places().values()) == {DATA}
        trip.alice.recover()
        assert () == trip.send().failures
        assert {"stick": DATA} == trip.places()
        assert [NAME] == [path.name for path in trip.stick.rglob("*") if path.is_file()]
        step += 1
    assert step > 10


def test_a_kill_while_receiving_leaves_the_packet_whole_and_the_next_run_gets_it(tmp_path: Path) -> None:
    step, through = 0, False
    while not through:
        trip = Trip(tmp_path / str(step))
        trip.send()
        through = killed(step, trip.receive)
        assert set(trip.places().values()) == {DATA}
        trip.bob.recover()
        assert () == trip.receive().failures
        assert {"bob rx": DATA} == trip.places()
        assert [] == [path for path in trip.stick.rglob("*") if path.is_file()]
        assert [] == os.listdir(f"{trip.bob.root}/tmp")
        step += 1
    assert step > 10
