"""NNCP's locks: BSD flock on a whole file that nobody ever unlinks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import LockBusy
from gateway.spool import durable
from gateway.spool.refusal import refusals


@contextmanager
def locked(path: str, *, umask: int | None = None) -> Iterator[None]:
    """Hold the lock for the block; the kernel gives it back if we die.

    Raises:
        LockBusy: temporary; another process (or another part of this one) holds it.
        SpoolError: temporary.
    """
    with refusals(path):
        fd = durable.ensure(path, umask=umask)
    try:
        with refusals(path):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                msg = f"{path}: another process is at work here"
                raise LockBusy(msg) from error
        yield
    finally:
        os.close(fd)
