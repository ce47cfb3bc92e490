"""The power fails at any moment, and what was not synced may be lost in any combination."""

from __future__ import annotations

import os

import pytest

from gateway.spool import delayed, durable, mark
from gateway.spool.spool import Spool
from gateway.spool.staged import Staged
from tests.crash.model import Recording, materialise
from tests.crash.scenarios import SCENARIOS, check, mend


def record(scenario: str, root: str) -> Recording:
    recording = Recording()
    with recording.running():
        SCENARIOS[scenario](Spool(root), recording.promise)
    return recording


def crash_everywhere(scenario: str, directory) -> int:
    """Check every state that a crash of the scenario may leave; return how many there are."""
    root = str(directory / "spool")
    count = 0
    for promised, state in record(scenario, root).states():
        new_root = str(directory / f"crashed{count}")
        materialise(state, root, new_root)
        spool = Spool(new_root)
        spool.recover()
        check(spool, promised)
        mend(spool)
        check(spool, promised)
        assert not os.path.exists(f"{new_root}/tmp") or [] == os.listdir(f"{new_root}/tmp")
        count += 1
    return count


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_state_that_a_crash_may_leave_keeps_the_promises(scenario, tmp_path):
    assert crash_everywhere(scenario, tmp_path) > 20


def test_the_model_notices_a_missing_sync_of_directories(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "sync_directory", lambda path: None)
    with pytest.raises(AssertionError, match="an accepted packet is gone"):
        crash_everywhere("submit", tmp_path)


def test_the_model_notices_a_missing_sync_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(Staged, "complete", lambda staged: setattr(staged, "completed", True))
    with pytest.raises(AssertionError, match="a packet is not whole"):
        crash_everywhere("submit", tmp_path)


def test_the_model_notices_a_mark_that_comes_too_late(tmp_path, monkeypatch):
    def finish(spool, job):
        spool.forget(job)
        mark.make_by_name(spool, job.node, job.name)

    monkeypatch.setattr(mark, "finish", finish)
    with pytest.raises(AssertionError, match="nobody marked as seen"):
        crash_everywhere("deliver", tmp_path)


def test_the_model_notices_a_report_that_is_remembered_too_late(tmp_path, monkeypatch):
    def answer(spool, job, record, packet, *, hop, name):
        spool.commit(packet, hop, "tx", name)
        spool.record(job, record)

    monkeypatch.setattr("tests.crash.scenarios.answer", answer)
    with pytest.raises(AssertionError, match="not what was told is what was sent"):
        crash_everywhere("tell", tmp_path)


def test_the_model_notices_a_warning_that_is_remembered_too_late(tmp_path, monkeypatch):
    def send(spool, node, memory):
        before = delayed.recall(spool, node)
        delayed.remember(spool, node, before._replace(reports=memory.reports))
        delayed.settle(spool, node)
        delayed.remember(spool, node, memory)

    monkeypatch.setattr(delayed, "send", send)
    with pytest.raises(AssertionError, match="not what was told is what was sent"):
        crash_everywhere("warn", tmp_path)
