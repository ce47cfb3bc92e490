"""Words for the MTA and the operator: one line on stderr that can never fail."""

from __future__ import annotations

import os


def say(text: str) -> None:
    """Write a text to stderr as one printable line; a closed or full stderr changes nothing."""
    line = printable(text) + "\n"
    try:
        os.write(2, line.encode("utf-8", "backslashreplace"))
    except OSError:
        return


def printable(text: str) -> str:
    """Return a text on one line that cannot steer a terminal: a peer may have written it."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
