"""How single flaws of a check are mended: each looks again, under the lock, before it acts.

All raise SpoolError, LockBusy among them, which is temporary: nothing was changed then.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from gateway.spool import delayed, durable, trash
from gateway.spool.answer import settle
from gateway.spool.layout import REMEMBERED
from gateway.spool.mark import make_by_name
from gateway.spool.record import JobRecord
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from gateway.spool.layout import Box, Job
    from gateway.spool.spool import Spool

NO_REASON = "found in hold without a reason"
DAMAGED = "damaged: the content does not hash to the name"


def drop_record(spool: Spool, node: str, box: Box, name: str) -> None:
    """Remove a record whose job is gone."""
    with spool.lock(node, "toss"):
        if spool.job(node, box, name) is None:
            durable.unlink(spool.paths.record(node, box, name))


def settle_answer(spool: Spool, node: str, name: str) -> None:
    """Send a report if the record of the job that it is about says so, else remove it."""
    with spool.lock(node, "toss"):
        places = [job for box in REMEMBERED if (job := spool.job(node, box, name))]
        if not any(job.box == "work" for job in places):
            record = next(filter(None, map(spool.recorded, places)), None)
            settle(spool, node, name, record or JobRecord())


def settle_reports(spool: Spool, node: str) -> None:
    """Send the reports about what waits in tx that are remembered as sent, and remove the others."""
    with spool.lock(node, "toss"):
        delayed.settle(spool, node)


def drop_header(spool: Spool, node: str, box: Box, name: str) -> None:
    """Remove a copy of a header; NNCP's tools make it anew from the packet."""
    durable.unlink(spool.paths.header(node, box, name))


def give_reason(spool: Spool, job: Job, *, outbound: bool) -> None:
    """Give a held job a reason."""
    _must_be_there(spool, job)
    before = spool.recorded(job) or JobRecord(origin="tx" if outbound else "")
    if not before.reason:
        spool.hold(job, NO_REASON, before)


def hold_damaged(spool: Spool, job: Job) -> None:
    """Hold a packet that is not what its name says."""
    if job.box == "tx":
        spool.hold(job, DAMAGED)
        return
    with spool.lock(job.node, "toss"):
        _must_be_there(spool, job)
        spool.hold(job, DAMAGED)


def mark(spool: Spool, job: Job) -> None:
    """Mark a removed job as seen."""
    with spool.lock(job.node, "toss"):
        _must_be_there(spool, job)
        make_by_name(spool, job.node, job.name)


def give_expiry(spool: Spool, job: Job, expires: float) -> None:
    """Say until when (unix time) a removed job stays."""
    with spool.lock(job.node, "toss"):
        _must_be_there(spool, job)
        before = spool.recorded(job) or JobRecord(reason="removed")
        spool.record(job, before._replace(expires=expires))


def drop_expired(spool: Spool, job: Job, now: float) -> None:
    """Remove for good what has expired in the trash."""
    with spool.lock(job.node, "toss"):
        record = spool.recorded(job)
        if record is not None and 0 < record.expires <= now:
            trash.remove(spool, job)


def change_mode(path: str, *, add: int = 0, take: int = 0) -> None:
    """Change the mode of a file or directory."""
    with refusals(path):
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        os.chmod(path, (mode | add) & ~take)


def _must_be_there(spool: Spool, job: Job) -> None:
    if spool.job(job.node, job.box, job.name) is None:
        raise spool.unknown(job)
