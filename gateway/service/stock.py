"""What lies in the spool, in numbers; looked at seldom enough to cost little with many packets."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.queue import Row, State
from gateway.engine.shape import Shape
from gateway.packet.identity import encode
from gateway.spool.layout import BOXES

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.spool.layout import Box
    from gateway.spool.spool import Spool

__all__ = ["Pile", "Stock", "StockTaking"]

_SHARE = 20
"""Between two looks passes so many times the time that one takes,"""
_LEAST = 2.0
"""[s] and so long at least."""

_GOING = ("rx", "tx", "work")


class Pile(NamedTuple):
    """The packets in one box of one neighbour.

    How many, their size [bytes], and the time of the oldest [unix s], 0 for none.
    """

    packets: int
    octets: int
    oldest: float


class Stock(NamedTuple):
    """All piles by neighbour's name and box; the ages of what is still to go; the room left [bytes]."""

    piles: dict[tuple[str, Box], Pile]
    shape: Shape
    free: int


class StockTaking:
    """Looks at a spool; any thread may ask."""

    def __init__(self, config: Config, spool: Spool) -> None:
        self._names = {encode(neighbour.id): neighbour.name for neighbour in config.neighbours.values()}
        self._spool = spool
        self._lock = threading.Lock()
        self._stock = Stock({}, Shape({}), 0)
        self._again = 0.0

    def stock(self) -> Stock:
        """Return what lies there, as it was some seconds ago at most; longer with very many packets.

        Raises:
            SpoolError: temporary.
        """
        with self._lock:
            began = time.monotonic()
            if began >= self._again:
                self._stock = self._look()
                now = time.monotonic()
                self._again = now + max(_LEAST, _SHARE * (now - began))
            return self._stock

    def _look(self) -> Stock:
        piles: dict[tuple[str, Box], Pile] = {}
        going: list[Row] = []
        for node in self._spool.nodes():
            name = self._names.get(node, node)
            for box in BOXES:
                jobs = list(self._spool.jobs(node, box))
                oldest = min((job.mtime for job in jobs), default=0.0)
                piles[name, box] = Pile(len(jobs), sum(job.size for job in jobs), oldest)
                if box in _GOING:
                    going += [Row(job._replace(node=name), State.QUEUED, None, None) for job in jobs]
        room = os.statvfs(self._spool.root)
        return Stock(piles, Shape.of(going, time.time()), room.f_bavail * room.f_frsize)
