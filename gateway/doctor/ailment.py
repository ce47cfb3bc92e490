"""One thing that will not work."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Ailment(NamedTuple):
    """What is wrong, why it matters, and the command or configuration line that mends it.

    `subject` is the thing: a file, a neighbour, a key of the configuration. `cure` does what the
    line says, where that is safe to do without asking; it raises OSError.
    """

    subject: str
    what: str
    why: str
    mend: str
    cure: Callable[[], None] | None = None
