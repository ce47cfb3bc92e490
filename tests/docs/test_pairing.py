"""docs/pairing.md against what the commands say."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.cli.node import command
from gateway.config.fingerprint import COUNT
from gateway.links import probe
from tests.docs.pages import ROOT, blocks, rows, sections
from tests.test_readme import shell

TEXT = (ROOT / "docs" / "pairing.md").read_text()
NUMBERS = {8: "eight"}


def test_the_page_from_top_to_bottom(tmp_path: Path) -> None:
    """Both sides do as the page says; bob's words of alice are hers."""
    lines = [line for block in blocks(TEXT, "sh") for line in block.splitlines()]
    ours, add, show, _ = lines
    script = f"""
        gateway init --name alice alice >/dev/null 2>&1
        gateway init --name bob bob >/dev/null 2>&1
        GATEWAY_CONFIG=alice/gateway.toml {ours} > block 2> words
        export GATEWAY_CONFIG=bob/gateway.toml
        {add} < block
        {show}
    """
    done = shell(script, tmp_path)
    assert 0 == done.returncode, done
    words = (tmp_path / "words").read_text().rpartition(": ")[2].strip()
    assert COUNT == len(words.split())
    assert f"its words: {words}" in done.stdout
    assert f"# words: {words}\n[neigh.alice]" in done.stdout


def test_what_it_says_of_the_commands() -> None:
    assert f"the {NUMBERS[COUNT]} words" in TEXT
    assert {"add", "probe", "remove", "self", "show"} <= set(command.commands)
    told = [cells[0] for cells in rows(sections(ROOT / "docs" / "pairing.md")["Does it work?"])]
    assert any(probe._HUNG_UP.startswith(text.strip("`… ")) for text in told)
    assert re.search(r"never change silently.*--replace", TEXT)
