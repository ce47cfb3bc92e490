"""Words for the MTA and the operator: one line on stderr that can never fail."""

from __future__ import annotations

import os


def say(text: str) -> None:
    """Write one line to stderr; a closed or full stderr changes nothing."""
    line = " ".join(text.split()) + "\n"
    try:
        os.write(2, line.encode("utf-8", "backslashreplace"))
    except OSError:
        return
