"""`gateway demo`: it plays, it proves what it says, and it notices when that is not so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import demo, run_command
from tests.real.programs import run_gateway


def test_it_plays(tmp_path: Path) -> None:
    """In an environment with nothing but a place for temporary files, which it leaves empty."""
    done = run_gateway("demo", environ={"TMPDIR": str(tmp_path), "GATEWAY_CONFIG": "/nowhere"})
    assert (0, b"") == (done.status, done.stderr)
    told = done.stdout.decode()
    assert demo.SUBJECT in told
    assert "byte for byte what alice sent" in told
    assert [] == list(tmp_path.iterdir())


def test_it_fits_a_screen(tmp_path: Path) -> None:
    done = run_gateway("demo", environ={"TMPDIR": str(tmp_path)})
    lines = done.stdout.decode().splitlines()
    assert len(lines) <= 40
    assert not re.search("\x1b", done.stdout.decode())


def test_what_it_keeps_can_be_looked_at(tmp_path: Path) -> None:
    """The commands that it shows are the ones that work there."""
    done = run_gateway("demo", "--keep", str(tmp_path / "kept"))
    assert 0 == done.status
    [mail] = (tmp_path / "kept" / "bob" / "Maildir" / "new").iterdir()
    assert mail.read_bytes().endswith(demo.LETTER)
    shown = re.findall(r"\$ gateway (.*)", done.stdout.decode())
    assert 7 == len(shown)
    for command in shown:
        again = subprocess.run(
            f"'{sys.executable}' -m gateway {command}", shell=True, cwd=tmp_path / "kept", check=False
        )
        assert 0 == again.returncode, command
    assert 2 == len(os.listdir(mail.parent))


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    assert 1 == run_gateway("demo", "--keep", str(tmp_path)).status
    assert ["letter"] == os.listdir(tmp_path)


def test_another_letter_than_was_sent_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = demo._Demo._set_the_stage

    def forge(self: demo._Demo) -> None:
        real(self)
        path = Path(self._root) / "letter.bsmtp"
        path.write_bytes(path.read_bytes().replace(b"ferns", b"roses"))

    monkeypatch.setattr(demo._Demo, "_set_the_stage", forge)
    assert 1 == run_command(["demo"], {})
    assert "not what was sent" in capsys.readouterr().err


def test_a_step_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = demo._Demo._set_the_stage

    def cut(self: demo._Demo) -> None:
        real(self)
        path = Path(self._root) / "letter.bsmtp"
        path.write_bytes(path.read_bytes()[:-2])

    monkeypatch.setattr(demo._Demo, "_set_the_stage", cut)
    assert 1 == run_command(["demo"], {})
    assert "exec at alice ended with status 75" in capsys.readouterr().err
