"""What waits to be sent to one neighbour, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.errors import BadPacket, SpoolError, UnknownJob
from gateway.packet.header import Header

if TYPE_CHECKING:
    from gateway.links.account import Account
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


def waiting(spool: Spool, node: str, name: str, max_niceness: int, account: Account) -> list[Job]:
    """Return the jobs in ``tx`` of one node, by niceness and then by age.

    What is no packet is left where it is, and its name goes into the account.
    """

    def within() -> Iterator[tuple[int, float, Job]]:
        for job in spool.jobs(node, "tx"):
            try:
                niceness = Header.decode(spool.header(job)).niceness
            except UnknownJob:
                continue
            except (BadPacket, SpoolError) as failure:
                account.failed(f"tx of {name}: {job.name}", f"{failure}: left where it is")
                continue
            if niceness <= max_niceness:
                yield niceness, job.mtime, job

    return [job for _, _, job in sorted(within())]
