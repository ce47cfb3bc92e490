"""The journal's files: lines are added at the end of one, which is put aside when it is large or a day old.

::

    events.jsonl                      what is written to now
    events-<ns>-<pid>.jsonl           put aside then, and complete
    index.sqlite                      made from them by who reads; may be deleted at any time

Every process adds a line with one write to a file opened for appending, so lines never mix and
nobody waits for anybody. Two processes may put aside at once; the second one's file is short.
Nothing is synced: the journal says what became of mail, it does not hold any.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.journal.place import Place

CURRENT = "events.jsonl"
INDEX = "index.sqlite"
PARTS = 8
"""Files that together have the greatest size: the oldest is dropped as a whole."""

_LEAST = 64 * 1024
_DAY = 86400


def append(place: Place, line: bytes) -> None:
    """Add a line, its end included.

    Raises:
        OSError: it is not there, or not whole.
    """
    current = f"{place.path}/{CURRENT}"
    # O_NONBLOCK: a FIFO that nobody reads must not hold us.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        _put_aside_if_due(place, current)
        fd = os.open(current, flags, 0o666)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(place.path)
        fd = os.open(current, flags, 0o666)
    try:
        if os.write(fd, line) < len(line):
            raise OSError("no room for the whole line")
    finally:
        os.close(fd)


def segments(path: str) -> list[str]:
    """Return the files of lines in a directory, the oldest first; none if there is no directory."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    aside = sorted(name for name in names if name.startswith("events-") and name.endswith(".jsonl"))
    return [f"{path}/{name}" for name in (*aside, *(name for name in names if name == CURRENT))]


def prune(place: Place, now: float) -> None:
    """Drop the oldest files while there are too many bytes, and those whose last event is too old."""
    kept = 0
    for file in reversed(segments(place.path)):
        try:
            found = os.stat(file)
            kept += found.st_size
            if now - found.st_mtime > place.max_age or (
                kept > place.max_size and not file.endswith(f"/{CURRENT}")
            ):
                os.unlink(file)
        except FileNotFoundError:
            continue


def _put_aside_if_due(place: Place, current: str) -> None:
    found = os.stat(current)
    now = time.time_ns()
    today = now // 1_000_000_000 // _DAY
    if int(found.st_mtime) // _DAY == today and found.st_size < max(_LEAST, place.max_size // PARTS):
        return
    if found.st_size:
        os.rename(current, f"{place.path}/events-{now}-{os.getpid()}.jsonl")
        prune(place, now / 1e9)
