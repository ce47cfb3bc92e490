from __future__ import annotations

import pytest

from gateway.spool import finisher, mark
from gateway.spool.finisher import SHARE, Finisher
from tests.spool.samples import text_of


@pytest.fixture
def jobs(spool, put):
    return [spool.begin(put(text_of(f"packet {number}"))) for number in range(8)]


@pytest.fixture
def synced(monkeypatch):
    """The names of the jobs whose marks were synced, in that order; none waits for others."""
    names: list[str] = []
    sync = mark.sync

    def noting(spool, jobs):
        sync(spool, jobs)
        names.extend(job.name for job in jobs)

    monkeypatch.setattr(mark, "sync", noting)
    monkeypatch.setattr(finisher, "ENOUGH", 1)
    return names


def test_marks_are_there_at_once_and_jobs_go_at_the_end(spool, jobs, files):
    with Finisher(spool, report=pytest.fail) as finishing:
        for job in jobs:
            finishing.finish(job)
            assert "seen" == spool.known(job.name)
    assert {f"{job.node}/rx/seen/{job.name}" for job in jobs} == files()


def test_only_so_many_are_cleared_away_at_a_time_the_first_before_the_others(spool, jobs, synced):
    with Finisher(spool, report=pytest.fail) as finishing:
        for job in jobs:
            finishing.finish(job)
        with finishing._changed:
            assert finishing._changed.wait_for(lambda: not finishing._waiting, 10)
        assert [job for job in jobs if spool.job(job.node, "work", job.name)] == jobs
        finishing.clear_away(SHARE)
        assert [job.name for job in jobs if spool.job(job.node, "work", job.name)] == synced[SHARE:]
    assert not any(spool.job(job.node, "work", job.name) for job in jobs)


def test_where_nobody_clears_away_finishing_does(spool, jobs, synced, monkeypatch):
    monkeypatch.setattr(finisher, "BACKLOG", 2)
    with Finisher(spool, report=pytest.fail) as finishing:
        for job in jobs:
            finishing.finish(job)
        assert len([job for job in jobs if spool.job(job.node, "work", job.name)]) < len(jobs)
