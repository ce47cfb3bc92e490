"""What is due in a pass, and in which order: most urgent first, then oldest, in runs of one sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import GatewayError
from gateway.packet.header import Header
from gateway.spool.layout import Job

if TYPE_CHECKING:
    from collections.abc import Iterable

RUN = 64
"""So many jobs of one sender may come before older ones of another that are as urgent."""


class Due(NamedTuple):
    """A job that is due, with what its header says before anything of it is proved."""

    niceness: int
    sender: bytes
    job: Job

    @classmethod
    def of(cls, job: Job, header: bytes) -> Due:
        """Return what a header claims; whatever has none is looked at first, and then held."""
        try:
            decoded = Header.decode(header)
        except GatewayError:
            return cls(0, b"", job)
        return cls(decoded.niceness, decoded.sender, job)

    @property
    def order(self) -> tuple[int, float]:
        """What puts the most urgent first, then the oldest."""
        return self.niceness, self.job.mtime


def in_runs(ordered: Iterable[Due]) -> list[Job]:
    """Return the jobs with those of one sender next to each other, so that a session can take them.

    Only among the equally urgent, and at most `RUN` before the next oldest sender has its turn.
    """
    runs: list[list[Job]] = []
    current: dict[tuple[int, bytes], list[Job]] = {}
    for niceness, sender, job in ordered:
        run = current.get((niceness, sender))
        if run is None or len(run) == RUN:
            run = current[niceness, sender] = []
            runs.append(run)
        run.append(job)
    return [job for run in runs for job in run]
