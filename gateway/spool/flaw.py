"""What a check of the spool found: in words, and how it is mended where that is safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Flaw(NamedTuple):
    """One thing that is not as docs/spool.md has it.

    `kind` is a stable word, `path` begins below the spool, `text` says what is wrong and what
    follows from it, `advice` what a person does about it. `mend` mends it, looking again
    before it acts; None where that is nothing for a program.
    """

    kind: str
    path: str
    text: str
    advice: str = ""
    mend: Callable[[], object] | None = None
