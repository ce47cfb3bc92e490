"""Writing an MTA's files: all of them or none, and nobody's own unasked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.mtasetup.files import MtaFile, write_mta_files


@pytest.fixture
def files(tmp_path: Path) -> list[MtaFile]:
    return [MtaFile(f"{tmp_path}/conf.d/one", "1\n"), MtaFile(f"{tmp_path}/two", "2\n", 0o755)]


def test_they_are_written_with_their_folders_and_modes(files: list[MtaFile]) -> None:
    assert [file.path for file in files] == write_mta_files(files, force=False)
    assert ["1\n", "2\n"] == [file.present() for file in files]
    assert [0o644, 0o755] == [stat.S_IMODE(Path(file.path).stat().st_mode) for file in files]


def test_what_is_there_already_is_left_alone(files: list[MtaFile]) -> None:
    write_mta_files(files, force=False)
    inode = Path(files[0].path).stat().st_ino
    assert [] == write_mta_files(files, force=False)
    assert inode == Path(files[0].path).stat().st_ino


def test_one_that_somebody_changed_keeps_all_from_being_written(files: list[MtaFile]) -> None:
    Path(files[1].path).write_text("mine\n")
    with pytest.raises(GatewayError, match=r"already there, with other content: .*/two; --force replaces"):
        write_mta_files(files, force=False)
    assert [None, "mine\n"] == [file.present() for file in files]
    assert 2 == len(write_mta_files(files, force=True))
    assert "2\n" == files[1].present()


def test_what_else_was_changed_counts_too(files: list[MtaFile]) -> None:
    with pytest.raises(GatewayError, match="other content: service gateway; --force"):
        write_mta_files(files, force=False, changed=["service gateway"])
    assert 2 == len(write_mta_files(files, force=True, changed=["service gateway"]))
