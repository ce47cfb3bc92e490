"""What changed in the spool: told by the kernel at once, or found by looking every second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.errors import SpoolError

if TYPE_CHECKING:
    from asyncinotify import Inotify, Mask

    from gateway.spool.layout import Box
    from gateway.spool.spool import Spool

__all__ = ["Eyes", "Place", "Watch", "watch"]

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
        """Return the boxes that changed since the last time; wait for one so long [s].

        Raises:
            SpoolError: temporary; the spool cannot be read.
            OSError: it can watch no longer; `Looking` can.
        """
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


class Eyes:
    """The best watch that works here, and as soon as it does not, the other one; `say` hears of that."""

    def __init__(self, spool: Spool, say: Callable[[str], None]) -> None:
        self._spool = spool
        self._say = say
        self._watch = watch(spool)

    async def changed(self, seconds: float) -> set[Place]:
        """Do as the watch does; raises SpoolError, temporary, where the spool cannot be read."""
        try:
            return await self._watch.changed(seconds)
        except OSError as failure:
            self._say(f"looks into the spool every second, since the kernel tells nothing of it: {failure}")
            self.close()
            self._watch = Looking(self._spool)
            return set()

    def close(self) -> None:
        """Give back what the watch holds."""
        self._watch.close()


class Looking:
    """Compares the times of the directories: works everywhere, on network file systems too."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._times: dict[Place, int] = {}

    async def changed(self, seconds: float) -> set[Place]:
        """Look every second until something changed or the time is up; at first everything has."""
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
        self._ignored, self._overflow = Mask.IGNORED, Mask.Q_OVERFLOW
        self._places: dict[int, Place | None] = {}
        self._rooted = False
        self._follow()

    async def changed(self, seconds: float) -> set[Place]:
        """Wait for the kernel; look for new boxes as well when it says nothing of a known one."""
        changed: set[Place] = set()
        event = None
        if not self._rooted:
            seconds = min(seconds, _LOOK)  # it is to be made yet
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                event = await self._inotify.get()
        follow = event is None
        while event is not None:
            number = event.watch.wd if event.watch is not None else 0
            place = self._places.get(number)
            if event.mask & self._overflow:
                self._places.clear()  # something was left untold, anywhere: all of it is new
            elif event.mask & self._ignored:
                self._places.pop(number, None)
                place = None
            if place is not None:
                changed.add(place)
            else:
                follow = True
            event = self._inotify.sync_get()
        return changed | (self._follow() if follow else set())

    def close(self) -> None:
        """Stop listening."""
        self._inotify.close()

    def _follow(self) -> set[Place]:
        """Listen to all there is: the spool, the neighbours, their boxes; return the new boxes."""
        known = self._places.keys() | set()
        for node in self._spool.nodes():
            self._listen(self._spool.paths.node(node), self._directory, None)
        self._rooted = self._listen(self._spool.root, self._directory, None)
        for place in _places(self._spool):
            self._listen(self._spool.paths.box(*place), self._box, place)
        return {place for number, place in self._places.items() if place is not None and number not in known}

    def _listen(self, directory: str, mask: Mask, place: Place | None) -> bool:
        """Listen to a directory if it is there; the kernel knows which it listens to already."""
        try:
            self._places[self._inotify.add_watch(directory, mask).wd] = place
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _places(spool: Spool) -> Iterator[Place]:
    for node in spool.nodes():
        for box in _WATCHED:
            yield Place(node, box)
