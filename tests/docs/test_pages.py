"""What holds for every page: its links lead somewhere, its configuration is read."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the hosts of repositories make them."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_toml_blocks_are_toml(page: Path) -> None:
    for block in blocks(page.read_text(), "toml"):
        tomllib.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_hosts_and_addresses_are_examples(page: Path) -> None:
    """Nobody's real domain stands in the documentation."""
    for domain in re.findall(r"\w@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", page.read_text()):
        assert domain.split(".")[-1] in {"example", "invalid", "test"}, domain


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_shown_exist(page: Path) -> None:
    """Every `gateway COMMAND` in a page is one that this version has."""
    from gateway.cli import COMMANDS, PIPE_HELP

    plugins = {path.name for path in (ROOT / "plugins").iterdir()}
    known = {*COMMANDS, *PIPE_HELP, *plugins}
    text = "\n".join(re.findall(r"`gateway [^`]*`", page.read_text()) + blocks(page.read_text(), "sh"))
    for words in re.findall(r"(?m)(?:^|`)gateway((?: --?\w+(?:[ =]\S*/\S+)?)*) ([a-z]+)\b", text):
        assert words[1] in known, words
        if words[1] in COMMANDS:
            importlib.import_module(f"gateway.cli.{words[1]}")


def test_the_backlog_of_marks_is_that_of_the_page() -> None:
    from gateway.spool.finisher import BACKLOG

    text = (ROOT / "docs" / "spool.md").read_text()
    assert f"these packets, {BACKLOG} at most" in text
    assert f"at most {BACKLOG - 1} others" in text
