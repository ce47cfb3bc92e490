"""docs/postfix.md against what `gateway postfix setup` prints."""

from __future__ import annotations

import re
import shlex

import pytest

from gateway.cli import run_command
from tests.docs.pages import ROOT, blocks, sections
from tests.docs.test_exim import runs_and_excerpts

PAGE = sections(ROOT / "docs" / "postfix.md")
ARRANGEMENTS = [heading for heading, text in PAGE.items() if "<!-- run: setup -->" in text]


@pytest.mark.parametrize("heading", ARRANGEMENTS)
def test_setup_prints_what_the_page_shows(heading: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command, excerpts in runs_and_excerpts(PAGE[heading]):
        words = shlex.split(command)
        assert "gateway" == words[0]
        assert 0 == run_command([*words[1:], "--command", "/usr/bin/gateway"], {})
        printed = capsys.readouterr().out.splitlines()
        assert excerpts
        for excerpt in excerpts:
            lines = iter(printed)
            missing = [line for line in excerpt.splitlines() if line not in lines]
            assert [] == missing, f"not printed, or not in this order, by {command}"


def test_there_are_arrangements() -> None:
    assert 4 == len(ARRANGEMENTS)


def test_only_the_program_changes_in_nncps_recipe() -> None:
    before, after = blocks(PAGE["From NNCP's recipe"], "text")
    assert before.replace("nncp-exec", "/usr/bin/gateway exec") == after
    flags = re.search(r"flags=(\w+)", before)
    assert flags is not None
    assert "Rqhu" == flags.group(1)
