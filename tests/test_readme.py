"""README.md: its commands are run, its excerpts compared, its table held against the others."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import run_command
from tests.docs.pages import ROOT, marked, rows, sections

README = ROOT / "README.md"
TEXT = README.read_text()
NOT_IN_A_CLONE = (".venv", ".git", ".real", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")


def shell(script: str, cwd: Path, *, limit: int = 60) -> subprocess.CompletedProcess[str]:
    """Run a block as somebody would who has the ``gateway`` command on the path."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    environ = {**os.environ, "PATH": path, "GATEWAY_CONFIG": "/nowhere"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def test_the_first_screen_holds_sentence_drawing_and_both_lines() -> None:
    screen = "\n".join(TEXT.splitlines()[:34])
    assert "gateway demo" in screen
    assert "-m tests" in screen
    assert "```text" in screen


def test_two_nodes_and_a_stick(tmp_path: Path) -> None:
    [script] = marked(TEXT, "run: two nodes")
    done = shell(script, tmp_path)
    assert 0 == done.returncode, done
    assert done.stdout.endswith("Subject: by stick\n\nHello, Bob.\n"), done
    for told in ("sent 1", "received 1", "delivered 1"):
        assert told in done.stdout, done


def test_two_resident_processes(tmp_path: Path) -> None:
    [script] = marked(TEXT, "run: serve")
    done = shell(script + "wait\n", tmp_path)
    assert 0 == done.returncode, done
    assert "The spare key is under the third flower pot" in done.stdout


def test_the_demo_line_in_a_clean_copy(tmp_path: Path) -> None:
    """What is installed is enough to run: nothing of the tests or of the checkout is needed."""
    [line] = marked(TEXT, "run: demo")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))
    done = shell(line, clone, limit=280)
    offline = re.search("No matching distribution|NewConnectionError|Temporary failure", done.stderr)
    if done.returncode != 0 and offline and not os.environ.get("CI"):
        pytest.skip("the packages that it needs cannot be fetched here")
    assert 0 == done.returncode, done
    assert "byte for byte what alice sent" in done.stdout


def test_exim_setup_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    [command] = marked(TEXT, "run: exim")
    [excerpt] = marked(TEXT, "excerpt")
    words = shlex.split(command)
    assert 0 == run_command([*words[1:], "--layout", "split", "--command", "/usr/bin/gateway"], {})
    printed = iter(capsys.readouterr().out.splitlines())
    assert [] == [line for line in excerpt.splitlines() if line not in printed]


def test_the_statuses_are_those_of_the_full_page() -> None:
    full = sections(ROOT / "docs" / "exit-statuses.md")
    pipe = {cells[0] for cells in rows(full["exec and submit"])}
    operator = {cells[0] for cells in rows(full["Other commands"])}
    here = rows(sections(README)["Exit statuses"])
    assert pipe == {status for status, of_pipe, _ in here if of_pipe}
    assert operator == {status for status, _, of_operator in here if of_operator}


def test_every_page_is_linked() -> None:
    """From the list of tasks; and the list from here."""
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set() == {page for page in pages if f"]({page}" not in index}
    assert "](docs/README.md)" in TEXT
