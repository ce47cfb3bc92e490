"""`gateway xfer` as typed: flags, what it says, exit statuses."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from gateway.packet.header import Header
from gateway.packet.identity import decode
from gateway.packet.mth import MerkleTree
from gateway.spool.spool import Spool
from tests.real.nodes import Node


@pytest.fixture
def alice(tmp_path: Path) -> Node:
    alice, bob = Node(tmp_path / "alice", "alice"), Node(tmp_path / "bob", "bob")
    alice.know(bob)
    queue(alice, bob)
    return alice


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    path = tmp_path / "stick"
    path.mkdir()
    return path


def queue(sender: Node, receiver: Node, niceness: int = 160) -> str:
    ids = (decode(node.keys.id) for node in (sender, receiver))
    header = Header(niceness=niceness, sender=next(ids), recipient=next(ids), exchpub=os.urandom(32))
    tree = MerkleTree()
    tree.update(header.encode())
    spool = Spool(str(sender.spool))
    with spool.stage() as staged:
        staged.write(header.encode())
        staged.complete()
        spool.commit(staged, receiver.keys.id, "tx", tree.name())
    return tree.name()


def files(stick: Path) -> int:
    return sum(path.is_file() for path in stick.rglob("*"))


def test_it_says_what_it_did(alice: Node, stick: Path) -> None:
    done = alice.gateway("xfer", "--tx", "--mkdir", str(stick))
    assert (0, b"received 0, sent 1, 1 KiB\n", b"") == (done.status, done.stdout, done.stderr)
    assert 1 == files(stick)


@pytest.mark.parametrize("quiet", [["xfer", "--quiet"], ["xfer", "-quiet"], ["--quiet", "xfer"]])
def test_quiet_says_nothing(alice: Node, stick: Path, quiet: list[str]) -> None:
    done = alice.gateway(*quiet, "--mkdir", str(stick))
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr)


def test_nncps_spelling_of_every_flag(alice: Node, stick: Path) -> None:
    flags = ["-tx", "-mkdir", "-keep", "-node", "bob", "-nice=N", "-noprogress", "-quiet"]
    assert 0 == alice.gateway("xfer", *flags, str(stick)).status
    assert 1 == files(stick)
    assert 1 == len(alice.packets("tx"))
    assert 0 == alice.gateway("xfer", "-rx", str(stick)).status


def test_a_neighbour_may_be_named_by_its_id(alice: Node, stick: Path) -> None:
    bob = alice.neighbours["bob"].node.keys.id
    assert 0 == alice.gateway("xfer", "--mkdir", "--node", bob, str(stick)).status
    assert 1 == files(stick)


def test_the_less_urgent_stay(alice: Node, stick: Path) -> None:
    assert 0 == alice.gateway("xfer", "--mkdir", "--nice", "PRIORITY", str(stick)).status
    assert 0 == files(stick)


def test_a_neighbour_without_a_directory_is_told_of(alice: Node, stick: Path) -> None:
    done = alice.gateway("xfer", str(stick))
    assert 0 == done.status
    assert "--mkdir" in done.messages[0]


@pytest.mark.parametrize(
    "words", [["--rx", "--tx", "."], [], ["--nice", "0", "."], ["--nice", "URGENT", "."], ["--moon", "."]]
)
def test_misuse_ends_in_2(alice: Node, words: list[str]) -> None:
    assert 2 == alice.gateway("xfer", *words).status


def test_a_damaged_packet_ends_in_1(alice: Node, stick: Path) -> None:
    bob = alice.neighbours["bob"].node
    folder = stick / alice.keys.id / bob.keys.id
    folder.mkdir(parents=True)
    [packet] = alice.packets("tx")
    (folder / packet.name).write_bytes(packet.read_bytes() + b"x")
    done = alice.gateway("xfer", "--rx", str(stick))
    assert 1 == done.status
    assert packet.name in done.messages[0]


def test_a_busy_lock_ends_in_75(alice: Node, stick: Path) -> None:
    bob = alice.neighbours["bob"].node
    (alice.spool / bob.keys.id).mkdir(exist_ok=True)
    with (alice.spool / bob.keys.id / "tx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = alice.gateway("xfer", "--mkdir", str(stick))
    assert 75 == done.status
    assert "another process" in done.messages[0]


def test_a_medium_that_is_not_there_ends_in_75(alice: Node, stick: Path) -> None:
    assert 75 == alice.gateway("xfer", str(stick / "missing")).status


def test_an_unknown_neighbour_ends_in_75(alice: Node, stick: Path) -> None:
    assert 75 == alice.gateway("xfer", "--node", "carol", str(stick)).status


def test_the_spool_is_made_when_it_is_missing(alice: Node, stick: Path) -> None:
    """NNCP's nncp-xfer gives up there."""
    bob = alice.neighbours["bob"].node
    assert 0 == alice.gateway("xfer", "--mkdir", str(stick)).status
    packet = next(path for path in stick.rglob("*") if path.is_file())
    folder = stick / alice.keys.id / bob.keys.id
    folder.mkdir(parents=True)
    packet.rename(folder / packet.name)
    alice.spool.rename(alice.directory / "old")
    assert 0 == alice.gateway("xfer", str(stick)).status
    assert 1 == len(alice.packets("rx"))
