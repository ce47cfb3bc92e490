"""The real programs are there and can be run."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import fetch
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.programs import run


@pytest.mark.nncp
def test_nncp_runs(nncp_bin: Path) -> None:
    done = run([str(nncp_bin / "nncp-exec"), "-version"])
    assert done.status == 0
    assert b"NNCP" in done.stdout


@pytest.mark.exim
def test_nothing_unpacked_is_setuid(exim_prefix: Path) -> None:
    special = stat.S_ISUID | stat.S_ISGID
    found = [path for path in exim_prefix.rglob("*") if path.is_file() and path.lstat().st_mode & special]
    assert [] == found


@pytest.mark.exim
def test_exim_delivers_to_itself(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    exim.inject("joe@a.example", ["x@b.example", '"y z"@b.example'], b"Subject: hi\n\n.dot\nFrom here\n")
    mails = exim.mails()
    assert [('"y z"@b.example',), ("x@b.example",)] == sorted(mail.recipients for mail in mails)
    assert ["joe@a.example"] * 2 == [mail.sender for mail in mails]
    assert all(mail.message.endswith(b"\n\n.dot\nFrom here\n") for mail in mails)


def test_programs_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call neither downloads nor unpacks; another recipe does."""
    monkeypatch.setenv("GATEWAY_REAL", str(tmp_path))
    built: list[Path] = []

    def build(prefix: Path, program: fetch.Program) -> None:
        prefix.mkdir(parents=True, exist_ok=True)
        built.append(prefix)

    monkeypatch.setattr(fetch, "_build", build)
    monkeypatch.setattr(fetch, "_trouble", lambda prefix, program: "")
    assert tmp_path / "nncp" == fetch.fetch("nncp")
    fetch.fetch("nncp")
    assert 1 == len(built)
    monkeypatch.setattr(fetch, "RECIPE", "another")
    fetch.fetch("nncp")
    assert 2 == len(built)


def test_no_package_is_a_reason_not_an_accident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_REAL", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(fetch.Unavailable, match="apt-get"):
        fetch.fetch("nncp")
    assert [] == os.listdir(tmp_path / "nncp" / "debs")
