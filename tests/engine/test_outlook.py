from __future__ import annotations

import time

import pytest

from gateway.engine import intervention, queue
from gateway.engine.outlook import Outlook, outlook
from gateway.engine.queue import Row, Selector, State
from tests.engine.parties import BATCH, Party, carry


def one(party: Party, **selector: object) -> Row:
    found = queue.rows(party.spool, Selector(states=frozenset(State), **selector), time.time())  # type: ignore[arg-type]
    (row,) = found
    return row


def test_outbound_mail_goes_over_its_neighbour_and_is_sealed(alice: Party, bob: Party, party) -> None:
    carol = party("carol")
    alice.knows(carol, via=("bob",))
    (name,) = alice.submit(BATCH, "carol")
    found = outlook(one(alice), alice.config)
    assert ("self", "bob") == found.route
    assert "only bob can open it, which may pass it on to carol" == found.sealed
    assert "gateway call bob" in found.words
    assert name == one(alice).job.name


def test_inbound_mail_shows_its_next_node(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    assert Outlook(("alice", "self"), "", "worked through by the next gateway toss") == outlook(
        one(bob), bob.config
    )
    assert ("alice", "self", "dave") == outlook(one(bob), bob.config, "dave").route


def test_mail_for_somebody_else_is_sealed(alice: Party, bob: Party, party) -> None:
    carol = party("carol")
    carol.knows(alice)
    alice.submit(BATCH, "bob")
    carry(alice, bob)
    bob.box(alice, "rx").parent.rename(f"{carol.root}/lost")
    (carol.root / "spool").mkdir()
    (carol.root / "lost").rename(carol.box(alice, "rx").parent)
    found = outlook(one(carol), carol.config)
    assert "only they can open it" in found.sealed


@pytest.mark.parametrize(("state", "word"), [("held", "release"), ("removed", "restore")])
def test_what_waits_for_a_person_says_how_to_go_on(alice: Party, bob: Party, state: str, word: str) -> None:
    alice.submit(BATCH, "bob")
    intervention.hold(alice.spool, one(alice).job, "storm")
    if state == "removed":
        intervention.remove(alice.spool, one(alice).job, "over", 1e10)
    row = one(alice)
    assert state == row.state.value
    assert f"gateway queue {word} {row.job.name}" in outlook(row, alice.config).words
    assert ("self", "bob") == outlook(row, alice.config).route


def test_a_header_that_cannot_be_read_is_no_obstacle(alice: Party, bob: Party) -> None:
    (name,) = alice.submit(BATCH, "bob")
    (alice.box(bob, "tx") / name).write_bytes(b"?")
    assert ("?", "self", "bob") == outlook(one(alice), alice.config).route
