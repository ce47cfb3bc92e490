"""What a part of the resident process is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Part", "Pulse"]

Pulse = Callable[[], None]
"""Tells the supervisor that work went on. Cheap, and may be called from any thread."""


class Part(Protocol):
    """One duty of the resident process: answering calls, delivering, taking mail over LMTP.

    A part is made afresh from the configuration for every start: it may be run once only.
    """

    @property
    def name(self) -> str:
        """Return what messages call it: one word, the same at every start."""
        ...

    async def run(self, pulse: Pulse) -> None:
        """Work until cancelled; call `pulse` whenever there was progress, or nothing to be done.

        Silent for a minute, it is taken to be stuck: so an idle part pulses now and then, and one that
        owes work and gets nowhere does not.

        It runs in the event loop: what may block belongs into a thread. Cancelled, it stops
        taking up work at once, lets what is under way come to its end, and raises
        `asyncio.CancelledError`; it is cancelled a second time when its time for that is over,
        and then leaves everything as a kill would. Any other exception, and any return, is a death:
        it is reported and the part is started again.
        """
        ...
