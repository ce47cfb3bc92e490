"""Receipts: what became of mail, said to the node that sent it, and told there."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gateway.config.model import Handle, MailForm
from gateway.mta import Event, EventKind, Outcome, Verdict
from tests.engine.parties import BATCH, Party, carry
from tests.engine.test_submit import submit

MADE_BY_EXIM = (
    b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nRCPT TO:<y@b.example>\nDATA\n"
    b"Received: by a.example (Exim) id 1uMxyz-000000001Ab-2cde;\n  Sun, 1 Jun 2025 12:00:00 +0000\n"
    b"Message-ID: <1@a.example>\nSubject: hi\n\nhello\n.\n"
)


def told(party: Party, kind: EventKind) -> list[Event]:
    return [event for event in party.events if event.kind is kind]


@pytest.fixture
def bob(alice: Party, bob: Party) -> Party:
    bob.knows(alice, ack=True)
    return bob


def crossed(alice: Party, bob: Party) -> str:
    """Send a batch from alice to bob and work through it there; return the packet's name."""
    [name] = alice.submit(BATCH, "bob")
    carry(alice, bob)
    bob.toss()
    return name


def returned(alice: Party, bob: Party) -> list[Event]:
    """Carry what bob has for alice; return what alice was told by receipts."""
    carry(bob, alice)
    alice.toss()
    return told(alice, EventKind.ACKNOWLEDGED)


def test_delivered_is_said_with_the_queue_id_of_the_mta(alice: Party, bob: Party) -> None:
    answer = "250 OK id=1uMxyz-000000001Ab-2cde"
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.TAKEN, answer)]
    name = crossed(alice, bob)
    [delivered] = told(bob, EventKind.DELIVERED)
    assert (answer, ["1uMxyz-000000001Ab-2cde"]) == (delivered.text, delivered.detail["queue_ids"])
    [queued] = told(bob, EventKind.SUBMITTED)
    assert ("alice", "ack", name, "delivered") == (
        queued.node, queued.detail["type"], queued.detail["of"], queued.detail["state"],
    )  # fmt: skip
    [event] = returned(alice, bob)
    assert ("bob", queued.packet, "1uMxyz-000000001Ab-2cde") == (event.node, event.packet, event.text)
    assert {
        "type": "ack", "of": name, "state": "delivered", "dropped": False,
        "queue_ids": ["1uMxyz-000000001Ab-2cde"],
    } == event.detail  # fmt: skip


def test_the_packet_is_dropped_where_it_was_kept(alice: Party, bob: Party) -> None:
    alice.submit(BATCH, "bob")
    carry(alice, bob, keep=True)
    bob.toss()
    [event] = returned(alice, bob)
    assert event.detail["dropped"]
    assert [] == alice.jobs("tx")


def test_held_is_said_with_the_reason(alice: Party, bob: Party) -> None:
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.REFUSED, "550 no such user")]
    name = crossed(alice, bob)
    [event] = returned(alice, bob)
    assert (name, "held") == (event.detail["of"], event.detail["state"])
    assert "550 no such user" in event.text


def test_held_for_want_of_a_handle_is_said_too(alice: Party, bob: Party) -> None:
    bob.knows(alice, ack=True, handles={"other": Handle("other", egress="memory", command=("memory",))})
    crossed(alice, bob)
    [event] = returned(alice, bob)
    assert "no handle 'rsmtp' for alice: add exec.rsmtp to [neigh.alice]" == event.text


def test_deferred_mail_is_acknowledged_only_when_it_was_delivered(alice: Party, bob: Party) -> None:
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.DEFERRED, "451 later")]
    crossed(alice, bob)
    assert ([], 1) == (bob.jobs("tx"), len(told(bob, EventKind.DEFERRED)))
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.TAKEN)]
    bob.toss()
    [event] = returned(alice, bob)
    assert "delivered" == event.detail["state"]


def test_a_receipt_is_never_acknowledged(alice: Party, bob: Party) -> None:
    alice.knows(bob, ack=True)
    crossed(alice, bob)
    assert 1 == len(returned(alice, bob))
    assert [] == alice.jobs("tx")
    assert 1 == len([event for event in told(bob, EventKind.SUBMITTED) if event.detail["type"] == "ack"])


def test_without_ack_in_the_configuration_nothing_is_said(alice: Party, bob: Party) -> None:
    bob.knows(alice)
    crossed(alice, bob)
    assert [] == bob.jobs("tx")


def test_a_receipt_that_cannot_be_queued_changes_nothing(alice: Party, bob: Party) -> None:
    bob.knows(alice, ack=True, via=("nobody",))
    crossed(alice, bob)
    assert 1 == len(told(bob, EventKind.DELIVERED))
    assert [] == bob.jobs("work") == bob.jobs("rx")
    assert any("delivered, but not acknowledged" in words for words in bob.said)


def test_receipts_go_by_relays_and_the_relay_that_wants_one_gets_its_own(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    relay = party("relay")
    for one in (alice, bob):
        relay.knows(one)
    alice.knows(relay)
    bob.knows(relay, ack=True)
    alice.knows(bob, via=("relay",))
    bob.knows(alice, ack=True, via=("relay",))
    alice.submit(BATCH, "bob")
    [submitted] = told(alice, EventKind.SUBMITTED)
    outer, inner = submitted.detail["layers"]  # type: ignore[misc]
    assert (submitted.packet, submitted.detail["inner"]) == (outer, inner)
    carry(alice, relay)
    relay.toss()
    [relayed] = told(relay, EventKind.RELAYED)
    assert (outer, inner) == (relayed.packet, relayed.detail["as"])
    carry(relay, bob)
    bob.toss()
    carry(bob, relay)
    relay.toss()
    assert [inner] == [event.detail["of"] for event in told(relay, EventKind.ACKNOWLEDGED)]
    assert [inner] == [event.detail["of"] for event in returned(alice, relay)]
    assert ["bob"] == [event.node for event in told(alice, EventKind.ACKNOWLEDGED)]


def test_a_relay_that_holds_a_packet_acknowledges_nothing(
    alice: Party, bob: Party, party: Callable[[str], Party]
) -> None:
    """In what it cannot read may be a receipt."""
    relay = party("relay")
    relay.knows(alice, ack=True)
    alice.knows(relay)
    alice.knows(bob, via=("relay",))
    alice.submit(BATCH, "bob")
    carry(alice, relay)
    relay.toss()
    assert ([], 1) == (relay.jobs("tx"), len(told(relay, EventKind.HELD)))


def test_both_ends_tell_by_which_names_the_message_is_known(alice: Party, bob: Party) -> None:
    submit(alice, MADE_BY_EXIM, "bob")
    carry(alice, bob)
    bob.toss()
    message = {
        "from": "joe@a.example",
        "to": ["x@b.example", "y@b.example"],
        "id": "<1@a.example>",
        "queue": "1uMxyz-000000001Ab-2cde",
    }
    [submitted], [delivered] = told(alice, EventKind.SUBMITTED), told(bob, EventKind.DELIVERED)
    assert [message] == submitted.detail["messages"] == delivered.detail["messages"]
    assert os.getppid() == submitted.detail["process"]["parent"]  # type: ignore[index]
    assert submitted.packet == delivered.packet


def test_recipients_that_need_several_packets_are_told_with_theirs(alice: Party, bob: Party) -> None:
    addresses = [f"somebody.with.a.long.name.{number}@b.example" for number in range(12)]
    neighbour = alice.config.neighbours["bob"]._replace(mail=MailForm("sendmail", "sendmail"))
    alice.reconfigure(neighbours={**alice.config.neighbours, "bob": neighbour})
    batch = [
        b"MAIL FROM:<joe@a.example>",
        *(f"RCPT TO:<{one}>".encode() for one in addresses),
        b"DATA",
        b"",
        b".",
    ]
    submit(alice, b"\n".join(batch) + b"\n", "bob")
    shares = [event.detail["messages"][0]["to"] for event in told(alice, EventKind.SUBMITTED)]  # type: ignore[index]
    assert len(shares) > 1
    assert addresses == [one for share in shares for one in share]
