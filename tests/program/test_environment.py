from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.program import SAFE_PATH, clean_environ, find_program, run_program


def test_clean_environ() -> None:
    environ = clean_environ(self_id="SELF", sender_id="SENDER", niceness=96, extra={"X": "y"})
    assert {"NNCP_SELF", "NNCP_SENDER", "NNCP_NICE", "PATH", "HOME", "LANG", "X"} == environ.keys()
    assert ("SELF", "SENDER", "96", SAFE_PATH, "C", "y") == tuple(
        environ[key] for key in ("NNCP_SELF", "NNCP_SENDER", "NNCP_NICE", "PATH", "LANG", "X")
    )
    assert os.path.isabs(environ["HOME"])


def test_bare_names_are_found_on_the_safe_path_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    evil = tmp_path / "true"
    evil.write_text("#!/bin/sh\nexit 9\n")
    evil.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("true") in {f"{directory}/true" for directory in SAFE_PATH.split(":")}
    assert 0 == run_program(["true"], stdin=None, environ={"PATH": str(tmp_path)}, timeout=5).status
