from __future__ import annotations

import errno
import fcntl
import os
import signal

import pytest

from gateway.errors import SpoolError
from gateway.spool.spool import Spool


def test_staging_makes_tmp_and_a_locked_file_of_ours(spool, tree, root):
    with spool.stage() as staged:
        found = tree()
        (file,) = found - {"tmp/"}
        assert file.startswith("tmp/gw")
        assert 0 == Spool(root).recover()
        assert 0 == staged.size
    assert {"tmp/"} == tree()


def test_short_writes_are_continued(spool, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:3]))
    with spool.stage() as staged:
        assert 10 == staged.write(b"0123456789")
        assert 10 == staged.size
        assert b"0123456789" == os.pread(staged.fileno(), 99, 0)


def test_discarding_twice_is_once(spool, tree):
    staged = spool.stage()
    staged.discard()
    staged.discard()
    assert {"tmp/"} == tree()


def test_a_failed_sync_discards_and_is_never_tried_again(spool, tree, monkeypatch):
    calls = []

    def fsync(fd):
        calls.append(fd)
        raise OSError(errno.EIO, "lost")

    staged = spool.stage()
    staged.write(b"x")
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(SpoolError, match="input/output error"):
        staged.complete()
    assert 1 == len(calls)
    assert {"tmp/"} == tree()


def test_an_incomplete_file_cannot_be_committed(spool, bob, name):
    with spool.stage() as staged:
        staged.complete()
        staged.write(b"more")
        with pytest.raises(RuntimeError, match="must be complete"):
            spool.commit(staged, bob, "tx", name)


def test_a_signal_during_the_commit_is_served_after_it(spool, bob, name, monkeypatch):
    class Ended(Exception):
        pass

    def handler(number, frame):
        raise Ended

    rename = os.rename

    def interrupted_rename(source, target):
        rename(source, target)
        signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with spool.stage() as staged:
            staged.write(b"x" * 200)
            staged.complete()
            monkeypatch.setattr(os, "rename", interrupted_rename)
            with pytest.raises(Ended):
                spool.commit(staged, bob, "tx", name)
            assert staged.committed
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [("tx", 200)] == [(job.box, job.size) for job in spool.find(name)]


def test_a_stage_that_a_recover_took_for_dead_is_made_anew(spool, monkeypatch):
    flock = fcntl.flock
    first = []

    def taken_once(fd, how):
        if not first:
            first.append(fd)
            assert 1 == Spool(spool.root).recover()
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", taken_once)
    with spool.stage() as staged:
        assert 1 == os.fstat(staged.fileno()).st_nlink


def test_nosync_turns_syncing_off(put, name, monkeypatch):
    def fsync(fd):
        raise AssertionError("synced")

    monkeypatch.setenv("NNCPNOSYNC", "1")
    monkeypatch.setattr(os, "fsync", fsync)
    put(name)


def test_the_file_and_every_new_directory_are_synced_before_the_commit_returns(spool, bob, name, monkeypatch):
    synced = []
    fsync = os.fsync

    def noting(fd):
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{fd}"), os.path.dirname(spool.root)))
        fsync(fd)

    monkeypatch.delenv("NNCPNOSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", noting)
    with spool.stage() as staged:
        staged.complete()
        spool.commit(staged, bob, "tx", name)
    assert [".", "spool"] == synced[:2]  # the parents of the spool and of tmp, both new
    assert synced[2].startswith("spool/tmp/gw")
    assert ["spool", f"spool/{bob}", f"spool/{bob}/tx"] == synced[3:6]
    with spool.stage() as staged:
        staged.complete()
        synced.clear()
        spool.commit(staged, bob, "tx", name)
    assert [f"spool/{bob}/tx"] == synced
