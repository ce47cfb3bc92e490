from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from gateway.engine import intervention
from gateway.engine.queue import Row, Selector, State, rows
from gateway.errors import LockBusy, UnknownJob
from gateway.mta import Outcome, Verdict
from gateway.packet.identity import encode
from tests.engine.parties import BATCH, Party, carry

Everything = Callable[[], dict[str, Row]]


@pytest.fixture
def full(alice: Party, bob: Party) -> dict[str, str]:
    """Bob's spool with one packet in every state but DELIVERING; returns their names."""
    bob.memory.say = lambda d: [Outcome(d.transaction, Verdict.DEFERRED, "451 later")]
    bob.reconfigure(retry=bob.config.retry._replace(schedule=(1000.0,)))
    names = {}
    (names["deferred"],) = alice.submit(BATCH, "bob", niceness=10)
    carry(alice, bob)
    bob.toss()
    (names["held"],) = alice.submit(BATCH, "bob", "nobody", niceness=20)
    carry(alice, bob)
    bob.toss()
    (names["arrived"],) = alice.submit(BATCH, "bob", niceness=30)
    carry(alice, bob)
    (names["queued"],) = bob.submit(BATCH, "alice", niceness=40)
    return names


def picked(bob: Party, **selector: object) -> dict[str, str]:
    found = rows(bob.spool, Selector(**selector), time.time())  # type: ignore[arg-type]
    return {row.state.value: row.job.name for row in found}


def one(bob: Party, state: State) -> Row:
    (row,) = rows(bob.spool, Selector(states=frozenset({state})), time.time())
    return row


def test_every_packet_is_in_one_state(bob: Party, full: dict[str, str]) -> None:
    assert full == picked(bob)
    assert {"held": False, "deferred": False, "arrived": False, "queued": True} == {
        row.state.value: row.outbound for row in rows(bob.spool, Selector(), time.time())
    }


def test_a_job_without_a_record_is_being_delivered(bob: Party, full: dict[str, str]) -> None:
    bob.spool.begin(one(bob, State.ARRIVED).job)
    assert full["arrived"] == picked(bob)["delivering"]


def test_selectors_narrow(alice: Party, bob: Party, full: dict[str, str]) -> None:
    assert {"queued"} == picked(bob, outbound=True).keys()
    assert {"held", "deferred", "arrived"} == picked(bob, outbound=False).keys()
    assert {"held", "arrived"} == picked(bob, min_niceness=20, max_niceness=30).keys()
    assert {"held"} == picked(bob, prefixes=(full["held"][:12],)).keys()
    assert {"held", "queued"} == picked(bob, prefixes=(full["held"], full["queued"][:20])).keys()
    assert {"arrived"} == picked(bob, states=frozenset({State.ARRIVED, State.DELIVERING})).keys()
    assert full == picked(bob, node=encode(alice.identity.id))
    assert {} == picked(bob, node=encode(bob.identity.id))


def test_ages_select_and_order(bob: Party, full: dict[str, str]) -> None:
    (second,) = bob.submit(BATCH, "alice")
    old = one_of(bob, second)
    os.utime(bob.spool.paths.packet(old.job.node, "tx", second), (0, time.time() - 1000))
    assert [second, full["queued"]] == [
        r.job.name for r in rows(bob.spool, Selector(outbound=True), time.time())
    ]
    assert {"queued": second} == picked(bob, min_age=900)
    assert second not in picked(bob, max_age=900).values()


def one_of(bob: Party, name: str) -> Row:
    (row,) = rows(bob.spool, Selector(prefixes=(name,)), time.time())
    return row


def test_an_unreadable_header_is_listed_and_never_selected_by_niceness(
    bob: Party, full: dict[str, str]
) -> None:
    job = one(bob, State.QUEUED).job
    with open(bob.spool.paths.packet(job.node, "tx", job.name), "wb") as file:
        file.write(b"NNCPE\0\0\5")
    assert one(bob, State.QUEUED).header is None
    assert "queued" not in picked(bob, max_niceness=254)
    assert "queued" not in picked(bob, min_niceness=1)


def test_picking_changes_nothing(bob: Party, full: dict[str, str]) -> None:
    def tree() -> list[tuple[str, list[str], list[str]]]:
        return sorted((here, sorted(ds), sorted(fs)) for here, ds, fs in os.walk(bob.spool.root))

    before = tree()
    picked(bob)
    assert before == tree()


def test_hold_and_release(bob: Party, full: dict[str, str]) -> None:
    for row in [one(bob, state) for state in (State.QUEUED, State.ARRIVED, State.DEFERRED)]:
        intervention.hold(bob.spool, row.job, "wait")
        held = one_of(bob, row.job.name)
        assert State.HELD is held.state
        assert row.outbound == held.outbound
        assert held.record is not None
        assert "wait" == held.record.reason
        intervention.release(bob.spool, held.job)
    states = {row.job.name: row.state for row in rows(bob.spool, Selector(), time.time())}
    assert State.QUEUED is states[full["queued"]]
    assert State.DEFERRED is states[full["deferred"]]
    assert State.DEFERRED is states[full["arrived"]]


def test_a_retried_job_is_due(bob: Party, full: dict[str, str]) -> None:
    now = time.time()
    row = one(bob, State.DEFERRED)
    assert row.record is not None
    assert row.record.next > now + 900
    intervention.retry(bob.spool, row.job, now)
    after = one(bob, State.DEFERRED).record
    assert after is not None
    assert (now, row.record.attempts) == (after.next, after.attempts)


def test_a_removed_job_is_seen(bob: Party, full: dict[str, str]) -> None:
    intervention.remove(bob.spool, one(bob, State.ARRIVED).job, "spam", 1e10)
    assert full["arrived"] in bob.seen()
    intervention.remove(bob.spool, one(bob, State.QUEUED).job, "spam", 1e10)
    assert full["queued"] not in bob.seen()
    assert {"deferred", "held"} == picked(bob).keys()


def test_what_went_elsewhere_is_left_alone(bob: Party, full: dict[str, str]) -> None:
    job = one(bob, State.DEFERRED).job
    bob.spool.hold(job, "meanwhile")
    with pytest.raises(UnknownJob):
        intervention.retry(bob.spool, job, 0.0)
    assert bob.spool.recorded(job) is None


def test_toss_at_work_is_waited_for_and_then_respected(
    bob: Party, full: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervention, "PATIENCE", 0.0)
    job = one(bob, State.DEFERRED).job
    with bob.spool.lock(job.node, "toss"), pytest.raises(LockBusy):
        intervention.remove(bob.spool, job, "spam", 1e10)
    assert State.DEFERRED is one_of(bob, job.name).state
    with bob.spool.lock(job.node, "toss"):
        intervention.hold(bob.spool, one(bob, State.QUEUED).job, "outbound needs no toss lock")
