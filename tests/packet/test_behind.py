from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.packet.behind import BACKLOG, Behind

MANY = range(10 * BACKLOG)


def threads() -> int:
    return sum(thread.name.startswith("gateway-") for thread in threading.enumerate())


def no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def same(number: int) -> int:
    return number


def put_all(behind: Behind[int, int]) -> None:
    for number in MANY:
        behind.put(number)
    behind.finish()


def test_what_was_made_comes_in_order_and_all_of_it() -> None:
    got: list[int] = []
    put_all(Behind(lambda number: number * 2, got.append))
    assert [number * 2 for number in MANY] == got
    assert 0 == threads()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0, 0.001]), min_size=3 * BACKLOG), st.data())
def test_however_long_each_takes_one_comes_after_the_other(pauses: list[float], data: st.DataObject) -> None:
    slow_turns = data.draw(st.sets(st.integers(0, len(pauses))))
    turn = threading.Lock()
    got: list[int] = []

    def make(number: int) -> int:
        time.sleep(pauses[number])
        return number

    def then(number: int) -> None:
        assert turn.acquire(blocking=False)
        time.sleep(0.001 if number in slow_turns else 0)
        got.append(number)
        turn.release()

    behind = Behind(make, then)
    for number in range(len(pauses)):
        behind.put(number)
    behind.finish()
    assert list(range(len(pauses))) == got


def test_when_the_thread_falls_behind_the_caller_helps() -> None:
    """It gets on with all but the call that the thread is stuck in, and keeps what comes after it."""
    caller, stuck, go_on = threading.get_ident(), threading.Event(), threading.Event()

    def make(number: int) -> int:
        if threading.get_ident() != caller:
            stuck.set()
            assert go_on.wait(10)
        elif number == BACKLOG:
            go_on.set()
        return number

    got: list[int] = []
    behind = Behind(make, got.append)
    behind.put(0)
    assert stuck.wait(10)
    for number in MANY[1:]:
        behind.put(number)
    behind.finish()
    assert list(MANY) == got


def test_what_the_caller_made_during_a_turn_is_not_left_behind() -> None:
    """The thread, which is in the turn of the first, takes those of the others before it waits again."""
    caller, in_turn, others_made = threading.get_ident(), threading.Event(), threading.Event()
    last_turn = threading.Event()
    turns: list[int] = []

    def make(number: int) -> int:
        if number == BACKLOG:
            others_made.set()
        return number

    def then(number: int) -> None:
        turns.append(threading.get_ident())
        if number == 0:
            in_turn.set()
            assert others_made.wait(10)
        elif number == BACKLOG:
            last_turn.set()

    behind = Behind(make, then)
    behind.put(0)
    assert in_turn.wait(10)
    for number in range(1, BACKLOG + 1):
        behind.put(number)
    assert last_turn.wait(10)
    behind.finish()
    assert BACKLOG + 1 == len(turns)
    assert caller not in turns[:1]


def test_without_a_thread_to_be_had_the_caller_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    got: list[tuple[int, int]] = []
    put_all(Behind(same, lambda number: got.append((number, threading.get_ident()))))
    assert [(number, threading.get_ident()) for number in MANY] == got


def failing_at(which: int, called: list[int]) -> Callable[[int], int]:
    def call(number: int) -> int:
        called.append(number)
        if number == which:
            raise OSError("disk full")
        return number

    return call


@pytest.mark.parametrize("which", [0, 2, BACKLOG + 1, MANY[-1]])
@pytest.mark.parametrize("threaded", [True, False])
def test_a_failure_in_its_turn_is_raised_to_the_caller_and_no_turn_follows(
    which: int, threaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not threaded:
        monkeypatch.setattr(threading.Thread, "start", no_thread)
    called: list[int] = []
    behind = Behind(same, failing_at(which, called))
    with pytest.raises(OSError, match="disk full"):
        put_all(behind)
    with pytest.raises(OSError, match="disk full"):
        behind.finish()
    assert list(range(which + 1)) == called
    assert 0 == threads()


@pytest.mark.parametrize("which", [0, 2, BACKLOG + 1, MANY[-1]])
def test_of_what_could_not_be_made_and_of_what_follows_there_is_no_turn(which: int) -> None:
    called: list[int] = []
    behind = Behind(failing_at(which, []), called.append)
    with pytest.raises(OSError, match="disk full"):
        put_all(behind)
    with pytest.raises(OSError, match="disk full"):
        behind.finish()
    assert list(range(len(called))) == called
    assert len(called) <= which
    assert 0 == threads()


def test_a_caller_that_waits_for_a_turn_hears_of_its_failure() -> None:
    waiting = threading.Event()

    def then(_number: int) -> None:
        assert waiting.wait(10)
        raise OSError("disk full")

    behind = Behind(same, then)
    behind.put(0)
    threading.Timer(0.05, waiting.set).start()
    with pytest.raises(OSError, match="disk full"):
        behind.finish()
    assert 0 == threads()


@pytest.mark.parametrize("stage", ["make", "then"])
def test_giving_up_ends_the_thread_without_further_calls(stage: str) -> None:
    go = threading.Event()
    called: list[int] = []

    def slow(number: int) -> int:
        go.wait(10)
        called.append(number)
        return number

    behind = Behind(slow, same) if stage == "make" else Behind(same, slow)
    for number in range(BACKLOG):
        behind.put(number)
    threading.Timer(0.05, go.set).start()
    behind.give_up()
    before = len(called)
    assert before <= 1
    time.sleep(0.05)
    assert before == len(called)
    assert 0 == threads()


def test_it_can_be_given_up_more_than_once() -> None:
    behind = Behind(same, same)
    put_all(behind)
    behind.give_up()
    behind.give_up()
    assert 0 == threads()
