from __future__ import annotations

import pytest

from gateway.engine.news import News
from gateway.mta import Event, EventKind

ONE, TWO, THREE = (Event(EventKind.DELIVERED, name, "alice") for name in ("one", "two", "three"))


def test_one_waits_until_there_is_time() -> None:
    told: list[Event] = []
    with News(told.append, behind=True) as news:
        news.tell_soon(ONE)
        assert [] == told
        news.catch_up()
        assert [ONE] == told
        news.catch_up()
        assert [ONE] == told


def test_no_more_than_one_waits_and_the_order_stays() -> None:
    told: list[Event] = []
    with News(told.append, behind=True) as news:
        news.tell_soon(ONE)
        news.tell_soon(TWO)
        assert [ONE] == told
        news.tell(THREE)
        assert [ONE, TWO, THREE] == told


def test_beside_others_nothing_waits() -> None:
    told: list[Event] = []
    with News(told.append, behind=False) as news:
        news.tell_soon(ONE)
        assert [ONE] == told


def test_whoever_leaves_has_told_all() -> None:
    told: list[Event] = []

    def leave() -> None:
        with News(told.append, behind=True) as news:
            news.tell_soon(ONE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert [ONE] == told


def test_what_interrupted_its_telling_is_not_told_again() -> None:
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        raise KeyboardInterrupt

    def leave() -> None:
        with News(tell, behind=True) as news:
            news.tell_soon(ONE)
            news.catch_up()

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert [ONE] == told
