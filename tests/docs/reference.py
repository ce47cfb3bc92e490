"""The tables of docs/configuration.md; ``python -m tests.docs.reference`` writes them anew."""

from __future__ import annotations

import re

from gateway.config.reference import SECTIONS, table
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "configuration.md"
_TABLE = r"(?ms)^(## {}\n.*?^<!-- reference -->\n).*?^(<!-- /reference -->)"


def written(page: str) -> str:
    """Return the page with every table as it has to be; each section must have a place for its own."""
    for section in SECTIONS:
        page, places = re.subn(
            _TABLE.format(section), lambda m, s=section: f"{m[1]}\n{table(s)}\n{m[2]}", page, count=1
        )
        assert 1 == places, section
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
