"""The part that delivers: a sorter for every neighbour, so that none waits for another's programs."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from gateway.engine.fate import Fate
from gateway.engine.toss import Selection, Tally, Tosser
from gateway.errors import SpoolError
from gateway.packet.identity import decode
from gateway.service.slots import Slots
from gateway.service.threads import in_thread, to_its_end
from gateway.service.watch import Eyes

if TYPE_CHECKING:
    from gateway.service.ground import Ground
    from gateway.service.part import Pulse
    from gateway.spool.layout import Box

__all__ = ["Tossing"]

_NEVER = float("inf")
_BATCH = 1000
"""Jobs a pass: it keeps a list of those it orders."""
_AGAIN = 60.0
"""[s] Between two looks where nobody said that something changed; also after a failure."""
_BUSY = 2.0
"""[s] Until the next look where another process is at work."""
_LEFT = 3600.0
"""[s] Until the next look at what is for NNCP's tools: to see that takes reading all of it."""
_SHARE = 20
"""A look into a full box is followed by so many times the time it took without one."""
_NAP = 20.0
_MOMENT = 1.0
"""[s] Until the next look at a spool that cannot be read."""
_OWED = 3600.0
"""[s] Within which a neighbour's pass has to end one job at least."""


class Sorter:
    """The jobs of one neighbour, in passes one after the other; `node` is its id as text."""

    def __init__(self, node: str, ground: Ground, tosser: Tosser, slots: Slots) -> None:
        self._node = node
        self._say = ground.say
        self._jobs = ground.config.serve.jobs
        self._first_retry = min(ground.config.retry.schedule)
        self._tosser = tosser
        self._slots = slots
        self._due: dict[Box, float] = {"rx": 0.0, "work": 0.0}
        self._rest: dict[Box, float] = {"rx": 0.0, "work": 0.0}
        self._aside: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._stopping = threading.Event()
        self._moved = _NEVER

    def look(self, box: Box) -> None:
        """Have a box looked into soon."""
        self._due[box] = min(self._due[box], time.monotonic() + self._rest[box])
        self._changed.set()

    def stuck(self) -> bool:
        """Return whether no job has come to its end for much longer than any should take."""
        return time.monotonic() - self._moved > _OWED

    async def run(self) -> None:
        """Make a pass whenever one is due; cancelled, end after the jobs that are at work."""
        while True:
            now = await self._until_due()
            boxes: tuple[Box, ...] = tuple(box for box, at in self._due.items() if at <= now)
            self._due |= dict.fromkeys(boxes, _NEVER)  # whoever calls for a look meanwhile gets one
            try:
                tally = await self._pass(boxes)
            except Exception as failure:  # it is this neighbour's alone
                self._say(f"{self._node}: {type(failure).__name__}: {failure}")
                self._plan(boxes, _AGAIN)
            else:
                self._conclude(boxes, tally, time.monotonic() - now)

    async def _until_due(self) -> float:
        while (left := min(self._due.values()) - time.monotonic()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        return time.monotonic()

    async def _pass(self, boxes: tuple[Box, ...]) -> Tally:
        now = self._moved = time.monotonic()
        self._aside = {name: until for name, until in self._aside.items() if until > now}
        work = partial(
            self._tosser.pass_over,
            Selection(node=decode(self._node), boxes=boxes, most=_BATCH, aside=self._aside),
            jobs=self._jobs,
            stopping=self._asked,
            place=self._slots.place,
        )
        try:
            return await to_its_end(in_thread("toss", work), self._stopping.set)
        finally:
            self._moved = _NEVER

    def _asked(self) -> bool:
        """Say before each job whether no further one is to be begun."""
        self._moved = time.monotonic()
        return self._stopping.is_set()

    def _conclude(self, boxes: tuple[Box, ...], tally: Tally, took: float) -> None:
        """Learn from a pass over these boxes that took so long [s]."""
        if len(boxes) == 1 and not tally.fates.total():
            self._rest[boxes[0]] = min(took * _SHARE, _AGAIN)
        now = time.monotonic()
        for name, fate in tally.stayed.items():
            self._aside[name] = now + (_LEFT if fate is Fate.LEFT else _AGAIN)
        if tally.busy:
            self._plan(boxes, _BUSY * random.uniform(1, 2))  # noqa: S311 - nobody gains by guessing it
        elif tally.more:
            self._plan(boxes, 0.0)
        else:
            self._plan(("rx",), _AGAIN)
            left = max(0.0, tally.next - time.time())
            self._plan(("work",), min(_LEFT, left + random.uniform(0, min(left / 10, _AGAIN))))  # noqa: S311 - as above
        if tally.fates[Fate.DEFERRED]:
            self._plan(("work",), self._first_retry)
        if Fate.FAILED in tally.stayed.values():
            self._plan(("work",), _AGAIN)

    def _plan(self, boxes: tuple[Box, ...], seconds: float) -> None:
        for box in boxes:
            self._due[box] = min(self._due[box], time.monotonic() + seconds)


class Tossing:
    """Delivers what arrives the moment it does, and what was deferred when it is due."""

    name = "tosser"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._tosser = Tosser(ground.config, ground.spool, ground.registry, say=ground.say)
        self._slots = Slots(ground.config.serve.jobs)
        self._sorters: dict[str, Sorter] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._trouble = ""

    async def run(self, pulse: Pulse) -> None:
        """Deliver until cancelled; deliveries under way are brought to their end."""
        self._ground.spool.recover()
        eyes = Eyes(self._ground.spool, self._ground.say)
        tasks = self._tasks.values()
        try:
            while not any(task.done() for task in tasks):
                well = await self._look_round(eyes)
                if well and not any(sorter.stuck() for sorter in self._sorters.values()):
                    pulse()
        finally:
            eyes.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _look_round(self, eyes: Eyes) -> bool:
        """Have those look where something changed; return whether the spool could be read.

        That is nothing to die of: all neighbours would wait for the deliveries under way.
        """
        try:
            for node in self._ground.spool.nodes():
                if node not in self._sorters:
                    self._sorters[node] = Sorter(node, self._ground, self._tosser, self._slots)
                    self._tasks[node] = asyncio.create_task(self._sorters[node].run())
            for place in await eyes.changed(_NAP):
                if place.node in self._sorters:
                    self._sorters[place.node].look(place.box)
        except SpoolError as failure:
            if self._trouble != str(failure):
                self._trouble = str(failure)
                self._ground.say(f"{self.name}: {self._trouble}")
            await asyncio.sleep(_MOMENT)
            return False
        self._trouble = ""
        return True
