"""Receipts of either make, understood by the other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.real.cap import Recorder
from tests.real.nodes import Node, carry, toss

pytestmark = pytest.mark.nncp

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"


def kept(alice: Node, bob: Node, stick: Path) -> Path:
    """Queue mail at alice and carry a copy of it to bob; return what stays at alice."""
    done = alice.gateway("exec", "bob", "rsmtp", stdin=BATCH)
    assert 0 == done.status, done
    [packet] = alice.packets("tx", bob)
    aside = stick.parent / packet.name
    shutil.copy(packet, aside)
    carry(alice, bob, stick, tx="nncp", rx="nncp")
    packet.parent.mkdir(exist_ok=True)
    shutil.move(aside, packet)
    return packet


@pytest.mark.parametrize("taken", [True, False])
def test_nncp_drops_what_our_receipt_names_whatever_else_it_says(
    real_pair: tuple[Node, Node], tmp_path: Path, recorder: Recorder, taken: bool
) -> None:
    alice, bob = real_pair
    handles = {"rsmtp": [str(recorder.program), "-bS"]} if taken else {}
    bob.know(alice, handles=handles, toml="ack = true")
    packet = kept(alice, bob, tmp_path / "stick")
    toss(bob, "gateway")
    assert int(taken) == len(recorder.calls())
    assert 1 == len(bob.packets("tx", alice))
    carry(bob, alice, tmp_path / "stick", tx="nncp", rx="nncp")
    [receipt] = alice.packets("rx", bob)
    shown = alice.nncp("pkt", stdin=receipt.read_bytes())
    assert (0, True) == (shown.status, b"encrypted" in shown.stdout), shown
    done = toss(alice, "nncp")
    assert 0 == done.status, done
    assert not packet.exists()
    assert [] == alice.packets("rx")
    assert f"Pkt: {packet.name}" in alice.records()


def test_a_receipt_of_nncps_says_that_the_packet_arrived(
    real_pair: tuple[Node, Node], tmp_path: Path
) -> None:
    alice, bob = real_pair
    packet = kept(alice, bob, tmp_path / "stick")
    done = bob.nncp("ack", "-node", "alice")
    assert 0 == done.status, done
    carry(bob, alice, tmp_path / "stick", tx="nncp", rx="nncp")
    done = toss(alice, "gateway")
    assert (0, b"acknowledged 1\n") == (done.status, done.stdout), done
    assert not packet.exists()
    found = alice.gateway("trace", "--json", packet.name)
    newest, *_, oldest = (json.loads(line) for line in found.stdout.splitlines())
    assert ("acknowledged", "bob", "", True) == (
        newest["event"], newest["node"], newest["detail"]["state"], newest["detail"]["dropped"],
    )  # fmt: skip
    assert ("submitted", packet.name) == (oldest["event"], oldest["packet"])
