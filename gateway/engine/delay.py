"""Delays: a person is told, once, of each packet that waits in a queue for longer than it should.

Where `warn-sender` wants it, so are those who sent what is in it (`gateway.engine.warning`).
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.ground import ourselves
from gateway.errors import ConfigError, GatewayError, LockBusy, SpoolError
from gateway.journal.place import place_of
from gateway.mta import Event, EventKind
from gateway.packet.header import Header
from gateway.packet.identity import decode, encode
from gateway.spool import delayed
from gateway.spool.delayed import Memory

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


class _Late(NamedTuple):
    """What is remembered of a queue, and the packets in it of which a person, or a sender, has not heard."""

    memory: Memory
    new: list[Job]
    unanswered: list[Job]

    @property
    def anything(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.new or self.unanswered)


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
        self._warns = warns(config) and not hindrance(config)

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
            if 0 <= time.time() - delayed.looked(self._spool, node) < EVERY:
                return 0
            if not self._late(node).anything and not delayed.unsettled(self._spool, node):
                return 0
            with self._spool.lock(node, "toss"):
                delayed.settle(self._spool, node)
                return self._attend(node, self._late(node))
        except LockBusy:
            self._next.pop(node)
        except GatewayError as failure:
            self._say(str(failure))
        return 0

    def _late(self, node: str) -> _Late:
        """Return the packets that somebody has still to be told of."""
        latest = time.time() - self._patience(self._config.by_id(decode(node)))
        jobs = list(self._spool.jobs(node, "tx"))
        late = sorted((job for job in jobs if job.mtime <= latest), key=lambda job: job.mtime)
        memory = delayed.recall(self._spool, node) if late else Memory()
        found = _Late(
            memory,
            [job for job in late if job.name not in memory.told],
            [job for job in late if job.name not in memory.senders] if self._warns else [],
        )
        if not found.anything:
            delayed.touch(self._spool, node, make=len(jobs) >= _MANY)
        return found

    def _attend(self, node: str, late: _Late) -> int:
        """Tell whoever is to be told; the toss lock is held."""
        memory = late.memory
        if late.unanswered:
            memory = self._warn(node, late.unanswered, memory)
        for job in late.new:
            self._tell(job, memory.senders.get(job.name, ()))
        if late.anything:
            now = time.time()
            told = {**memory.told, **dict.fromkeys((job.name for job in late.new), now)}
            delayed.remember(self._spool, node, memory._replace(told=told))
        if late.new:
            self._say_to_a_person(node, late.new)
        return len(late.new)

    def _warn(self, node: str, jobs: list[Job], memory: Memory) -> Memory:
        """Tell senders, if that can be done; a person hears of the packets in any case."""
        # Mail that waits so long is rare, and reports take email to write.
        from gateway.engine.warning import Warnings  # noqa: PLC0415 - see above

        own = ourselves(self._config)
        assert own is not None, "nobody is warned without"
        try:
            return Warnings(self._config, self._spool, self._registry, own).send(node, jobs, memory)
        except GatewayError as failure:
            self._say(f"the senders of mail that waits are not told yet: {failure}")
            return delayed.recall(self._spool, node)

    def _say_to_a_person(self, node: str, new: list[Job]) -> None:
        neighbour = self._config.by_id(decode(node))
        if neighbour is None:
            who = f"{node}, a node that {self._config.path} does not have"
        else:
            who = neighbour.name
        oldest = span(time.time() - new[0].mtime)
        self._say(f"packets wait for {who}: {len(new)} more for too long, the oldest for {oldest}")
        if lacking := hindrance(self._config):
            self._say(f"their senders are not told: {lacking.what}: {lacking.mend}")

    def _tell(self, job: Job, senders: tuple[str, ...]) -> None:
        neighbour = self._config.by_id(decode(job.node))
        waited = time.time() - job.mtime
        said = [f"reported to {', '.join(dict.fromkeys(senders))}"] if senders else []
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
                text="; ".join([f"has been waiting for {span(waited)}", *said]),
                detail={"waited": round(waited), **({"reported": senders} if senders else {})},
            )
        )

    def _patience(self, neighbour: Neighbour | None) -> float:
        if neighbour is None or neighbour.warn_after is None:
            return self._config.retry.warn_after
        return neighbour.warn_after


def warns(config: Config) -> bool:
    """Whether the senders of mail that waits here are to be told."""
    own = ourselves(config)
    return config.retry.warn_sender and own is not None and own.bounce


class Hindrance(NamedTuple):
    """Why senders who are to be told are not, and the line that mends it."""

    what: str
    mend: str


def hindrance(config: Config) -> Hindrance | None:
    """Return what keeps us from telling the senders that are to be told, if anything does."""
    own = ourselves(config)
    if not warns(config) or own is None:
        return None
    if own.mail.handle not in own.handles:
        line = (
            f'add exec.{own.mail.handle} = ["/usr/sbin/sendmail", "-bS"] below [neigh.self] in {config.path}'
        )
        return Hindrance("there is no handle of our own that takes the reports", line)
    try:
        if place_of(config).enabled:
            return None
    except ConfigError as mistake:
        return Hindrance(str(mistake), f"mend [plugin.journal] in {config.path}")
    line = f"take `enabled = false` out of [plugin.journal] in {config.path}"
    return Hindrance("without a journal nobody knows them", line)


def span(seconds: float) -> str:
    """Return a length of time in the unit that a person would name it in."""
    if seconds < 2 * _HOUR:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / _HOUR:.0f} hours" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
