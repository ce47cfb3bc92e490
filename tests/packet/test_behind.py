from __future__ import annotations

import threading

import pytest

from gateway.packet.behind import BACKLOG, Behind

MANY = range(10 * BACKLOG)


def threads() -> int:
    return sum(thread.name.startswith("gateway-") for thread in threading.enumerate())


def no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_results_come_in_order_and_all_of_them() -> None:
    behind = Behind(lambda number: number * 2)
    got = [result for number in MANY for result in behind.put(number)]
    got += behind.finish()
    assert [number * 2 for number in MANY] == got
    assert 0 == threads()


def test_when_the_thread_falls_behind_the_caller_helps() -> None:
    """It gets on with all but the call that the thread is stuck in, and keeps what comes after it."""
    caller, stuck, go_on = threading.get_ident(), threading.Event(), threading.Event()

    def call(number: int) -> int:
        if threading.get_ident() != caller:
            stuck.set()
            assert go_on.wait(10)
        elif number == BACKLOG:
            go_on.set()
        return number

    behind = Behind(call)
    assert [] == list(behind.put(0))
    assert stuck.wait(10)
    got = [result for number in MANY[1:] for result in behind.put(number)]
    assert list(MANY) == got + list(behind.finish())


def test_without_a_thread_to_be_had_the_caller_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    behind = Behind(lambda _number: threading.get_ident())
    got = [result for number in MANY for result in behind.put(number)]
    assert [threading.get_ident()] * len(MANY) == got + list(behind.finish())


def test_a_failure_there_is_raised_here_and_nothing_is_called_after_it() -> None:
    called: list[int] = []

    def fail_third(number: int) -> int:
        called.append(number)
        if number == 2:
            raise OSError("disk full")
        return number

    def put_all() -> None:
        for number in MANY:
            list(behind.put(number))

    behind = Behind(fail_third)
    with pytest.raises(OSError, match="disk full"):
        put_all()
    with pytest.raises(OSError, match="disk full"):
        list(behind.finish())
    assert 2 == max(called)
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


def test_after_a_break_in_the_results_it_can_be_given_up() -> None:
    behind = Behind(lambda number: number)
    for number in MANY:
        for _ in behind.put(number):
            break
    behind.give_up()
    assert 0 == threads()
