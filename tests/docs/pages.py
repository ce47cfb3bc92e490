"""The documentation as the tests read it: sections, marked blocks, tables."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(page: Path) -> dict[str, str]:
    """Return heading to text of every section of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks in a language."""
    return [body for found, body in _BLOCK.findall(text) if found == language]


def marked(text: str, mark: str) -> list[str]:
    """Return the fenced blocks behind ``<!-- MARK -->``, or ``<!-- MARK: ... -->`` if it has no colon."""
    words = re.escape(mark) + ("" if ":" in mark else "(?:: [^>]*)?")
    found = re.findall(rf"<!-- {words} -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [str(body) for body in found]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row, heads and rules left out."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [number for number, cells in enumerate(split) if set("".join(cells)) <= set("-: ")]
    heads = {number - 1 for number in rules}
    return [cells for number, cells in enumerate(split) if number not in heads | set(rules)]
