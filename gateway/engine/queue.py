"""The queue as an operator sees it: rows, picked by a selector; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import BadPacket
from gateway.packet.header import Header
from gateway.spool.delayed import recall
from gateway.spool.layout import BOXES, REMEMBERED

if TYPE_CHECKING:
    from gateway.spool.layout import Box, Job
    from gateway.spool.record import JobRecord
    from gateway.spool.spool import Spool


class State(Enum):
    """Where a packet is in its life here."""

    QUEUED = "queued"
    """Waits in ``tx`` for a link."""
    ARRIVED = "arrived"
    """Waits in ``rx`` for toss."""
    DELIVERING = "delivering"
    """Taken up; being delivered now, or our process died meanwhile."""
    DEFERRED = "deferred"
    """A delivery failed for now; tried again when it is due."""
    HELD = "held"
    """Set aside for a person."""
    REMOVED = "removed"
    """In the trash, until it expires."""


LIVE = frozenset(State) - {State.REMOVED}
"""The states of what is still to go somewhere."""
WAITING = frozenset({State.QUEUED, State.ARRIVED})
"""What nobody has tried yet."""
_STATE_OF: dict[Box, State] = {
    "tx": State.QUEUED,
    "rx": State.ARRIVED,
    "hold": State.HELD,
    "trash": State.REMOVED,
}


class Row(NamedTuple):
    """One packet: where it lies, its state, its header (None: unreadable or not asked for), its memory.

    `warned` are the senders who were told that it waits in ``tx`` for too long.
    """

    job: Job
    state: State
    header: Header | None
    record: JobRecord | None
    warned: tuple[str, ...] = ()

    @property
    def outbound(self) -> bool:
        """Whether it was on its way out, rather than in."""
        return self.job.box == "tx" or bool(self.record and self.record.origin == "tx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which packets are meant; what is left at its default selects everything but the trash.

    `node` is the id of the neighbour in whose directory they lie, `prefixes` beginnings of
    packet names, `min_age` and `max_age` seconds, `min_size` and `max_size` bytes, nicenesses
    0..255 inclusive. `handle` is the word in an exec packet, which only we can read, and only
    where it is for us: what we sent has none.
    """

    node: str | None = None
    prefixes: tuple[str, ...] = ()
    states: frozenset[State] = LIVE
    outbound: bool | None = None
    min_age: float | None = None
    max_age: float | None = None
    min_size: int = 0
    max_size: int | None = None
    min_niceness: int = 0
    max_niceness: int = 255
    handle: str | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is narrowed."""
        return self == Selector()

    def of_states(self, states: frozenset[State]) -> Selector:
        """Return the same for other states."""
        return replace(self, states=states)

    @property
    def _by_niceness(self) -> bool:
        return (self.min_niceness, self.max_niceness) != (0, 255)

    def _boxes(self) -> Iterator[Box]:
        wanted = {
            "tx": State.QUEUED in self.states and self.outbound is not False,
            "rx": State.ARRIVED in self.states and self.outbound is not True,
            "work": bool({State.DELIVERING, State.DEFERRED} & self.states) and self.outbound is not True,
            "hold": State.HELD in self.states,
            "trash": State.REMOVED in self.states,
        }
        return (box for box in BOXES if wanted[box])

    @property
    def _by_job(self) -> bool:
        """Whether it matters what a packet is called, how old it is, or how large."""
        whole = Selector()
        narrowing = ("prefixes", "min_age", "max_age", "min_size", "max_size")
        return any(getattr(self, name) != getattr(whole, name) for name in narrowing)

    def _wants_job(self, job: Job, now: float) -> bool:
        age = now - job.mtime
        return (
            (not self.prefixes or job.name.startswith(self.prefixes))
            and (self.min_age is None or age >= self.min_age)
            and (self.max_age is None or age <= self.max_age)
            and job.size >= self.min_size
            and (self.max_size is None or job.size <= self.max_size)
        )

    def _wants_row(self, row: Row) -> bool:
        if row.state not in self.states:
            return False
        if self.outbound is not None and self.outbound != row.outbound:
            return False
        if not self._by_niceness:
            return True
        return row.header is not None and self.min_niceness <= row.header.niceness <= self.max_niceness


def rows(
    spool: Spool,
    selector: Selector,
    now: float,
    *,
    headers: bool = True,
    handle_of: Callable[[Job], str | None] = lambda _: None,
) -> Iterator[Row]:
    """Yield the packets that a selector means: by node, by box, and there the oldest first.

    Without `headers` the packets are not opened, unless the selector asks for nicenesses:
    with many of them, and nothing in the cache, that is most of the time it takes. `handle_of`
    is asked only if the selector names a handle.

    Raises:
        SpoolError: temporary.
    """
    by_job = selector._by_job
    look = spool.headers if headers or selector._by_niceness else _without_headers(spool)
    for node in spool.nodes() if selector.node is None else [selector.node]:
        for box in selector._boxes():
            found = list(look(node, box))
            if by_job:
                found = [each for each in found if selector._wants_job(each[0], now)]
            found.sort(key=_mtime)
            warned = recall(spool, node).senders if found and box == "tx" else {}
            for job, header in found:
                record = spool.recorded(job) if box in REMEMBERED else None
                row = Row(job, _state(job, record), _decoded(header), record, warned.get(job.name, ()))
                if not selector._wants_row(row):
                    continue
                if selector.handle is None or selector.handle == handle_of(job):
                    yield row


def _without_headers(spool: Spool) -> Callable[[str, Box], Iterator[tuple[Job, bytes]]]:
    return lambda node, box: ((job, b"") for job in spool.jobs(node, box))


def _mtime(found: tuple[Job, bytes]) -> float:
    return found[0].mtime


def _state(job: Job, record: JobRecord | None) -> State:
    if job.box == "work":
        return State.DELIVERING if record is None or record.running else State.DEFERRED
    return _STATE_OF[job.box]


def _decoded(header: bytes) -> Header | None:
    if not header:
        return None
    try:
        return Header.decode(header)
    except BadPacket:
        return None
