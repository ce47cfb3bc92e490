"""What changed in the spool: told by the kernel at once, or found by looking every second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.errors import SpoolError

if TYPE_CHECKING:
    from asyncinotify import Inotify, Mask

    from gateway.spool.layout import Box
    from gateway.spool.spool import Spool

__all__ = ["Place", "Watch", "watch"]

_LOOK = 1.0
"""[s] Between two looks where the kernel tells nothing."""
_WATCHED: tuple[Box, ...] = ("rx", "work")


class Place(NamedTuple):
    """A box of a neighbour."""

    node: str
    box: Box


class Watch(Protocol):
    """Tells where something changed."""

    async def changed(self, seconds: float) -> set[Place]:
        """Return the boxes that changed since the last time; wait for one so long [s]."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


def watch(spool: Spool) -> Watch:
    """Return the best watch that works here."""
    try:
        return Told(spool)
    except (ImportError, OSError):
        return Looking(spool)


class Looking:
    """Compares the times of the directories: works everywhere, on network file systems too."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._times: dict[Place, int] = {}
        self._look()

    async def changed(self, seconds: float) -> set[Place]:
        """Look every second until something changed or the time is up."""
        left = seconds
        while not (places := self._look()) and left > 0:
            await asyncio.sleep(min(_LOOK, left))
            left -= _LOOK
        return places

    def close(self) -> None:
        """Do nothing: it holds nothing."""

    def _look(self) -> set[Place]:
        times: dict[Place, int] = {}
        for place in _places(self._spool):
            with suppress(SpoolError):
                times[place] = self._spool.changed(place.node, place.box)
        changed = {place for place, at in times.items() if at != self._times.get(place, 0)}
        self._times = times
        return changed


class Told:
    """The kernel tells (inotify). Boxes that are new count as changed."""

    def __init__(self, spool: Spool) -> None:
        """Begin to listen.

        Raises:
            ImportError: asyncinotify is not installed.
            OSError: there is nothing like it, or no more of it to be had.
        """
        from asyncinotify import Inotify, Mask  # noqa: PLC0415 - an extra; without it we look

        self._spool = spool
        self._inotify: Inotify = Inotify(sync_timeout=0)
        self._box, self._directory = Mask.MOVED_TO, Mask.CREATE | Mask.MOVED_TO
        self._gone = Mask.IGNORED | Mask.Q_OVERFLOW
        self._places: dict[str, Place | None] = {}
        self._follow()

    async def changed(self, seconds: float) -> set[Place]:
        """Wait for the kernel; look for new boxes as well when it says nothing of a known one."""
        changed: set[Place] = set()
        event = None
        if self._spool.root not in self._places:
            seconds = min(seconds, _LOOK)  # it is to be made yet
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                event = await self._inotify.get()
        follow = event is None
        while event is not None:
            path = str(event.watch.path) if event.watch is not None else ""
            place = self._places.get(path)
            if place is None or event.mask & self._gone:
                self._places.pop(path, None)
                follow = True
            else:
                changed.add(place)
            event = self._inotify.sync_get()
        return changed | (self._follow() if follow else set())

    def close(self) -> None:
        """Stop listening."""
        self._inotify.close()

    def _follow(self) -> set[Place]:
        """Listen to what is not listened to yet: the spool, the neighbours, their boxes."""
        known = {place for place in self._places.values() if place is not None}
        for node in self._spool.nodes():
            self._listen(self._spool.paths.node(node), self._directory, None)
        self._listen(self._spool.root, self._directory, None)
        for place in _places(self._spool):
            self._listen(self._spool.paths.box(*place), self._box, place)
        return {place for place in self._places.values() if place is not None} - known

    def _listen(self, directory: str, mask: Mask, place: Place | None) -> None:
        if directory not in self._places:
            with suppress(FileNotFoundError, NotADirectoryError):
                self._inotify.add_watch(directory, mask)
                self._places[directory] = place


def _places(spool: Spool) -> Iterator[Place]:
    for node in spool.nodes():
        for box in _WATCHED:
            yield Place(node, box)
