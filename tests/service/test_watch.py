from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.service import watch as module
from gateway.service.watch import Eyes, Looking, Place, Told, Watch, watch
from gateway.spool.spool import Spool

NODE, OTHER = "A" * 52, "B" * 51 + "A"
NAME = "C" * 51 + "A"
SOON = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK", 0.01)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "spool" / "tmp").mkdir(parents=True)
    (tmp_path / "spool" / NODE / "rx").mkdir(parents=True)
    return tmp_path / "spool"


def arrive(root: Path, node: str, box: str) -> None:
    """Put a packet into a box as everybody does: by a rename."""
    (root / "tmp" / "x").write_bytes(b"")
    (root / node / box).mkdir(parents=True, exist_ok=True)
    (root / "tmp" / "x").rename(root / node / box / NAME)


async def told(eyes: Watch, place: Place) -> None:
    """Wait until a place is named among those that changed."""
    async with asyncio.timeout(SOON):
        while place not in await eyes.changed(0.05):
            pass


@pytest.mark.parametrize("make", [Looking, Told])
@pytest.mark.parametrize("place", [Place(NODE, "rx"), Place(NODE, "work"), Place(OTHER, "rx")])
def test_what_arrives_is_seen(root: Path, make: Callable[[Spool], Watch], place: Place) -> None:
    """Also in a box that is new, of a neighbour that is new."""

    async def scene() -> None:
        eyes = make(Spool(str(root)))
        try:
            while await eyes.changed(0.0):
                pass
            arrive(root, *place)
            await told(eyes, place)
            while await eyes.changed(0.0):
                pass
            (root / place.node / place.box / NAME).unlink()
            arrive(root, *place)
            await told(eyes, place)
        finally:
            eyes.close()

    asyncio.run(scene())


@pytest.mark.parametrize("make", [Looking, Told])
def test_where_nothing_changes_nothing_is_told(root: Path, make: Callable[[Spool], Watch]) -> None:
    async def scene() -> None:
        eyes = make(Spool(str(root)))
        while await eyes.changed(0.0):
            pass
        assert set() == await eyes.changed(0.05)
        eyes.close()

    asyncio.run(scene())


def test_what_the_kernel_had_no_room_to_tell_is_looked_for(root: Path) -> None:
    """Its queue holds 16,384 events: of one neighbour's, and the other's is lost."""
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    (root / OTHER / "rx").mkdir(parents=True)

    async def scene() -> None:
        eyes = Told(Spool(str(root)))
        (root / "tmp" / "x").write_bytes(b"")
        for number in range(room // 2 + 2):
            (root / "tmp" / "x").rename(root / NODE / "rx" / f"{number}")
            (root / NODE / "rx" / f"{number}").rename(root / NODE / "rx" / "x")
            (root / NODE / "rx" / "x").rename(root / "tmp" / "x")
        arrive(root, OTHER, "rx")
        await told(eyes, Place(OTHER, "rx"))
        eyes.close()

    asyncio.run(scene())


def test_a_directory_that_took_the_place_of_another(root: Path) -> None:
    """As when a spool is restored from a backup."""

    async def scene() -> None:
        eyes = Told(Spool(str(root)))
        (root / NODE).rename(root / "before")
        for number in range(2):
            arrive(root, NODE, "rx")
            await told(eyes, Place(NODE, "rx"))
            while await eyes.changed(0.0):
                pass
            assert {NAME} == {path.name for path in (root / NODE / "rx").iterdir()}, number
        eyes.close()

    asyncio.run(scene())


def test_where_the_kernel_tells_no_more_one_looks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour is new, and there are no watches left."""

    def refuse(_: Told, *_args: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def scene() -> None:
        said: list[str] = []
        eyes = Eyes(Spool(str(root)), said.append)
        while await eyes.changed(0.0):
            pass
        monkeypatch.setattr(Told, "_listen", refuse)
        arrive(root, OTHER, "rx")
        await told(eyes, Place(OTHER, "rx"))
        assert 1 == len(said)
        assert "looks into the spool every second" in said[0]
        eyes.close()

    asyncio.run(scene())


def test_the_kernel_is_asked_where_it_can_be(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        eyes = watch(Spool(str(root)))
        assert isinstance(eyes, Told)
        eyes.close()
        monkeypatch.setitem(__import__("sys").modules, "asyncinotify", None)
        assert isinstance(watch(Spool(str(root))), Looking)

    asyncio.run(scene())
