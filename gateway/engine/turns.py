"""Turns: whose turn it is among the jobs of one pass, for all that work on it."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.engine.unpacking import Unpacked
    from gateway.spool.layout import Job


class Turn(NamedTuple):
    """A job whose turn has come, and what was made of it before, if anything; whoever has it closes it."""

    job: Job
    unpacked: Unpacked | None = None

    def close(self) -> None:
        """Give back what is open."""
        if self.unpacked is not None:
            self.unpacked.body.close()


class Turns:
    """The jobs of a pass in their order; thread safe. None has a turn once `stopping` says so."""

    def __init__(self, ordered: Iterable[Job], stopping: Callable[[], bool] = lambda: False) -> None:
        self._waiting = deque(map(Turn, ordered))
        self._stopping = stopping
        self._lock = threading.Lock()

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *exc: object) -> None:
        for turn in self._waiting:
            turn.close()

    def take(self) -> Turn | None:
        """Return the next, or None if there is none for now."""
        if self._stopping():
            return None
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def put_back(self, turn: Turn) -> None:
        """Let the one that was just taken be the next again, for whoever asks first."""
        with self._lock:
            self._waiting.appendleft(turn)
