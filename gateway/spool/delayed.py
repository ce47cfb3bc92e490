"""What waits in ``tx`` for too long: which packets a person was told of, in ``<ID>/delayed.json``.

The file's time of modification is when somebody looked last.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from gateway.spool import note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.spool.spool import Spool


def looked(spool: Spool, node: str) -> float:
    """Return when a neighbour's packets were looked at last [unix s], 0 for never."""
    try:
        return os.stat(spool.paths.delayed(node)).st_mtime
    except OSError:
        return 0.0


def told(spool: Spool, node: str) -> dict[str, float]:
    """Return by packet name when a person was told [unix s]; a file that makes no sense tells of none."""
    found = note.read(spool.paths.delayed(node))
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: float(when) for name, when in pairs if isinstance(when, int | float)}


def remember(spool: Spool, node: str, names: Mapping[str, float]) -> None:
    """Put the names in the place of those that were there, durably.

    Raises:
        SpoolError: temporary.
    """
    note.write(spool, spool.paths.delayed(node), json.dumps(dict(names), indent=1) + "\n")


def touch(spool: Spool, node: str, *, make: bool) -> None:
    """Note that somebody looked; without a file to note it on only if one is to be made.

    Raises:
        SpoolError: temporary.
    """
    try:
        os.utime(spool.paths.delayed(node))
    except OSError:
        if make:
            remember(spool, node, {})
