"""Claims: a job is dealt with where it lies alone; a copy of it may have come by another neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.engine.verify import Arrival
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


def take_out(spool: Spool, arrival: Arrival) -> bool:
    """Take a job out of rx (T3); say whether it is ours alone. If it is not, it lies where it lay.

    No record is written here: a job in work without one is a job in whose delivery we died.

    Raises:
        SpoolError: temporary.
    """
    job = spool.begin(arrival.job)
    if _begun_elsewhere(spool, job):
        spool.put_back(job)
        return False
    arrival.job = job
    return True


def _begun_elsewhere(spool: Spool, job: Job) -> bool:
    """Say whether the same packet, come by another neighbour, was taken up meanwhile.

    Another process may toss that neighbour's jobs. Both look after they have begun, so
    at least one of the two sees the other.
    """
    others = [node for node in spool.nodes() if node != job.node]
    return bool(others) and spool.known(job.name, others) is not None
