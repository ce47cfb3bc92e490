"""Trash: what a person removed lies there until it expires, and can come back until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.spool import durable, mark
from gateway.spool.record import JobRecord

if TYPE_CHECKING:
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


def discard(spool: Spool, job: Job, reason: str, expires: float) -> Job | None:
    """Move a job into the trash at a person's word, until `expires` (unix time); see `restore`.

    An inbound one is marked as seen, so that it is not accepted again. One that was marked
    before has been delivered: there is nothing to keep of it, and None is returned.

    Raises:
        UnknownJob: temporary; it is not there, so nothing is marked.
        SpoolError: temporary.
    """
    if spool.job(job.node, job.box, job.name) is None:
        raise spool.unknown(job)
    before = spool.recorded(job) or JobRecord()
    origin = before.origin if job.box == "hold" else job.box
    if origin != "tx" and spool.known(job.name) == "seen":
        mark.finish(spool, job)
        return None
    spool.record(job._replace(box="trash"), before.removed(reason, origin, expires))
    # First the move: what is marked while it lies elsewhere would be cleared away for good.
    trashed = spool.move(job, "trash")
    if origin != "tx":
        mark.make_by_name(spool, job.node, job.name)
    spool.forget_record(job)
    return trashed


def restore(spool: Spool, job: Job) -> Job:
    """Take a job out of the trash; it is held, with the reason why it was removed.

    Raises:
        UnknownJob: temporary; it is not there.
        SpoolError: temporary.
    """
    if job.box != "trash" or spool.job(job.node, "trash", job.name) is None:
        raise spool.unknown(job._replace(box="trash"))
    record = spool.recorded(job) or JobRecord(reason="removed")
    spool.record(job._replace(box="hold"), record.held(record.reason, record.origin))
    if record.origin != "tx":
        # Before the move: a mark would have the next toss clear it away. Copies that came by
        # other neighbours since were marked there.
        mark.remove(spool, job.name)
    restored = spool.move(job, "hold")
    spool.forget_record(job)
    return restored


def remove(spool: Spool, job: Job) -> None:
    """Remove a job for good at a person's word; an inbound one is marked as seen first.

    Raises:
        UnknownJob: temporary; it is not there, so nothing is marked.
        SpoolError: temporary.
    """
    if spool.job(job.node, job.box, job.name) is None:
        raise spool.unknown(job)
    record = spool.recorded(job) if job.box in ("hold", "trash") else None
    if job.box != "tx" and not (record and record.origin == "tx"):
        mark.make_by_name(spool, job.node, job.name)
    spool.forget(job)
    durable.unlink(spool.paths.answer(job.node, job.name))
