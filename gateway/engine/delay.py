"""Delays: a person is told, once, of each packet that waits in a queue for longer than it should."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, LockBusy, SpoolError
from gateway.mta import Event, EventKind
from gateway.packet.header import Header
from gateway.packet.identity import decode, encode
from gateway.spool import delayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Config, Neighbour
    from gateway.registry import Registry
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

EVERY = 300.0
"""[s] Between two looks at a neighbour's queue: there may be 100,000 packets in it."""
_MANY = 1000
"""Packets that take long enough to look at for a note that somebody did."""
_HOUR = 3600.0
_DAY = 24 * _HOUR


class Delays:
    """Looks after the queues of one spool; asking for a look costs nothing before it is time."""

    def __init__(
        self, config: Config, spool: Spool, registry: Registry, *, say: Callable[[str], None]
    ) -> None:
        self._config = config
        self._spool = spool
        self._registry = registry
        self._say = say
        self._next: dict[str, float] = {}

    def look(self, node: bytes | None = None) -> int:
        """Tell of packets that wait for one neighbour, or for any; return of how many it was the first time.

        Failures are said and change nothing: the next look comes. Call it without the toss lock.
        """
        try:
            return sum(map(self._look, [encode(node)] if node else self._spool.nodes()))
        except SpoolError as failure:
            self._say(str(failure))
            return 0

    def _look(self, node: str) -> int:
        now = time.monotonic()
        if now < self._next.get(node, 0.0):
            return 0
        self._next[node] = now + EVERY
        try:
            # Other processes look as well: a timer may start a new one every minute.
            if 0 <= time.time() - delayed.looked(self._spool, node) < EVERY or not self._new(node):
                return 0
            with self._spool.lock(node, "toss"):
                new = self._new(node)
                for job in new:
                    self._tell(job)
                if new:
                    self._remember(node, new)
                return len(new)
        except LockBusy:
            self._next.pop(node)
        except SpoolError as failure:
            self._say(str(failure))
        return 0

    def _new(self, node: str) -> list[Job]:
        """Return the packets that nobody was told of, the oldest first."""
        latest = time.time() - self._patience(self._config.by_id(decode(node)))
        jobs = list(self._spool.jobs(node, "tx"))
        late = [job for job in jobs if job.mtime <= latest]
        known = delayed.told(self._spool, node) if late else {}
        new = sorted((job for job in late if job.name not in known), key=lambda job: job.mtime)
        if not new:
            delayed.touch(self._spool, node, make=len(jobs) >= _MANY)
        return new

    def _remember(self, node: str, new: list[Job]) -> None:
        now, known = time.time(), delayed.told(self._spool, node)
        there = {job.name for job in self._spool.jobs(node, "tx")}
        names = {name: when for name, when in known.items() if name in there}
        delayed.remember(self._spool, node, names | {job.name: now for job in new})
        neighbour = self._config.by_id(decode(node))
        if neighbour is None:
            who = f"{node}, a node that {self._config.path} does not have"
        else:
            who = neighbour.name
        oldest = _span(now - new[0].mtime)
        self._say(f"packets wait for {who}: {len(new)} more for too long, the oldest for {oldest}")

    def _tell(self, job: Job) -> None:
        neighbour = self._config.by_id(decode(job.node))
        waited = time.time() - job.mtime
        niceness = 0
        with suppress(GatewayError):
            niceness = Header.decode(self._spool.header(job)).niceness
        self._registry.event(
            Event(
                kind=EventKind.DELAYED,
                packet=job.name,
                node=neighbour.name if neighbour else job.node,
                niceness=niceness,
                size=job.size,
                text=f"has been waiting for {_span(waited)}",
                detail={"waited": round(waited)},
            )
        )

    def _patience(self, neighbour: Neighbour | None) -> float:
        if neighbour is None or neighbour.warn_after is None:
            return self._config.retry.warn_after
        return neighbour.warn_after


def _span(seconds: float) -> str:
    if seconds < 2 * _HOUR:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / _HOUR:.0f} hours" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
