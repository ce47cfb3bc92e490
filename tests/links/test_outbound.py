"""What goes into one envelope of content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.links.session import Account
from gateway.links.session.outbound import Outbound
from gateway.links.sync.channel import AnsweringChannel, CallingChannel
from gateway.links.sync.machine import Called, Content, Machine
from gateway.links.sync.messages import MAX_CHUNK, Info
from tests.links.parties import Site

HEADS = 12 + 16 + 48
"""[bytes] Of an envelope, of a ciphertext, of one message."""


@contextmanager
def sending(
    alice: Site, bob: Site, sizes: tuple[int, ...]
) -> Iterator[tuple[Outbound, Machine, dict[str, bytes]]]:
    """Yield what sends packets of such sizes, and the machine of a peer that has asked for all of them."""
    packets = dict(alice.queue(bob, size) for size in sizes)
    mine, theirs = alice.identity, bob.identity
    caller = Machine(CallingChannel(mine.noiseprv, mine.noisepub, theirs.noisepub))
    called = Machine(AnsweringChannel(theirs.noiseprv, theirs.noisepub))
    outbound = Outbound(
        alice.spool, caller, bob.id, "bob", max_niceness=255, account=Account(), report=alice.party.report
    )
    offers: list[Info] = outbound.found()
    assert [Called(mine.noisepub)] == list(called.feed(caller.hello(offers)))
    answer, events = called.answer()
    assert len(sizes) == len(list(events))
    for info in offers:
        called.request(info.hash, 0)
    for envelope in (answer, called.control()):
        assert [] == list(caller.feed(envelope))
    try:
        yield outbound, called, packets
    finally:
        outbound.close()


@pytest.mark.parametrize("chunk", [2048, 4099, 65_231, MAX_CHUNK])
def test_every_byte_arrives_in_order_and_no_envelope_is_larger_than_it_may_be(
    tmp_path: Path, chunk: int
) -> None:
    alice, bob = Site(tmp_path, "alice"), Site(tmp_path, "bob")
    sizes = (0, 1, 2, 3, 800, 1001, 3_000, 70_003, 200_001, *range(1500, 1540))
    got: dict[bytes, bytes] = {}
    with sending(alice, bob, sizes) as (outbound, called, packets):
        while envelope := outbound.next(chunk):
            assert len(envelope) <= HEADS + chunk + -chunk % 4
            for event in called.feed(envelope):
                assert isinstance(event, Content)
                got[event.hash] = got.get(event.hash, b"") + bytes(event.data)
    assert sorted(packets.values()) == sorted(got.values())


def test_small_packets_share_an_envelope(tmp_path: Path) -> None:
    alice, bob = Site(tmp_path, "alice"), Site(tmp_path, "bob")
    with sending(alice, bob, (0,) * 100) as (outbound, called, packets):
        events = list(called.feed(outbound.next(MAX_CHUNK)))
        assert 100 == len(packets) == len(events)
        assert b"" == outbound.next(MAX_CHUNK)


def test_a_packet_that_went_away_leaves_its_place_to_the_others(tmp_path: Path) -> None:
    alice, bob = Site(tmp_path, "alice"), Site(tmp_path, "bob")
    with sending(alice, bob, (1, 2, 3)) as (outbound, called, packets):
        gone = min(packets)
        Path(alice.spool.paths.packet(bob.id, "tx", gone)).unlink()
        events = list(called.feed(outbound.next(MAX_CHUNK)))
    data = sorted(bytes(event.data) for event in events if isinstance(event, Content))
    assert sorted(packets[name] for name in packets if name != gone) == data
