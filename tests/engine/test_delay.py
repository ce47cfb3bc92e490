"""Packets that wait too long: a person hears of each once, and looking is cheap."""

from __future__ import annotations

import os
import time

import pytest

from gateway.config.model import Retry
from gateway.engine import delay
from gateway.mta import Event, EventKind
from gateway.packet.identity import encode
from tests.engine.parties import BATCH, Party


def wait(party: Party, other: Party, seconds: float) -> None:
    """Make all that waits, and the last look at it, older."""
    then = time.time() - seconds
    files = [*party.box(other, "tx").glob("?" * 52), party.box(other, "delayed.json")]
    for path in files:
        if path.exists():
            os.utime(path, (then, then))


def look(party: Party) -> list[Event]:
    """Look as a process of its own does; return what it told."""
    before = len(party.events)
    found = delay.Delays(party.config, party.spool, party.registry(), say=party.said.append).look()
    assert found == len(party.events) - before
    return party.events[before:]


def test_each_packet_is_told_of_once(alice: Party, bob: Party) -> None:
    [first] = alice.submit(BATCH, "bob")
    assert [] == look(alice)
    wait(alice, bob, 90_000)
    [event] = look(alice)
    assert (EventKind.DELAYED, first, "bob", 96) == (event.kind, event.packet, event.node, event.niceness)
    assert "has been waiting for 25 hours" == event.text
    assert 90_000 == pytest.approx(event.detail["waited"], abs=60)
    assert "packets wait for bob: 1 more for too long, the oldest for 25 hours" == alice.said[-1]
    wait(alice, bob, 100_000)
    assert [] == look(alice)
    [second] = alice.submit(BATCH, "bob")
    wait(alice, bob, 100_000)
    assert [second] == [event.packet for event in look(alice)]


def test_what_was_sent_is_forgotten(alice: Party, bob: Party) -> None:
    [first] = alice.submit(BATCH, "bob")
    wait(alice, bob, 90_000)
    look(alice)
    alice.spool.drop_sent(encode(bob.identity.id), first)
    [second] = alice.submit(BATCH, "bob")
    wait(alice, bob, 90_000)
    look(alice)
    memory = alice.box(bob, "delayed.json").read_text()
    assert second in memory
    assert first not in memory


def test_a_neighbours_own_patience_counts(alice: Party, bob: Party) -> None:
    alice.reconfigure(retry=Retry(warn_after=10.0))
    neighbours = {**alice.config.neighbours}
    neighbours["bob"] = neighbours["bob"]._replace(warn_after=1000.0)
    alice.reconfigure(neighbours=neighbours)
    alice.submit(BATCH, "bob")
    wait(alice, bob, 900)
    assert [] == look(alice)
    wait(alice, bob, 1100)
    assert 1 == len(look(alice))


def test_toss_looks(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    wait(alice, bob, 90_000)
    alice.toss(dry_run=True)
    assert EventKind.DELAYED not in [event.kind for event in alice.events]
    alice.toss()
    assert EventKind.DELAYED in [event.kind for event in alice.events]


def test_one_that_was_looked_at_lately_is_not_looked_at(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.submit(BATCH, "bob")
    wait(alice, bob, 90_000)
    delays = delay.Delays(alice.config, alice.spool, alice.registry(), say=alice.said.append)
    assert 1 == delays.look()
    monkeypatch.setattr(alice.spool, "jobs", lambda *_: pytest.fail("looked"))
    assert 0 == delays.look()
    assert [] == look(alice)


def test_a_long_queue_is_looked_at_now_and_then_whoever_looks(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delay, "_MANY", 2)
    alice.submit(BATCH, "bob")
    assert [] == look(alice)
    assert not alice.box(bob, "delayed.json").exists()
    alice.submit(BATCH, "bob")
    assert [] == look(alice)
    wait(alice, bob, 90_000)
    os.utime(alice.box(bob, "delayed.json"))
    assert [] == look(alice)
    wait(alice, bob, 90_000)
    assert 2 == len(look(alice))


def test_a_packet_for_nobody_is_told_of(alice: Party, bob: Party) -> None:
    """Its neighbour was taken out of the configuration: nothing will ever send it."""
    alice.submit(BATCH, "bob")
    wait(alice, bob, 90_000)
    alice.reconfigure(neighbours={"self": alice.config.neighbours["self"]})
    [event] = look(alice)
    assert encode(bob.identity.id) == event.node
    assert "a node that alice.toml does not have" in alice.said[-1]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"X": "y"}', "[" * 100_000])
def test_a_memory_that_makes_no_sense_is_made_anew(alice: Party, bob: Party, content: str) -> None:
    alice.submit(BATCH, "bob")
    alice.box(bob, "delayed.json").write_text(content)
    wait(alice, bob, 90_000)
    assert 1 == len(look(alice))
    wait(alice, bob, 100_000)
    assert [] == look(alice)


def test_whoever_is_at_work_on_the_neighbour_is_not_disturbed(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    wait(alice, bob, 90_000)
    delays = delay.Delays(alice.config, alice.spool, alice.registry(), say=alice.said.append)
    with alice.spool.lock(encode(bob.identity.id), "toss"):
        assert 0 == delays.look()
    assert 1 == delays.look()
