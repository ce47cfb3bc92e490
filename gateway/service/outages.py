"""Links that fail and fail again: a person hears of each once, and once when it works again.

A failed call is ordinary news, since links are slow, offline and hostile. This is a plugin of the process's
own that listens to sessions, whoever called; it outlives the configuration under which it was told.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.engine.delay import span
from gateway.hookspecs import hookimpl
from gateway.mta import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Config
    from gateway.mta import Event

__all__ = ["Outages"]

TIMES = 10
"""Failures in a row that are worth a word,"""
LEAST = 600.0
"""[s] and for so long: a peer that is called every second may be restarted."""
_FEW = 2
"""Failures that are enough where they lie further apart than mail may wait."""


@dataclass(slots=True)
class _Outage:
    """A neighbour's failures since `began`, all in a row; `broke` if there were sessions among them."""

    began: float
    failures: int = 0
    broke: bool = False
    told: bool = False


class Outages:
    """Listens to the sessions of one process, from any thread; `say` is for what a person should look at."""

    def __init__(self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._outages: dict[str, _Outage] = {}

    @hookimpl
    def gateway_event(self, event: Event, config: Config) -> None:
        """Learn of a session that failed, or of one that did something."""
        with self._lock:
            outage = self._outages.get(event.node)
            match event.kind:
                case EventKind.CALL_FAILED:
                    self._failed(event, config, broke=False)
                case EventKind.CALL_FINISHED if _in_vain(event):
                    self._failed(event, config, broke=True)
                case EventKind.CALL_FINISHED:
                    self._worked(event.node)
                # Where sessions begin and break, one that begins proves nothing.
                case EventKind.CALL_STARTED if outage is not None and not outage.broke:
                    self._worked(event.node)
                case EventKind.SENT | EventKind.RECEIVED if event.detail.get("link") == "call":
                    self._worked(event.node)

    def _failed(self, event: Event, config: Config, *, broke: bool) -> None:
        outage = self._outages.setdefault(event.node, _Outage(self._clock()))
        outage.failures += 1
        outage.broke |= broke
        lasted = self._clock() - outage.began
        often = outage.failures >= TIMES and lasted >= LEAST
        long = outage.failures >= _FEW and lasted >= _patience(event.node, config)
        if outage.told or not (often or long):
            return
        outage.told = True
        self._say(
            f"{event.node}: the link has failed {outage.failures} times in a row, for {span(lasted)};"
            f" the last time: {event.text or 'nothing got through'}: gateway node probe {event.node}"
        )

    def _worked(self, node: str) -> None:
        outage = self._outages.pop(node, None)
        if outage is not None and outage.told:
            lasted = span(self._clock() - outage.began)
            self._say(f"{node}: the link works again, after {lasted} and {outage.failures} failures")


def _in_vain(event: Event) -> bool:
    """Say whether a session broke, or ended with all that there was to carry still to be carried."""
    detail = event.detail
    moved = detail.get("received") or detail.get("sent")
    return bool(detail.get("broken") or (not moved and (detail.get("left") or detail.get("wanting"))))


def _patience(node: str, config: Config) -> float:
    neighbour = config.neighbours.get(node)
    own = neighbour.warn_after if neighbour else None
    return config.retry.warn_after if own is None else own
