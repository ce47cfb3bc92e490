from __future__ import annotations

import pytest

from gateway.engine import inspect
from gateway.engine.inspect import Inside, look_inside
from gateway.packet.identity import encode
from tests.engine.parties import BATCH, Party, carry


def inside(party: Party, name: str) -> Inside | None:
    (job,) = party.spool.find(name)
    return look_inside(party.spool, job, party.config, party.identity)


def test_a_batch_shows_its_envelopes(alice: Party, bob: Party) -> None:
    (name,) = alice.submit(BATCH + BATCH, "bob")
    carry(alice, bob)
    expected = ("joe@a.example", ("x@b.example",))
    assert Inside(
        kind="exec", handle="rsmtp", size=2 * len(BATCH), envelopes=(expected, expected), verified=True
    ) == inside(bob, name)


def test_raw_arguments(alice: Party, bob: Party) -> None:
    (name,) = alice.submit(b"body", "bob", "backup", "-x", "y z", compress=False)
    carry(alice, bob)
    expected = Inside(kind="exec-fat", handle="backup", arguments=("-x", "y z"), size=4, verified=True)
    assert expected == inside(bob, name)


def test_a_transit_packet_shows_its_next_node(alice: Party, bob: Party, party) -> None:
    carol = party("carol")
    alice.knows(carol, via=("bob",))
    bob.knows(carol)
    (name,) = alice.submit(BATCH, "carol")
    carry(alice, bob)
    assert Inside(kind="trns", target="carol", verified=True) == inside(bob, name)


def test_a_transit_packet_to_a_stranger_shows_the_id(alice: Party, bob: Party, party) -> None:
    carol = party("carol")
    alice.knows(carol, via=("bob",))
    (name,) = alice.submit(BATCH, "carol")
    carry(alice, bob)
    found = inside(bob, name)
    assert found is not None
    assert encode(carol.identity.id) == found.target


def test_a_packet_for_somebody_else_shows_nothing(alice: Party, bob: Party) -> None:
    (name,) = alice.submit(BATCH, "bob")
    assert inside(alice, name) is None


def test_a_damaged_packet_says_what_is_wrong(alice: Party, bob: Party) -> None:
    (name,) = alice.submit(BATCH, "bob")
    carry(alice, bob)
    path = bob.box(alice, "rx") / name
    *before, last = path.read_bytes()
    path.write_bytes(bytes([*before, last ^ 1]))
    found = inside(bob, name)
    assert found is not None
    assert "corrupt" in found.trouble
    assert not found.verified


def test_a_body_that_is_no_batch_is_verified_and_says_so(alice: Party, bob: Party) -> None:
    (name,) = alice.submit(b"no batch", "bob")
    carry(alice, bob)
    found = inside(bob, name)
    assert found is not None
    assert found.verified
    assert found.trouble


def test_a_large_packet_is_not_read_to_its_end(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "QUICK", 100)
    (name,) = alice.submit(BATCH, "bob")
    carry(alice, bob)
    assert Inside(kind="exec", handle="rsmtp") == inside(bob, name)
