"""What the journal still knows of packets and neighbours, found by reading its files, without an index.

For those who ask seldom: a file of 32 MiB takes a fifth of a second, and most are passed over by their times.
"""

from __future__ import annotations

import calendar
import mmap
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.journal.entry import Entry, decode
from gateway.journal.line import FRONT, encode
from gateway.journal.segments import segments
from gateway.mta import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["last_session", "submissions"]

_SLACK = 3600.0
"""[s] A packet may be told of so much before or after its time, on a busy machine or by a corrected clock."""
_SUBMITTED = re.compile(rb'"event": "submitted", "packet": "([A-Z2-7]{52})"')
_WHEN = len(FRONT)
_SECONDS = len("2026-01-01T00:00:00")


def submissions(path: str, packets: Collection[str], since: float, until: float) -> dict[str, Entry]:
    """Return the submission of each of these packets that the journal in a directory knows.

    They were queued between `since` and `until` [unix s]. Each file is read once at most; what cannot
    be read is passed over.
    """
    wanted = {name.encode("ascii") for name in packets}
    found: dict[str, Entry] = {}
    for file in _covering(path, since - _SLACK, until + _SLACK):
        with suppress(OSError), open(file, "rb") as lines:
            for line in lines:
                match = _SUBMITTED.search(line)
                entry = decode(line) if match and match[1] in wanted else None
                if entry is not None and entry.event == EventKind.SUBMITTED.value:
                    found[entry.packet] = entry
    return found


def last_session(path: str, node: str) -> float | None:
    """Return when the last online session with a neighbour began or ended [unix s], if that is known."""
    patterns = [_front(kind, node) for kind in (EventKind.CALL_STARTED, EventKind.CALL_FINISHED)]
    for file in reversed(segments(path)):
        # A file that was just begun is empty, which cannot be mapped.
        with (
            suppress(OSError, ValueError),
            open(file, "rb") as lines,
            mmap.mmap(lines.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            at = max(content.rfind(pattern) for pattern in patterns)
            if at >= 0:
                begin = content.rfind(FRONT, 0, at) + _WHEN
                return _moment(content[begin : begin + _SECONDS])
    return None


def _front(kind: EventKind, node: str) -> bytes:
    """Return what such an event about no packet has in its line, from its kind to its node."""
    line = encode(Event(kind, "", node), 0)
    return line[line.index(b'"event": ') : line.index(b', "niceness": ')]


def _moment(when: bytes) -> float | None:
    try:
        return float(calendar.timegm(time.strptime(when.decode("ascii"), "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return None


def _covering(path: str, since: float, until: float) -> Iterator[str]:
    """Yield the files in which something can stand that happened between two times."""
    before = float("-inf")
    for file in segments(path):
        with suppress(OSError):
            last = os.stat(file).st_mtime
            if before <= until and last >= since:
                yield file
            before = last
