"""What waits in ``tx`` for too long: which packets a person was told of, in ``<ID>/delayed.json``.

The file's time of modification is when somebody looked last.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from gateway.spool import durable
from gateway.spool.refusal import refusals

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
    path = spool.paths.delayed(node)
    with refusals(path):
        try:
            with os.fdopen(durable.open_regular(path), "rb") as file:
                found = json.load(file)
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: float(when) for name, when in pairs if isinstance(when, int | float)}


def remember(spool: Spool, node: str, names: Mapping[str, float]) -> None:
    """Put the names in the place of those that were there, durably.

    Raises:
        SpoolError: temporary.
    """
    with spool.stage() as staged:
        staged.write(json.dumps(dict(names), indent=1).encode("ascii") + b"\n")
        staged.complete()
        staged.place(spool.paths.delayed(node))


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
