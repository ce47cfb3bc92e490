"""The part that forgets: marks of packets delivered longer ago than `seen-age`, and expired trash."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from gateway.engine.intervention import empty_trash
from gateway.service.threads import in_thread
from gateway.spool.sweep import sweep

if TYPE_CHECKING:
    from gateway.service.ground import Ground
    from gateway.service.part import Pulse

__all__ = ["Sweeping"]

_DAY = 86400.0
_NAP = 20.0


class Sweeping:
    """Sweeps at the start, then every day, or oftener where marks do not live that long."""

    name = "sweeper"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def run(self, pulse: Pulse) -> None:
        """Sweep until cancelled."""
        age, stop = self._ground.config.serve.seen_age, threading.Event()
        spool = self._ground.spool
        try:
            while True:
                before = time.time() - age
                work = partial(sweep, spool.root, spool.nodes(), before, stop.is_set)
                removed = await in_thread("sweep", work)
                if removed:
                    self._ground.news(f"forgot {removed} packets that were delivered before `seen-age`")
                emptied = await in_thread("trash", partial(empty_trash, spool, time.time()))
                if emptied:
                    self._ground.news(
                        f"removed {len(emptied)} packets for good that had expired in the trash"
                    )
                until = time.monotonic() + min(_DAY, max(1.0, age / 10))
                while (left := until - time.monotonic()) > 0:
                    pulse()
                    await asyncio.sleep(min(left, _NAP))
        finally:
            stop.set()
