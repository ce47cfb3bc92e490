from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mta import Event, EventKind
from gateway.service.counts import WAITS, Counts


def event(kind: EventKind, node: str = "bob", size: int = 0, **detail: object) -> Event:
    return Event(kind=kind, packet="P", node=node, size=size, detail=detail)


def test_events_and_sizes_by_kind_and_node() -> None:
    counts = Counts()
    for one in (event(EventKind.SENT, size=10), event(EventKind.SENT, size=5), event(EventKind.SENT, "eve")):
        counts.gateway_event(one)
    numbers = counts.numbers()
    assert {("sent", "bob"): 2, ("sent", "eve"): 1} == numbers.events
    assert {("sent", "bob"): 15, ("sent", "eve"): 0} == numbers.octets


def test_open_sessions() -> None:
    counts = Counts()
    for kind in (
        EventKind.CALL_STARTED,
        EventKind.CALL_STARTED,
        EventKind.CALL_FAILED,
        EventKind.CALL_FINISHED,
    ):
        counts.gateway_event(event(kind))
    assert 1 == counts.numbers().sessions["bob"]


@given(waits=st.lists(st.floats(0, 1e6)))
def test_every_wait_is_counted_once_below_its_limit(waits: list[float]) -> None:
    counts = Counts()
    for waited in waits:
        counts.gateway_event(event(EventKind.DELIVERED, waited=waited))
    numbers = counts.numbers()
    assert len(waits) == sum(numbers.waits)
    assert pytest.approx(sum(waits)) == numbers.waited
    for position, limit in enumerate(WAITS):
        assert sum(1 for waited in waits if waited <= limit) == sum(numbers.waits[: position + 1])


def test_many_threads_lose_none() -> None:
    counts = Counts()

    def tell() -> None:
        for _ in range(1000):
            counts.gateway_event(event(EventKind.RECEIVED, size=1))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 4000 == counts.numbers().events["received", "bob"]
