"""When a deferred job is tried again, and when a person has to look at it instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.spool.clock import unset

if TYPE_CHECKING:
    from gateway.config.model import Retry
    from gateway.spool.record import JobRecord

DEATHS_ALLOWED = 2
"""A job in whose delivery our own process died once more than this often is held."""


def deferred(record: JobRecord, error: str, now: float, retry: Retry) -> JobRecord:
    """Return the record after one more failed attempt; `now` in seconds since the epoch.

    The schedule's last interval repeats. A first attempt at a time that cannot have been is one of now.
    """
    first = now if not record.first or unset(record.first, now) else min(record.first, now)
    step = retry.schedule[min(max(record.attempts, 0), len(retry.schedule) - 1)]
    return record._replace(
        attempts=record.attempts + 1,
        first=first,
        next=now + step,
        error=error,
        running=False,
    )


def due(record: JobRecord, now: float, retry: Retry) -> bool:
    """Return whether a job is to be tried now.

    One that lies further ahead than the schedule reaches was deferred by a clock that was wrong:
    it would wait for years.
    """
    return record.running or not now < record.next <= now + max(retry.schedule)


def given_up(record: JobRecord, now: float, retry: Retry) -> bool:
    """Return whether a job has been deferred for longer than the configuration allows."""
    return bool(record.first) and now - record.first >= retry.give_up


def died(record: JobRecord) -> JobRecord:
    """Return the record of a job that lay in work although nobody was at work on it.

    It is not running yet: what goes wrong before the next hand-over is no death of ours.
    """
    return record._replace(deaths=record.deaths + 1, running=False)
