"""Finish delivered jobs behind the back of the next deliveries: many marks, one sync.

A mark (T5) exists as soon as `finish` returns, so a process that dies afterwards repeats
nothing. It withstands a power cut once its directory is synced, which a thread does for
all marks made meanwhile; only then are the jobs forgotten (T6): by `clear_away`, when there is time,
and by `finish` where nobody calls it. So a power cut can repeat
the jobs whose sync was to come or under way, at most `BACKLOG` of them: a named window.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.spool import mark

if TYPE_CHECKING:
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

BACKLOG = 64
"""How many marked jobs may wait for their sync before `finish` waits too."""
ENOUGH = 32
"""So many marks are synced at once,"""
PATIENCE = 0.02
"""[s] and fewer when the first of them is as old as this."""
SHARE = 2
"""Who clears away so many at a time keeps up with one job after the other."""


class Finisher:
    """A context in which jobs are finished; leaving it waits until all are. Thread safe."""

    def __init__(self, spool: Spool, *, report: Callable[[str], None]) -> None:
        self._spool = spool
        self._report = report
        self._waiting: list[Job] = []
        self._synced: list[Job] = []
        self._leaving = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="gateway-finisher")

    def __enter__(self) -> Finisher:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._changed:
            self._leaving = True
            self._changed.notify_all()
        self._thread.join()
        self.clear_away()

    def finish(self, job: Job) -> None:
        """Mark a job as seen, and leave its sync to the thread.

        Raises:
            SpoolError: temporary; the mark could not be made.
        """
        mark.make(self._spool, job)
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < BACKLOG)
            self._waiting.append(job)
            if len(self._waiting) in (1, ENOUGH):
                self._changed.notify_all()
            many = len(self._synced) >= BACKLOG
        if many:
            self.clear_away()

    def clear_away(self, most: int | None = None) -> None:
        """Forget jobs whose marks are synced (T6), all or only so many of them."""
        # Not in the thread: removing many files, it would be in the way of those who deliver.
        with self._changed:
            some = self._synced[:most]
            del self._synced[:most]
        try:
            mark.forget(self._spool, some)
        except GatewayError as failure:
            self._report_left(some, failure)

    def _report_left(self, jobs: list[Job], failure: GatewayError) -> None:
        # The marks stand, so nothing is repeated; the next pass forgets the jobs.
        self._report(f"{len(jobs)} delivered jobs are still to be cleared away: {failure}")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._leaving)
                self._changed.wait_for(lambda: len(self._waiting) >= ENOUGH or self._leaving, PATIENCE)
                some = list(self._waiting)
                if not some:
                    return
            synced = some
            try:
                mark.sync(self._spool, some)
            except GatewayError as failure:
                self._report_left(some, failure)
                synced = []
            with self._changed:
                del self._waiting[: len(some)]
                self._synced += synced
                self._changed.notify_all()
