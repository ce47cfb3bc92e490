"""Keeps parts at work: says which one died and why, starts it again, knows which one is stuck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gateway.service.part import Part

__all__ = ["Duty", "Supervisor"]

PATIENCE = 60.0
"""[s] Without a pulse a part is taken to be stuck."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""[s] Between the death of a part and its next start; doubled from one to the other."""
CALM = 60.0
"""[s] A part that lived so long begins with the first pause again."""


class Duty(NamedTuple):
    """What is to be done as long as the service lives: `make` makes the part for one start."""

    name: str
    make: Callable[[], Part]


class Supervisor:
    """Starts the part of each duty and, whenever it dies, another; `say` tells of deaths."""

    def __init__(self, duties: list[Duty], say: Callable[[str], None]) -> None:
        self._say = say
        self._pulses = {duty.name: time.monotonic() for duty in duties}
        self._duties = duties
        self._tasks: list[asyncio.Task[None]] = []
        self._told: set[str] = set()

    def start(self) -> None:
        """Start every part."""
        self._tasks = [asyncio.create_task(self._keep(duty), name=duty.name) for duty in self._duties]

    @property
    def names(self) -> list[str]:
        """Return the names of the duties."""
        return [duty.name for duty in self._duties]

    def leave(self) -> None:
        """Have every part come to its end; a second time, have it end as a kill would."""
        for task in self._tasks:
            task.cancel()

    async def ended(self, seconds: float | None = None) -> bool:
        """Wait for the parts to end, so long [s] at most if it is given; return whether all have."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return all(task.done() for task in self._tasks)

    def stuck(self) -> list[str]:
        """Return the names of the parts without a pulse for too long; each is told of once."""
        now = time.monotonic()
        silent = [name for name, at in self._pulses.items() if now - at > PATIENCE]
        for name in {*silent} - self._told:
            self._say(f"{name}: no progress for {now - self._pulses[name]:.0f} s")
        for name in self._told - {*silent}:
            self._say(f"{name}: goes on")
        self._told = {*silent}
        return silent

    def _pulse(self, name: str) -> None:
        self._pulses[name] = time.monotonic()

    async def _keep(self, duty: Duty) -> None:
        task = asyncio.current_task()
        assert task is not None, "it is one"
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            self._pulse(duty.name)
            try:
                await duty.make().run(lambda: self._pulse(duty.name))
                why = "ended by itself"
            except asyncio.CancelledError:
                if task.cancelling():
                    raise
                why = "cancelled by itself"
            except Exception as failure:  # whatever it is, the other parts go on
                why = f"{type(failure).__name__}: {failure}"
            if task.cancelling():  # it was to end, and has, if not as it should
                self._say(f"{duty.name}: at its end: {why}")
                return
            if time.monotonic() - began > CALM:
                pause = FIRST_PAUSE
            self._say(f"{duty.name}: died: {why}; starts again in {pause:g} s")
            self._pulse(duty.name)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
