"""How many deliveries run at a time, of all neighbours together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Slots"]

OVERDUE = 2.0
"""[s] A delivery that takes longer is not counted any more: it may hang, and others wait."""


class Slots:
    """`number` deliveries at a time, and those that are overdue beside them. Thread safe.

    So programs that hang take no place from the others, and of a neighbour whose programs do there are
    never more than its own deliveries at a time.
    """

    def __init__(self, number: int, *, overdue: float = OVERDUE) -> None:
        self._number = number
        self._overdue = overdue
        self._held: dict[object, float] = {}
        self._changed = threading.Condition()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, and have it for the block."""
        mine = object()
        with self._changed:
            while len(counted := self._counted()) >= self._number:
                self._changed.wait(min(counted) + self._overdue - time.monotonic())
            self._held[mine] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._held[mine]
                self._changed.notify()

    def _counted(self) -> list[float]:
        since = time.monotonic() - self._overdue
        return [began for began in self._held.values() if began > since]
