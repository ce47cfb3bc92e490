"""The life of a job: T1 to T6, holding, releasing, removing."""

from __future__ import annotations

import errno
import os

import pytest

from gateway.errors import UnknownJob
from gateway.spool import mark, trash
from gateway.spool.record import JobRecord
from tests.spool.samples import PACKET, text_of


def test_begin_moves_the_job_and_drops_the_header_copy(spool, put, name, bob, files):
    job = spool.begin(put(name))
    assert "work" == job.box
    assert [job] == list(spool.jobs(bob, "work"))
    assert {f"{bob}/work/{name}"} == files()
    assert "work" == spool.known(name)


def test_the_record_comes_back(spool, put, name):
    job = spool.begin(put(name))
    assert spool.recorded(job) is None
    record = JobRecord(attempts=3, next=12.5, taken={"0": None, "1": ("a@b",)})
    spool.record(job, record)
    assert record == spool.recorded(job)


def test_an_unreadable_record_is_a_reason(spool, put, name, bob):
    job = spool.begin(put(name))
    with open(spool.paths.record(bob, "work", name), "wb") as file:
        file.write(b'{"attempts": "\xff')
    record = spool.recorded(job)
    assert record is not None
    assert "cannot be read" in record.reason


def test_finish_marks_seen_and_forgets(spool, put, name, bob, files):
    job = spool.begin(put(name))
    spool.record(job, JobRecord())
    mark.finish(spool, job)
    assert {f"{bob}/rx/seen/{name}"} == files()
    assert "seen" == spool.known(name)


def test_a_mark_that_is_the_job_s_own_file_is_emptied_with_it(spool, put, name, bob, files):
    mark.make_by_name(spool, bob, text_of("another"))
    job = spool.begin(put(name))
    os.utime(spool.paths.packet(bob, "work", name), (0, 0))
    mark.make(spool, job)
    made = os.stat(spool.paths.seen(bob, name))
    assert made.st_ino == os.stat(spool.paths.packet(bob, "work", name)).st_ino
    assert made.st_mtime > 0, "it would be swept away as an old one"
    mark.forget(spool, [job])
    assert {f"{bob}/rx/seen/{name}", f"{bob}/rx/seen/{text_of('another')}"} == files()
    assert 0 == os.stat(spool.paths.seen(bob, name)).st_size


def test_a_copy_by_another_name_keeps_its_content(spool, put, name, bob, tmp_path):
    mark.make_by_name(spool, bob, text_of("another"))
    job = spool.begin(put(name))
    os.link(spool.paths.packet(bob, "work", name), tmp_path / "copy")
    mark.finish(spool, job)
    assert PACKET == (tmp_path / "copy").read_bytes()


def test_a_mark_of_its_own_leaves_a_copy_alone(spool, put, name, bob, tmp_path):
    job = spool.begin(put(name))
    mark.make_by_name(spool, bob, name)
    os.link(spool.paths.packet(bob, "work", name), tmp_path / "copy")
    mark.finish(spool, job)
    assert PACKET == (tmp_path / "copy").read_bytes()


def test_without_hard_links_the_mark_is_a_new_file(spool, put, name, bob, files, monkeypatch):
    def refuse(*_names):
        raise PermissionError(errno.EPERM, "no hard links here")

    mark.make_by_name(spool, bob, text_of("another"))
    monkeypatch.setattr(os, "link", refuse)
    mark.finish(spool, spool.begin(put(name)))
    assert {f"{bob}/rx/seen/{name}", f"{bob}/rx/seen/{text_of('another')}"} == files()


def test_finishing_again_changes_nothing(spool, put, name, bob, files):
    job = spool.begin(put(name))
    mark.finish(spool, job)
    mark.finish(spool, job)
    assert {f"{bob}/rx/seen/{name}"} == files()


@pytest.mark.parametrize("box", ["rx", "tx"])
def test_a_job_held_from_rx_or_tx(spool, put, name, files, box):
    held = spool.hold(put(name, box), "because")
    assert {f"{held.node}/hold/{name}", f"{held.node}/hold/{name}.json"} == files()
    record = spool.recorded(held)
    assert JobRecord(reason="because", origin=box) == record
    assert "hold" == spool.known(name)


def test_a_job_held_from_work_keeps_its_memory(spool, put, name, bob, files):
    job = spool.begin(put(name))
    spool.record(job, JobRecord(attempts=4, running=True, taken={"0": None}))
    held = spool.hold(job, "because")
    assert {f"{bob}/hold/{name}", f"{bob}/hold/{name}.json"} == files()
    assert JobRecord(attempts=4, taken={"0": None}, reason="because", origin="work") == spool.recorded(held)


def test_a_released_outbound_job_goes_back(spool, put, name, bob, files):
    released = spool.release(spool.hold(put(name, "tx"), "because"))
    assert "tx" == released.box
    assert {f"{bob}/tx/{name}"} == files()


def test_a_released_inbound_job_is_due_with_a_fresh_schedule_and_a_history(spool, put, name, bob, files):
    before = JobRecord(attempts=9, first=1.0, deaths=3, taken={"0": None}, refused={"1": {"*": "550 no"}})
    released = spool.release(spool.hold(put(name), "because", before))
    assert "work" == released.box
    assert {f"{bob}/work/{name}", f"{bob}/work/{name}.json"} == files()
    record = spool.recorded(released)
    assert record is not None
    assert 0 < record.next
    expected = JobRecord(next=record.next, taken={"0": None}, history=("because", "*: 550 no"))
    assert expected == record


def test_holding_what_is_held_changes_the_reason_only(spool, put, name):
    held = spool.hold(put(name, "tx"), "first")
    assert held == spool.hold(held, "second")
    assert JobRecord(reason="second", origin="tx") == spool.recorded(held)


def test_releasing_what_is_not_held(spool, put, name):
    with pytest.raises(UnknownJob, match="not in hold"):
        spool.release(put(name))


@pytest.mark.parametrize("box", ["rx", "work", "hold"])
def test_a_removed_inbound_job_is_marked_as_seen(spool, put, name, files, box):
    job = put(name)
    if box == "work":
        job = spool.begin(job)
    if box == "hold":
        job = spool.hold(job, "because")
    trash.remove(spool, job)
    assert {f"{job.node}/rx/seen/{name}"} == files()


@pytest.mark.parametrize("held", [False, True])
def test_a_removed_outbound_job_is_just_gone(spool, put, name, files, held):
    job = put(name, "tx")
    trash.remove(spool, spool.hold(job, "because") if held else job)
    assert set() == files()


def test_removing_what_went_elsewhere_marks_nothing(spool, put, name):
    job = put(name)
    spool.hold(job, "meanwhile")
    with pytest.raises(UnknownJob):
        trash.remove(spool, job)
    assert "hold" == spool.known(name)


def test_drop_sent_says_whether_it_was_there(spool, put, name, bob, files):
    put(name, "tx")
    assert spool.drop_sent(bob, name)
    assert not spool.drop_sent(bob, name)
    assert set() == files()


def test_an_older_record_is_replaced_whole(spool, put, name):
    job = spool.begin(put(name))
    spool.record(job, JobRecord(error="x" * 10_000))
    spool.record(job, JobRecord(attempts=1))
    assert JobRecord(attempts=1) == spool.recorded(job)
    assert [] == os.listdir(spool.paths.tmp)
