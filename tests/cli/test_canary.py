"""``gateway canary`` over real routes: either make at the other end, relays, a directory, no answer."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from tests.real.nodes import MAKES, Make, Node, carry, toss
from tests.real.programs import Finished


def told(done: Finished) -> dict[str, object]:
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def last(node: Node, through: str = "bob") -> dict[str, object]:
    return told(node.gateway("canary", "--last", "--json", through))


@pytest.mark.nncp
@pytest.mark.parametrize("make", MAKES)
def test_it_comes_back_by_a_directory_from_either_make(
    real_pair: tuple[Node, Node], tmp_path: Path, make: Make
) -> None:
    """Nothing is configured for it at bob: he knows alice, and that is all."""
    alice, bob = real_pair
    stick = tmp_path / "stick"
    bob.know(alice, handles={})
    done = alice.gateway("canary", "--no-wait", "bob")
    assert (0, True) == (done.status, b"--last bob" in done.stdout), done
    assert "queued" == last(alice)["proved"]
    carry(alice, bob, stick, tx="gateway", rx=make)
    assert "sent" == last(alice)["proved"]
    assert 0 == toss(bob, make).status
    carry(bob, alice, stick, tx=make, rx="gateway")
    assert "back" == last(alice)["proved"]
    assert 0 == toss(alice, "gateway").status
    found = last(alice)
    assert (True, "tossed", "bob") == (found["arrived"], found["proved"], found["hop"])
    steps = [found[step] for step in ("queued", "sent", "back", "tossed")]
    assert steps == sorted(steps)  # type: ignore[type-var]
    assert [] == alice.packets("rx") + alice.packets("tx") + alice.packets("work") + alice.packets("hold")


@pytest.mark.nncp
def test_it_comes_back_by_a_relay_of_nncps(real_nodes: tuple[Node, Node, Node], tmp_path: Path) -> None:
    alice, relay, bob = real_nodes
    assert 0 == alice.gateway("canary", "--no-wait", "bob").status
    for number, (sender, receiver) in enumerate(((alice, relay), (relay, bob), (bob, relay), (relay, alice))):
        tx, rx = ("gateway" if node is alice else "nncp" for node in (sender, receiver))
        carry(sender, receiver, tmp_path / str(number), tx=tx, rx=rx)  # type: ignore[arg-type]
        assert 0 == toss(receiver, rx).status  # type: ignore[arg-type]
    found = last(alice)
    assert (True, "relay") == (found["arrived"], found["hop"])


def test_it_is_waited_for(two_nodes: tuple[Node, Node], tmp_path: Path) -> None:
    alice, bob = two_nodes

    def move() -> None:
        while not alice.packets("tx", bob):
            time.sleep(0.01)
        carry(alice, bob, tmp_path / "stick", tx="gateway", rx="gateway")
        toss(bob, "gateway")
        carry(bob, alice, tmp_path / "stick", tx="gateway", rx="gateway")
        toss(alice, "gateway")

    mover = threading.Thread(target=move)
    mover.start()
    done = alice.gateway("canary", "--timeout", "2m", "bob")
    mover.join()
    assert 0 == done.status, done
    lines = done.stdout.decode().splitlines()
    assert ["STEP", "queued", "sent", "back", "tossed"] == [line.split()[0] for line in lines]
    assert "1035 bytes; by xfer" in lines[2]


@pytest.mark.parametrize("journal", ["true", "false"])
def test_what_does_not_arrive_says_how_far_it_came_and_what_to_do(
    two_nodes: tuple[Node, Node], tmp_path: Path, journal: str
) -> None:
    alice, bob = two_nodes
    alice.tail = f"[plugin.journal]\nenabled = {journal}"
    alice.write()
    done = alice.gateway("canary", "--timeout", "0.1s", "bob")
    assert 1 == done.status
    assert any("within 0.1s: it waits here for bob: `gateway call bob`" in line for line in done.messages)
    bob.neighbours.clear()
    bob.write()
    carry_away(alice, bob, tmp_path / "stick")
    assert 1 == toss(bob, "gateway").status
    done = alice.gateway("canary", "--last", "bob")
    assert 1 == done.status
    assert any("it left for bob, and nothing came back" in line for line in done.messages)
    assert any("does not know us" in line for line in done.messages)


def carry_away(alice: Node, bob: Node, stick: Path) -> None:
    """Carry packets to a node that does not know whose they are."""
    stick.mkdir()
    assert 0 == alice.gateway("xfer", "--tx", "--mkdir", str(stick)).status
    for packet in (stick / bob.keys.id / alice.keys.id).iterdir():
        box = bob.spool / alice.keys.id / "rx"
        box.mkdir(parents=True)
        packet.rename(box / packet.name)


def test_one_not_due_yet_is_passed_over(two_nodes: tuple[Node, Node]) -> None:
    """From cron: tell of the one before, as far as it could be back, and send the next."""
    alice, bob = two_nodes
    first = alice.gateway("canary", "--last", "--no-wait", "--timeout", "6h", "bob")
    assert (0, b"") == (first.status, first.stdout), first
    second = alice.gateway("canary", "--last", "--no-wait", "--timeout", "6h", "bob")
    assert (0, b"") == (second.status, second.stdout), second
    assert 2 == len(alice.packets("tx", bob))
    late = alice.gateway("canary", "--last", "--timeout", "0.001s", "bob")
    assert 1 == late.status


def test_words_that_make_no_sense(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    for words, text in {
        ("bob", "--last"): "no canary was ever sent through bob: `gateway canary bob` sends one",
        ("self",): "self is this node itself",
        ("bob", "--timeout", "soon"): "a duration was expected",
    }.items():
        done = alice.gateway("canary", *words)
        assert (2, True) == (done.status, text in done.stderr.decode()), done
    unknown = alice.gateway("canary", "carol")
    assert (75, True) == (unknown.status, b"unknown node 'carol'" in unknown.stderr), unknown
