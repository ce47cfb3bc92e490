from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import pytest

from gateway.config.model import Handle
from gateway.engine import due, worker
from gateway.errors import Refused, SpoolError
from gateway.mta import Delivery, EventKind, Outcome, Verdict
from tests.engine.parties import BATCH, Memory, Party, carry


class Session(Memory):
    """An egress that is given many packets at once, some of them at the same time."""

    name = "session"
    series = True
    abreast = 1

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[Delivery]] = []

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        call: list[Delivery] = []
        self.calls.append(call)
        coming = iter(deliveries)
        while some := list(islice(coming, self.abreast)):
            call += some
            for delivery in some:
                yield from self.say(delivery)

    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]


@pytest.fixture
def session(bob: Party) -> Session:
    bob.memory = session = Session()
    return session


@pytest.fixture
def bob(bob: Party, alice: Party) -> Party:
    handles = {
        name: Handle(name, egress="session", command=(name,), form="bsmtp") for name in ("rsmtp", "other")
    }
    bob.knows(alice, handles=handles)
    return bob


def arrive(alice: Party, bob: Party, count: int, handle: str = "rsmtp", niceness: int = 100) -> list[str]:
    names = []
    for number in range(count):
        names += alice.submit(
            BATCH.replace(b"x@", b"%s%d@" % (handle.encode(), number)), "bob", handle, niceness=niceness
        )
    carry(alice, bob)
    for age, name in enumerate(names):  # the order of one pass is that of arrival
        os.utime(bob.box(alice, "rx") / name, (age, age))
    return names


def taken(delivery: Delivery) -> list[Outcome]:
    return [Outcome(delivery.transaction, Verdict.TAKEN)]


def test_one_call_gets_all_that_are_alike_and_each_is_finished_at_once(
    alice: Party, bob: Party, session: Session
) -> None:
    names = arrive(alice, bob, 5)
    there: list[tuple[int, int, int]] = []

    def say(delivery: Delivery) -> list[Outcome]:
        there.append((len(bob.jobs("rx")), len(bob.seen()), delivery.transaction))
        return taken(delivery)

    session.say = say
    assert "delivered 5" == str(bob.toss())
    assert [5] == session.sizes()
    assert [(4, 0, 0), (3, 1, 1), (2, 2, 2), (1, 3, 3), (0, 4, 4)] == there
    assert names == [delivery.packet for delivery in session.calls[0]]
    assert set(names) == bob.seen()
    assert [EventKind.DELIVERED] * 5 == [event.kind for event in bob.events]
    assert [] == bob.jobs("work")


def test_another_handle_or_sender_is_another_call(
    alice: Party, bob: Party, session: Session, party: Callable[[str], Party]
) -> None:
    carol = party("carol")
    carol.knows(bob)
    bob.knows(carol, handles=bob.config.neighbours["alice"].handles)
    arrive(alice, bob, 2, niceness=10)
    arrive(carol, bob, 2, niceness=20)
    arrive(alice, bob, 2, niceness=30)
    arrive(alice, bob, 2, "other", niceness=40)
    assert "delivered 8" == str(bob.toss())
    expected = [("alice", "rsmtp"), ("carol", "rsmtp"), ("alice", "rsmtp"), ("alice", "other")]
    assert [[one, one] for one in expected] == [
        [(d.sender_node, d.handle) for d in call] for call in session.calls
    ]
    assert all(call[0].environ == call[1].environ for call in session.calls)


def test_what_is_not_delivered_has_its_own_fate(alice: Party, bob: Party, session: Session) -> None:
    names = arrive(alice, bob, 5)
    *most, last = (bob.box(alice, "rx") / names[1]).read_bytes()
    (bob.box(alice, "rx") / names[1]).write_bytes(bytes([*most, last ^ 1]))
    os.utime(bob.box(alice, "rx") / names[1], (1, 1))
    answers = {names[2]: Verdict.REFUSED, names[3]: Verdict.DEFERRED}
    session.say = lambda d: [Outcome(d.transaction, answers.get(d.packet, Verdict.TAKEN), "no")]
    assert "delivered 2, deferred 1, held 2" == str(bob.toss())
    assert sorted(names[1:3]) == sorted(bob.jobs("hold"))
    assert [names[3]] == bob.jobs("work")
    # The damaged one ends the first call, the deferred one the second.
    assert [1, 2, 1] == session.sizes()


def test_progress_is_kept_for_each_packet(alice: Party, bob: Party, session: Session) -> None:
    batch = BATCH + BATCH.replace(b"x@", b"y@")
    for _ in range(3):
        alice.submit(batch, "bob")
    carry(alice, bob)
    session.abreast = 6
    session.say = lambda d: [
        Outcome(d.transaction, Verdict.DEFERRED if d.transaction == 3 else Verdict.TAKEN)
    ]
    assert "delivered 2, deferred 1" == str(bob.toss())
    (job,) = (job for node in bob.spool.nodes() for job in bob.spool.jobs(node, "work"))
    record = bob.spool.recorded(job)
    assert record is not None
    assert {"0": None} == record.taken
    session.say = taken
    assert "delivered 1" == str(bob.toss())
    assert [(["y@b.example"], 1)] == [
        ([str(r) for r in d.envelope.recipients], d.attempts) for d in session.calls[-1] if d.envelope
    ]


def test_nothing_is_begun_after_a_deferral(alice: Party, bob: Party, session: Session) -> None:
    arrive(alice, bob, 3)
    there: list[int] = []

    def say(delivery: Delivery) -> list[Outcome]:
        there.append(len(bob.jobs("work")))
        return [Outcome(delivery.transaction, Verdict.DEFERRED, "later")]

    session.say = say
    assert "deferred 3" == str(bob.toss())
    assert [1, 1, 1] == session.sizes()
    assert [1, 2, 3] == there


def test_a_crash_of_the_egress_defers_what_it_was_given_and_no_more(
    alice: Party, bob: Party, session: Session
) -> None:
    names = arrive(alice, bob, 5)
    session.abreast = 2

    def say(delivery: Delivery) -> list[Outcome]:
        if delivery.packet == names[3]:
            raise RuntimeError("oh")
        return taken(delivery)

    session.say = say
    assert "delivered 4, deferred 1" == str(bob.toss())
    assert [4, 1] == session.sizes()


def test_an_outcome_for_a_packet_that_is_done_ends_the_listening(
    alice: Party, bob: Party, session: Session
) -> None:
    names = arrive(alice, bob, 2)
    session.say = lambda d: [Outcome(0, Verdict.TAKEN)]
    assert "delivered 1, deferred 1" == str(bob.toss())
    assert {names[0]} == bob.seen()
    assert any("an outcome for transaction 0, not given to it" in line for line in bob.said)


def test_a_series_is_bounded(
    alice: Party, bob: Party, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST", 3)
    arrive(alice, bob, 7)
    session.abreast = 100
    assert "delivered 7" == str(bob.toss())
    assert [3, 3, 1] == session.sizes()


def test_large_ones_are_not_taken_into_a_series(
    alice: Party, bob: Party, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LIMIT", 10)
    arrive(alice, bob, 3)
    assert "delivered 3" == str(bob.toss())
    assert [1, 1, 1] == session.sizes()


def test_one_in_whose_delivery_we_died_goes_alone(alice: Party, bob: Party, session: Session) -> None:
    names = arrive(alice, bob, 4)
    (job,) = bob.spool.find(names[1])
    bob.spool.begin(job)
    assert "delivered 4" == str(bob.toss())
    assert [[names[1]]] == [
        [d.packet for d in call] for call in session.calls if names[1] in {d.packet for d in call}
    ]


def test_a_killed_process_repeats_what_was_under_way_and_counts_it(
    alice: Party, bob: Party, session: Session
) -> None:
    names = arrive(alice, bob, 5)
    session.abreast = 2

    def say(delivery: Delivery) -> list[Outcome]:
        if delivery.packet == names[2]:
            raise KeyboardInterrupt
        return taken(delivery)

    session.say = say
    with pytest.raises(KeyboardInterrupt):
        bob.toss()
    assert set(names[:2]) == bob.seen()
    assert set(names[2:4]) == set(bob.jobs("work"))
    assert names[4:] == bob.jobs("rx")
    session.calls.clear()
    session.say = taken
    assert "delivered 3" == str(bob.toss())
    assert sorted([1, 1, 1]) == session.sizes()


def test_a_record_that_cannot_be_written_is_one_packets_failure(
    alice: Party, bob: Party, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = arrive(alice, bob, 4)
    session.abreast = 2
    session.say = lambda d: [
        Outcome(d.transaction, Verdict.REFUSED if d.packet == names[0] else Verdict.TAKEN, "no")
    ]
    record = bob.spool.record

    def full(job: object, *words: object) -> None:
        if getattr(job, "name", "") == names[0]:
            raise SpoolError("the disk is full")
        record(job, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(bob.spool, "record", full)
    assert "delivered 3, failed 1" == str(bob.toss())
    assert [2, 2] == session.sizes()
    assert [names[0]] == bob.jobs("work")


def test_a_check_refuses_one_of_a_series(
    alice: Party, bob: Party, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = arrive(alice, bob, 3)
    registry = bob.registry()

    def check(delivery: Delivery) -> None:
        if delivery.packet == names[1]:
            raise Refused("not this one")

    registry.check_delivery = check  # type: ignore[method-assign]
    monkeypatch.setattr(bob, "registry", lambda: registry)
    assert "delivered 2, held 1" == str(bob.toss())
    assert [2] == session.sizes()
    assert [names[1]] == bob.jobs("hold")


def test_workers_share_the_jobs_and_each_has_its_session(alice: Party, bob: Party, session: Session) -> None:
    names = arrive(alice, bob, 12)
    both = threading.Barrier(2, timeout=30)
    waiting = [both.wait] * 2
    lock = threading.Lock()

    def say(delivery: Delivery) -> list[Outcome]:
        with lock:
            wait = waiting.pop() if waiting else lambda: 0
        wait()
        return taken(delivery)

    session.say = say
    assert "delivered 12" == str(bob.toss(jobs=2))
    assert 2 == len(session.calls)
    assert sorted(names) == sorted(d.packet for call in session.calls for d in call)


def test_no_file_stays_open(alice: Party, bob: Party, session: Session) -> None:
    arrive(alice, bob, 3)
    arrive(alice, bob, 3, "other")
    before = len(os.listdir("/proc/self/fd"))
    assert "delivered 6" == str(bob.toss())
    assert before == len(os.listdir("/proc/self/fd"))


def test_senders_take_turns_with_what_is_equally_urgent(
    alice: Party, bob: Party, session: Session, party: Callable[[str], Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "RUN", 2)
    carol = party("carol")
    carol.knows(bob)
    bob.knows(carol, handles=bob.config.neighbours["alice"].handles)
    arrive(alice, bob, 5)  # of each pair of the same age, hers may come first or second
    arrive(carol, bob, 5)
    arrive(carol, bob, 1, "other", niceness=10)
    assert "delivered 11" == str(bob.toss())
    assert "carol" == session.calls[0][0].sender_node
    runs = [(call[0].sender_node, len(call)) for call in session.calls[1:]]
    assert [2, 2, 2, 2, 1, 1] == [size for _, size in runs]
    assert [{"alice", "carol"}] * 3 == [{runs[at][0], runs[at + 1][0]} for at in (0, 2, 4)]
