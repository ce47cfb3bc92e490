"""Times that a clock told before it was set: a machine without one of its own starts in 1970."""

from __future__ import annotations

_FIRST = 1_577_836_800.0
"""[unix s] The first of January 2020; the spool is younger."""


def unset(then: float, now: float) -> bool:
    """Whether a time was told by a clock that was not set, as against that of now; both unix seconds.

    How long ago it was is unknown then.
    """
    return then < _FIRST <= now
