from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from gateway.packet.behind import BACKLOG, Behind, ahead


def threads() -> int:
    return sum(thread.name.startswith("gateway-") for thread in threading.enumerate())


def test_results_come_in_order_and_all_of_them() -> None:
    behind = Behind(lambda number: number * 2)
    got = [result for number in range(10 * BACKLOG) for result in behind.put(number)]
    got += behind.finish()
    assert [number * 2 for number in range(10 * BACKLOG)] == got
    assert 0 == threads()


def test_a_failure_there_is_raised_here_and_nothing_is_called_after_it() -> None:
    called: list[int] = []

    def fail_third(number: int) -> int:
        called.append(number)
        if number == 2:
            raise OSError("disk full")
        return number

    def put_until_it_shows() -> None:
        for number in range(1000):
            list(behind.put(number))
            time.sleep(0.001)

    behind = Behind(fail_third)
    with pytest.raises(OSError, match="disk full"):
        put_until_it_shows()
    with pytest.raises(OSError, match="disk full"):
        list(behind.finish())
    assert [0, 1, 2] == called
    assert 0 == threads()


def test_giving_up_ends_the_thread_without_further_calls() -> None:
    go = threading.Event()
    called: list[int] = []

    def slow(number: int) -> None:
        go.wait(10)
        called.append(number)

    behind = Behind(slow)
    for number in range(5):
        assert [] == list(behind.put(number))
    threading.Timer(0.05, go.set).start()
    behind.give_up()
    assert len(called) <= 1
    assert 0 == threads()


def test_ahead_yields_the_same() -> None:
    assert list(range(100)) == list(ahead(iter(range(100))))
    assert [] == list(ahead(iter(())))
    assert 0 == threads()


def test_a_failure_ahead_comes_after_what_came_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("bad block")

    items = ahead(source())
    assert 1 == next(items)
    with pytest.raises(ValueError, match="bad block"):
        next(items)
    assert 0 == threads()


def test_leaving_early_ends_the_thread() -> None:
    def endless() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    items = ahead(endless())
    assert 0 == next(items)
    items.close()  # type: ignore[attr-defined]
    assert 0 == threads()


def no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_without_a_thread_to_be_had_nothing_is_taken_in_advance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert list(range(100)) == list(ahead(iter(range(100))))
