"""The last events of the journal, read from its end: for views that show what happened just now."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from gateway.journal.entry import decode
from gateway.journal.segments import segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.journal.entry import Entry

__all__ = ["tail"]

_WINDOW = 1 << 20
"""[bytes] No more of one file is read."""


def tail(path: str, count: int) -> list[Entry]:
    """Return so many of the last events in a journal's directory, the oldest first.

    What is no line of ours, or cannot be read, is passed over.
    """
    found: deque[Entry] = deque()
    for file in reversed(segments(path)):
        entries = [entry for line in _lines(file) if (entry := decode(line)) is not None]
        found.extendleft(reversed(entries[-(count - len(found)) :]))
        if len(found) >= count:
            break
    return list(found)


def _lines(file: str) -> Iterator[bytes]:
    try:
        with open(file, "rb") as lines:
            size = os.fstat(lines.fileno()).st_size
            if size > _WINDOW:
                lines.seek(size - _WINDOW)
                lines.readline()
            yield from lines
    except OSError:
        return
