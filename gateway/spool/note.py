"""Notes: small JSON files of ours beside the boxes, which nobody's mail depends on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.spool import durable
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from gateway.spool.spool import Spool


def read(path: str) -> object:
    """Return what stands in a note; None if there is none, or none that makes sense.

    Raises:
        SpoolError: temporary.
    """
    with refusals(path):
        try:
            with os.fdopen(durable.open_regular(path), "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return None
    import json  # noqa: PLC0415 - most spools have no note

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def write(spool: Spool, path: str, text: str) -> None:
    """Put a note, in JSON and ASCII, in the place of the one that is there, durably.

    Raises:
        SpoolError: temporary.
    """
    with spool.stage() as staged:
        staged.write(text.encode("ascii"))
        staged.complete()
        staged.place(path)
