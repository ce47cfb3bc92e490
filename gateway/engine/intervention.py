"""What a person may do to a packet in the queue, by the lock of toss where toss could be at work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, LockBusy
from gateway.spool import trash
from gateway.spool.answer import settle
from gateway.spool.clock import unset
from gateway.spool.record import JobRecord

if TYPE_CHECKING:
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

PATIENCE = 10.0
"""[s] How long to wait for a lock that somebody else holds."""
_LOOK_AGAIN = 0.1


def hold(spool: Spool, job: Job, reason: str) -> None:
    """Set a packet aside.

    Raises:
        UnknownJob: temporary; it went elsewhere.
        LockBusy: temporary; toss is at work on that neighbour's packets.
    """
    with at_rest(spool, job):
        spool.hold(job, reason)


def release(spool: Spool, job: Job) -> None:
    """Let a held packet go on at once; raises as `hold` does."""
    with at_rest(spool, job):
        spool.release(job)


def retry(spool: Spool, job: Job, now: float) -> None:
    """Make a deferred delivery due; raises as `hold` does."""
    with at_rest(spool, job):
        record = spool.recorded(job)
        if record is not None:
            spool.record(job, record._replace(next=now))


def remove(spool: Spool, job: Job, reason: str, expires: float) -> None:
    """Move a packet into the trash until `expires` (unix time), from there for good; raises as `hold` does.

    An inbound one is marked as seen.
    """
    with at_rest(spool, job):
        if job.box == "trash":
            trash.remove(spool, job)
        else:
            trash.discard(spool, job, reason, expires)


def restore(spool: Spool, job: Job) -> None:
    """Take a packet out of the trash: it is held then; raises as `hold` does."""
    with at_rest(spool, job):
        trash.restore(spool, job)


def empty_trash(spool: Spool, now: float) -> list[str]:
    """Remove for good what has expired in the trash; return the names.

    One whose record is gone or unreadable stays for a person. What cannot be removed now is left
    for the next time.

    Raises:
        SpoolError: temporary; the spool cannot be read.
    """
    gone = []
    for node in spool.nodes():
        for job in list(spool.jobs(node, "trash")):
            with suppress(GatewayError):
                if _expired(spool, job, now):
                    with spool.lock(node, "toss"):
                        if _expired(spool, job, now):
                            trash.remove(spool, job)
                            gone.append(job.name)
    return gone


def _expired(spool: Spool, job: Job, now: float) -> bool:
    record = spool.recorded(job)
    return record is not None and 0 < record.expires <= now and not unset(record.expires, now)


@contextmanager
def at_rest(spool: Spool, job: Job) -> Iterator[None]:
    """Keep toss away from a packet that it could be at work on; a report under way is sent first.

    Raises:
        LockBusy: temporary; toss was still at work on that neighbour's packets after `PATIENCE`.
        UnknownJob: temporary; it went elsewhere.
    """
    if job.box in ("tx", "hold"):
        yield
        return
    deadline = time.monotonic() + PATIENCE
    with ExitStack() as locked:
        while True:
            try:
                locked.enter_context(spool.lock(job.node, "toss"))
                break
            except LockBusy:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_LOOK_AGAIN)
        if spool.job(job.node, job.box, job.name) is None:
            raise spool.unknown(job)
        if job.box == "work":
            # A report whose sending was interrupted must not be left behind by a job that moves.
            settle(spool, job.node, job.name, spool.recorded(job) or JobRecord())
        yield
