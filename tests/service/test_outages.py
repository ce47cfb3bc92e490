"""A link that fails again and again: one word when it is certain, one when it is over."""

from __future__ import annotations

import pytest

from gateway.config.model import Config, Neighbour, Retry
from gateway.mta import Event, EventKind
from gateway.service.outages import LEAST, TIMES, Outages

CONFIG = Config("gateway.toml", "toml", "/spool", None, {}, retry=Retry(warn_after=86_400.0))


class Operator:
    """Hears what is said, at a time of the test's own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.said: list[str] = []
        self.outages = Outages(self.said.append, clock=lambda: self.now)

    def hears(self, kind: EventKind, text: str = "", node: str = "bob", **detail: object) -> list[str]:
        """Return what is said because of an event."""
        before = len(self.said)
        self.outages.gateway_event(Event(kind, "", node, text=text, detail=detail), CONFIG)
        return self.said[before:]

    def fails(self, times: int = 1, every: float = LEAST / TIMES + 10, why: str = "refused") -> list[str]:
        before = len(self.said)
        for _ in range(times):
            self.hears(EventKind.CALL_FAILED, why)
            self.now += every
        return self.said[before:]


@pytest.fixture
def operator() -> Operator:
    return Operator()


def test_it_is_told_once_and_once_when_it_is_over(operator: Operator) -> None:
    assert [] == operator.fails(TIMES - 1)
    words = "bob: the link has failed 10 times in a row, for 10 minutes; the last time: refused: "
    assert [f"{words}gateway node probe bob"] == operator.fails()
    assert [] == operator.fails(100)
    over = "bob: the link works again, after 2 hours and 110 failures"
    assert [over] == operator.hears(EventKind.CALL_STARTED)
    assert [] == operator.hears(EventKind.CALL_FINISHED)
    assert [] == operator.fails(TIMES - 1)


def test_a_peer_that_is_restarted_is_no_outage(operator: Operator) -> None:
    assert [] == operator.fails(500, every=1.0)
    assert [] == operator.hears(EventKind.CALL_STARTED)
    assert [] == operator.fails(500, every=1.0)


def test_of_a_link_that_is_called_seldom_the_second_failure_is_told(operator: Operator) -> None:
    assert [] == operator.fails(1, every=86_400.0)
    assert 1 == len(operator.fails())


def test_each_link_has_its_own(operator: Operator) -> None:
    operator.fails(TIMES - 1)
    operator.hears(EventKind.CALL_FAILED, node="carol")
    operator.hears(EventKind.CALL_STARTED, node="carol")
    assert 1 == len(operator.fails())


BREAKS = {"received": 0, "sent": 0, "left": 1, "wanting": 0, "broken": False}


@pytest.mark.parametrize(
    ("detail", "counts"),
    [
        (BREAKS, True),
        (BREAKS | {"left": 0, "wanting": 2}, True),
        (BREAKS | {"left": 0, "broken": True}, True),
        (BREAKS | {"left": 0}, False),
        (BREAKS | {"sent": 1}, False),
        (BREAKS | {"received": 1}, False),
        ({}, False),
    ],
)
def test_which_sessions_are_in_vain(operator: Operator, detail: dict[str, object], counts: bool) -> None:
    for _ in range(TIMES + 1):
        operator.hears(EventKind.CALL_STARTED)
        operator.hears(EventKind.CALL_FINISHED, "the peer closed the connection", **detail)
        operator.now += LEAST
    told = ["the last time: the peer closed the connection" in words for words in operator.said]
    assert ([True] if counts else []) == told


def test_where_sessions_break_one_that_begins_proves_nothing(operator: Operator) -> None:
    for _ in range(TIMES):
        operator.hears(EventKind.CALL_STARTED)
        operator.hears(EventKind.CALL_FINISHED, **BREAKS)
        operator.now += LEAST
    operator.fails(3)
    assert [] == operator.hears(EventKind.CALL_STARTED)
    assert [] == operator.hears(EventKind.SENT, link="xfer")
    [words] = operator.hears(EventKind.SENT, link="call")
    assert words.startswith("bob: the link works again")


def test_a_neighbours_own_patience_counts(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = Neighbour("bob", bytes(32), bytes(32), bytes(32), warn_after=60.0)
    monkeypatch.setattr("tests.service.test_outages.CONFIG", CONFIG._replace(neighbours={"bob": bob}))
    assert [] == operator.fails(1, every=61.0)
    assert 1 == len(operator.fails())
