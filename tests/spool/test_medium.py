"""A directory on a medium, as others may have left it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.spool.medium import TEMPORARY, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with Folder(str(tmp_path)) as opened:
        yield opened


def test_put_writes_whole_files(folder: Folder, tmp_path: Path) -> None:
    folder.put("name", [b"one ", b"", b"two"])
    assert b"one two" == (tmp_path / "name").read_bytes()
    assert ["name"] == folder.names()


def test_put_replaces(folder: Folder, tmp_path: Path) -> None:
    folder.put("name", [b"old"])
    folder.put("name", [b"new"])
    assert b"new" == (tmp_path / "name").read_bytes()


def test_put_leaves_nothing_and_changes_nothing_when_the_source_fails(folder: Folder, tmp_path: Path) -> None:
    def source() -> Iterator[bytes]:
        yield b"half"
        raise LookupError

    folder.put("name", [b"old"])
    with pytest.raises(LookupError):
        folder.put("name", source())
    assert ["name"] == folder.names()
    assert b"old" == (tmp_path / "name").read_bytes()


def test_put_replaces_a_symlink_and_not_its_target(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "name").symlink_to("target")
    folder.put("name", [b"new"])
    assert b"precious" == (tmp_path / "target").read_bytes()
    assert not (tmp_path / "name").is_symlink()


def test_sweep_takes_only_our_leftovers(folder: Folder, tmp_path: Path) -> None:
    for name in (TEMPORARY + "1", "nncpxfer1", "letter"):
        (tmp_path / name).touch()
    assert 1 == folder.sweep()
    assert ["letter", "nncpxfer1"] == folder.names()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "directory"])
def test_open_takes_regular_files_only(folder: Folder, tmp_path: Path, make: object) -> None:
    make(tmp_path / "name")  # type: ignore[operator]
    with pytest.raises(OSError, match="not a regular file"):
        folder.open("name")


def test_a_folder_is_made_only_on_request(folder: Folder) -> None:
    assert folder.folder("below") is None
    below = folder.folder("below", create=True)
    assert below is not None
    with below:
        below.put("name", [b"x"])
    assert ["below"] == folder.names()


def test_a_folder_stays_the_same_when_it_is_renamed(folder: Folder, tmp_path: Path) -> None:
    below = folder.folder("below", create=True)
    assert below is not None
    with below:
        (tmp_path / "below").rename(tmp_path / "moved")
        below.put("name", [b"x"])
    assert (tmp_path / "moved" / "name").exists()


def test_no_sync_on_request(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for NNCP and for the spool, ``$NNCPNOSYNC`` turns syncing off."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    folder.put("name", [b"x"])
    assert 2 == len(synced)
    monkeypatch.setenv("NNCPNOSYNC", "1")
    folder.put("name", [b"x"])
    assert 2 == len(synced)
