"""A line of the journal, read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from gateway.journal.line import FRONT


class Entry(NamedTuple):
    """One event of the journal.

    `when` is RFC 3339 in UTC with nine digits of fraction, so that texts sort as times do; `pid`
    is the process that told it. `event` is the value of an `EventKind`, also of one that this
    version does not know. The others are those of `Event`.
    """

    when: str
    pid: int
    event: str
    packet: str
    node: str
    niceness: int
    size: int
    text: str
    detail: Mapping[str, object]


def decode(line: bytes) -> Entry | None:
    """Return what a line says, or None if it says nothing that can be understood.

    A line that a full disk cut off has the next one at its end, which is what is returned then.
    """
    begin = line.rfind(FRONT)
    if begin < 0:
        return None
    try:
        found = json.loads(line[begin:])
        return Entry(
            str(found["when"]),
            int(found["pid"]),
            str(found["event"]),
            str(found["packet"]),
            str(found["node"]),
            int(found["niceness"]),
            int(found["size"]),
            str(found["text"]),
            dict(found["detail"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
