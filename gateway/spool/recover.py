"""Clearing away what our own dead processes left; nothing else is ever touched."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

from gateway.spool.layout import TEMPORARY
from gateway.spool.refusal import refusals

_HEX = "0123456789abcdef"
_DIGITS = 24


def is_ours(name: str) -> bool:
    """Whether a name in ``tmp/`` is one that `Staged` gives."""
    return (
        len(name) == len(TEMPORARY) + _DIGITS
        and name.startswith(TEMPORARY)
        and not name[len(TEMPORARY) :].strip(_HEX)
    )


def recover(tmp: str) -> int:
    """Unlink our temporary files whose lock is free; return how many.

    Raises:
        SpoolError: temporary; the directory cannot be read.
    """
    with refusals(tmp):
        try:
            with os.scandir(tmp) as entries:
                paths = [e.path for e in entries if is_ours(e.name) and e.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            return 0
    return sum(nobody_has(path, end=os.unlink) for path in paths)


def nobody_has(path: str, *, end: Callable[[str], None] | None = None) -> bool:
    """Whether no living process holds the lock of a temporary file; then `end` is called, under it."""
    how, lock = (os.O_RDONLY, fcntl.LOCK_SH) if end is None else (os.O_RDWR, fcntl.LOCK_EX)
    try:
        fd = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(fd, lock | fcntl.LOCK_NB)
        if end is not None:
            end(path)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)
