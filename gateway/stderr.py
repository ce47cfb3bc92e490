"""Words for the MTA and the operator: one line on stderr that can never fail."""

from __future__ import annotations

import os


def say(text: str) -> None:
    """Write one line to stderr; a closed or full stderr changes nothing.

    Control characters are replaced, since text of a peer may be part of it.
    """
    words = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in words) + "\n"
    try:
        os.write(2, line.encode("utf-8", "backslashreplace"))
    except OSError:
        return
