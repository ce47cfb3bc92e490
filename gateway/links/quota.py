"""What one neighbour may keep in our spool, counted while more of it comes in, and what stays free."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.model import Limits
    from gateway.spool.spool import Spool

RESERVE = 4 * 1024 * 1024
"""[bytes] Left free in the spool, so that what arrived can also be worked through."""


class Quota:
    """The packets of one neighbour that lie here, against the neighbour's `limits`.

    They are counted once, and only where there is a limit; `took` keeps the count.
    """

    def __init__(self, spool: Spool, node: str, limits: Limits) -> None:
        self._limits = limits
        self._stored = self._packets = 0
        if limits.stored is not None or limits.packets is not None:
            for box in ("rx", "work", "hold"):
                for job in spool.jobs(node, box):
                    self.took(job.size)

    def has_room(self, size: int) -> bool:
        """Return whether one more packet of so many bytes is within the limits."""
        most, many = self._limits.stored, self._limits.packets
        return (most is None or self._stored + size <= most) and (many is None or self._packets < many)

    def took(self, size: int) -> None:
        """Count a packet that lies here now."""
        self._stored += size
        self._packets += 1

    def __str__(self) -> str:
        here = f"{self._packets} packets, {self._stored} bytes of it lie here"
        return f"{here}, and `limits` allows no more"
