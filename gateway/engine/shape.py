"""The shape of a queue: how many packets of which age wait at each neighbour.

After the tool of that idea that Postfix has: columns of minutes, each twice the one before, so that
a few figures show whether a neighbour is slow, stuck, or only busy just now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gateway.engine.queue import Row

MINUTES = (5, 10, 20, 40, 80, 160, 320, 640, 1280)
_SECONDS = tuple(60 * minutes for minutes in MINUTES)


class Shape(NamedTuple):
    """Counts for each neighbour's id, those with most packets first; a last column for all that is older."""

    nodes: dict[str, list[int]]

    @classmethod
    def of(cls, rows: Iterable[Row], now: float) -> Shape:
        """Count rows; `now` in unix seconds. What is younger than nothing counts as new."""
        nodes: dict[str, list[int]] = {}
        for row in rows:
            counts = nodes.get(row.job.node)
            if counts is None:
                counts = nodes[row.job.node] = [0] * (len(MINUTES) + 1)
            counts[bisect_left(_SECONDS, now - row.job.mtime)] += 1
        return cls(dict(sorted(nodes.items(), key=lambda item: (-sum(item[1]), item[0]))))

    @property
    def heads(self) -> list[str]:
        """What stands above the columns, in minutes."""
        return [*map(str, MINUTES), f"{MINUTES[-1]}+"]

    @property
    def total(self) -> list[int]:
        """The counts of all neighbours."""
        return [sum(column) for column in zip(*self.nodes.values(), strict=True)] or [0] * len(self.heads)
