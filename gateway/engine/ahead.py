"""Ahead: each job is verified and unpacked while the program of the one before it runs.

Only the time is another: nothing on disk changes, and no byte is handed over, before a job's
turn has come. What is not as it should be is forgotten, and found again then.
"""

from __future__ import annotations

from contextlib import closing, nullcontext
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from gateway.errors import Interrupted
from gateway.program import meanwhile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.engine.fate import Fate
    from gateway.engine.handling import Handling, Unpacked
    from gateway.spool.layout import Job

LIMIT = 1024 * 1024
"""[bytes] Larger packets, and larger bodies, are not unpacked before their turn."""


class Ahead:
    """Handles jobs strictly one after the other; the next one may be open meanwhile."""

    def __init__(self, handling: Handling, ordered: Sequence[Job]) -> None:
        self._handling = handling
        self._next = dict(pairwise(ordered))
        self._unpacked: Unpacked | None = None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._unpacked is not None:
            self._unpacked.body.close()

    def handle(self, job: Job) -> Fate:
        """Bring one job as far as it goes now; raises as `Handling.handle` does."""
        unpacked, self._unpacked = self._unpacked, None
        with closing(unpacked.body) if unpacked else nullcontext():
            if unpacked and unpacked.arrival.job != job:
                unpacked = None
            following = self._next.get(job)
            with meanwhile(partial(self._unpack, following)) if following else nullcontext():
                return self._handling.handle(job, unpacked)

    def _unpack(self, job: Job) -> None:
        # In work lies what was begun before: that we are at it is recorded before it is opened.
        if job.box != "rx" or job.size > LIMIT:
            return
        try:
            self._unpacked = self._handling.unpack(job, LIMIT)
        except Interrupted:
            raise
        except Exception:  # noqa: S110 - whatever it is, it comes up again in the job's turn
            pass
