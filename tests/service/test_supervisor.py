from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from gateway.service import supervisor
from gateway.service.part import Pulse
from gateway.service.supervisor import Duty, Supervisor

Run = Callable[[Pulse], Awaitable[None]]


class Scripted:
    name = "scripted"

    def __init__(self, run: Run) -> None:
        self._run = run

    async def run(self, pulse: Pulse) -> None:
        await self._run(pulse)


def supervised(run: Run) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    return Supervisor([Duty("scripted", lambda: Scripted(run))], said.append), said


async def for_ever(_pulse: Pulse) -> None:
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.04)


async def crash(_pulse: Pulse) -> None:
    raise ValueError("no such thing")


async def end(_pulse: Pulse) -> None:
    return


async def cancel(_pulse: Pulse) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("run", "why"),
    [(crash, "ValueError: no such thing"), (end, "ended by itself"), (cancel, "cancelled by itself")],
)
def test_a_part_that_dies_is_told_of_and_replaced_after_growing_pauses(run: Run, why: str) -> None:
    async def scene() -> None:
        one, said = supervised(run)
        one.start()
        while len(said) < 4:
            await asyncio.sleep(0.01)
        one.leave()
        assert await one.ended(5)
        pauses = ("0.01", "0.02", "0.04", "0.04")
        assert [f"scripted: died: {why}; starts again in {pause} s" for pause in pauses] == said[:4]

    asyncio.run(scene())


def test_told_to_leave_once_a_part_may_finish_and_twice_it_is_left() -> None:
    async def stubborn(_pulse: Pulse) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    async def scene() -> None:
        one, said = supervised(stubborn)
        one.start()
        await asyncio.sleep(0)
        one.leave()
        assert not await one.ended(0.05)
        one.leave()
        assert await one.ended(5)
        assert [] == said

    asyncio.run(scene())


@pytest.mark.parametrize(("run", "why"), [(crash, "ValueError: no such thing"), (end, "ended by itself")])
def test_a_part_that_dies_when_told_to_leave_is_not_started_again(run: Run, why: str) -> None:
    async def dying(pulse: Pulse) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await run(pulse)

    async def scene() -> None:
        one, said = supervised(dying)
        one.start()
        await asyncio.sleep(0)
        one.leave()
        assert await one.ended(5)
        assert [f"scripted: at its end: {why}"] == said

    asyncio.run(scene())


def test_a_part_without_a_pulse_is_stuck_told_of_once_and_again_when_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pulses: list[Pulse] = []

    async def silent(pulse: Pulse) -> None:
        pulses.append(pulse)
        await asyncio.Event().wait()

    async def scene() -> None:
        one, said = supervised(silent)
        one.start()
        await asyncio.sleep(0)
        assert [] == one.stuck()
        monkeypatch.setattr(supervisor, "PATIENCE", -1.0)
        assert (["scripted"], ["scripted"]) == (one.stuck(), one.stuck())
        monkeypatch.setattr(supervisor, "PATIENCE", 60.0)
        pulses[0]()
        assert [] == one.stuck()
        assert ["scripted: no progress for 0 s", "scripted: goes on"] == said
        one.leave()
        assert await one.ended(5)

    asyncio.run(scene())
