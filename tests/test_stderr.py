from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import Setting
from gateway.errors import GatewayError
from gateway.stderr import printable, say

HOSTILE = "451 later\x1b[2J\r\n\u202e5.0.0 bounce it\x00"


@given(st.text())
def test_printable_is_one_line_that_cannot_steer_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


def test_a_failure_is_one_line_whatever_a_peer_wrote_into_it(capfd: pytest.CaptureFixture[str]) -> None:
    say(GatewayError(HOSTILE).line())
    assert "4.3.0 451 later?[2J ?5.0.0 bounce it?\n" == capfd.readouterr().err


def test_operator_commands_write_such_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    Setting().say(HOSTILE)
    assert "gateway: 451 later?[2J ?5.0.0 bounce it?\n" == capsys.readouterr().err


def test_a_reader_that_went_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1) as nobody_reads:
        monkeypatch.setattr("sys.stderr", nobody_reads)
        Setting().say("one")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)  # what it kept goes here when it is closed


def test_a_failure_without_words_has_a_name() -> None:
    assert "4.3.0 GatewayError" == GatewayError(" \n").line()
