from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from gateway.doctor import versions


def test_what_the_tests_run_with_is_well() -> None:
    assert [] == list(versions._libraries())


def test_a_library_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(versions, "version", lambda name: "1.4.9" if name == "pynacl" else real(name))
    [found] = versions._libraries()
    assert ("pynacl", "pip install 'pynacl>=1.5'") == (found.subject, found.mend)
    assert "1.4.9 is installed" in found.what


def test_a_library_that_is_missing_counts_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("blake3", "rich"):  # rich is one of an extra
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(versions, "version", version)
    [found] = versions._libraries()
    assert "blake3" == found.subject
    assert "is not installed" in found.what


@pytest.mark.parametrize(("older", "newer"), [("1.9", "1.10"), ("1.5", "1.5.1"), ("2.0rc1", "2.1")])
def test_versions_are_compared_by_number(older: str, newer: str) -> None:
    assert versions._numbers(older) < versions._numbers(newer)


@pytest.mark.parametrize(
    ("said", "wrong"), [("NNCP version 8.8.2 built with go", False), ("NNCP version 9.0.0", True)]
)
def test_an_nncp_beside_us(said: str, wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nncp-toss"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(versions, "find_program", lambda name: str(program))
    found = list(versions._nncp())
    assert wrong == bool(found)
    if wrong:
        assert (str(program), "is NNCP 9.0; our packets and spool are those of NNCP 8") == found[0][:2]


@pytest.mark.nncp
def test_the_real_nncp_is_one_of_ours(nncp_bin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "find_program", lambda name: str(nncp_bin / name))
    assert [] == list(versions._nncp())
