"""Threads for big bodies: the ciphers and hashes release the interpreter while they work."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor

P = ParamSpec("P")
T = TypeVar("T")

STARTS_AFTER = 48
"""Calls done before threads start: some MiB, so that ordinary mail never pays for them."""
MOST_THREADS = 2
AHEAD = 6
"""Calls that may be under way or waiting for their turn: bounds the memory."""


def processors() -> int:
    """Return how many processors we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Makes calls, at first at once, on threads when there turn out to be many.

    What a call raises is raised where its result is asked for.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._calls = 0
        self._pool: Executor | None = None

    @property
    def started(self) -> bool:
        """Whether threads are at work, so that calls should be made ahead."""
        return self._pool is not None

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        """Make a call, now or on a thread; return the function that gives its result."""
        if self._pool is None:
            self._calls += 1
            if self._calls > STARTS_AFTER:
                self._open()
        if self._pool is not None:
            return self._pool.submit(function, *args, **kwargs).result
        value = function(*args, **kwargs)
        return lambda: value

    def close(self) -> None:
        """Let the threads go; what is still waiting is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
        self._threads = 0

    def _open(self) -> None:
        if self._threads is None:
            self._threads = MOST_THREADS if processors() > 1 else 0
        if not self._threads:
            self._calls = 0
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, for big bodies only

        self._pool = ThreadPoolExecutor(self._threads)


class InOrder(Generic[T]):
    """Makes calls through workers and hands their results on in the order of the calls."""

    def __init__(self, workers: Workers, take: Callable[[T], object]) -> None:
        self._workers = workers
        self._take = take
        self._waiting: deque[Callable[[], T]] = deque()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """Make a call; hands on results that are due, waiting if too many are under way."""
        self._waiting.append(self._workers.start(function, *args, **kwargs))
        most = AHEAD if self._workers.started else 0
        while len(self._waiting) > most:
            self._take(self._waiting.popleft()())

    def finish(self) -> None:
        """Hand on every result that is still missing."""
        while self._waiting:
            self._take(self._waiting.popleft()())
