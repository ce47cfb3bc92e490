from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.errors import SpoolError
from gateway.spool import durable


def test_a_file_is_replaced_with_the_mode_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    durable.replace_file(str(path), b"new", 0o640)
    assert ("new", 0o640) == (path.read_text(), stat.S_IMODE(path.stat().st_mode))
    assert ["file"] == os.listdir(tmp_path)


def test_what_a_killed_process_of_our_id_left_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f".file.{os.getpid()}.new").write_text("half")
    durable.replace_file(str(tmp_path / "file"), b"new", 0o600)
    assert b"new" == (tmp_path / "file").read_bytes()


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    durable.replace_file(str(tmp_path / "file"), b"new", 0o600)
    assert b"new" == (tmp_path / "file").read_bytes()


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    durable.replace_file(str(tmp_path / "link"), b"new", 0o600)
    assert (tmp_path / "link").is_symlink()
    assert "new" == (tmp_path / "real").read_text()


def test_a_failure_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(fd: int, path: str) -> None:
        raise SpoolError(path)

    monkeypatch.setattr(durable, "sync", fail)
    with pytest.raises(SpoolError):
        durable.replace_file(str(path), b"new", 0o600)
    assert ("old", ["file"]) == (path.read_text(), os.listdir(tmp_path))


def test_a_directory_that_is_not_there_is_a_failure_of_the_spool(tmp_path: Path) -> None:
    with pytest.raises(SpoolError):
        durable.replace_file(str(tmp_path / "no" / "file"), b"", 0o600)
