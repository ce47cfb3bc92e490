"""Adoption: a job that was exported elsewhere gets a place here, with what was remembered of it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.spool.layout import Job

if TYPE_CHECKING:
    from gateway.spool.layout import Box
    from gateway.spool.record import JobRecord
    from gateway.spool.spool import Spool
    from gateway.spool.staged import Staged


def adopt(
    spool: Spool,
    staged: Staged,
    node: str,
    box: Box,
    name: str,
    *,
    record: JobRecord | None,
    time: float | None = None,
) -> None:
    """Give a complete file a place as a job, with what is remembered of it, and its age [unix s].

    The record is on disk before the job is there.

    Raises:
        SpoolError: temporary.
    """
    if not staged.completed:
        msg = "a packet must be complete, and synced, before it is adopted"
        raise RuntimeError(msg)
    if record is not None:
        spool.record(Job(node, box, name, 0, 0.0), record)
    if time is not None:
        with suppress(OSError, OverflowError, ValueError):  # a convenience
            os.utime(staged.fileno(), (time, time))
    staged.place(spool.paths.packet(node, box, name))
