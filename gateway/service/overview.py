"""How things stand, for a person who looks: the status page and ``gateway top`` show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.journal.place import place_of
from gateway.journal.tail import tail
from gateway.packet.identity import encode
from gateway.service.stock import Pile

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour
    from gateway.journal.entry import Entry
    from gateway.service.stock import Stock
    from gateway.spool.layout import Box
    from gateway.spool.spool import Spool

__all__ = ["Held", "Overview", "Standing", "overview"]

_EVENTS = 1000
"""Of these the last sessions are known; older ones are not looked for."""
_NOTHING = Pile(0, 0, 0.0)
_BOXES: tuple[Box, ...] = ("tx", "rx", "work", "hold")
_SESSIONS = ("call-started", "call-finished", "call-failed")


class Standing(NamedTuple):
    """One neighbour: the way there, the piles of each box, and the last word of a session, if any."""

    name: str
    way: str
    tx: Pile
    rx: Pile
    work: Pile
    hold: Pile
    session: Entry | None


class Held(NamedTuple):
    """A packet that waits for a person."""

    name: str
    node: str
    reason: str
    since: float


class Overview(NamedTuple):
    """The neighbours, those with most to do first; events and what is held, the newest first."""

    standings: list[Standing]
    events: list[Entry]
    held: list[Held]


def overview(config: Config, spool: Spool, stock: Stock, *, events: int = 30, held: int = 50) -> Overview:
    """Return how things stand, with so many events and held packets at most.

    Raises:
        SpoolError: temporary.
        ConfigError: temporary; ``[plugin.journal]`` has mistakes.
    """
    place = place_of(config)
    happened = tail(place.path, _EVENTS) if place.enabled else []
    sessions = {entry.node: entry for entry in happened if entry.event in _SESSIONS}
    standings = [
        _standing(neighbour, stock, sessions.get(name))
        for name, neighbour in config.neighbours.items()
        if name != "self" or stock.piles.get((name, "tx"), _NOTHING).packets
    ]
    standings.sort(key=lambda one: (-one.hold.packets, -one.tx.packets - one.rx.packets - one.work.packets))
    return Overview(standings, happened[: -events - 1 : -1], _held(config, spool, held))


def _standing(neighbour: Neighbour, stock: Stock, session: Entry | None) -> Standing:
    if neighbour.via:
        way = f"via {', '.join(neighbour.via)}"
    else:
        way = ", ".join(neighbour.addrs.values()) or "carried, or calls us"
    tx, rx, work, hold = (stock.piles.get((neighbour.name, box), _NOTHING) for box in _BOXES)
    return Standing(neighbour.name, way, tx, rx, work, hold, session)


def _held(config: Config, spool: Spool, most: int) -> list[Held]:
    names = {encode(neighbour.id): neighbour.name for neighbour in config.neighbours.values()}
    jobs = [job for node in spool.nodes() for job in spool.jobs(node, "hold")]
    jobs.sort(key=lambda job: -job.mtime)
    found = []
    for job in jobs[:most]:
        record = spool.recorded(job)
        reason = record.reason if record is not None else ""
        found.append(Held(job.name, names.get(job.node, job.node), reason, job.mtime))
    return found
