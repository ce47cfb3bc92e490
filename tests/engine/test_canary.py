"""Canaries: whose they are, where they are, and that nobody else has their handle."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gateway.config.model import Handle
from gateway.engine.canary import HANDLE, Where, look, send
from gateway.engine.fate import Fate
from gateway.engine.flight import STEPS, advice, flight, moment
from gateway.errors import UsageError
from gateway.journal.entry import decode
from gateway.journal.line import encode
from gateway.mta import EventKind
from gateway.packet import identity
from gateway.spool.canary import Canary, sent
from tests.engine.parties import Party, carry


def launch(party: Party, through: Party) -> Canary:
    return send(party.config, party.spool, party.registry(), party.config.neighbours[through.name])


def test_a_canary_goes_through_a_neighbour_and_back(alice: Party, bob: Party) -> None:
    """Each place that it comes to is told, and afterwards nothing of it is left but its mark."""
    canary = launch(alice, bob)
    assert [canary] == sent(alice.spool, identity.encode(bob.identity.id))
    assert Where.WAITING is look(alice.spool, canary).where
    assert [canary.packet] == carry(alice, bob)
    assert Where.AWAY is look(alice.spool, canary).where
    assert 1 == bob.toss().fates[Fate.RELAYED]
    assert [] == bob.memory.got
    assert [canary.inner] == carry(bob, alice)
    assert Where.BACK is look(alice.spool, canary).where
    assert 1 == alice.toss().fates[Fate.DELIVERED]
    assert Where.TOSSED is look(alice.spool, canary).where
    assert [] == [name for box in ("rx", "tx", "work", "hold") for name in alice.jobs(box)]
    assert {canary.inner} == alice.seen()
    assert [] == alice.tmp()


def test_its_events_name_it_on_all_of_its_way(alice: Party, bob: Party) -> None:
    canary = launch(alice, bob)
    carry(alice, bob)
    bob.toss()
    carry(bob, alice)
    alice.toss()
    submitted, delivered = alice.events
    assert (EventKind.SUBMITTED, canary.packet, "bob") == submitted[:3]
    assert (canary.packet, canary.inner) == submitted.detail["layers"]
    assert ["bob"] == submitted.detail["through"]
    assert (EventKind.DELIVERED, canary.inner, "self") == delivered[:3]
    assert (HANDLE, ("bob",)) == (delivered.detail["handle"], delivered.detail["arguments"])


def test_it_takes_the_relays_of_both_sides(party: Callable[[str], Party]) -> None:
    alice, relay, bob = (party(name) for name in ("alice", "relay", "bob"))
    alice.knows(relay)
    alice.knows(bob, via=("relay",))
    for one in (alice, bob):
        relay.knows(one)
    bob.knows(relay)
    bob.knows(alice, via=("relay",))
    canary = launch(alice, bob)
    for sender, receiver in ((alice, relay), (relay, bob), (bob, relay), (relay, alice)):
        assert 1 == len(carry(sender, receiver))
        receiver.toss()
    assert Where.TOSSED is look(alice.spool, canary).where


def test_a_copy_that_comes_back_twice_counts_once(alice: Party, bob: Party) -> None:
    canary = launch(alice, bob)
    carry(alice, bob)
    bob.toss()
    carry(bob, alice, keep=True)
    alice.toss()
    carry(bob, alice)
    assert 1 == alice.toss().fates[Fate.REPEATED]
    assert Where.TOSSED is look(alice.spool, canary).where


def test_nobody_else_has_the_handle(alice: Party, bob: Party) -> None:
    """A neighbour's packet with that handle is one with a handle that it does not have."""
    bob.submit(b"hello\n", "alice", HANDLE)
    carry(bob, alice)
    assert 1 == alice.toss().fates[Fate.HELD]
    assert any(f"no handle '{HANDLE}' for bob" in words for words in alice.said)


def test_we_have_no_other_handle(alice: Party, bob: Party) -> None:
    del bob
    alice.submit(b"hello\n", "self", "rsmtp")
    source = alice.box(alice, "tx")
    os.rename(source, alice.box(alice, "rx"))
    assert 1 == alice.toss().fates[Fate.HELD]


def test_a_handle_of_that_name_in_our_own_table_goes_before(alice: Party, bob: Party) -> None:
    ourselves = alice.config.neighbours["self"]._replace(
        handles={HANDLE: Handle(HANDLE, command=("/bin/sh", "-c", f"cat > {alice.root}/got"))}
    )
    alice.reconfigure(neighbours={**alice.config.neighbours, "self": ourselves})
    canary = launch(alice, bob)
    carry(alice, bob)
    bob.toss()
    carry(bob, alice)
    alice.toss()
    assert "canary" in (alice.root / "got").read_text()
    assert Where.TOSSED is look(alice.spool, canary).where


def test_a_damaged_one_is_no_proof(alice: Party, bob: Party) -> None:
    canary = launch(alice, bob)
    carry(alice, bob)
    bob.toss()
    carry(bob, alice)
    path = alice.box(bob, "rx") / canary.inner
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert 1 == alice.toss().fates[Fate.HELD]
    sight = look(alice.spool, canary)
    assert Where.HELD is sight.where
    assert sight.reason


def test_a_node_that_does_not_know_us_holds_it(alice: Party, bob: Party) -> None:
    canary = launch(alice, bob)
    carry(alice, bob)
    bob.reconfigure(neighbours={"self": bob.config.neighbours["self"]})
    bob.toss()
    assert [canary.packet] == bob.jobs("hold")
    sight = look(alice.spool, canary)
    assert Where.AWAY is sight.where
    assert "does not know us" in advice(flight(canary, sight, (), {}), "bob", "bob")


def test_one_that_a_person_holds_is_told_so(alice: Party, bob: Party) -> None:
    canary = launch(alice, bob)
    [job] = alice.spool.find(canary.packet)
    alice.spool.hold(job, "not today")
    sight = look(alice.spool, canary)
    assert (Where.STOPPED, "not today") == (sight.where, sight.reason)
    assert "not today" in advice(flight(canary, sight, (), {}), "bob", "bob")


def test_a_dry_run_knows_it(alice: Party, bob: Party) -> None:
    launch(alice, bob)
    carry(alice, bob)
    bob.toss()
    carry(bob, alice)
    alice.toss(dry_run=True)
    assert any("take note of a canary" in words for words in alice.said)


def test_through_ourselves_there_is_no_way(alice: Party) -> None:
    with pytest.raises(UsageError, match="this node itself"):
        send(alice.config, alice.spool, alice.registry(), alice.config.neighbours["self"])
    assert [] == alice.jobs("tx")


def test_the_steps_have_the_times_of_the_journal_or_those_that_were_seen(alice: Party, bob: Party) -> None:
    canary = launch(alice, bob)
    carry(alice, bob)
    bob.toss()
    carry(bob, alice)
    sight = look(alice.spool, canary)
    flown = flight(canary, sight, (), {"sent": 7.0})
    assert STEPS[:3] == tuple(step.name for step in flown.steps)
    assert (canary.queued, 7.0, sight.since) == tuple(step.when for step in flown.steps)
    assert flown.seconds is None
    alice.toss()
    entry = decode(encode(alice.events[-1], 2_000_000_000_500_000_000))
    assert entry is not None
    flown = flight(canary, look(alice.spool, canary), [entry], {})
    assert (2_000_000_000.5, None) == (flown.steps[-1].when, flown.steps[1].when)
    assert flown.seconds == 2_000_000_000.5 - canary.queued
    assert moment(entry.when) == 2_000_000_000.5
