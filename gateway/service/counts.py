"""What this process saw happen, in numbers: a plugin that only counts."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from gateway.hookspecs import hookimpl
from gateway.mta import EventKind

if TYPE_CHECKING:
    from gateway.mta import Event

__all__ = ["WAITS", "Counts", "Numbers"]

WAITS = (0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 86400.0)
"""[s] The limits between which times from arrival to delivery are counted."""
_SESSION = {EventKind.CALL_STARTED: 1, EventKind.CALL_FINISHED: -1}


class Numbers(NamedTuple):
    """Counts since the process began, by kind of event and neighbour.

    `waits` has one more place than `WAITS`, `waited` is the sum of all of them [s]; `sessions` are
    those open now.
    """

    events: Counter[tuple[str, str]]
    octets: Counter[tuple[str, str]]
    sessions: Counter[str]
    waits: tuple[int, ...]
    waited: float


class Counts:
    """Counts events; any thread may tell and ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: Counter[tuple[str, str]] = Counter()
        self._octets: Counter[tuple[str, str]] = Counter()
        self._sessions: Counter[str] = Counter()
        self._waits = [0] * (len(WAITS) + 1)
        self._waited = 0.0

    @hookimpl
    def gateway_event(self, event: Event) -> None:
        """Count one."""
        key = event.kind.value, event.node
        waited = event.detail.get("waited")
        with self._lock:
            self._events[key] += 1
            self._octets[key] += event.size
            self._sessions[event.node] += _SESSION.get(event.kind, 0)
            if event.kind is EventKind.DELIVERED and isinstance(waited, float):
                self._waits[bisect_left(WAITS, waited)] += 1
                self._waited += waited

    def numbers(self) -> Numbers:
        """Return the counts as they are now."""
        with self._lock:
            copies = Counter(self._events), Counter(self._octets), Counter(self._sessions)
            return Numbers(*copies, tuple(self._waits), self._waited)
