from __future__ import annotations

from pathlib import Path

import pytest

from gateway.spool import note
from gateway.spool.spool import Spool


def test_a_note_takes_the_place_of_the_one_before(spool: Spool, tmp_path: Path) -> None:
    path = str(tmp_path / "note.json")
    for text in ('{"a": 1}', "[2]"):
        note.write(spool, path, text)
    assert [2] == note.read(path)
    assert "[2]" == Path(path).read_text()


def test_no_note_says_nothing(tmp_path: Path) -> None:
    assert note.read(f"{tmp_path}/none") is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_note_without_sense_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "note.json").write_bytes(content)
    assert note.read(f"{tmp_path}/note.json") is None
