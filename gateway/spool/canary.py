"""The canaries that were sent through a neighbour, newest last, in ``<ID>/canary.json``.

It says only which packets to look for. That one came back is said by its mark in ``rx/seen``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.spool import note
from gateway.spool.layout import is_name

if TYPE_CHECKING:
    from gateway.spool.spool import Spool

MOST = 100
"""Canaries of one neighbour that are remembered."""


class Canary(NamedTuple):
    """One that was sent: its names as it leaves and as it comes back, and when it was queued [unix s].

    `hop` is the id of the node in whose queue it was put.
    """

    packet: str
    inner: str
    hop: str
    queued: float


def sent(spool: Spool, node: str) -> list[Canary]:
    """Return those that are remembered, the oldest first; a file that makes no sense tells of none."""
    found = note.read(spool.paths.canary(node))
    told = [_read(one) for one in found] if isinstance(found, list) else []
    return [canary for canary in told if canary is not None]


def remember(spool: Spool, node: str, canary: Canary) -> None:
    """Add one, durably; the oldest are forgotten.

    Two at the same time may lose the memory of one of them, never the canary itself.

    Raises:
        SpoolError: temporary.
    """
    import json  # noqa: PLC0415 - a toss only looks for canaries

    known = [*sent(spool, node), canary][-MOST:]
    lines = ",\n".join(json.dumps(one._asdict()) for one in known)
    note.write(spool, spool.paths.canary(node), f"[\n{lines}\n]\n")


def _read(found: object) -> Canary | None:
    try:
        assert isinstance(found, dict)
        canary = Canary(found["packet"], found["inner"], found["hop"], float(found["queued"]))
    except (AssertionError, KeyError, TypeError, ValueError):
        return None
    return canary if all(isinstance(name, str) and is_name(name) for name in canary[:3]) else None
