from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gateway.engine import worker
from gateway.engine.unpacking import Unpacker
from gateway.mta import Delivery, EventKind, Outcome, Verdict
from gateway.program.meanwhile import work_meanwhile
from gateway.spool import mark
from tests.engine.parties import BATCH, Party, carry


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the jobs that were unpacked before their turn."""
    names: list[str] = []
    unpack = Unpacker.unpack

    def noting(self: Unpacker, *words: object) -> object:
        unpacked = unpack(self, *words)  # type: ignore[arg-type]
        names.extend([unpacked.arrival.job.name] if unpacked else [])
        return unpacked

    monkeypatch.setattr(Unpacker, "unpack", noting)
    return names


def arrive(alice: Party, bob: Party, count: int) -> list[str]:
    """Bring Bob so many batches, the first the most urgent; return their names in that order."""
    names = []
    for number in range(count):
        names += alice.submit(BATCH.replace(b"x@", b"x%d@" % number), "bob", niceness=100 + number)
    carry(alice, bob)
    return names


def taking(bob: Party, act: Callable[[], object] = lambda: None) -> None:
    """Let Bob's egress be as one that runs a program; `act` follows the start of the first."""
    acts = [act]

    def say(delivery: Delivery) -> list[Outcome]:
        work_meanwhile()
        while acts:
            acts.pop()()
        return [Outcome(delivery.transaction, Verdict.TAKEN)]

    bob.memory.say = say


def recipients(bob: Party) -> list[str]:
    return [recipients[0] for _, recipients, _ in bob.memory.got]


def test_the_next_job_is_unpacked_and_nothing_else_happens_to_it(
    alice: Party, bob: Party, opened: list[str]
) -> None:
    first, second, third = arrive(alice, bob, 3)
    there: list[tuple[list[str], list[str], set[str]]] = []
    taking(bob, lambda: there.append((sorted(bob.jobs("rx")), bob.jobs("work"), bob.seen())))
    assert "delivered 3" == str(bob.toss())
    assert [second, third] == opened
    assert [(sorted([second, third]), [first], set())] == there
    assert ["x0@b.example", "x1@b.example", "x2@b.example"] == recipients(bob)
    assert {first, second, third} == bob.seen()


def test_what_became_of_a_job_is_told_while_the_next_program_runs(alice: Party, bob: Party) -> None:
    first, second = arrive(alice, bob, 2)
    told: list[list[str]] = []

    def say(delivery: Delivery) -> list[Outcome]:
        told.append([event.packet for event in bob.events])
        work_meanwhile()
        told.append([event.packet for event in bob.events])
        return [Outcome(delivery.transaction, Verdict.TAKEN)]

    bob.memory.say = say
    assert "delivered 2" == str(bob.toss())
    assert [[], [], [], [first]] == told
    assert [first, second] == [event.packet for event in bob.events]


def test_several_at_once_do_without(alice: Party, bob: Party, opened: list[str]) -> None:
    arrive(alice, bob, 3)
    taking(bob)
    assert "delivered 3" == str(bob.toss(jobs=2))
    assert [] == opened


def test_what_is_wrong_is_found_in_its_turn(alice: Party, bob: Party, opened: list[str]) -> None:
    _, second, third = arrive(alice, bob, 3)
    packet = bob.box(alice, "rx") / second
    *most, last = packet.read_bytes()
    packet.write_bytes(bytes([*most, last ^ 1]))
    taking(bob, lambda: pytest.fail("held too early") if bob.jobs("hold") else None)
    assert "delivered 2, held 1" == str(bob.toss())
    assert [EventKind.DELIVERED, EventKind.HELD, EventKind.DELIVERED] == [e.kind for e in bob.events]
    assert [] == opened
    assert [second] == bob.jobs("hold")
    assert third in bob.seen()


def test_what_went_away_meanwhile_is_left(alice: Party, bob: Party, opened: list[str]) -> None:
    _, second = arrive(alice, bob, 2)
    taking(bob, lambda: os.unlink(bob.box(alice, "rx") / second))
    assert "delivered 1, left 1" == str(bob.toss())
    assert [second] == opened
    assert ["x0@b.example"] == recipients(bob)


def test_what_was_delivered_meanwhile_is_not_again(alice: Party, bob: Party, opened: list[str]) -> None:
    _, second = arrive(alice, bob, 2)
    (job,) = bob.spool.find(second)
    taking(bob, lambda: mark.make_by_name(bob.spool, job.node, second))
    assert "delivered 1, repeated 1" == str(bob.toss())
    assert [second] == opened
    assert ["x0@b.example"] == recipients(bob)


def test_what_had_begun_before_waits_for_its_turn(alice: Party, bob: Party, opened: list[str]) -> None:
    _, second = arrive(alice, bob, 2)
    (job,) = bob.spool.find(second)
    bob.spool.begin(job)
    taking(bob)
    assert "delivered 2" == str(bob.toss())
    assert [] == opened


def test_large_ones_wait_for_their_turn(
    alice: Party, bob: Party, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LIMIT", 1000)
    alice.submit(BATCH, "bob", niceness=1)
    alice.submit(BATCH.replace(b"hello", os.urandom(1000).hex().encode()), "bob", niceness=2)
    alice.submit(BATCH.replace(b"hello", b"hello\n" * 1000), "bob", niceness=3)
    carry(alice, bob)
    taking(bob)
    assert "delivered 3" == str(bob.toss())
    assert [] == opened


def test_a_stopped_pass_leaves_no_file_open(alice: Party, bob: Party, opened: list[str]) -> None:
    _, second = arrive(alice, bob, 2)
    before = os.listdir("/proc/self/fd")

    def crash() -> None:
        raise KeyboardInterrupt

    taking(bob, crash)
    with pytest.raises(KeyboardInterrupt):
        bob.toss()
    assert [second] == opened
    assert len(before) == len(os.listdir("/proc/self/fd"))
    assert [second] == bob.jobs("rx")
