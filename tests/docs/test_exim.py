"""docs/exim.md against what `gateway exim setup` prints."""

from __future__ import annotations

import re
import shlex

import pytest

from gateway.cli import run_command
from tests.docs.pages import ROOT, sections

PAGE = sections(ROOT / "docs" / "exim.md")
TOPOLOGIES = [heading for heading, text in PAGE.items() if "<!-- run: setup -->" in text]

_MARKED = re.compile(r"<!-- (run: setup|excerpt) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def runs_and_excerpts(text: str) -> list[tuple[str, list[str]]]:
    """Return every command of a section with the excerpts that follow it."""
    found: list[tuple[str, list[str]]] = []
    for mark, body in re.findall(
        r"<!-- (run: setup|excerpt) -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    ):
        if mark == "excerpt":
            found[-1][1].append(body)
        else:
            found.append((body.strip(), []))
    return found


@pytest.mark.parametrize("heading", TOPOLOGIES)
def test_setup_prints_what_the_page_shows(heading: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command, excerpts in runs_and_excerpts(PAGE[heading]):
        words = shlex.split(command)
        assert "gateway" == words[0]
        assert 0 == run_command([*words[1:], "--layout", "split", "--command", "/usr/bin/gateway"], {})
        printed = capsys.readouterr().out.splitlines()
        assert excerpts
        for excerpt in excerpts:
            lines = iter(printed)
            missing = [line for line in excerpt.splitlines() if line not in lines]
            assert [] == missing, f"not printed, or not in this order, by {command}"


def test_the_files_are_those_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["exim", "setup", "--node", "hub", "--layout", "split", "--command", "/usr/bin/gateway"]
    assert 0 == run_command(words, {})
    printed = re.findall(r"^# ===== (conf\.d/\S+)", capsys.readouterr().out, re.MULTILINE)
    assert re.findall(r"`(conf\.d/\S+)`", (ROOT / "docs" / "exim.md").read_text()) == printed


def test_there_are_topologies() -> None:
    assert 3 == len(TOPOLOGIES)
