from __future__ import annotations

import errno
import io
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SpoolError
from gateway.spool import scratch as module
from gateway.spool.spool import Spool


def place_of(file) -> str:
    return os.readlink(f"/proc/self/fd/{file.fileno()}")


def test_a_small_body_stays_in_memory(spool, root):
    with spool.scratch() as body:
        body.write(b"hello")
        body.seek(0)
        assert b"hello" == body.read()
        assert "memfd" in place_of(body)
    assert not os.path.exists(root)


def test_a_body_that_grows_moves_to_disk_under_the_same_descriptor(spool, root, monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    with spool.scratch() as body:
        number = body.fileno()
        for piece in range(100):
            body.write(b"%099d\n" % piece)
        body.seek(0)
        assert number == body.fileno()
        assert place_of(body).startswith(f"{root}/tmp/")
        assert [b"%099d\n" % piece for piece in range(100)] == list(body)
        assert [] == os.listdir(f"{root}/tmp")
        assert 0o600 == os.fstat(number).st_mode & 0o777


def test_a_body_announced_as_large_starts_on_disk(spool, root):
    with spool.scratch(5 << 20) as body:
        assert place_of(body).startswith(f"{root}/tmp/")


def test_without_unnamed_files_the_name_goes_at_once(spool, root, monkeypatch):
    opened = os.open

    def refusing(path, flags, mode=0o777, **rest):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "no")
        return opened(path, flags, mode, **rest)

    os.makedirs(f"{root}/tmp")
    monkeypatch.setattr(os, "open", refusing)
    with spool.scratch(5 << 20) as body:
        assert place_of(body).endswith(" (deleted)")
        assert [] == os.listdir(f"{root}/tmp")


def test_a_program_can_read_it(spool):
    with spool.scratch() as body:
        body.write(b"for the program")
        body.flush()
        body.seek(0)
        read = subprocess.run(["cat"], stdin=body, capture_output=True, check=True)
        assert b"for the program" == read.stdout


def test_a_full_disk_is_a_spool_error(spool, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "full")

    body = spool.scratch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        body.write(b"x")
        with pytest.raises(SpoolError, match="disk full"):
            body.flush()
    body.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_is_known_to_be_small_is_no_file_until_one_is_wanted(spool):
    before = descriptors()
    with spool.scratch(at_most=100) as body:
        body.write(b"for the program")
        body.flush()
        body.seek(4)
        assert before == descriptors()
        assert b"the program" == subprocess.run(["cat"], stdin=body, capture_output=True, check=True).stdout
        assert "memfd" in place_of(body)
        body.seek(8)
        assert b"program" == os.read(body.fileno(), 100)
        body.seek(8)
        assert b"program" == body.read()
    assert before == descriptors()


def test_what_is_announced_as_small_and_comes_from_a_large_packet_lies_on_disk_as_a_file(spool, root):
    with spool.scratch(5 << 20, at_most=100) as body:
        body.write(b"x")
        assert place_of(body).startswith(f"{root}/tmp/")


def test_what_may_become_large_is_a_file_from_the_start(spool, monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    before = descriptors()
    with spool.scratch(at_most=1001):
        assert before + 1 == descriptors()


def test_who_has_the_descriptor_sees_all_that_was_written(spool):
    with spool.scratch(at_most=100) as body:
        body.write(b"one")
        body.fileno()
        with pytest.raises(io.UnsupportedOperation):
            body.write(b"two")
        body.seek(0)
        assert b"one" == body.read()


def test_a_file_that_cannot_be_made_is_a_spool_error(spool, monkeypatch):
    def none_left(_name, _flags=0):
        raise OSError(errno.EMFILE, "none left")

    before = descriptors()
    with spool.scratch(at_most=100) as body:
        with monkeypatch.context() as patch:
            patch.setattr(os, "memfd_create", none_left)
            with pytest.raises(SpoolError, match="too many open files"):
                body.fileno()
        assert "memfd" in place_of(body)
    assert before == descriptors()


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=40))), st.sampled_from([None, 64, 10_000]))
def test_it_behaves_like_a_file(tmp_path_factory, steps, at_most):
    before, module.IN_MEMORY = module.IN_MEMORY, 64
    try:
        model = io.BytesIO()
        with Spool(str(tmp_path_factory.mktemp("s"))).scratch(at_most=at_most) as body:
            for offset, data in steps:
                for file in (model, body):
                    file.seek(offset)
                    file.write(data)
            body.seek(0)
            assert model.getvalue() == body.read()
    finally:
        module.IN_MEMORY = before
