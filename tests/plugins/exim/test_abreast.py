"""Generators at work at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from gateway_exim.abreast import abreast


def nothing() -> None:
    pass


@pytest.mark.parametrize("width", [1, 2, 8])
def test_every_result_of_every_job_comes_once(width: int) -> None:
    def work(job: int) -> Iterator[tuple[int, int]]:
        yield from ((job, i) for i in range(3))

    found = list(abreast(range(20), work, width, nothing))
    assert [(job, i) for job in range(20) for i in range(3)] == sorted(found)


def test_no_more_than_width_are_at_work() -> None:
    lock = threading.Lock()
    at_work = most = 0

    def work(_job: int) -> Iterator[int]:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        threading.Event().wait(0.005)
        with lock:
            at_work -= 1
        yield 1

    assert 30 == len(list(abreast(range(30), work, 3, nothing)))
    assert most <= 3


def test_jobs_really_run_at_once() -> None:
    barrier = threading.Barrier(3, timeout=20)

    def work(_job: int) -> Iterator[bool]:
        barrier.wait()
        yield True

    assert [True] * 3 == list(abreast(range(3), work, 3, nothing))


@pytest.mark.parametrize("width", [1, 3])
def test_a_failure_is_raised_after_the_results_of_the_others(width: int) -> None:
    def work(job: int) -> Iterator[int]:
        yield job
        if job == 1:
            raise ValueError(job)

    began: list[int] = []

    def note(job: int) -> Iterator[int]:
        began.append(job)
        return work(job)

    with pytest.raises(ValueError, match="1"):
        list(abreast(range(5000), note, width, nothing))
    assert len(began) < 5000


def test_a_failure_of_the_jobs_themselves_waits_for_those_at_work() -> None:
    def jobs() -> Iterator[int]:
        yield from range(5)
        raise OSError("no more")

    found: list[int] = []

    def work(job: int) -> Iterator[int]:
        threading.Event().wait(0.01)
        found.append(job)
        yield job

    with pytest.raises(OSError, match="no more"):
        list(abreast(jobs(), work, 2, nothing))
    assert set(range(5)) == set(found)


def test_closing_it_stops_the_work_and_waits_for_nobody() -> None:
    stop = threading.Event()

    def work(job: int) -> Iterator[int]:
        yield job
        stop.wait(60)

    going = abreast(range(10), work, 2, stop.set)
    next(going)
    going.close()  # type: ignore[attr-defined]
    assert stop.is_set()


def test_a_single_job_needs_no_thread() -> None:
    where = list(abreast([1], lambda _: iter([threading.current_thread()]), 4, nothing))
    assert [threading.current_thread()] == where
