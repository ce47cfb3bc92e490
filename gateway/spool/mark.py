"""Marks: an entry in ``rx/seen`` says that a packet is done with; what is in it says nothing.

The mark of a job is a second name of the job's own file, where the file system can do that: it costs half
of what a new file does. It is emptied with the job.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.spool import durable
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


def finish(spool: Spool, job: Job) -> None:
    """Mark a job as seen (T5), then forget it (T6); `gateway.spool.finisher` does it for many.

    After a crash a job that is marked may still lie there, its record gone: finish it again.

    Raises:
        SpoolError: temporary.
    """
    make(spool, job)
    sync(spool, [job])
    forget(spool, [job])


def make(spool: Spool, job: Job) -> None:
    """Mark a job as done with (T5); `sync` makes that durable.

    Raises:
        SpoolError: temporary.
    """
    mark = spool.paths.seen(job.node, job.name)
    if job.box == "work":
        with suppress(OSError):
            os.utime(spool.path(job))  # a mark is as old as itself
            os.link(spool.path(job), mark)
            return
    _create(spool, mark)


def make_by_name(spool: Spool, node: str, name: str) -> None:
    """Mark a packet as done with, durably, wherever it lies: never to be delivered again.

    Raises:
        SpoolError: temporary.
    """
    mark = spool.paths.seen(node, name)
    _create(spool, mark)
    durable.sync_directory(os.path.dirname(mark))


def remove(spool: Spool, name: str) -> None:
    """Take the marks of a packet away, durably, whichever neighbours it came by.

    Raises:
        SpoolError: temporary.
    """
    for node in spool.nodes():
        mark = spool.paths.seen(node, name)
        if durable.unlink(mark):
            durable.sync_directory(os.path.dirname(mark))


def sync(spool: Spool, jobs: Sequence[Job]) -> None:
    """Sync the marks of jobs that have one, each directory once; they may be forgotten then.

    Raises:
        SpoolError: temporary; the jobs must stay where they are, marked.
    """
    # First the renames out of rx: NNCP's own toss does not look at marks, and would run
    # the job again if a power cut undid the rename but not the mark.
    begun = {os.path.dirname(spool.path(job)) for job in jobs if job.box == "work"}
    marked = {os.path.dirname(spool.paths.seen(job.node, job.name)) for job in jobs}
    for directory in (*begun, *marked):
        durable.sync_directory(directory)


def forget(spool: Spool, jobs: Sequence[Job]) -> None:
    """Remove jobs whose marks are synced, and what was remembered of them (T6).

    Raises:
        SpoolError: temporary; those that are left stay where they are, marked.
    """
    for job in jobs:
        _empty(spool.paths.seen(job.node, job.name), job=spool.path(job))
        spool.forget(job)


def _create(spool: Spool, mark: str) -> None:
    with refusals(mark):
        try:
            fd = durable.ensure(mark, umask=spool.umask)
        except FileNotFoundError:
            durable.make_directories(os.path.dirname(mark), floor=spool.root, umask=spool.umask)
            fd = durable.ensure(mark, umask=spool.umask)
    os.close(fd)


def _empty(mark: str, *, job: str) -> None:
    """Empty a mark that is another name of the job's file, unless there is a third name; never fails."""
    with suppress(OSError):
        found = os.lstat(mark)
        if found.st_nlink == 2 and os.path.samestat(found, os.lstat(job)):  # noqa: PLR2004 - these two
            os.truncate(job, 0)
