"""Marks: an entry in ``rx/seen`` says that a packet is done with; what is in it says nothing.

The mark of a job is a second name of the job's own file, where the file system can do that: it costs half
of what a new file does. It is emptied with the job.
"""

from __future__ import annotations

import os
from contextlib import suppress

from gateway.spool import durable
from gateway.spool.refusal import refusals


def make(path: str, *, job: str | None = None, floor: str, umask: int | None) -> None:
    """Make a mark, if there is none, and the directory down from `floor` if need be.

    `job` is the file of the job that it is for. The caller syncs the directory.

    Raises:
        SpoolError: temporary.
    """
    if job is not None:
        with suppress(OSError):
            os.utime(job)  # a mark is as old as itself
            os.link(job, path)
            return
    with refusals(path):
        try:
            fd = durable.ensure(path, umask=umask)
        except FileNotFoundError:
            durable.make_directories(os.path.dirname(path), floor=floor, umask=umask)
            fd = durable.ensure(path, umask=umask)
    os.close(fd)


def empty(path: str, *, job: str) -> None:
    """Empty a mark that is another name of the job's file, unless there is a third name; never fails."""
    with suppress(OSError):
        mark = os.lstat(path)
        if mark.st_nlink == 2 and os.path.samestat(mark, os.lstat(job)):  # noqa: PLR2004 - these two
            os.truncate(job, 0)
