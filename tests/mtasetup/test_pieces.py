"""Pieces of a configuration, printed or written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.mtasetup.pieces import MtaPiece, put_pieces, show_steps

PIECES = [MtaPiece("conf.d/way", "the way,\nin two lines", "way = 1\n"), MtaPiece("call", "-", "#!x\n", True)]


def test_printed_each_stands_below_its_name_and_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    put_pieces(PIECES, None, writer="gateway x setup", force=False)
    show_steps(["restart it"])
    expected = "# ===== conf.d/way\n# the way,\n# in two lines\nway = 1\n\n# ===== call\n#!x\n\n"
    assert expected + "# ===== next\n#   restart it\n" == capsys.readouterr().out


def test_written_each_says_by_whom_and_a_script_may_be_run(tmp_path: Path) -> None:
    put_pieces(PIECES, str(tmp_path), writer="gateway x setup", force=False)
    expected = "# the way,\n# in two lines\n# Written by `gateway x setup`.\nway = 1\n"
    assert expected == (tmp_path / "conf.d/way").read_text()
    assert "#!x\n" == (tmp_path / "call").read_text()
    assert [False, True] == [os.access(tmp_path / piece.name, os.X_OK) for piece in PIECES]


def test_only_what_was_written_is_told_and_what_somebody_changed_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for expected in (f"wrote {tmp_path}/conf.d/way\nwrote {tmp_path}/call\n", ""):
        put_pieces(PIECES, str(tmp_path), writer="gateway x setup", force=False)
        assert expected == capsys.readouterr().out
    (tmp_path / "call").write_text("mine\n")
    with pytest.raises(GatewayError, match="already there"):
        put_pieces(PIECES, str(tmp_path), writer="gateway x setup", force=False)
    assert "mine\n" == (tmp_path / "call").read_text()
