"""What ``gateway top`` shows, looked at now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.ground import self_name
from gateway.service.overview import overview
from gateway.service.stock import StockTaking

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Config
    from gateway.service.overview import Overview
    from gateway.service.stock import Stock
    from gateway.spool.spool import Spool

MOST_EVENTS = 100


class Facts(NamedTuple):
    """How things stand at a time [unix s], at the node of that name."""

    name: str
    now: float
    stock: Stock
    seen: Overview

    @property
    def waiting(self) -> tuple[int, int]:
        """How many packets are still to go, and their size [bytes]."""
        piles = [pile for (_, box), pile in self.stock.piles.items() if box in ("tx", "rx", "work")]
        return sum(pile.packets for pile in piles), sum(pile.octets for pile in piles)

    @property
    def held(self) -> int:
        """How many wait for a person."""
        return sum(pile.packets for (_, box), pile in self.stock.piles.items() if box == "hold")

    @property
    def oldest(self) -> float:
        """How long the oldest that is still to go has waited [s]."""
        piles = self.stock.piles.items()
        times = [pile.oldest for (_, box), pile in piles if box in ("tx", "rx", "work") and pile.packets]
        return max(0.0, self.now - min(times, default=self.now))


def gatherer(config: Config, spool: Spool) -> Callable[[], Facts]:
    """Return what looks at a spool and its journal, as often as it is called.

    The function raises SpoolError and ConfigError, which are temporary.
    """
    taking, name = StockTaking(config, spool), self_name(config)

    def gather() -> Facts:
        stock = taking.stock()
        return Facts(name, time.time(), stock, overview(config, spool, stock, events=MOST_EVENTS))

    return gather
